//! How a run fails: the node, the step, the cause, what to do next.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::explain::Explanation;
use super::{Holder, Signal};
use crate::cluster::NodeName;

/// Why a plan was not carried out to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// Nodes failed; the first one in detail.
    #[error("{}", failures(.0))]
    Failed(Vec<Failure>),
    /// The operator stopped it.
    #[error("interrupted {place}; what ran was finished, nothing else was started")]
    Interrupted {
        /// How.
        signal: Signal,
        /// Where.
        place: Place,
    },
}

/// Where a run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing was done.
    BeforeTheFirstPhase,
    /// Between its nodes, or while its gate was awaited.
    InPhase(&'static str),
    /// Its gate was passed.
    AfterPhase(&'static str),
    /// Everything was done.
    Verifying,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::BeforeTheFirstPhase => f.write_str("before the first phase"),
            Place::InPhase(phase) => write!(f, "in phase {phase}"),
            Place::AfterPhase(phase) => write!(f, "after phase {phase}"),
            Place::Verifying => f.write_str("while verifying, after the last phase"),
        }
    }
}

impl ExecuteError {
    /// Nothing, if there are no failures.
    pub(super) fn of(failures: Vec<Failure>) -> Result<(), Self> {
        if failures.is_empty() {
            Ok(())
        } else {
            Err(Self::Failed(failures))
        }
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            ExecuteError::Failed(_) => 1,
            ExecuteError::Interrupted { signal, .. } => signal.exit_code(),
        }
    }

    /// What mends it, where that is known.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            ExecuteError::Interrupted { .. } => None,
            ExecuteError::Failed(failures) => failures
                .iter()
                .find_map(|failure| failure.explanation.as_ref()?.remedy.as_deref()),
        }
    }
}

/// What failed on one node.
#[derive(Debug)]
pub struct Failure {
    /// The node.
    pub node: NodeName,
    /// The phase.
    pub phase: &'static str,
    /// What.
    pub reason: Reason,
    /// The last lines of what the step printed.
    pub output: Vec<String>,
    /// What the node's own records say about it.
    pub explanation: Option<Explanation>,
}

/// In which way a node failed.
#[derive(Debug)]
pub enum Reason {
    /// A step ended with an error.
    Step {
        /// Its number in the phase, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// In words.
        step: String,
        /// Its exit code.
        code: i32,
    },
    /// A step's guard no longer holds.
    Guard {
        /// Why.
        why: String,
    },
    /// What a gate awaited did not come about.
    Gate {
        /// What was awaited.
        gate: String,
        /// What was missing at the end.
        missing: String,
        /// How long it was awaited.
        waited: Duration,
    },
    /// Somebody else took the lock over.
    LockLost(Box<Holder>),
    /// The node was not reached, or its script did not end.
    Transport {
        /// In words.
        cause: String,
        /// The step that ran.
        step: Option<String>,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, phase, .. } = self;
        match &self.reason {
            Reason::Step {
                number,
                of,
                step,
                code,
            } => {
                let said = self.output.iter().rfind(|line| !line.trim().is_empty());
                match said {
                    Some(line) => write!(f, "{node}: {}", line.trim())?,
                    None => write!(f, "{node}: {step} ended with code {code}")?,
                }
                write!(
                    f,
                    "\n  while: {step} (phase {phase}, step {number} of {of})"
                )?;
            }
            Reason::Guard { why } => {
                return write!(
                    f,
                    "the plan is out of date: {why}\n  while: {node}, phase {phase}"
                );
            }
            Reason::Gate {
                gate,
                missing,
                waited,
            } => {
                write!(f, "{node}: {missing}, after {} s", waited.as_secs())?;
                write!(f, "\n  while: waiting until {gate} (phase {phase})")?;
            }
            Reason::LockLost(holder) => {
                return write!(
                    f,
                    "{node}: the lock was taken over by {holder} (phase {phase})"
                );
            }
            Reason::Transport { cause, step } => {
                write!(f, "{node}: {cause}")?;
                match step {
                    Some(step) => write!(f, "\n  while: {step} (phase {phase})")?,
                    None => write!(f, "\n  while: phase {phase}")?,
                }
            }
        }
        if let Some(explanation) = &self.explanation {
            write!(f, "{explanation}")?;
        }
        if matches!(self.reason, Reason::Step { .. }) && self.output.len() > 1 {
            f.write_str("\n  output:")?;
            for line in &self.output {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

/// How many nodes that failed in one way have a line each; the others are named.
const ALIKE: usize = 6;

fn failures(failures: &[Failure]) -> String {
    let mut text = String::new();
    let mut ways: BTreeMap<String, usize> = BTreeMap::new();
    let mut likewise = Vec::new();
    for failure in failures {
        let said = failure.to_string();
        let line = said.lines().next().unwrap_or_default();
        let seen = ways.entry(way(&failure.node, line)).or_default();
        *seen += 1;
        if text.is_empty() {
            text.push_str(&said);
        } else if *seen <= ALIKE {
            text.push_str(&format!("\nalso: {line}"));
        } else {
            likewise.push(failure.node.as_str());
        }
    }
    if !likewise.is_empty() {
        text.push_str(&format!("\nand likewise: {}", likewise.join(", ")));
    }
    text
}

/// A failure's line without what differs from node to node: its name, and how long it took.
fn way(node: &NodeName, line: &str) -> String {
    let line = line.replace(node.as_str(), "");
    line.chars().filter(|char| !char.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_that_failed_alike_some_have_a_line_and_each_other_cause_has_one() {
        let failure = |number: usize| Failure {
            node: format!("n{number}").as_str().into(),
            phase: "haproxy",
            reason: Reason::Transport {
                cause: match number {
                    9 => "another cause".to_owned(),
                    _ => format!("no answer after {number} s"),
                },
                step: None,
            },
            output: Vec::new(),
            explanation: None,
        };
        let text = failures(&(1..=9).map(failure).collect::<Vec<_>>());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "n1: no answer after 1 s");
        assert_eq!(
            lines[6..],
            [
                "also: n6: no answer after 6 s",
                "also: n9: another cause",
                "and likewise: n7, n8"
            ]
        );
    }
}
