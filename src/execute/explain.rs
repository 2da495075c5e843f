//! After a failure: one read-only script collects what a person would look at, and the table of
//! signatures turns it into cause and remedy.

use std::fmt;
use std::time::Duration;

use super::failure::{Failure, Reason};
use super::script::{EVIDENCE, Line, Script};
use super::{Run, signatures};
use crate::transport::{Effect, Transport};

/// Records older than this are of another story.
const SINCE: Duration = Duration::from_secs(600);
/// So many lines of a journal are shown.
const SHOWN: usize = 12;

/// What the node's own records say about a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The cause, if a signature is known.
    pub cause: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The journal's last lines, by what they are.
    pub evidence: Vec<(String, Vec<String>)>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cause) = &self.cause {
            write!(f, "\n  cause: {cause}")?;
        }
        for (name, lines) in &self.evidence {
            write!(f, "\n  evidence: {name}:")?;
            for line in lines {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

impl<T: Transport> Run<'_, T> {
    /// Collects and judges; nothing, if the node cannot be asked any more.
    pub(super) async fn explain(&self, failure: &Failure, host: &T) -> Option<Explanation> {
        if matches!(failure.reason, Reason::Guard { .. } | Reason::LockLost(_)) {
            return None;
        }
        let unit = match failure.phase {
            "etcd" | "etcd settings" => "etcd.service",
            "haproxy" => "haproxy.service",
            "packages" | "system" => "",
            _ => "patroni.service",
        };
        let units = if unit.is_empty() {
            "etcd.service patroni.service haproxy.service".to_owned()
        } else {
            unit.to_owned()
        };
        let mut script = Script::new();
        script
            .with(&EVIDENCE)
            .line(&format!("collect {} {units}", SINCE.as_secs()));
        let marks = script.marks();
        let title = "collect evidence".to_owned();
        let command = script.command(title, Effect::ReadOnly, Duration::from_secs(60));
        let output = host.exec(&command, &mut |_| {}).await.ok()?;
        let mut sections: Vec<(String, Vec<String>)> = Vec::new();
        for line in output.stdout.lines() {
            match marks.read(line) {
                Line::Mark {
                    word: "section",
                    text,
                    ..
                } => {
                    sections.push((text.to_owned(), Vec::new()));
                }
                Line::Output(text) | Line::Mark { before: text, .. } => {
                    if let Some((_, lines)) = sections.last_mut()
                        && !text.trim().is_empty()
                    {
                        lines.push(self.redactor.redact(text));
                    }
                }
            }
        }
        Some(explanation(failure, sections))
    }
}

/// What the sections and the step's own output say.
fn explanation(failure: &Failure, sections: Vec<(String, Vec<String>)>) -> Explanation {
    let mut records: Vec<&str> = failure.output.iter().map(String::as_str).collect();
    records.extend(
        sections
            .iter()
            .flat_map(|(_, lines)| lines)
            .map(String::as_str),
    );
    let found = signatures::find(&records);
    let evidence = sections
        .iter()
        .filter(|(name, _)| name.starts_with("journal ") || name == "postgresql log")
        .filter(|(_, lines)| !lines.is_empty())
        // What a step printed is enough where no service is concerned.
        .filter(|_| !matches!(failure.phase, "packages" | "system"))
        .map(|(name, lines)| {
            let skipped = lines.len().saturating_sub(SHOWN);
            (name.clone(), lines[skipped..].to_vec())
        })
        .collect();
    Explanation {
        cause: found.as_ref().map(|found| found.cause()),
        remedy: found.map(|found| found.signature.remedy.to_owned()),
        evidence,
    }
}
