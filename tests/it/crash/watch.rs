//! A run of mahout whose plan and events are read as they come, so that something can be done to it
//! at a moment of one's choice.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::shape::Shape;
use crate::operator::{Run, TestLab};

/// A moment of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A step has ended: its phase, the place of its node in that phase (from 0), its number there
    /// (from 1).
    Step(String, usize, usize),
    /// The first step of all has ended.
    AnyStep,
    /// A step whose title begins so begins on the node.
    Begins(String, String),
    /// The phase begins.
    Begin(String),
    /// The phase has passed its gate.
    Gate(String),
    /// After its begin.
    At(Duration),
    /// A step prints a line with this in it.
    Output(String),
}

/// The run.
pub(super) struct Watched {
    child: Child,
    what: String,
    begin: Instant,
    lines: Receiver<(bool, String)>,
    stdout: Vec<String>,
    stderr: Vec<String>,
}

/// Nothing takes longer without a word; a gate says what it waits for.
const PATIENCE: Duration = Duration::from_secs(600);

impl Watched {
    /// Begins it; it answers in JSON.
    pub(super) fn begin(lab: &TestLab, arguments: &[&str]) -> Self {
        let mut command = lab.command("inventory.yml".as_ref(), arguments);
        command.args(["--output", "json"]);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let begin = Instant::now();
        let mut child = command.spawn().expect("mahout starts");
        let (sender, lines) = channel();
        let pipes: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("a pipe")),
            Box::new(child.stderr.take().expect("a pipe")),
        ];
        for (pipe, is_stderr) in pipes.into_iter().zip([false, true]) {
            let sender = sender.clone();
            // Ends with the pipe, or with the one who listens.
            std::thread::spawn(move || {
                let lines = BufReader::new(pipe).lines().map_while(Result::ok);
                for line in lines {
                    if sender.send((is_stderr, line)).is_err() {
                        return;
                    }
                }
            });
        }
        Self {
            child,
            what: arguments.join(" "),
            begin,
            lines,
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }

    /// The plan as it was shown last.
    pub(super) fn shape(&self) -> Shape {
        Shape::read(self.stdout.iter().map(String::as_str))
    }

    /// How long it has run.
    pub(super) fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Awaits the moment, which has not come if the run ends before.
    pub(super) fn reaches(&mut self, moment: &Moment) -> bool {
        let deadline = match moment {
            Moment::At(after) => self.begin + *after,
            _ => self.begin + PATIENCE,
        };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok((is_stderr, line)) => {
                    let has_come = is_stderr && self.is(moment, &line);
                    self.keep(is_stderr, line);
                    if has_come {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return matches!(moment, Moment::At(_)),
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn keep(&mut self, is_stderr: bool, line: String) {
        if is_stderr {
            self.stderr.push(line);
        } else {
            self.stdout.push(line);
        }
    }

    fn is(&self, moment: &Moment, line: &str) -> bool {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            return false;
        };
        let is = |key: &str, value: &str| event[key] == value;
        match moment {
            Moment::Step(phase, position, number) => {
                is("event", "step_finished")
                    && is("phase", phase)
                    && self
                        .shape()
                        .step(phase, *position, *number)
                        .is_some_and(|(node, title)| is("node", &node) && is("step", &title))
            }
            Moment::AnyStep => is("event", "step_finished"),
            Moment::Begins(title, node) => {
                let step = event["step"].as_str();
                is("event", "step_started")
                    && is("node", node)
                    && step.is_some_and(|step| step.starts_with(title))
            }
            Moment::Begin(phase) => is("event", "phase_started") && is("phase", phase),
            Moment::Gate(phase) => is("event", "phase_finished") && is("phase", phase),
            Moment::At(_) => false,
            Moment::Output(text) => {
                let line = event["line"].as_str();
                is("event", "step_output") && line.is_some_and(|line| line.contains(text))
            }
        }
    }

    /// What it was at, by its last event.
    pub(super) fn last(&self) -> String {
        let mut lines = self.stderr.iter().rev();
        let told = lines.find_map(|line| {
            let event: Value = serde_json::from_str(line).ok()?;
            let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            let kind = text("event").replace('_', " ");
            match kind.as_str() {
                "step started" | "step finished" => {
                    Some(format!("{kind}: {}: {}", text("node"), text("step")))
                }
                "phase started" | "phase finished" => Some(format!("{kind}: {}", text("phase"))),
                "started" | "finished" => Some(format!("{kind}: {}", text("what"))),
                _ => None,
            }
        });
        told.unwrap_or_default()
    }

    /// SIGKILL. What its steps do on the nodes goes on.
    pub(super) fn kill(mut self) -> Run {
        self.child.kill().expect("SIGKILL");
        self.ends()
    }

    /// Waits for its end.
    pub(super) fn ends(mut self) -> Run {
        let status = self.child.wait().expect("its end");
        // All that it has said is in the pipes; ssh's master may hold them open for longer.
        while let Ok((is_stderr, line)) = self.lines.recv_timeout(Duration::from_millis(200)) {
            self.keep(is_stderr, line);
        }
        Run {
            what: self.what,
            code: status.code().unwrap_or(-1),
            stdout: self.stdout.join("\n"),
            stderr: self.stderr.join("\n"),
        }
    }
}

/// The message of the error that ended a run.
pub(super) fn error(run: &Run) -> String {
    let mut lines = run.stderr.lines().rev();
    let error = lines.find_map(|line| {
        let value: Value = serde_json::from_str(line).ok()?;
        (value["type"] == "error").then(|| value["message"].as_str().unwrap_or_default().to_owned())
    });
    error.unwrap_or_default()
}
