//! One read-only script collects what a person would look at; what it means stands in
//! [`crate::explain`].

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use super::concurrent::join_all;
use super::failure::{Failure, Reason};
use super::redact::Redactor;
use super::script::{EVIDENCE, Line, Script};
use super::{Run, script};
use crate::cluster::{NodeName, Secrets};
use crate::explain::{Cause, Evidence, Names, Section, judge};
use crate::plan::Gate;
use crate::transport::{Effect, Transport};

/// What a service that works has said longer ago is of another story.
const RECENT: Duration = Duration::from_secs(60);
/// A failure follows its cause within so much.
const MARGIN: Duration = Duration::from_secs(15);
/// All that can hang in the script is bounded; this is beyond their sum.
const DEADLINE: Duration = Duration::from_secs(90);
/// The record of what a step has printed.
const OUTPUT: &str = "output";
/// So many lines of a journal are shown beside a failure.
const SHOWN: usize = 12;

/// What the node's own records say about a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The causes, if signatures are known, the surest first: in words with the line that says so.
    pub causes: Vec<String>,
    /// What to do about the first one.
    pub remedy: Option<String>,
    /// The journal's last lines, by what they are.
    pub evidence: Vec<(String, Vec<String>)>,
    /// What the other nodes say that the failure concerns: a cause, or why they say nothing.
    pub elsewhere: Vec<(NodeName, String)>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, cause) in self.causes.iter().enumerate() {
            let word = if number == 0 { "cause" } else { "and" };
            write!(f, "\n  {word}: {cause}")?;
        }
        for (node, said) in &self.elsewhere {
            write!(f, "\n  on {node}: {said}")?;
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

/// Collects the evidence of every node of `hosts`, side by side, without the secrets: of the units
/// that are named for it, and of the node itself. Changes nothing. A node that does not answer has
/// its reason in its place.
pub async fn explain<T: Transport>(
    hosts: &BTreeMap<NodeName, T>,
    units: &BTreeMap<NodeName, Vec<&'static str>>,
    secrets: &Secrets,
) -> BTreeMap<NodeName, Result<Evidence, String>> {
    let redactor = &Redactor::of_cluster(secrets);
    let asked = hosts.iter().map(|(node, host)| async move {
        let units = units.get(node).map_or(&[][..], Vec::as_slice);
        let evidence = collect(host, units, RECENT, redactor).await;
        (node.clone(), evidence)
    });
    join_all(asked).await.into_iter().collect()
}

/// The evidence of one node. `since`: how far back.
async fn collect<T: Transport>(
    host: &T,
    units: &[&str],
    since: Duration,
    redactor: &Redactor,
) -> Result<Evidence, String> {
    let mut script = Script::new();
    script
        .with(&EVIDENCE)
        .line(&format!("collect {} {}", since.as_secs(), units.join(" ")));
    let marks = script.marks();
    let title = "collect evidence".to_owned();
    let command = script.command(title, Effect::ReadOnly, DEADLINE);
    let sent = SystemTime::now();
    let mut clock = None;
    let output = host
        .exec(&command, &mut |line| {
            if clock.is_none()
                && let Some(there) = line.strip_prefix("now ")
            {
                clock = offset(sent, SystemTime::now(), there);
            }
        })
        .await
        .map_err(|error| error.cause)?;
    let sections = sections(&output.stdout, &marks, redactor);
    if sections.last().is_none_or(|last| last.name != "end") {
        let said = super::lock::last_line(&output.stdout, &output.stderr);
        return Err(format!("collecting evidence ended early: {said}"));
    }
    Ok(Evidence::new(sections, clock))
}

fn sections(stdout: &str, marks: &script::Marks, redactor: &Redactor) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in stdout.lines() {
        match marks.read(line) {
            Line::Mark {
                word: "section",
                text,
                ..
            } => sections.push(Section {
                name: text.to_owned(),
                lines: Vec::new(),
            }),
            Line::Output(text) | Line::Mark { before: text, .. } => {
                if let Some(section) = sections.last_mut()
                    && !text.trim().is_empty()
                {
                    // A public key is a part of its private one: these lines hold certificates
                    // alone, which nobody needs to hide.
                    let is_public = section.name == "certificates";
                    section.lines.push(match is_public {
                        true => text.to_owned(),
                        false => redactor.redact(text),
                    });
                }
            }
        }
    }
    sections
}

/// The node's clock minus ours and the uncertainty, in milliseconds: the node looked at its clock
/// at some time between `sent` and `arrived`.
fn offset(sent: SystemTime, arrived: SystemTime, there: &str) -> Option<(i64, i64)> {
    let since = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok()
    };
    let (sent, arrived) = (since(sent)?, since(arrived)?);
    let (seconds, fraction) = there.split_once('.')?;
    // A `date` without fractions prints something else behind the point.
    let milliseconds: i64 = fraction
        .get(..3)
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    let there = seconds.parse::<i64>().ok()? * 1000 + milliseconds;
    let doubt = (arrived - sent) / 2 + if milliseconds == 0 { 1000 } else { 1 };
    Some((there - (sent + arrived) / 2, doubt))
}

impl<T: Transport> Run<'_, T> {
    /// Collects and judges; nothing, if the node cannot be asked any more.
    pub(super) async fn explain(&self, failure: &Failure, host: &T) -> Option<Explanation> {
        if matches!(failure.reason, Reason::Guard { .. } | Reason::LockLost(_)) {
            return None;
        }
        let evidence = self.evidence(units(failure.phase), host).await.ok()?;
        Some(explanation(failure, evidence))
    }

    /// Adds to the first of the failures of `gate` what the other nodes say that it concerns, side
    /// by side. Those that have failed themselves have said it already.
    pub(super) async fn ask_elsewhere(&self, gate: &Gate, failures: &mut [Failure]) {
        let failed: Vec<NodeName> = failures.iter().map(|it| it.node.clone()).collect();
        let gates = |failure: &&mut Failure| matches!(failure.reason, Reason::Gate { .. });
        let Some(failure) = failures.iter_mut().find(gates) else {
            return;
        };
        // HAProxy shows what becomes of others.
        let units = match failure.phase {
            "haproxy" => &["patroni.service"],
            phase => units(phase),
        };
        let others = gate.concerns.iter().filter(|node| !failed.contains(node));
        let asked = others.map(|node| async move {
            let said = match self.hosts.get(node) {
                Some(host) => self.evidence(units, host).await,
                None => Err("it is not connected".to_owned()),
            };
            (node, said)
        });
        let explanation = failure.explanation.get_or_insert_default();
        for (node, said) in join_all(asked).await {
            let causes = match said {
                Ok(evidence) => judge(node, &evidence, &Names::default()),
                Err(why) => {
                    let why = format!("it could not be asked: {why}");
                    explanation.elsewhere.push((node.clone(), why));
                    continue;
                }
            };
            if explanation.remedy.is_none() {
                explanation.remedy = causes.first().map(|first| first.remedy.clone());
            }
            let causes = causes.iter().map(|cause| (node.clone(), in_words(cause)));
            explanation.elsewhere.extend(causes);
        }
    }

    /// Records from before the run are of another story.
    async fn evidence(&self, units: &[&str], host: &T) -> Result<Evidence, String> {
        let since = self.began.elapsed() + MARGIN;
        collect(host, units, since, &self.redactor).await
    }
}

/// The units that a phase is about.
fn units(phase: &str) -> &'static [&'static str] {
    match phase {
        "haproxy" => &["haproxy.service"],
        "virtual address" => &["keepalived.service", "haproxy.service"],
        "archives" | "packages" | "system" => &[],
        _ if phase.starts_with("etcd") => &["etcd.service"],
        _ => &["patroni.service"],
    }
}

fn in_words(cause: &Cause) -> String {
    match cause.evidence.last() {
        Some((_, line)) => format!("{}: \"{line}\"", cause.cause),
        None => cause.cause.clone(),
    }
}

/// What the records and the step's own output say.
fn explanation(failure: &Failure, mut evidence: Evidence) -> Explanation {
    let shown = evidence
        .sections
        .iter()
        .filter(|section| section.name.starts_with("journal ") || section.name == "postgresql log")
        .map(|section| {
            let skipped = section.lines.len().saturating_sub(SHOWN);
            (section.name.clone(), section.lines[skipped..].to_vec())
        })
        .collect();
    evidence.sections.insert(
        0,
        Section {
            name: OUTPUT.to_owned(),
            lines: failure.output.clone(),
        },
    );
    let mut causes = judge(&failure.node, &evidence, &Names::default());
    // What the step itself has said is nearer than what else is wrong with the node.
    causes.sort_by_key(|cause| cause.evidence.iter().all(|(source, _)| source != OUTPUT));
    Explanation {
        remedy: causes.first().map(|first| first.remedy.clone()),
        causes: causes.iter().map(in_words).collect(),
        evidence: shown,
        elsewhere: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::offset;

    #[test]
    fn the_offset_is_measured_from_the_middle_of_the_round_trip() {
        let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let arrived = sent + Duration::from_millis(200);
        assert_eq!(offset(sent, arrived, "1005.100999999"), Some((5000, 101)));
        // Whole seconds are all that some nodes tell.
        assert_eq!(offset(sent, arrived, "1005.%N"), Some((4900, 1100)));
        assert_eq!(offset(sent, arrived, "soon"), None);
    }
}
