//! Planning: from the nodes as they are, once it can be told who leads them.

use std::time::{Duration, Instant};

use super::converge::Aim;
use super::session::Session;
use crate::error::Error;
use crate::facts::Facts;
use crate::plan::stages::stages;
use crate::plan::{Desired, Goal, Note, Plan, awaited};
use crate::report::Event;
use crate::transport::{Fleet, Host};

/// The plan from the nodes as they are, with what they said. Members that elect are given the time
/// they may take: what the leader is to do can be planned only once there is one.
pub(super) async fn plan(
    session: &Session<'_>,
    aim: &Aim,
    fleet: &Fleet<Host>,
) -> Result<(Plan, Facts), Error> {
    let mut facts = session.gather(fleet).await;
    if aim.goal == Goal::Converge && awaited(&session.cluster, &facts).is_some() {
        let what = "waiting for a leader".to_owned();
        facts = session.timed(what, settled(session, fleet)).await;
    }
    plan_of(session, aim, fleet, facts).await
}

/// What the nodes say once somebody leads and answers, or should have long since.
async fn settled(session: &Session<'_>, fleet: &Fleet<Host>) -> Facts {
    let cluster = &session.cluster;
    let patience = cluster
        .timings
        .worst_failover(cluster.etcd.election_timeout);
    let begin = Instant::now();
    let mut pause = Duration::from_millis(200);
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
        let facts = session.ask(fleet).await;
        let left = patience.saturating_sub(begin.elapsed());
        let Some(missing) = awaited(cluster, &facts).filter(|_| !left.is_zero()) else {
            return facts;
        };
        session.context.events.send(Event::Waiting {
            node: "cluster".into(),
            what: "somebody leads".to_owned(),
            missing,
            left,
        });
    }
}

/// The plan from these facts. A refusal must stand twice: the nodes are asked side by side, not at
/// one moment, and while services start (a run was interrupted, a node boots) what one said a
/// second ago contradicts what another says now.
pub(super) async fn plan_of(
    session: &Session<'_>,
    aim: &Aim,
    fleet: &Fleet<Host>,
    facts: Facts,
) -> Result<(Plan, Facts), Error> {
    if aim.goal != Goal::Adopt {
        session.refuse_lost_vault(&facts)?;
    }
    match build(session, aim, &facts) {
        Ok(plan) => Ok((plan, facts)),
        Err(Error::Plan(_)) => {
            let facts = session.ask(fleet).await;
            Ok((build(session, aim, &facts)?, facts))
        }
        Err(error) => Err(error),
    }
}

/// The plan from these facts.
pub(super) fn build(session: &Session, aim: &Aim, facts: &Facts) -> Result<Plan, Error> {
    if aim.goal == Goal::Converge {
        return project(session, facts).map(|(plan, _)| plan);
    }
    let rendered = session.render(facts)?;
    let desired = Desired {
        cluster: &session.cluster,
        secrets: &session.secrets,
        rendered: &rendered,
        facts,
    };
    let plan = match &aim.goal {
        Goal::Converge => Plan::project(&desired).map(|(plan, _)| plan),
        Goal::Adopt => Plan::adopt(&desired),
        Goal::Switchover { candidate } => Plan::switchover(&desired, candidate.as_ref()),
        Goal::Reinitialize { node } => Plan::reinitialize(&desired, node),
        Goal::Replace { node } => Plan::replace(&desired, node).map(|(plan, _)| plan),
        Goal::RestoreDcs { from, leader } => {
            Plan::restore_dcs(&desired, from.as_ref(), leader.as_ref()).map(|(plan, _)| plan)
        }
        Goal::Destroy => Plan::destroy(&desired),
    };
    plan.map_err(Error::Plan)
}

/// The plan that converges, stage by stage, with the facts as they will be.
pub(super) fn project(session: &Session, facts: &Facts) -> Result<(Plan, Facts), Error> {
    let mut whole = Plan::default();
    let mut facts = facts.clone();
    let stages = stages(&session.cluster, &facts);
    let rest = stages.len();
    for cluster in stages {
        let rendered = session.render_as(&cluster, &facts)?;
        let desired = Desired {
            cluster: &cluster,
            secrets: &session.secrets,
            rendered: &rendered,
            facts: &facts,
        };
        let (plan, after) = Plan::project(&desired).map_err(Error::Plan)?;
        whole.append(plan);
        facts = after;
    }
    if rest > 1 && !whole.is_empty() {
        whole.notes.insert(
            0,
            Note {
                node: None,
                message: format!(
                    "TLS is turned on in {rest} stages, one after the other: a client that is \
                 connected stays so, and an interrupted run is continued by the next"
                ),
            },
        );
    }
    Ok((whole, facts))
}
