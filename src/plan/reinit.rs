//! A replica whose data becomes a copy of the leader's: by Patroni where it runs with this
//! cluster's database, else with what lies there moved aside.

use super::draft::{Draft, directory, systemd};
use super::members::REPLICA_DEADLINE;
use super::patroni::{UNIT, connection};
use super::preflight::PlanError;
use super::switchover::{is_member, led_by, not_paused, receiver, rest_url};
use super::{Action, Condition, Data, Desired, Gate, Guard, Rollout, Step, UnitOperation};
use crate::cluster::{Node, NodeName, Role, SecretName};
use crate::facts::NodeFacts;

/// Adds the phase.
///
/// # Errors
/// If there is no sound leader to copy from, or the copy that goes is one too many.
pub(super) fn plan(draft: &mut Draft, desired: &Desired, name: &NodeName) -> Result<(), PlanError> {
    is_member(desired.cluster, name)?;
    let (Some(node), Some(facts)) = (desired.cluster.node(name), desired.facts.nodes.get(name))
    else {
        let message = "nothing is known of this node".to_owned();
        return Err(PlanError::one(Some(name), message, None));
    };
    let leader = source(desired, node, facts)?;
    let data_dir = desired.rendered[name].data_dir.clone();
    let steps = if is_ours(desired, leader, facts) {
        vec![reinitialize(desired, node, data_dir)]
    } else {
        start_anew(facts, data_dir)
    };
    let mut steps: Vec<Step> = steps.into_iter().map(Step::from).collect();
    if let Some(first) = steps.first_mut() {
        first.guard = Some(Guard::LeaderIs {
            node: leader.name.clone(),
            url: rest_url(desired, leader),
        });
    }
    draft.note(
        Some(name),
        format!(
            "until the copy is finished, it has no data of {}",
            leader.name
        ),
    );
    let condition = Condition::PatroniReplica {
        url: rest_url(desired, node),
        connection: connection(desired, node),
    };
    let gate = Gate {
        title: format!("{name} streams from {}", leader.name),
        conditions: vec![(name.clone(), condition)],
        deadline: REPLICA_DEADLINE,
        concerns: vec![leader.name.clone()],
    };
    let work = vec![(name.clone(), steps)];
    draft.phase("reinit", Rollout::Parallel, work, |_| Some(gate));
    Ok(())
}

/// The leader that is copied from, if the copy of `node` may go.
fn source<'a>(
    desired: &Desired<'a>,
    node: &Node,
    facts: &NodeFacts,
) -> Result<&'a Node, PlanError> {
    let refuse = |at: Option<&NodeName>, message: String, hint: Option<String>| {
        Err(PlanError::one(at, message, hint))
    };
    let Some((leader, patroni)) = led_by(desired) else {
        let message = "nobody leads: there is nothing to make a copy of, and every copy counts";
        let hint = "`mahout status --watch` shows when somebody leads".to_owned();
        return refuse(None, message.to_owned(), Some(hint));
    };
    if leader.name == node.name {
        let message = "it leads: what it has is what the others have copies of".to_owned();
        let hint = "have another one lead first: `mahout switchover`".to_owned();
        return refuse(Some(&node.name), message, Some(hint));
    }
    not_paused(desired.cluster, patroni)?;
    let server = desired.facts.nodes[&leader.name].postgresql.as_ref();
    if !server.is_some_and(|server| server.answers && server.system_identifier.is_some()) {
        let message = "it leads, but its PostgreSQL does not answer: there is nothing to copy";
        return refuse(Some(&leader.name), message.to_owned(), None);
    }
    if facts
        .units
        .get(UNIT)
        .is_none_or(|unit| unit.load == "not-found")
    {
        let message = "Patroni is not installed here".to_owned();
        let hint = format!("`mahout replace {}` makes a node of it again", node.name);
        return refuse(Some(&node.name), message, Some(hint));
    }
    let streams = |facts: &NodeFacts| receiver(facts) == "streaming";
    let others: Vec<&Node> = desired
        .cluster
        .with_role(Role::Postgresql)
        .filter(|other| other.name != node.name && other.name != leader.name)
        .collect();
    let another_has_it = others.iter().any(|other| {
        let facts = desired.facts.nodes.get(&other.name);
        facts.is_some_and(streams)
    });
    if streams(facts) && !another_has_it && !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|other| other.name.as_str()).collect();
        let message = format!(
            "it has the only copy beside the leader's: {} {} not stream",
            names.join(", "),
            if names.len() == 1 { "does" } else { "do" }
        );
        let hint = format!("bring back {} first", names.join(" or "));
        return refuse(Some(&node.name), message, Some(hint));
    }
    Ok(leader)
}

/// Whether Patroni runs here, and with the leader's database.
fn is_ours(desired: &Desired, leader: &Node, facts: &NodeFacts) -> bool {
    let identifier = |facts: &NodeFacts| {
        let postgresql = facts.postgresql.as_ref();
        postgresql.and_then(|postgresql| postgresql.system_identifier.clone())
    };
    facts.patroni.is_some()
        && facts.is_active(UNIT)
        && identifier(facts).is_some()
        && identifier(facts) == identifier(&desired.facts.nodes[&leader.name])
}

fn reinitialize(desired: &Desired, node: &Node, data_dir: String) -> Action {
    Action::Reinitialize {
        url: rest_url(desired, node),
        username: desired.cluster.patroni.rest_username.clone(),
        password: desired.secrets.get(&SecretName::RestApi).clone(),
        data_dir,
    }
}

/// Patroni makes a copy wherever it finds nothing.
fn start_anew(facts: &NodeFacts, data_dir: String) -> Vec<Action> {
    let mut steps = vec![systemd(UNIT, UnitOperation::Stop)];
    let in_use = facts
        .postgresql
        .as_ref()
        .is_some_and(|postgresql| postgresql.data_dir_in_use);
    let mut moved = facts.clone();
    if in_use {
        let action = Action::MoveAside {
            path: data_dir.clone(),
            label: "before-reinit",
            data: Data::Postgresql,
        };
        moved.project(&action);
        steps.push(action);
    }
    steps.extend(directory(&moved, &data_dir, "postgres", "postgres", 0o700));
    steps.push(systemd(UNIT, UnitOperation::Start));
    steps
}
