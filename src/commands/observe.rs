//! The verbs that only look: facts, verify, status.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use super::Context;
use super::probes::judge;
use super::session::Session;
use super::terminal;
use crate::error::Error;
use crate::execute::Interrupt;
use crate::facts::{Facts, record};
use crate::report::{
    Counts, Events, Status, redraw_status, write_findings, write_findings_json, write_status,
    write_status_json,
};
use crate::secret::Mask;
use crate::transport::{Effect, Fleet, Host, TransportError};

/// Shows or records the facts.
pub(super) async fn facts(
    context: &Context,
    to: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let session = Session::load(context)?;
    let fleet = session.meet(Effect::ReadOnly).await?;
    let facts = session.gather(&fleet).await;
    let unreachable = unreachable(&facts, &fleet);
    fleet.close().await;
    let mask = Mask::new(session.secrets.values.values());
    let facts = record::without_secrets(&facts, &mask);
    match to {
        Some(path) => {
            let failed = |cause| Error::File {
                path: path.to_owned(),
                cause,
            };
            let file = private_file(path).map_err(failed)?;
            record::write(&facts, file).map_err(failed)?;
        }
        None => record::write(&facts, out).map_err(Error::Output)?,
    }
    if unreachable.is_empty() {
        Ok(())
    } else {
        // What the others say is there all the same.
        Err(Error::Unreachable(unreachable))
    }
}

/// Who told nothing, and why.
fn unreachable(facts: &Facts, fleet: &Fleet<Host>) -> Vec<TransportError> {
    let silent = facts.unreachable.iter();
    silent
        .map(|(node, cause)| TransportError {
            node: node.clone(),
            cause: cause.clone(),
            hint: fleet
                .unreachable()
                .find(|error| error.node == *node)
                .and_then(|error| error.hint.clone()),
        })
        .collect()
}

/// A file for nobody else's eyes: it tells versions, addresses, names of roles.
fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    if file.metadata()?.is_file() {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Makes every check.
pub(super) async fn verify(context: &Context, out: &mut dyn Write) -> Result<(), Error> {
    let session = Session::load_to_look(context)?;
    let fleet = session.meet(Effect::Probe).await?;
    let facts = session.gather(&fleet).await;
    let findings = judge(&session, &fleet, &facts).await;
    fleet.close().await;
    let findings = findings?;
    let written = if context.is_json() {
        write_findings_json(out, &findings)
    } else {
        write_findings(out, &findings)
    };
    written.map_err(Error::Output)?;
    let counts = Counts::of(&findings);
    if counts.errors > 0 {
        return Err(Error::Reported(4));
    }
    Ok(())
}

/// Shows the topology, once or again and again.
pub(super) async fn status(
    context: &Context,
    watch: Option<u64>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let session = Session::load_to_look(context)?;
    let fleet = session.meet(Effect::ReadOnly).await?;
    let facts = session.gather(&fleet).await;
    fleet.close().await;
    let status = status_of(&session, &facts);
    if let Some(seconds) = watch {
        let interrupt = Interrupt::on_signals(&Events::discarded()).map_err(Error::Output)?;
        let every = Duration::from_secs(seconds.max(1));
        return tokio::select! {
            result = again_and_again(&session, status, every, out) => result,
            signal = interrupt.triggered() => Err(Error::Reported(signal.exit_code())),
        };
    }
    let written = if context.is_json() {
        write_status_json(out, &status)
    } else {
        write_status(out, &status)
    };
    written.and_then(|()| out.flush()).map_err(Error::Output)?;
    if status.is_sound() {
        Ok(())
    } else {
        Err(Error::Reported(4))
    }
}

fn status_of(session: &Session, facts: &Facts) -> Status {
    Status {
        connect: session.entrance(),
        ..Status::of(&session.cluster, facts)
    }
}

/// On a terminal each status takes the place of the one before; else they follow one another.
async fn again_and_again(
    session: &Session<'_>,
    mut status: Status,
    every: Duration,
    out: &mut dyn Write,
) -> Result<(), Error> {
    loop {
        let written = if session.context.is_json() {
            write_status_json(out, &status)
        } else if let Some(screen) = terminal::screen() {
            redraw_status(out, &status, every, screen)
        } else {
            write_status(out, &status).and_then(|()| writeln!(out))
        };
        written.and_then(|()| out.flush()).map_err(Error::Output)?;
        tokio::time::sleep(every).await;
        let fleet = session.reach(Effect::ReadOnly, None).await?;
        let facts = session.ask(&fleet).await;
        fleet.close().await;
        status = status_of(session, &facts);
    }
}
