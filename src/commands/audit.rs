//! The log of runs: what each run that changes something leaves behind, and `mahout audit`.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use time::OffsetDateTime;

use super::Context;
use super::session::Session;
use crate::cluster::NodeName;
use crate::error::Error;
use crate::execute::{Holder, Lock, recorded};
use crate::plan::Plan;
use crate::report::{
    AuditEntry, Counts, Detail, Event, PlanView, UNENDED, merged, plan_digest, timestamp,
    write_audit, write_audit_json,
};
use crate::secret::Mask;
use crate::transport::{Effect, Fleet, Host};
use crate::verify::Finding;

/// A run that is under way, to be put on record.
pub(super) struct Recorded {
    entry: AuditEntry,
    begin: Instant,
}

impl Recorded {
    /// A run of `command` that begins now, to carry out `plan`, shown under `title`.
    pub(super) fn begin(session: &Session, command: &str, plan: Option<(&Plan, &str)>) -> Self {
        let me = Holder::this_process(command);
        let inventory = &session.context.global.inventory;
        let inventory = std::path::absolute(inventory).unwrap_or_else(|_| inventory.clone());
        let digest = |(plan, goal): (&Plan, &str)| {
            plan_digest(&PlanView {
                cluster: &session.cluster,
                plan,
                secrets: &session.secrets,
                goal,
                detail: Detail::Full,
            })
        };
        let entry = AuditEntry {
            at: timestamp(OffsetDateTime::now_utc()),
            user: me.user,
            host: me.host,
            pid: me.pid,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scope: session.cluster.scope.to_string(),
            inventory: inventory.to_string_lossy().into_owned(),
            command: command.to_owned(),
            plan: plan.map(digest),
            steps: plan.map_or(0, |(plan, _)| plan.step_count()),
            nodes: plan.map_or_else(Default::default, |(plan, _)| {
                plan.nodes().into_iter().cloned().collect()
            }),
            result: UNENDED.to_owned(),
            cause: None,
            took_seconds: 0,
        };
        Self {
            entry,
            begin: Instant::now(),
        }
    }

    /// This process, with what is to be said of it if it does not come to its end.
    pub(super) fn holder(&self) -> Holder {
        let mut holder = Holder::this_process(&self.entry.command);
        holder.record = self.entry.to_line();
        holder
    }

    /// Gives the lock back, and puts on record how it went: no round trip more than without.
    pub(super) async fn end(
        self,
        session: &Session<'_>,
        lock: Lock,
        hosts: &BTreeMap<NodeName, Arc<Host>>,
        result: Result<&Vec<Finding>, &Error>,
    ) {
        let line = self.line(session, result);
        lock.release_recording(hosts, &line).await;
        keep_here(session, &line);
    }

    /// The line of its end.
    pub(super) fn line(
        mut self,
        session: &Session,
        result: Result<&Vec<Finding>, &Error>,
    ) -> String {
        let entry = &mut self.entry;
        entry.took_seconds = self.begin.elapsed().as_secs();
        let (word, cause) = match result {
            Ok(findings) => match Counts::of(findings).errors {
                0 => ("done", None),
                errors => ("done", Some(format!("verification found {errors} errors"))),
            },
            Err(error) if error.exit_code() > 128 => ("interrupted", Some(error.to_string())),
            Err(error) => ("failed", Some(error.to_string())),
        };
        word.clone_into(&mut entry.result);
        let mask = Mask::new(session.secrets.values.values());
        entry.cause = cause.map(|cause| mask.text(cause.lines().next().unwrap_or_default()));
        entry.to_line()
    }
}

/// Adds a line to this machine's log. That it cannot be written is told, and ends no run.
pub(super) fn keep_here(session: &Session, line: &str) {
    let Some(path) = log_here() else {
        return;
    };
    let written = path.parent().map_or(Ok(()), |folder| {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)
    });
    let written = written.and_then(|()| {
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).mode(0o600).open(&path)?;
        // At one go: two runs may end at the same time.
        file.write_all(format!("{line}\n").as_bytes())
    });
    if let Err(cause) = written {
        session.context.events.send(Event::Warning {
            node: None,
            message: format!(
                "the log of runs {} cannot be written: {cause}",
                path.display()
            ),
        });
    }
}

/// `$XDG_STATE_HOME/mahout/audit.log`: nothing but the vault and the authorities stand beside an
/// inventory.
fn log_here() -> Option<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = variable("XDG_STATE_HOME");
    let state = state.or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join("mahout/audit.log"))
}

/// The lines of this machine's log that are about the cluster of `session`.
fn lines_here(session: &Session) -> Result<Vec<String>, Error> {
    let Some(path) = log_here() else {
        return Ok(Vec::new());
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(Error::File { path, cause }),
    };
    let inventory = &session.context.global.inventory;
    let inventory = std::path::absolute(inventory).unwrap_or_else(|_| inventory.clone());
    let is_of_cluster = |line: &&str| {
        let entry: Option<AuditEntry> = serde_json::from_str(line).ok();
        entry.is_some_and(|entry| {
            entry.scope == session.cluster.scope.as_str()
                && entry.inventory == inventory.to_string_lossy()
        })
    };
    Ok(text
        .lines()
        .filter(is_of_cluster)
        .map(str::to_owned)
        .collect())
}

/// Shows the last `count` runs.
pub(super) async fn audit(
    context: &Context,
    count: usize,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let session = Session::load_to_look(context)?;
    let fleet = session.connect(Effect::ReadOnly).await?;
    let read = read(&session, &fleet, count).await;
    fleet.close().await;
    let (of_nodes, here) = read?;
    let lines = of_nodes
        .iter()
        .flat_map(|(node, lines)| lines.iter().map(move |line| (Some(node), line.as_str())));
    let here = here.iter().map(|line| (None, line.as_str()));
    let runs = merged(lines.chain(here));
    let last = &runs[runs.len().saturating_sub(count)..];
    let written = if context.is_json() {
        write_audit_json(out, last)
    } else {
        write_audit(out, last)
    };
    written.map_err(Error::Output)
}

async fn read(
    session: &Session<'_>,
    fleet: &Fleet<Host>,
    count: usize,
) -> Result<(BTreeMap<NodeName, Vec<String>>, Vec<String>), Error> {
    session.tell_unreachable(fleet);
    let of_nodes = recorded(&Session::hosts(fleet), count).await;
    let of_nodes = of_nodes.map_err(|error| Error::Unreachable(vec![error]))?;
    Ok((of_nodes, lines_here(session)?))
}
