//! `mahout deploy` and `mahout switchover`: facts, plan, show, confirm, lock, facts and plan once
//! more, execute, verify.

use std::io::Write;

use super::Context;
use super::adopt::take_passwords;
use super::audit::Recorded;
use super::converge::{Aim, Locked, Shown, conclude, conclude_unchanged, look_again, show};
use super::planning::{build, plan};
use super::session::Session;
use super::terminal::{Answer, ask, confirm};
use crate::cli;
use crate::error::Error;
use crate::execute::{Interrupt, Lock};
use crate::facts::record;
use crate::plan::{Goal, Plan};
use crate::report::{Detail, Outcome};
use crate::transport::{Effect, Fleet, Host};

/// Carries out what leads to `goal`, or shows it.
pub(super) async fn deploy(
    context: &Context,
    goal: &Goal,
    options: &cli::Deploy,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut session = Session::load(context)?;
    let aim = Aim::from(goal);
    if let Some(path) = &options.facts {
        let plan = build(&session, &aim, &record::read(path)?)?;
        show(&session, &aim, &plan, Detail::Full, out)?;
        return exit_code(options, &plan);
    }
    let effect = if options.dry_run {
        Effect::ReadOnly
    } else {
        Effect::Changes
    };
    let fleet = session.meet_all(effect).await?;
    let result = if options.yes {
        let mut answer = Answer::new(out);
        let result = on_nodes(&mut session, &aim, options, &fleet, &mut answer).await;
        result.and(answer.end())
    } else {
        // Whoever is to agree to the plan must have seen it.
        on_nodes(&mut session, &aim, options, &fleet, out).await
    };
    fleet.close().await;
    result
}

async fn on_nodes(
    session: &mut Session<'_>,
    aim: &Aim,
    options: &cli::Deploy,
    fleet: &Fleet<Host>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    if aim.goal == Goal::Adopt {
        take_passwords(session, fleet).await?;
    }
    let (plan, facts) = plan(session, aim, fleet).await?;
    let detail = if options.dry_run {
        Detail::Full
    } else {
        Detail::Summary
    };
    show(session, aim, &plan, detail, out)?;
    if options.dry_run {
        return exit_code(options, &plan);
    }
    // Whoever was killed with all of it done has still to be put on record, and unlocked.
    let left = aim.goal.converges() && facts.nodes.values().any(|node| node.locked);
    if plan.is_empty() && !left {
        if aim.goal.converges() {
            session.keep_secrets()?;
            // Whatever stopped the run before may have left what no step mends.
            let findings = look_again(session, aim, fleet, &facts).await?;
            conclude_unchanged(session, &findings, out)?;
            // A rotation whose end nobody saw: it has come to it.
            session.vault.finish()?;
        }
        return Ok(());
    }
    if !plan.is_empty() && !options.yes && !agreed(session, aim)? {
        return session.context.tell(Outcome::unchanged(), out);
    }
    let interrupt = Interrupt::on_signals(&session.context.events).map_err(Error::Output)?;
    let hosts = Session::hosts(fleet);
    let record = Recorded::begin(session, aim.command, Some((&plan, &aim.title)));
    let lock = Lock::acquire_unless(
        &interrupt,
        &hosts,
        &record.holder(),
        &session.context.events,
    )
    .await?;
    let locked = Locked {
        fleet,
        hosts: &hosts,
        lock: &lock,
        interrupt: &interrupt,
    };
    // With --yes nobody has looked at the plan that was shown: the one of now is as good.
    let shown = Shown {
        plan: Some(&plan),
        binding: !options.yes,
        aim,
    };
    let findings = locked.reach(session, &shown, out).await;
    record.end(session, lock, &hosts, findings.as_ref()).await;
    conclude(session, aim, &findings?, out)
}

/// Whether whoever has seen the plan agrees to it; to some by the cluster's name.
fn agreed(session: &Session, aim: &Aim) -> Result<bool, Error> {
    if !aim.goal.is_agreed_by_name() {
        let instead = "pass --yes to carry it out without a question";
        return confirm("carry it out?", instead);
    }
    let scope = &session.cluster.scope;
    let what = match aim.goal {
        Goal::Destroy => "to destroy it",
        _ => "to carry it out",
    };
    let question = format!("type the name of the cluster, `{scope}`, {what}: ");
    match ask(&question)? {
        Some(word) => Ok(word == scope.as_str()),
        None => Err(Error::Usage {
            message: "nobody is there to type the name of the cluster: stdin is not a terminal"
                .to_owned(),
            hint: Some(format!("pass --confirm {scope}")),
        }),
    }
}

/// As [`deploy`], for a goal that is agreed to by the cluster's name: typed, or given with the
/// command.
pub(super) async fn by_name(
    context: &Context,
    goal: &Goal,
    options: &cli::ByName,
    out: &mut dyn Write,
) -> Result<(), Error> {
    if let Some(word) = &options.confirm {
        let scope = crate::cluster::load(&context.global.inventory)?.scope;
        if scope.as_str() != *word {
            return Err(Error::Usage {
                message: format!("the cluster is called `{scope}`, not `{word}`"),
                hint: None,
            });
        }
    }
    let options = cli::Deploy {
        yes: options.confirm.is_some(),
        dry_run: options.dry_run,
        exit_code: false,
        facts: None,
    };
    deploy(context, goal, &options, out).await
}

fn exit_code(options: &cli::Deploy, plan: &Plan) -> Result<(), Error> {
    if options.exit_code && !plan.is_empty() {
        return Err(Error::Reported(5));
    }
    Ok(())
}
