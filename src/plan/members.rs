//! Who starts when: one node makes the database, the others copy it; members that have it already
//! elect among themselves.

use std::time::Duration;

use serde_json::{Map, Value};

use super::dcs::{Dcs, holds_database};
use super::draft::{Draft, systemd};
use super::patroni::{LEADER_DEADLINE, UNIT, connection, leader};
use super::{Action, Condition, Desired, Gate, Guard, Rollout, Step, UnitOperation};
use crate::cluster::{Cluster, Node, NodeName, Role, SecretName};
use crate::facts::{Facts, NodeFacts};

/// A replica copies the whole database first.
pub(super) const REPLICA_DEADLINE: Duration = Duration::from_secs(3600);

/// Adds the phases; returns who leads after them, as far as that can be known.
pub(super) fn plan(
    draft: &mut Draft,
    desired: &Desired,
    leader: Option<NodeName>,
    first: Option<&Node>,
) -> Option<NodeName> {
    let cluster = desired.cluster;
    let (running, idle): (Vec<&Node>, Vec<&Node>) = cluster
        .with_role(Role::Postgresql)
        .partition(|node| draft.facts(&node.name).is_active(UNIT));
    if leader.is_some() {
        start_replicas(draft, desired, &idle, leader.as_ref());
        return leader;
    }
    let exists = Dcs::of(cluster, desired.facts).has_cluster(desired.facts);
    let first = match running.as_slice() {
        _ if first.is_some() => first,
        _ if exists => None,
        // Nothing runs and nothing is there: the database is made.
        [] => idle
            .iter()
            .find(|node| may_lead(&node.patroni.tags))
            .copied(),
        // An earlier run started it and did not see the end of it.
        [only] if may_lead(&only.patroni.tags) => Some(*only),
        // Several run without a leader: it is theirs to find one.
        _ => None,
    };
    if let Some(first) = first {
        let new = !holds_database(draft.facts(&first.name)) && running.is_empty();
        start_leader(draft, desired, first, new);
        let others: Vec<&Node> = idle
            .into_iter()
            .filter(|node| node.name != first.name)
            .collect();
        start_replicas(draft, desired, &others, Some(&first.name));
        return Some(first.name.clone());
    }
    // Those that have the database first: one that has none could make another.
    let (with_data, without): (Vec<&Node>, Vec<&Node>) = idle
        .into_iter()
        .partition(|node| holds_database(draft.facts(&node.name)));
    start_members(draft, desired, &with_data);
    start_replicas(draft, desired, &without, None);
    draft.note(
        None,
        "nobody leads at this moment, the members elect; roles are looked after once somebody \
         does: run deploy again"
            .to_owned(),
    );
    None
}

/// What has to come by itself before all can be planned: a leader, where the members of the cluster
/// that etcd knows elect one, and that its server answers. A Patroni that is paused elects nobody
/// ("Pause/Resume mode").
pub fn awaited(cluster: &Cluster, facts: &Facts) -> Option<String> {
    let running: Vec<(&Node, &NodeFacts)> = cluster
        .with_role(Role::Postgresql)
        .filter_map(|node| Some((node, facts.nodes.get(&node.name)?)))
        .filter(|(_, facts)| facts.is_active(UNIT))
        .collect();
    if let Some(leader) = leader(cluster, facts) {
        let (_, facts) = running.iter().find(|(node, _)| node.name == leader)?;
        let answers = facts.postgresql.as_ref().is_some_and(|said| said.answers);
        return (!answers).then(|| format!("{leader} leads, and its PostgreSQL does not answer"));
    }
    let paused = |facts: &NodeFacts| facts.patroni.as_ref().is_some_and(|said| said.paused);
    let elect = matches!(Dcs::of(cluster, facts), Dcs::Knows(_))
        && running.iter().any(|(_, facts)| holds_database(facts))
        && !running.iter().any(|(_, facts)| paused(facts));
    elect.then(|| "nobody leads, the members elect".to_owned())
}

/// A replica beneath which the data directory itself was removed stops, to be started again with an
/// empty one: shut in as Patroni is, it can make none.
pub(super) fn stop_without_directory(
    draft: &mut Draft,
    desired: &Desired,
    leader: Option<&NodeName>,
) {
    let Some(leader) = leader.and_then(|leader| desired.cluster.node(leader)) else {
        return;
    };
    let is_without = |node: &&Node| {
        let facts = draft.facts(&node.name);
        let data_dir = &desired.rendered[&node.name].data_dir;
        let postgresql = facts.postgresql.as_ref();
        facts.is_active(UNIT)
            && node.name != leader.name
            && !facts.directories.contains_key(data_dir)
            && postgresql.is_some_and(|it| !it.data_dir_in_use && it.system_identifier.is_none())
    };
    let stop = |node: &Node| {
        let step = Step {
            action: systemd(UNIT, UnitOperation::Stop),
            guard: Some(Guard::LeaderIs {
                node: leader.name.clone(),
                url: desired.cluster.rest_url(leader),
            }),
        };
        (node.name.clone(), vec![step])
    };
    let members = desired.cluster.with_role(Role::Postgresql);
    let work = members.filter(is_without).map(stop).collect();
    draft.phase("patroni stops", Rollout::Parallel, work, |_| None);
}

/// Whether Patroni lets a member with these tags make a database and lead: `failover_priority: 0`
/// is `nofailover`.
pub(super) fn may_lead(tags: &Map<String, Value>) -> bool {
    let forbidden = tags
        .get("nofailover")
        .is_some_and(|tag| tag.as_bool() == Some(true));
    let priority = tags.get("failover_priority").and_then(|tag| tag.as_i64());
    !forbidden && priority.is_none_or(|priority| priority > 0)
}

fn start() -> Step {
    systemd(UNIT, UnitOperation::Start).into()
}

fn start_leader(draft: &mut Draft, desired: &Desired, node: &Node, new: bool) {
    let cluster = desired.cluster;
    let step = Step {
        guard: new.then(|| Guard::DataDirectoryEmpty {
            path: desired.rendered[&node.name].data_dir.clone(),
        }),
        ..start()
    };
    let work = vec![(node.name.clone(), vec![step])];
    draft.phase("leader", Rollout::Parallel, work, |_| {
        let url = cluster.rest_url(node);
        Some(Gate {
            title: format!("{} leads", node.name),
            conditions: vec![(node.name.clone(), Condition::PatroniLeader { url })],
            deadline: LEADER_DEADLINE,
            concerns: Vec::new(),
        })
    });
}

/// Replicas side by side; a leader that is known is told to make their slots at once.
fn start_replicas(
    draft: &mut Draft,
    desired: &Desired,
    nodes: &[&Node],
    leader: Option<&NodeName>,
) {
    let cluster = desired.cluster;
    let gate = |_: &[NodeName]| {
        let condition = |node: &&Node| {
            let url = cluster.rest_url(node);
            let connection = connection(desired, node);
            (
                node.name.clone(),
                Condition::PatroniReplica { url, connection },
            )
        };
        Some(Gate {
            title: "every replica streams".to_owned(),
            conditions: nodes.iter().map(condition).collect(),
            deadline: REPLICA_DEADLINE,
            concerns: leader.into_iter().cloned().collect(),
        })
    };
    let mut work = starts(nodes);
    if let Some(leader) = leader.and_then(|name| cluster.node(name))
        && !nodes.is_empty()
    {
        work.push((leader.name.clone(), vec![wake(desired, leader, nodes)]));
    }
    draft.phase("replicas", Rollout::Parallel, work, gate);
}

/// The step by which the leader makes the slots of `nodes`, which start at the same time.
fn wake(desired: &Desired, leader: &Node, nodes: &[&Node]) -> Step {
    let cluster = desired.cluster;
    let setting = cluster.patroni.dynamic.get_key_value("loop_wait");
    Step {
        action: Action::WakeLeader {
            url: cluster.rest_url(leader),
            username: cluster.patroni.rest_username.clone(),
            password: desired.secrets.get(&SecretName::RestApi).clone(),
            members: nodes.iter().map(|node| node.name.clone()).collect(),
            setting: setting
                .map(|(key, value)| (key.clone(), value.clone()))
                .into_iter()
                .collect(),
        },
        guard: Some(Guard::LeaderIs {
            node: leader.name.clone(),
            url: cluster.rest_url(leader),
        }),
    }
}

fn start_members(draft: &mut Draft, desired: &Desired, nodes: &[&Node]) {
    draft.phase("members", Rollout::Parallel, starts(nodes), |_| {
        // One of them will lead; which one is theirs to decide.
        let condition = |node: &&Node| {
            let url = desired.cluster.rest_url(node);
            (node.name.clone(), Condition::PatroniMember { url })
        };
        Some(Gate {
            title: "every member runs".to_owned(),
            conditions: nodes.iter().map(condition).collect(),
            deadline: REPLICA_DEADLINE,
            concerns: Vec::new(),
        })
    });
}

fn starts(nodes: &[&Node]) -> Vec<(NodeName, Vec<Step>)> {
    nodes
        .iter()
        .map(|node| (node.name.clone(), vec![start()]))
        .collect()
}
