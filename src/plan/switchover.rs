//! A switchover: the leader hands over to a replica that has everything, and follows it.

use std::time::Duration;

use serde_json::Value;

use super::draft::Draft;
use super::members::may_lead;
use super::patroni::{connection, leader};
use super::preflight::{PlanError, Refusal};
use super::{Action, Condition, Desired, Gate, Guard, Rollout, Step};
use crate::cluster::{Cluster, Node, NodeName, Role, SecretName};
use crate::facts::{NodeFacts, PatroniFacts};
use crate::render;

/// The old leader shuts down with a checkpoint, and may have to be rewound afterwards.
const DEADLINE: Duration = Duration::from_secs(180);
/// Patroni's default of `maximum_lag_on_failover`, in bytes.
const MAXIMUM_LAG: u64 = 1024 * 1024;

/// Adds the phase.
///
/// # Errors
/// If nobody leads, or the switchover would not succeed or would lose something.
pub(super) fn plan(
    draft: &mut Draft,
    desired: &Desired,
    to: Option<&NodeName>,
) -> Result<(), PlanError> {
    let cluster = desired.cluster;
    if let Some(name) = to {
        is_member(cluster, name)?;
    }
    let Some((leader, patroni)) = led_by(desired) else {
        let message = "nobody leads: a failover may be in progress".to_owned();
        let hint = "`mahout status --watch` shows it".to_owned();
        return Err(PlanError::one(None, message, Some(hint)));
    };
    if to == Some(&leader.name) {
        draft.note(Some(&leader.name), "it leads already");
        return Ok(());
    }
    if patroni.role == "standby_leader" {
        let message = "this is a standby cluster: its leader follows another cluster";
        return Err(PlanError::one(Some(&leader.name), message.to_owned(), None));
    }
    not_paused(cluster, patroni)?;
    let fit = |node: &Node| unfit(desired, (leader, patroni), node);
    match to.and_then(|name| cluster.node(name)) {
        Some(node) => {
            if let Some(why) = fit(node) {
                return Err(PlanError::one(Some(&node.name), why, None));
            }
        }
        None => {
            let others: Vec<(&Node, Option<String>)> = cluster
                .with_role(Role::Postgresql)
                .filter(|node| node.name != leader.name)
                .map(|node| (node, fit(node)))
                .collect();
            if others.is_empty() {
                let message = "there is no other member that could lead".to_owned();
                return Err(PlanError::one(None, message, None));
            }
            if others.iter().all(|(_, why)| why.is_some()) {
                let refusals = others.into_iter().filter_map(|(node, why)| {
                    Some(Refusal {
                        node: Some(node.name.clone()),
                        message: why?,
                        hint: None,
                    })
                });
                return Err(PlanError::Refused(refusals.collect()));
            }
        }
    }
    add(draft, desired, leader, to);
    Ok(())
}

/// # Errors
/// If Patroni is told to change nothing by itself.
pub(super) fn not_paused(cluster: &Cluster, patroni: &PatroniFacts) -> Result<(), PlanError> {
    if !patroni.paused {
        return Ok(());
    }
    Err(PlanError::one(
        None,
        "Patroni is paused: it changes nothing by itself".to_owned(),
        Some(format!(
            "`patronictl resume {}` ends the pause",
            cluster.scope
        )),
    ))
}

/// # Errors
/// If PostgreSQL of that node is not of this inventory.
pub(super) fn is_member(cluster: &Cluster, name: &NodeName) -> Result<(), PlanError> {
    let mut members = cluster.with_role(Role::Postgresql).map(|node| &node.name);
    if members.any(|member| member == name) {
        return Ok(());
    }
    let members: Vec<&str> = cluster
        .with_role(Role::Postgresql)
        .map(|node| node.name.as_str())
        .collect();
    Err(PlanError::one(
        None,
        format!("`{name}` is no node with PostgreSQL of this inventory"),
        Some(format!("there are {}", members.join(", "))),
    ))
}

/// The node that leads, and what Patroni says there.
pub(super) fn led_by<'a>(desired: &Desired<'a>) -> Option<(&'a Node, &'a PatroniFacts)> {
    let name = leader(desired.cluster, desired.facts)?;
    let node = desired.cluster.node(&name)?;
    Some((node, desired.facts.nodes.get(&name)?.patroni.as_ref()?))
}

/// Why the member cannot take over from the leader; Patroni would find most of it, too, after
/// the question whether to go on.
fn unfit(
    desired: &Desired,
    (leader, patroni): (&Node, &PatroniFacts),
    node: &Node,
) -> Option<String> {
    let facts = desired.facts.nodes.get(&node.name)?;
    if facts.patroni.is_none() {
        return Some("Patroni does not answer here".to_owned());
    }
    let known = patroni
        .members
        .iter()
        .find(|member| member.name == node.name.as_str());
    let Some(known) = known else {
        return Some(format!("{} does not know it as a member", leader.name));
    };
    if !may_lead(&known.tags) {
        return Some("its tags keep it from leading (`nofailover`)".to_owned());
    }
    let receiver = receiver(facts);
    if receiver != "streaming" {
        return Some(format!("it does not stream from the leader: {receiver}"));
    }
    let limit = patroni.config.get("maximum_lag_on_failover");
    let limit = limit.and_then(Value::as_u64).unwrap_or(MAXIMUM_LAG);
    let lag = lag(desired, leader, node).or(known.lag_bytes);
    if let Some(lag) = lag.filter(|lag| *lag > limit) {
        return Some(format!(
            "it lags {lag} bytes behind, `maximum_lag_on_failover` is {limit}"
        ));
    }
    if patroni.is_synchronous() && !known.is_synchronous() {
        return Some("it is no synchronous standby, and synchronous mode is on".to_owned());
    }
    None
}

/// What PostgreSQL says of its WAL receiver.
pub(super) fn receiver(facts: &NodeFacts) -> &str {
    match &facts.postgresql {
        Some(postgresql) if postgresql.answers => {
            let status = postgresql.wal_receiver.as_deref();
            status.unwrap_or("there is no WAL receiver")
        }
        _ => "PostgreSQL does not answer",
    }
}

/// How far the leader sees it behind at this moment; not known of one that streams from another
/// replica.
fn lag(desired: &Desired, leader: &Node, node: &Node) -> Option<u64> {
    let facts = desired.facts.nodes.get(&leader.name)?;
    let rows = &facts.postgresql.as_ref()?.replication;
    let row = rows
        .iter()
        .find(|row| row.application_name == node.name.as_str())?;
    row.lag_bytes
}

/// Where the REST API answers: TLS may be turned on in the inventory alone.
pub(super) fn rest_url(desired: &Desired, node: &Node) -> String {
    let facts = desired.facts.nodes.get(&node.name);
    let patroni = facts.and_then(|facts| facts.patroni.as_ref());
    patroni
        .map(|patroni| patroni.url.clone())
        .filter(|url| !url.is_empty())
        .unwrap_or_else(|| desired.cluster.rest_url(node))
}

fn add(draft: &mut Draft, desired: &Desired, leader: &Node, to: Option<&NodeName>) {
    let cluster = desired.cluster;
    let url = rest_url(desired, leader);
    let step = Step {
        action: Action::Switchover {
            url: url.clone(),
            username: cluster.patroni.rest_username.clone(),
            password: desired.secrets.get(&SecretName::RestApi).clone(),
            leader: leader.name.clone(),
            candidate: to.cloned(),
            patience: 2 * cluster.timings.loop_wait.max(Duration::from_secs(10)),
        },
        guard: Some(Guard::HandsOver {
            node: leader.name.clone(),
            url: url.clone(),
            candidate: to.cloned(),
        }),
    };
    let mut conditions = Vec::new();
    if let Some(candidate) = to.and_then(|name| cluster.node(name)) {
        let url = rest_url(desired, candidate);
        conditions.push((candidate.name.clone(), Condition::PatroniLeader { url }));
    }
    let connection = connection(desired, leader);
    conditions.push((
        leader.name.clone(),
        Condition::PatroniReplica { url, connection },
    ));
    for node in cluster.with_role(Role::Haproxy) {
        let condition = Condition::HaproxyLeader {
            url: cluster.stats_url(node),
            listener: render::read_write_listener(cluster),
            former: leader.name.clone(),
        };
        conditions.push((node.name.clone(), condition));
    }
    let successor = to.map_or("another member", NodeName::as_str);
    let title = format!("{successor} leads and {} follows it", leader.name);
    let work = vec![(leader.name.clone(), vec![step])];
    draft.phase("switchover", Rollout::Parallel, work, |_| {
        Some(Gate {
            title,
            conditions,
            deadline: DEADLINE,
            concerns: cluster
                .with_role(Role::Postgresql)
                .map(|node| node.name.clone())
                .collect(),
        })
    });
}
