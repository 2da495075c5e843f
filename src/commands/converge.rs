//! What every command that changes a cluster shares: plan, show, lock, plan once more, keep what is
//! new in the vault, execute, verify.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::planning::{build, plan_of, project};
use super::probes::{by_facts, judge};
use super::session::Session;
use crate::cluster::NodeName;
use crate::error::Error;
use crate::execute::{ExecuteError, Interrupt, Lock, Place, execute};
use crate::facts::Facts;
use crate::plan::{Goal, Plan};
use crate::report::{
    Counts, Detail, Event, Outcome, PlanView, write_findings_json, write_plan, write_plan_json,
    write_problems,
};
use crate::transport::{Fleet, Host};
use crate::verify::words::count;
use crate::verify::{Finding, Severity};

/// After the last gate, what HAProxy and Patroni show of each other settles within a few rounds.
const SETTLING: Duration = Duration::from_secs(45);

/// What a run is for, and what it is called.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    /// What its plan is made for.
    pub(super) goal: Goal,
    /// What its plan is shown under.
    pub(super) title: String,
    /// The command.
    pub(super) command: &'static str,
}

impl From<&Goal> for Aim {
    fn from(goal: &Goal) -> Self {
        Self {
            goal: goal.clone(),
            title: goal.to_string(),
            command: goal.command(),
        }
    }
}

/// Shows a plan.
pub(super) fn show(
    session: &Session,
    aim: &Aim,
    plan: &Plan,
    detail: Detail,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let view = PlanView {
        cluster: &session.cluster,
        plan,
        secrets: &session.secrets,
        goal: &aim.title,
        detail,
    };
    let written = if session.context.is_json() {
        write_plan_json(out, &view)
    } else {
        write_plan(out, &view)
    };
    written.and_then(|()| out.flush()).map_err(Error::Output)
}

/// A plan that was shown.
pub(super) struct Shown<'a> {
    /// What was shown; `None` if nothing was.
    pub(super) plan: Option<&'a Plan>,
    /// Whether somebody has agreed to that very one.
    pub(super) binding: bool,
    /// What it was shown for.
    pub(super) aim: &'a Aim,
}

/// What is done while the lock is ours.
pub(super) struct Locked<'a> {
    pub(super) fleet: &'a Fleet<Host>,
    pub(super) hosts: &'a BTreeMap<NodeName, Arc<Host>>,
    pub(super) lock: &'a Lock,
    pub(super) interrupt: &'a Interrupt,
}

impl Locked<'_> {
    /// Carries out what leads to the goal, and verifies it.
    pub(super) async fn reach(
        &self,
        session: &mut Session<'_>,
        shown: &Shown<'_>,
        out: &mut dyn Write,
    ) -> Result<Vec<Finding>, Error> {
        let aim = shown.aim;
        let now = async {
            let facts = session.gather(self.fleet).await;
            plan_of(session, aim, self.fleet, facts).await
        };
        let (mut fresh, facts) = self.lock.hold(self.hosts, now).await?;
        let mut same = shown.plan.is_some_and(|plan| plan.phases == fresh.phases);
        if !same && shown.binding {
            return Err(Error::OutOfDate);
        }
        // What the inventory has changed since the last deploy is not another goal's.
        let converges = aim.goal.converges();
        if converges && !session.keep_secrets()? {
            if shown.binding {
                return Err(Error::OutOfDate);
            }
            fresh = build(session, aim, &facts)?;
            same = false;
        }
        if !same {
            if shown.plan.is_some() {
                session.context.events.send(Event::Warning {
                    node: None,
                    message: "the nodes have changed since; the plan is now another one".to_owned(),
                });
            }
            show(session, aim, &fresh, Detail::Summary, out)?;
        }
        let failed = |error| Error::Execute(aim.goal.clone(), error);
        let events = &session.context.events;
        execute(
            &fresh,
            &session.secrets,
            self.hosts,
            self.lock,
            events,
            self.interrupt,
        )
        .await
        .map_err(failed)?;
        if aim.goal == Goal::Destroy {
            return Ok(Vec::new());
        }
        let findings = self
            .lock
            .hold(self.hosts, async {
                tokio::select! {
                    findings = session.timed(
                        "verifying".to_owned(),
                        settled(session, aim, self.fleet),
                    ) => findings,
                    signal = self.interrupt.triggered() => {
                        let place = Place::Verifying;
                        Err(failed(ExecuteError::Interrupted { signal, place }))
                    }
                }
            })
            .await?;
        if converges && Counts::of(&findings).errors == 0 {
            // Everything has the new values; those of before open nothing any more.
            session.vault.finish()?;
        }
        Ok(findings)
    }
}

/// Verifies until no check fails or the time for settling is over; then nothing may be left to
/// do.
async fn settled(
    session: &Session<'_>,
    aim: &Aim,
    fleet: &Fleet<Host>,
) -> Result<Vec<Finding>, Error> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(200);
    loop {
        let facts = session.ask(fleet).await;
        let findings = judge(session, fleet, &facts).await?;
        let failing: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        let left = SETTLING.saturating_sub(begin.elapsed());
        let [first, others @ ..] = &failing[..] else {
            let left_over = if aim.goal.converges() {
                match aim.goal {
                    // What waits for a restart is a deploy's.
                    Goal::Adopt => build(session, aim, &facts)?,
                    _ => project(session, &facts)?.0,
                }
            } else {
                // What the inventory has changed since the last deploy is not this run's.
                Plan::default()
            };
            if !left_over.is_empty() {
                return Err(Error::NotConverged {
                    steps: left_over.step_count(),
                    nodes: left_over.nodes().into_iter().cloned().collect(),
                });
            }
            return Ok(findings);
        };
        if left.is_zero() {
            return Ok(findings);
        }
        // One stands for all: what many nodes have in common would be as many lines.
        let others = match others.len() {
            0 => String::new(),
            more => format!(" (and {})", count(more, "more finding")),
        };
        session.context.events.send(Event::Waiting {
            node: first.node.clone().unwrap_or_else(|| "cluster".into()),
            what: "every check holds".to_owned(),
            missing: format!("{}: {}{others}", first.check, first.message),
            left,
        });
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// What is wrong with a cluster to which nothing is to be done. What it has said already shows most
/// of it; only where that is not sound is it asked again, as after a deploy.
pub(super) async fn look_again(
    session: &Session<'_>,
    aim: &Aim,
    fleet: &Fleet<Host>,
    facts: &Facts,
) -> Result<Vec<Finding>, Error> {
    let findings = by_facts(session, facts)?;
    if Counts::of(&findings).errors == 0 {
        return Ok(Vec::new());
    }
    let verified = settled(session, aim, fleet);
    session.timed("verifying".to_owned(), verified).await
}

/// Says what verification found, and whether that is the end of it.
pub(super) fn conclude(
    session: &Session,
    aim: &Aim,
    findings: &[Finding],
    out: &mut dyn Write,
) -> Result<(), Error> {
    if aim.goal == Goal::Destroy {
        let scope = &session.cluster.scope;
        let said = format!("done; nothing of {scope} runs any more");
        let outcome = Outcome::new("destroyed", said).with("scope", scope.as_str());
        return session.context.tell(outcome, out);
    }
    let counts = Counts::of(findings);
    tell(session, findings, out)?;
    if counts.errors > 0 {
        return Err(unsound(
            &format!("the {} went through", aim.command),
            counts,
        ));
    }
    let said = format!("done; {}", counts.words());
    if aim.goal == Goal::Adopt {
        let said = format!(
            "{said}\nthe passwords of {} are in the vault; `mahout diff` shows what is left for \
             `mahout deploy`",
            session.cluster.scope
        );
        let outcome = Outcome::new("adopted", said).with("scope", session.cluster.scope.as_str());
        return session.context.tell(outcome, out);
    }
    let connect = session.entrance().read_write;
    let outcome = match connect.filter(|_| aim.goal == Goal::Converge) {
        Some(url) => Outcome::new("done", format!("{said}\nclients connect by: psql '{url}'"))
            .with("connect", url),
        None => Outcome::new("done", said),
    };
    session.context.tell(outcome, out)
}

/// Says what is wrong with a cluster to which nothing is to be done.
pub(super) fn conclude_unchanged(
    session: &Session,
    findings: &[Finding],
    out: &mut dyn Write,
) -> Result<(), Error> {
    let counts = Counts::of(findings);
    if counts.errors == 0 {
        return Ok(());
    }
    tell(session, findings, out)?;
    Err(unsound("there is nothing to change", counts))
}

fn tell(session: &Session, findings: &[Finding], out: &mut dyn Write) -> Result<(), Error> {
    let written = if session.context.is_json() {
        write_findings_json(out, findings)
    } else {
        write_problems(out, findings)
    };
    written.map_err(Error::Output)
}

fn unsound(what: &str, counts: Counts) -> Error {
    let found = counts.words();
    Error::Verification(format!("{what}, but verification found: {found}"))
}
