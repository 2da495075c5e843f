//! `mahout deploy` and every other goal: facts, plan, show, confirm, lock, facts and plan once more,
//! execute, verify.

use std::io::Write;
use std::time::{Duration, Instant};

use super::Context;
use super::probes::judge;
use super::session::Session;
use super::terminal::{Answer, confirm};
use crate::cli;
use crate::error::Error;
use crate::execute::{ExecuteError, Holder, Interrupt, Lock, Place, execute};
use crate::facts::{Facts, record};
use crate::plan::{Desired, Goal, Plan};
use crate::report::{
    Counts, Detail, Event, PlanView, write_findings_json, write_plan, write_plan_json,
    write_problems,
};
use crate::transport::{Effect, Fleet, Host};
use crate::verify::{Finding, Severity};

/// After the last gate, what HAProxy and Patroni show of each other settles within a few rounds.
const SETTLING: Duration = Duration::from_secs(45);

/// Carries out what leads to `goal`, or shows it.
pub(super) async fn deploy(
    context: &Context,
    goal: &Goal,
    options: &cli::Deploy,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut session = Session::load(context)?;
    if let Some(path) = &options.facts {
        let plan = build(&session, goal, &record::read(path)?)?;
        show(&session, goal, &plan, Detail::Full, out)?;
        return exit_code(options, &plan);
    }
    let effect = if options.dry_run {
        Effect::ReadOnly
    } else {
        Effect::Changes
    };
    let fleet = session.connect_all(effect).await?;
    let result = if options.yes {
        let mut answer = Answer::new(out);
        let result = on_nodes(&mut session, goal, options, &fleet, &mut answer).await;
        result.and(answer.end())
    } else {
        // Whoever is to agree to the plan must have seen it.
        on_nodes(&mut session, goal, options, &fleet, out).await
    };
    fleet.close().await;
    result
}

async fn on_nodes(
    session: &mut Session<'_>,
    goal: &Goal,
    options: &cli::Deploy,
    fleet: &Fleet<Host>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let plan = plan(session, goal, fleet).await?;
    let detail = if options.dry_run {
        Detail::Full
    } else {
        Detail::Summary
    };
    show(session, goal, &plan, detail, out)?;
    if options.dry_run {
        return exit_code(options, &plan);
    }
    if plan.is_empty() {
        return Ok(());
    }
    if !options.yes
        && !confirm(
            "carry it out?",
            "pass --yes to carry it out without a question",
        )?
    {
        return writeln!(out, "nothing was changed").map_err(Error::Output);
    }
    let interrupt = Interrupt::on_signals().map_err(Error::Output)?;
    let hosts = Session::hosts(fleet);
    let me = Holder::this_process(goal.command());
    let lock = Lock::acquire(&hosts, &me, &session.context.events).await?;
    // With --yes nobody has looked at the plan that was shown: the one of now is as good.
    let shown = Shown {
        goal,
        plan: &plan,
        binding: !options.yes,
    };
    let findings = locked(session, fleet, &shown, &lock, &interrupt, out).await;
    lock.release(&hosts).await;
    let findings = findings?;
    let counts = Counts::of(&findings);
    let written = if session.context.is_json() {
        write_findings_json(out, &findings)
    } else {
        write_problems(out, &findings)
    };
    written.map_err(Error::Output)?;
    if counts.errors > 0 {
        return Err(Error::Verification(format!(
            "the {} went through, but verification found: {}",
            goal.command(),
            counts.words()
        )));
    }
    if !session.context.is_json() {
        writeln!(out, "done; {}", counts.words()).map_err(Error::Output)?;
    }
    Ok(())
}

/// The plan that was shown, and whether somebody has agreed to that very one.
struct Shown<'a> {
    goal: &'a Goal,
    plan: &'a Plan,
    binding: bool,
}

/// All that is done while the lock is ours.
async fn locked(
    session: &mut Session<'_>,
    fleet: &Fleet<Host>,
    shown: &Shown<'_>,
    lock: &Lock,
    interrupt: &Interrupt,
    out: &mut dyn Write,
) -> Result<Vec<Finding>, Error> {
    let hosts = Session::hosts(fleet);
    let goal = shown.goal;
    let fresh = lock.hold(&hosts, plan(session, goal, fleet)).await?;
    if fresh.phases != shown.plan.phases {
        if shown.binding {
            return Err(Error::OutOfDate);
        }
        session.context.events.send(Event::Warning {
            node: None,
            message: "the nodes have changed since; the plan is now another one".to_owned(),
        });
        show(session, goal, &fresh, Detail::Summary, out)?;
    }
    session.keep_secrets()?;
    execute(&fresh, &hosts, lock, &session.context.events, interrupt)
        .await
        .map_err(|error| Error::Execute(goal.clone(), error))?;
    lock.hold(&hosts, async {
        tokio::select! {
            findings = session.timed(
                "verifying".to_owned(),
                settled(session, goal, fleet),
            ) => findings,
            signal = interrupt.triggered() => {
                let place = Place::Verifying;
                Err(Error::Execute(goal.clone(), ExecuteError::Interrupted { signal, place }))
            }
        }
    })
    .await
}

/// Verifies until no check fails or the time for settling is over; then nothing may be left to
/// do.
async fn settled(
    session: &Session<'_>,
    goal: &Goal,
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
        if failing.is_empty() {
            let left_over = match goal {
                Goal::Converge => build(session, goal, &facts)?,
                // What the inventory has changed since the last deploy is not this run's.
                Goal::Switchover { .. } => Plan::default(),
            };
            if !left_over.is_empty() {
                return Err(Error::NotConverged {
                    steps: left_over.step_count(),
                    nodes: left_over.nodes().into_iter().cloned().collect(),
                });
            }
            return Ok(findings);
        }
        if left.is_zero() {
            return Ok(findings);
        }
        for finding in failing {
            session.context.events.send(Event::Waiting {
                node: finding.node.clone().unwrap_or_else(|| "cluster".into()),
                what: "every check holds".to_owned(),
                missing: format!("{}: {}", finding.check, finding.message),
                left,
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

async fn plan(session: &Session<'_>, goal: &Goal, fleet: &Fleet<Host>) -> Result<Plan, Error> {
    let facts = session.gather(fleet).await;
    session.refuse_lost_vault(&facts)?;
    build(session, goal, &facts)
}

fn build(session: &Session, goal: &Goal, facts: &Facts) -> Result<Plan, Error> {
    let rendered = session.render(facts)?;
    let desired = Desired {
        cluster: &session.cluster,
        secrets: &session.secrets,
        rendered: &rendered,
        facts,
    };
    Plan::build(goal, &desired).map_err(Error::Plan)
}

fn show(
    session: &Session,
    goal: &Goal,
    plan: &Plan,
    detail: Detail,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let view = PlanView {
        cluster: &session.cluster,
        plan,
        secrets: &session.secrets,
        goal: &goal.to_string(),
        detail,
    };
    let written = if session.context.is_json() {
        write_plan_json(out, &view)
    } else {
        write_plan(out, &view)
    };
    written.and_then(|()| out.flush()).map_err(Error::Output)
}

fn exit_code(options: &cli::Deploy, plan: &Plan) -> Result<(), Error> {
    if options.exit_code && !plan.is_empty() {
        return Err(Error::Reported(5));
    }
    Ok(())
}
