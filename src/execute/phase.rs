//! The steps of one node in one phase: one script, its steps told as they go.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use super::failure::{Failure, Reason};
use super::patience::{Heard, Patience, SLACK};
use super::quote::sh;
use super::script::{Line, RUN, Script};
use super::{Holder, Run, action, guard};
use crate::plan::NodeWork;
use crate::report::Event;
use crate::transport::{Effect, Transport};

/// So many lines of a failing step are shown.
const TAIL: usize = 30;
/// How long a script waits for one of an earlier run.
const RUN_LOCK: Duration = Duration::from_secs(1800);

/// What a script has told so far.
struct Told {
    /// How long each step may take.
    bounds: Vec<Duration>,
    heard: Heard,
    /// How long what runs now may take.
    may: Duration,
    /// The step that runs, from 1; 0 before the first.
    step: usize,
    tail: VecDeque<String>,
    failed: Option<i32>,
    refused: Option<String>,
    lost: bool,
    owner: Vec<String>,
}

impl Told {
    fn new(bounds: Vec<Duration>) -> (Self, Patience) {
        let may = 2 * SLACK;
        let (heard, patience) = Patience::new(may);
        let told = Self {
            bounds,
            heard,
            may,
            step: 0,
            tail: VecDeque::new(),
            failed: None,
            refused: None,
            lost: false,
            owner: Vec::new(),
        };
        (told, patience)
    }

    /// What a mark begins may take as long as that takes.
    fn allow(&mut self, word: &str, number: usize) {
        self.may = match word {
            "begin" => {
                let bound = self.bounds.get(number.wrapping_sub(1)).copied();
                bound.unwrap_or_default() + SLACK
            }
            "wait" => RUN_LOCK + SLACK,
            // The step goes on.
            "warn" => return,
            _ => SLACK,
        };
        self.heard.allow(self.may);
    }
}

impl<T: Transport> Run<'_, T> {
    /// Carries out `work` in one execution, with `input` on stdin.
    pub(super) async fn steps(
        &self,
        phase: &'static str,
        work: &NodeWork,
        input: Option<Arc<File>>,
    ) -> Result<(), Failure> {
        let node = &work.node;
        let fail = |reason, output: Vec<String>| Failure {
            node: node.clone(),
            phase,
            reason,
            output,
            explanation: None,
        };
        let Some(host) = self.hosts.get(node) else {
            let cause = "it is not connected".to_owned();
            return Err(fail(Reason::Transport { cause, step: None }, Vec::new()));
        };
        let (script, bounds) = self.script(work);
        let marks = script.marks();
        // Never waited for as a whole: `patience` ends long before, where a step says nothing.
        let whole = RUN_LOCK + bounds.iter().map(|bound| *bound + SLACK).sum::<Duration>();
        let mut command = script.command(format!("phase {phase}"), Effect::Changes, whole + SLACK);
        command.input = input;
        let (mut told, patience) = Told::new(bounds);
        let mut on_line = |line: &str| match marks.read(line) {
            Line::Output(text) => self.output(work, &mut told, text),
            Line::Mark { before, word, text } => {
                if !before.is_empty() {
                    self.output(work, &mut told, before);
                }
                self.mark(phase, work, &mut told, word, text);
            }
        };
        let result = patience.with(host.exec(&command, &mut on_line)).await;
        let output: Vec<String> = told.tail.into_iter().collect();
        let step = |number: usize| {
            let step = work.steps.get(number.wrapping_sub(1))?;
            Some(step.action.title())
        };
        let reason = match result {
            None => Reason::Transport {
                cause: format!(
                    "nothing was heard of its end within {} s; it goes on there",
                    told.may.as_secs()
                ),
                step: step(told.step),
            },
            Some(Ok(ended)) if ended.code == 0 => return Ok(()),
            Some(Ok(_)) if told.refused.is_some() => Reason::Guard {
                why: told.refused.unwrap_or_default(),
            },
            Some(Ok(_)) if told.lost => {
                let lines = told.owner.iter().map(String::as_str);
                Reason::LockLost(Box::new(Holder::from_lines(lines)))
            }
            Some(Ok(ended)) => match step(told.step) {
                Some(step) => Reason::Step {
                    number: told.step,
                    of: work.steps.len(),
                    step,
                    code: told.failed.unwrap_or(ended.code),
                },
                None => Reason::Transport {
                    cause: format!(
                        "the script ended with code {}: {}",
                        ended.code,
                        super::lock::last_line(&ended.stdout, &ended.stderr)
                    ),
                    step: None,
                },
            },
            Some(Err(error)) => Reason::Transport {
                cause: error.cause,
                step: step(told.step),
            },
        };
        let mut failure = fail(reason, output);
        failure.explanation = self.explain(&failure, host).await;
        Err(failure)
    }

    /// The script, and how long each of its steps may take.
    fn script(&self, work: &NodeWork) -> (Script, Vec<Duration>) {
        let mut script = Script::new();
        script
            .with(&RUN)
            .line(&self.lock.token_line())
            .line(&format!("begin_run {}", RUN_LOCK.as_secs()));
        let mut bounds = Vec::new();
        for (index, step) in work.steps.iter().enumerate() {
            let number = index + 1;
            let call = action::call(&step.action);
            bounds.push(call.bound);
            script.with(call.library);
            script.line(&format!("begin_step {number} {}", sh(&step.action.title())));
            if let Some(guard) = &step.guard {
                script.with(&super::script::GUARD);
                script.line(&format!("why=$({})", guard::call(guard)));
                script.line(&format!("[ -z \"$why\" ] || refuse {number} \"$why\""));
            }
            // A subshell: a step that ends, ends itself alone.
            script.line(&format!("( {} )\nend_step {number} $?", call.script));
        }
        (script, bounds)
    }

    fn output(&self, work: &NodeWork, told: &mut Told, line: &str) {
        let line = self.redactor.redact(line);
        if told.lost {
            told.owner.push(line);
            return;
        }
        if told.tail.len() == TAIL {
            told.tail.pop_front();
        }
        told.tail.push_back(line.clone());
        self.events.send(Event::StepOutput {
            node: work.node.clone(),
            line,
        });
    }

    fn mark(&self, phase: &'static str, work: &NodeWork, told: &mut Told, word: &str, text: &str) {
        let node = work.node.clone();
        let (number, rest) = text.split_once(' ').unwrap_or((text, ""));
        let number: usize = number.parse().unwrap_or_default();
        told.allow(word, number);
        let step = work
            .steps
            .get(number.wrapping_sub(1))
            .map(|step| step.action.title());
        match (word, step) {
            ("begin", Some(step)) => {
                told.step = number;
                told.tail.clear();
                self.events.send(Event::StepStarted { phase, node, step });
            }
            ("ok", Some(step)) => self.events.send(Event::StepFinished { phase, node, step }),
            ("fail", _) => told.failed = rest.trim().parse().ok(),
            ("guard", _) => told.refused = Some(rest.to_owned()),
            ("lost", _) => told.lost = true,
            ("warn", _) => self.events.send(Event::Warning {
                node: Some(node),
                message: self.redactor.redact(text),
            }),
            ("wait", _) => self.events.send(Event::Waiting {
                node,
                what: "an earlier run's step ends".to_owned(),
                missing: text.to_owned(),
                left: RUN_LOCK,
            }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_may_take_its_own_time_and_not_that_of_the_others_nor_of_an_earlier_run() {
        let bounds = [60, 1800].map(Duration::from_secs).to_vec();
        let (mut told, _patience) = Told::new(bounds);
        let mut may = |word, number| {
            told.allow(word, number);
            told.may.as_secs()
        };
        assert_eq!(may("begin", 1), 60 + 60);
        assert_eq!(may("ok", 1), 60);
        assert_eq!(may("begin", 2), 1800 + 60);
        assert_eq!(may("warn", 0), 1800 + 60);
        assert_eq!(may("wait", 0), 1800 + 60);
    }
}
