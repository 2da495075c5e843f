//! When a run did what: spans of time, told by its events and by every execution.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Event;
use crate::cluster::NodeName;

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A part of the run: a phase, the facts, the verification. All nodes are in it.
    Part,
    /// An execution on a node, or the login there.
    Execution,
    /// An execution that awaits a gate's condition.
    Wait,
    /// A step of an execution.
    Step,
}

/// Some time of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where; nowhere for a part of the run.
    pub node: Option<NodeName>,
    /// In words.
    pub what: String,
    /// See [`Kind`].
    pub kind: Kind,
    /// From the beginning of the run.
    pub begin: Duration,
    /// From the beginning of the run.
    pub end: Duration,
}

/// Collects the spans of a run while it goes on.
#[derive(Debug)]
pub struct Timeline {
    began: Instant,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    /// The step that runs on a node, and since when.
    steps: BTreeMap<NodeName, (String, Instant)>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            kept: Mutex::default(),
        }
    }
}

impl Timeline {
    /// An execution on `node` has ended, which began at `begin`. `what` is its title.
    pub fn executed(&self, node: &NodeName, what: &str, begin: Instant) {
        let kind = match what.starts_with("await that ") {
            true => Kind::Wait,
            false => Kind::Execution,
        };
        self.add(Some(node), what, kind, begin, Instant::now());
    }

    /// An event of now.
    pub(super) fn note(&self, event: &Event) {
        let now = Instant::now();
        match event {
            Event::Finished { what, took } => self.add(None, what, Kind::Part, now - *took, now),
            Event::PhaseFinished { phase, took } => {
                let what = format!("phase {phase}");
                self.add(None, &what, Kind::Part, now - *took, now);
            }
            Event::StepStarted { node, step, .. } => {
                let began = (step.clone(), now);
                self.kept().steps.insert(node.clone(), began);
            }
            Event::StepFinished { node, step, .. } => {
                let began = self.kept().steps.remove(node);
                if let Some((_, begin)) = began.filter(|(began, _)| began == step) {
                    self.add(Some(node), step, Kind::Step, begin, now);
                }
            }
            _ => {}
        }
    }

    /// What has been collected, in the order of its beginning; and how long the run took.
    pub fn spans(&self) -> (Vec<Span>, Duration) {
        let mut spans = self.kept().spans.clone();
        spans.sort_by_key(|span| (span.begin, span.kind));
        (spans, self.began.elapsed())
    }

    fn add(&self, node: Option<&NodeName>, what: &str, kind: Kind, begin: Instant, end: Instant) {
        let since = |time: Instant| time.saturating_duration_since(self.began);
        self.kept().spans.push(Span {
            node: node.cloned(),
            what: what.to_owned(),
            kind,
            begin: since(begin),
            end: since(end),
        });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_executions_become_spans() {
        let timeline = Timeline::default();
        let (phase, node) = ("etcd", NodeName::from("pg-1"));
        let (other, step) = (node.clone(), "start etcd".to_owned());
        timeline.note(&Event::StepStarted {
            phase,
            node: other,
            step,
        });
        timeline.executed(&node, "await that etcd is healthy", timeline.began);
        let (other, step) = (node.clone(), "start etcd".to_owned());
        timeline.note(&Event::StepFinished {
            phase,
            node: other,
            step,
        });
        let took = Duration::ZERO;
        timeline.note(&Event::PhaseFinished { phase, took });
        let (spans, whole) = timeline.spans();
        let mut seen: Vec<_> = spans
            .iter()
            .map(|span| (span.kind, span.what.as_str(), span.node.is_some()))
            .collect();
        seen.sort();
        assert_eq!(
            seen,
            [
                (Kind::Part, "phase etcd", false),
                (Kind::Wait, "await that etcd is healthy", true),
                (Kind::Step, "start etcd", true),
            ]
        );
        assert!(
            spans
                .iter()
                .all(|span| span.begin <= span.end && span.end <= whole)
        );
    }
}
