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
            "etcd" | "etcd settings" | "etcd access" | "etcd access, old users" => "etcd.service",
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

/// Who listens on the port that a line about a taken port names: `"haproxy",pid=612`.
fn port_owner(line: &str, sections: &[(String, Vec<String>)]) -> Option<String> {
    if !line.to_ascii_lowercase().contains("address already in use") {
        return None;
    }
    let (_, listening) = sections.iter().find(|(name, _)| name == "listening")?;
    let ports: Vec<String> = line
        .split([' ', '/', '[', ']', '(', ')', '"', ',', '?'])
        .filter_map(|word| word.trim_end_matches(':').rsplit_once(':'))
        .map(|(_, port)| port.to_owned())
        .filter(|port| port.parse::<u16>().is_ok())
        .collect();
    // `ss -ltnp`: state, two queues, local address, peer, process.
    listening.iter().find_map(|row| {
        let mut columns = row.split_whitespace();
        let (_, port) = columns.nth(3)?.rsplit_once(':')?;
        let process = columns.nth(1)?.strip_prefix("users:((")?;
        let process = process.split(",fd=").next()?;
        ports
            .iter()
            .any(|taken| taken == port)
            .then(|| process.to_owned())
    })
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
    let mut cause = found.as_ref().map(|found| found.cause());
    if let (Some(cause), Some(found)) = (&mut cause, &found)
        && let Some(owner) = port_owner(found.line, &sections)
    {
        cause.push_str(&format!(", held by {owner}"));
    }
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
        cause,
        remedy: found.map(|found| found.signature.remedy.to_owned()),
        evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::port_owner;

    #[test]
    fn who_holds_a_taken_port_is_found_by_the_port_in_the_line() {
        let listening = [
            "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process",
            "LISTEN 0 4096 127.0.0.1:2379 0.0.0.0:* users:((\"etcd\",pid=402,fd=9))",
            "LISTEN 0 128 *:5000 *:* users:((\"nginx\",pid=77,fd=5),(\"nginx\",pid=78,fd=5))",
        ]
        .map(str::to_owned);
        let sections = [("listening".to_owned(), listening.to_vec())];
        for (line, owner) in [
            (
                "listen tcp 10.0.0.11:2379: bind: address already in use",
                Some("\"etcd\",pid=402"),
            ),
            (
                "cannot bind socket (Address already in use) for [10.0.0.11:5000]",
                Some("\"nginx\",pid=77"),
            ),
            (
                "listen tcp 10.0.0.11:2380: bind: address already in use",
                None,
            ),
            ("connection to 10.0.0.11:2379 refused", None),
        ] {
            assert_eq!(port_owner(line, &sections).as_deref(), owner, "{line}");
        }
    }
}
