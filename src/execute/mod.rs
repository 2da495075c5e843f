//! Carries a plan out over a transport. Makes no decisions: what is done, in which order and under
//! which conditions stands in the plan.

mod action;
#[cfg(test)]
mod care_tests;
mod concurrent;
#[cfg(test)]
mod elsewhere_tests;
mod etcd_access;
#[cfg(test)]
mod etcd_tests;
mod explain;
mod failure;
mod fence;
#[cfg(test)]
mod fixtures;
mod gate;
mod guard;
mod holder;
mod interrupt;
#[cfg(test)]
mod local_node;
mod lock;
#[cfg(test)]
mod lock_tests;
#[cfg(test)]
mod lost_tests;
mod packages;
#[cfg(test)]
mod packages_tests;
mod patience;
mod phase;
mod quote;
mod redact;
mod relay;
#[cfg(test)]
mod relay_tests;
#[cfg(test)]
mod run_tests;
mod script;
#[cfg(test)]
mod shell_tests;
#[cfg(test)]
mod tests;
mod unlock;

use std::collections::BTreeMap;
use std::time::Instant;

pub use explain::{Explanation, explain};
pub use failure::{ExecuteError, Failure, Place, Reason};
pub use holder::Holder;
pub use interrupt::{Interrupt, Signal};
pub use lock::{Lock, LockError};
pub use unlock::{HeldLock, locks, recorded, unlock};

use crate::cluster::{NodeName, Secrets};
use crate::plan::{NodeWork, Phase, Plan, Rollout};
use crate::report::{Event, Events};
use crate::transport::Transport;
use concurrent::join_all;
use redact::Redactor;
use relay::Brought;

/// Everything that the parts of a run share.
struct Run<'a, T> {
    hosts: &'a BTreeMap<NodeName, T>,
    lock: &'a Lock,
    events: &'a Events,
    interrupt: &'a Interrupt,
    redactor: Redactor,
    began: Instant,
}

/// Carries `plan` out under `lock`, which must be held on all `hosts`.
///
/// No secret of the plan or of `secrets` is in what it tells.
///
/// When a node fails, or `interrupt` is triggered, the scripts that run are waited for and nothing
/// new is started.
///
/// # Errors
/// What failed, where, why and what to do, or where the run was interrupted.
pub async fn execute<T: Transport>(
    plan: &Plan,
    secrets: &Secrets,
    hosts: &BTreeMap<NodeName, T>,
    lock: &Lock,
    events: &Events,
    interrupt: &Interrupt,
) -> Result<(), ExecuteError> {
    let run = Run {
        hosts,
        lock,
        events,
        interrupt,
        redactor: Redactor::of(plan, secrets),
        began: Instant::now(),
    };
    lock.hold(hosts, async {
        let mut place = Place::BeforeTheFirstPhase;
        for phase in &plan.phases {
            run.may_go_on(place, phase.title)?;
            run.phase(phase).await?;
            place = Place::AfterPhase(phase.title);
        }
        run.stop_if_interrupted(place)
    })
    .await
}

impl<T: Transport> Run<'_, T> {
    /// Whether phase `next`, or more of it, may begin.
    fn may_go_on(&self, place: Place, next: &'static str) -> Result<(), ExecuteError> {
        self.stop_if_interrupted(place)?;
        match self.lock.lost() {
            // Its own node would refuse the next script; the others do not know of it.
            Some((node, holder)) => Err(ExecuteError::Failed(vec![Failure {
                node,
                phase: next,
                reason: Reason::LockLost(Box::new(holder)),
                output: Vec::new(),
                explanation: None,
            }])),
            None => Ok(()),
        }
    }

    fn stop_if_interrupted(&self, place: Place) -> Result<(), ExecuteError> {
        match self.interrupt.signal() {
            Some(signal) => Err(ExecuteError::Interrupted { signal, place }),
            None => Ok(()),
        }
    }

    async fn phase(&self, phase: &Phase) -> Result<(), ExecuteError> {
        let begin = Instant::now();
        self.events.send(Event::PhaseStarted {
            phase: phase.title,
            nodes: phase.work.len(),
            steps: phase.work.iter().map(|work| work.steps.len()).sum(),
        });
        let brought = self.bring(phase).await;
        self.stop_if_interrupted(Place::InPhase(phase.title))?;
        match phase.rollout {
            Rollout::Parallel => {
                let work: Vec<&NodeWork> = phase.work.iter().collect();
                self.side_by_side(phase, &work, &brought).await?;
            }
            Rollout::Rolling => {
                for (index, work) in phase.work.iter().enumerate() {
                    if index > 0 {
                        self.may_go_on(Place::InPhase(phase.title), phase.title)?;
                    }
                    self.side_by_side(phase, &[work], &brought).await?;
                    if let Some(gate) = &phase.gate {
                        self.gate(phase.title, gate, Some(&work.node)).await?;
                    }
                }
            }
        }
        if let Some(gate) = &phase.gate {
            self.gate(phase.title, gate, None).await?;
        }
        self.events.send(Event::PhaseFinished {
            phase: phase.title,
            took: begin.elapsed(),
        });
        Ok(())
    }

    async fn side_by_side(
        &self,
        phase: &Phase,
        work: &[&NodeWork],
        brought: &Brought<'_>,
    ) -> Result<(), ExecuteError> {
        let steps = work
            .iter()
            .map(|work| self.steps(phase.title, work, brought.to(work)));
        let results = join_all(steps).await;
        ExecuteError::of(results.into_iter().filter_map(Result::err).collect())
    }
}
