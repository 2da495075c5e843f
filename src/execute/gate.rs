//! Gates: each node awaits its own condition, polling on the node itself.

use std::time::{Duration, Instant};

use super::Run;
use super::action::connection_words;
use super::concurrent::join_all;
use super::failure::{ExecuteError, Failure, Place, Reason};
use super::quote::sh;
use super::script::{GATE, Line, Script};
use crate::cluster::NodeName;
use crate::plan::{Condition, Gate};
use crate::report::Event;
use crate::transport::{Effect, Transport};

/// One execution awaits so long, then it is asked again: when a run is interrupted, nothing goes
/// on asking on a node for longer; and on a node that allows one session at a time, the lock is
/// renewed in between, before it expires.
const SLICE: Duration = Duration::from_secs(10);

impl<T: Transport> Run<'_, T> {
    /// Awaits the gate, or the part of it that is about `only`.
    pub(super) async fn gate(
        &self,
        phase: &'static str,
        gate: &Gate,
        only: Option<&NodeName>,
    ) -> Result<(), ExecuteError> {
        let awaited = gate
            .conditions
            .iter()
            .filter(|(node, _)| only.is_none_or(|only| only == node))
            .map(|(node, condition)| self.condition(phase, gate, node, condition));
        let mut failures = Vec::new();
        for result in join_all(awaited).await {
            match result {
                Ok(()) => {}
                Err(Stop::Failed(failure)) => failures.push(*failure),
                Err(Stop::Interrupted) => self.stop_if_interrupted(Place::InPhase(phase))?,
            }
        }
        self.ask_elsewhere(gate, &mut failures).await;
        ExecuteError::of(failures)
    }

    async fn condition(
        &self,
        phase: &'static str,
        gate: &Gate,
        node: &NodeName,
        condition: &Condition,
    ) -> Result<(), Stop> {
        let fail = |reason| Failure {
            node: node.clone(),
            phase,
            reason,
            output: Vec::new(),
            explanation: None,
        };
        let Some(host) = self.hosts.get(node) else {
            let cause = "it is not connected".to_owned();
            return Err(Stop::failed(fail(Reason::Transport { cause, step: None })));
        };
        let begin = Instant::now();
        let mut missing = String::new();
        let reason = loop {
            let left = gate.deadline.saturating_sub(begin.elapsed());
            let slice = SLICE.min(left);
            let (unit, call) = call(condition);
            let mut script = Script::new();
            script
                .with(&GATE)
                .line(&format!("await {} {unit} {call}", slice.as_secs()));
            let marks = script.marks();
            let title = format!("await that {}", gate.title);
            let command = script.command(title, Effect::ReadOnly, slice + Duration::from_secs(45));
            let mut on_line = |line: &str| {
                if let Line::Mark {
                    word: "missing",
                    text,
                    ..
                } = marks.read(line)
                {
                    missing = self.redactor.redact(text);
                    self.events.send(Event::Waiting {
                        node: node.clone(),
                        what: gate.title.clone(),
                        missing: missing.clone(),
                        left: gate.deadline.saturating_sub(begin.elapsed()),
                    });
                }
            };
            let asked = tokio::select! {
                asked = host.exec(&command, &mut on_line) => asked,
                _ = self.interrupt.triggered() => return Err(Stop::Interrupted),
            };
            match asked {
                Ok(output) if output.code == 0 => return Ok(()),
                Ok(output) if output.code == 20 && !left.saturating_sub(slice).is_zero() => {}
                Ok(output) if matches!(output.code, 20 | 21) => {
                    break Reason::Gate {
                        gate: gate.title.clone(),
                        missing,
                        waited: begin.elapsed(),
                    };
                }
                Ok(output) => {
                    let said = super::lock::last_line(&output.stdout, &output.stderr);
                    let cause = format!("asking ended with code {}: {said}", output.code);
                    break Reason::Transport { cause, step: None };
                }
                Err(error) => {
                    break Reason::Transport {
                        cause: error.cause,
                        step: None,
                    };
                }
            }
        };
        let mut failure = fail(reason);
        failure.explanation = self.explain(&failure, host).await;
        Err(Stop::failed(failure))
    }
}

/// Why a condition is no longer awaited.
enum Stop {
    Failed(Box<Failure>),
    Interrupted,
}

impl Stop {
    fn failed(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}

/// The unit whose failure ends the waiting, and the call of the condition.
fn call(condition: &Condition) -> (&'static str, String) {
    let words = |function: &str, words: &[String]| {
        let words: Vec<String> = words.iter().map(|word| sh(word)).collect();
        format!("{function} {}", words.join(" "))
    };
    match condition {
        Condition::EtcdMember { url, members } => (
            "etcd.service",
            format!(
                "{} {members}",
                words("etcd_member", std::slice::from_ref(url))
            ),
        ),
        Condition::PatroniLeader { url } => (
            "patroni.service",
            words("patroni_leader", std::slice::from_ref(url)),
        ),
        Condition::PatroniReplica { url, connection } => (
            "patroni.service",
            format!(
                "{} {}",
                words("patroni_replica", std::slice::from_ref(url)),
                connection_words(connection)
            ),
        ),
        Condition::PatroniMember { url } => (
            "patroni.service",
            words("patroni_member", std::slice::from_ref(url)),
        ),
        Condition::HaproxyLeader {
            url,
            listener,
            former,
        } => (
            "haproxy.service",
            words(
                "haproxy_leader",
                &[url.clone(), listener.clone(), former.to_string()],
            ),
        ),
        Condition::PatroniReloaded { url, connection } => (
            "patroni.service",
            format!(
                "{} {}",
                words("patroni_reloaded", std::slice::from_ref(url)),
                connection_words(connection)
            ),
        ),
        Condition::VipHeld { address, port } => {
            ("keepalived.service", format!("vip_held {address} {port}"))
        }
        Condition::HaproxyServers { url, up } => {
            let mut call = words("haproxy_servers", std::slice::from_ref(url));
            for (listener, count) in up {
                call.push_str(&format!(" {} {count}", sh(listener)));
            }
            ("haproxy.service", call)
        }
    }
}
