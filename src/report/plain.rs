//! Events as lines: for pipes, CI and log files.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clean;
use crate::cluster::NodeName;
use crate::report::Event;
use crate::verify::words::count;

/// A gate that waits for the same thing says so again after this time: never a silent wait.
const REPEAT: Duration = Duration::from_secs(15);

/// Turns events into lines.
#[derive(Debug, Default)]
pub(super) struct Plain {
    verbosity: u8,
    /// What each node was last said to wait for.
    waiting: BTreeMap<NodeName, (String, String, Duration)>,
}

impl Plain {
    pub(super) fn new(verbosity: u8) -> Self {
        Self {
            verbosity,
            waiting: BTreeMap::new(),
        }
    }

    /// The line for an event; `None` if there is nothing new in it.
    pub(super) fn line(&mut self, event: &Event) -> Option<String> {
        if let Event::Waiting {
            node,
            what,
            missing,
            left,
        } = event
        {
            return self
                .is_news(node, what, missing, *left)
                .then(|| format!("{node}: {}", waiting(what, missing, *left)));
        }
        if let Event::PhaseFinished { .. } = event {
            self.waiting.clear();
        }
        line(event, self.verbosity)
    }

    fn is_news(&mut self, node: &NodeName, what: &str, missing: &str, left: Duration) -> bool {
        let known = self.waiting.get(node).is_some_and(|(known, lacked, at)| {
            known == what && lacked == missing && left + REPEAT > *at
        });
        if !known {
            let said = (what.to_owned(), missing.to_owned(), left);
            self.waiting.insert(node.clone(), said);
        }
        !known
    }
}

/// What is said of an event that is not a gate's.
pub(super) fn line(event: &Event, verbosity: u8) -> Option<String> {
    Some(match event {
        Event::Started { what } => format!("{} …", clean(what)),
        Event::Finished { what, took } => format!("{}: done in {}", clean(what), time(*took)),
        Event::PhaseStarted {
            phase,
            nodes,
            steps,
        } => format!(
            "phase {phase}: {} on {}",
            count(*steps, "step"),
            count(*nodes, "node")
        ),
        Event::PhaseFinished { phase, took } => format!("phase {phase}: done in {}", time(*took)),
        Event::StepStarted { node, step, .. } => format!("{node}: {}", clean(step)),
        Event::StepFinished { node, step, .. } => format!("{node}: {}: done", clean(step)),
        Event::StepOutput { node, line } if verbosity > 0 => format!("{node}: | {}", clean(line)),
        Event::Warning {
            node: Some(node),
            message,
        } => format!("warning: {node}: {}", clean(message)),
        Event::Warning {
            node: None,
            message,
        } => format!("warning: {}", clean(message)),
        Event::StepOutput { .. } | Event::Waiting { .. } => return None,
    })
}

/// `waiting until pg-1 leads (37 s left): PostgreSQL is starting`. What is missing can be long and
/// stands last: a bar is cut off at the screen's edge.
pub(super) fn waiting(what: &str, missing: &str, left: Duration) -> String {
    format!(
        "waiting until {} ({} s left): {}",
        clean(what),
        left.as_secs(),
        clean(missing),
    )
}

/// `0.4 s`, `12 s`, `2 min 5 s`.
pub(super) fn time(took: Duration) -> String {
    match took.as_secs() {
        0..=9 => format!("{:.1} s", took.as_secs_f64()),
        seconds @ 10..=119 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Plain, time};
    use crate::report::Event;

    fn waiting(missing: &str, left: u64) -> Event {
        Event::Waiting {
            node: "pg-1".into(),
            what: "pg-1 leads".to_owned(),
            missing: missing.to_owned(),
            left: Duration::from_secs(left),
        }
    }

    #[test]
    fn a_gate_speaks_on_change_and_from_time_to_time() {
        let mut plain = Plain::new(0);
        let mut said = |event: &Event| plain.line(event);
        assert_eq!(
            said(&waiting("its key", 60)).as_deref(),
            Some("pg-1: waiting until pg-1 leads (60 s left): its key")
        );
        assert_eq!(said(&waiting("its key", 59)), None);
        assert!(said(&waiting("its promotion", 58)).is_some());
        assert_eq!(said(&waiting("its promotion", 44)), None);
        assert!(said(&waiting("its promotion", 43)).is_some());
        let finished = Event::PhaseFinished {
            phase: "leader",
            took: Duration::from_millis(3240),
        };
        assert_eq!(
            said(&finished).as_deref(),
            Some("phase leader: done in 3.2 s")
        );
        assert!(said(&waiting("its promotion", 43)).is_some());
    }

    #[test]
    fn output_of_steps_is_for_the_curious_and_cannot_steer_the_terminal() {
        let event = Event::StepOutput {
            node: "pg-1".into(),
            line: "\u{1b}[2Jgone\tnot".to_owned(),
        };
        assert_eq!(Plain::new(0).line(&event), None);
        assert_eq!(
            Plain::new(1).line(&event).as_deref(),
            Some("pg-1: | \\u{1b}[2Jgone\tnot")
        );
    }

    #[test]
    fn times_are_as_exact_as_one_wants_to_know() {
        for (milliseconds, shown) in [(420, "0.4 s"), (12_900, "12 s"), (125_000, "2 min 5 s")] {
            assert_eq!(time(Duration::from_millis(milliseconds)), shown);
        }
    }
}
