//! The log of runs: one line a run, on every node that it locked and on the machine that it was
//! started from. No line holds a secret.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::clean;
use super::json::write_plan_json;
use super::plan::{Detail, PlanView};
use crate::cluster::NodeName;

/// What a run that was killed is known by: this stands in its lock, for whoever takes that over.
pub const UNENDED: &str = "did not end";

/// One run. Keys are only ever added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditEntry {
    /// When it took the lock, by the clock of the control machine: RFC 3339, UTC.
    pub at: String,
    /// The login name.
    pub user: String,
    /// The name of the control machine.
    pub host: String,
    /// The process there.
    pub pid: u32,
    /// The version of mahout.
    pub version: String,
    /// The cluster.
    pub scope: String,
    /// The inventory's path on the control machine.
    pub inventory: String,
    /// The command: `deploy`.
    pub command: String,
    /// The SHA-256 of what `--dry-run --output json` prints of the plan that was shown.
    pub plan: Option<String>,
    /// How many steps it had.
    pub steps: usize,
    /// The nodes that it was to touch.
    pub nodes: BTreeSet<NodeName>,
    /// `done`, `failed`, `interrupted`, or [`UNENDED`].
    pub result: String,
    /// Why it failed: the first line of the error.
    pub cause: Option<String>,
    /// How long it took.
    pub took_seconds: u64,
}

/// A run, and who has it on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// The run.
    pub entry: AuditEntry,
    /// The nodes whose log has it.
    pub on: BTreeSet<NodeName>,
    /// Whether this control machine's has it.
    pub here: bool,
}

impl AuditEntry {
    /// Its line.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn is_same_run(&self, other: &Self) -> bool {
        (&self.at, &self.host, self.pid) == (&other.at, &other.host, other.pid)
    }
}

/// A moment as RFC 3339 with milliseconds.
pub fn timestamp(at: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    )
}

/// By which a plan that was carried out is known again: anybody can compute it from a dry run.
pub fn plan_digest(view: &PlanView) -> String {
    let view = PlanView {
        detail: Detail::Full,
        ..*view
    };
    let mut bytes = Vec::new();
    // Nothing keeps a vector from being written to.
    let _ = write_plan_json(&mut bytes, &view);
    let digest = Sha256::digest(&bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The runs of all logs, each once, in the order of time. `None` is the log of this machine. What
/// is not a line of ours is left out.
pub fn merged<'a>(logs: impl IntoIterator<Item = (Option<&'a NodeName>, &'a str)>) -> Vec<Audited> {
    let mut runs: Vec<Audited> = Vec::new();
    for (node, line) in logs {
        let Ok(entry) = serde_json::from_str::<AuditEntry>(line) else {
            continue;
        };
        let known = runs.iter_mut().find(|run| run.entry.is_same_run(&entry));
        let run = match known {
            Some(run) => {
                // A node that it did not reach at its end knows only that it began.
                if run.entry.result == UNENDED {
                    run.entry = entry;
                }
                run
            }
            None => {
                runs.push(Audited {
                    entry,
                    on: BTreeSet::new(),
                    here: false,
                });
                let last = runs.len() - 1;
                &mut runs[last]
            }
        };
        match node {
            Some(node) => {
                run.on.insert(node.clone());
            }
            None => run.here = true,
        }
    }
    runs.sort_by(|a, b| a.entry.at.cmp(&b.entry.at));
    runs
}

/// Writes the runs, the last one last.
///
/// # Errors
/// What `out` says.
pub fn write_audit(out: &mut dyn Write, runs: &[Audited]) -> io::Result<()> {
    if runs.is_empty() {
        return writeln!(out, "no run is on record");
    }
    for Audited { entry, on, .. } in runs {
        let at = entry.at.get(..19).unwrap_or(&entry.at).replace('T', " ");
        let plan = entry.plan.as_ref().map_or_else(String::new, |plan| {
            let plan = plan.get(..12).unwrap_or(plan);
            format!("  plan {plan}, {} steps", entry.steps)
        });
        let on: Vec<&str> = on.iter().map(NodeName::as_str).collect();
        let on = if on.is_empty() {
            "here alone".to_owned()
        } else {
            on.join(", ")
        };
        let line = format!(
            "{at}  {}@{}  {}  {}{plan}  {} s  mahout {}  on record: {on}",
            entry.user, entry.host, entry.command, entry.result, entry.took_seconds, entry.version
        );
        writeln!(out, "{}", clean(&line))?;
        if let Some(cause) = &entry.cause {
            writeln!(out, "  cause: {}", clean(cause))?;
        }
    }
    Ok(())
}

/// Writes the runs as JSON.
///
/// # Errors
/// What `out` says.
pub fn write_audit_json(out: &mut dyn Write, runs: &[Audited]) -> io::Result<()> {
    for run in runs {
        let mut object = serde_json::to_value(&run.entry)?;
        object["type"] = json!("run");
        object["on"] = json!(run.on);
        object["here"] = Value::Bool(run.here);
        writeln!(out, "{object}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: &str, result: &str) -> AuditEntry {
        AuditEntry {
            at: at.to_owned(),
            user: "ada".to_owned(),
            host: "control".to_owned(),
            command: "deploy".to_owned(),
            result: result.to_owned(),
            ..AuditEntry::default()
        }
    }

    #[test]
    fn a_run_is_told_once_and_its_end_counts_wherever_it_is_known() {
        let (first, second) = ("2026-01-01T10:00:00.000Z", "2026-01-01T11:00:00.000Z");
        let lines = [
            (Some("pg-2"), entry(second, "done").to_line()),
            (Some("pg-1"), entry(first, UNENDED).to_line()),
            (None, entry(first, "failed").to_line()),
            (Some("pg-2"), "not a line of ours".to_owned()),
        ];
        let names = lines.map(|(node, line)| (node.map(NodeName::from), line));
        let logs = names
            .iter()
            .map(|(node, line)| (node.as_ref(), line.as_str()));
        let runs = merged(logs);
        let told: Vec<(&str, usize, bool)> = runs
            .iter()
            .map(|run| (run.entry.result.as_str(), run.on.len(), run.here))
            .collect();
        assert_eq!(told, [("failed", 1, true), ("done", 1, false)]);
        let mut text = Vec::new();
        write_audit(&mut text, &runs).expect("a vector");
        let text = String::from_utf8(text).expect("text");
        assert!(
            text.starts_with("2026-01-01 10:00:00  ada@control  deploy  failed"),
            "{text}"
        );
    }

    #[test]
    fn moments_are_written_as_everybody_reads_them() {
        let at = OffsetDateTime::from_unix_timestamp(1_764_088_772).expect("a moment");
        assert_eq!(timestamp(at), "2025-11-25T16:39:32.000Z");
    }
}
