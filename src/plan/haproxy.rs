//! HAProxy: its files, then a reload; a restart, which cuts every session, only where its unit
//! changed.

use std::time::Duration;

use super::draft::{Draft, systemd, write_file};
use super::{Action, Condition, Desired, Gate, Rollout, Step, UnitOperation, tls};
use crate::cluster::{Cluster, Node, NodeName, Role};
use crate::facts::NodeFacts;
use crate::render::{self, Purpose};

/// The first checks need `rise` rounds.
const GATE_DEADLINE: Duration = Duration::from_secs(60);

/// What is said of one that is not restarted.
const WAITS: &str = "haproxy.service runs on with the limits that it was started with; `mahout deploy` \
                     restarts it for its new ones, which cuts the sessions through it";

/// Adds the phase.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    let mut work = Vec::new();
    let mut waits = Vec::new();
    for node in cluster.with_role(Role::Haproxy) {
        let rendered = &desired.rendered[&node.name];
        let unit = &rendered.platform.haproxy_unit;
        let facts = draft.facts(&node.name);
        let mut steps: Vec<Step> = Vec::new();
        let mut units_changed = false;
        for file in &rendered.files {
            if file.purpose != Purpose::HaproxyConfig {
                continue;
            }
            if let Some(action) = write_file(facts, file) {
                units_changed |= file.is_unit();
                steps.push(action.into());
            }
        }
        let changed = !steps.is_empty();
        let there = facts.units.get(unit);
        if units_changed || there.is_some_and(|unit| unit.needs_daemon_reload) {
            steps.push(Action::ReloadSystemd.into());
        }
        if there.is_none_or(|unit| unit.enabled != "enabled") {
            steps.push(systemd(unit, UnitOperation::Enable).into());
        }
        if !facts.is_active(unit) {
            steps.push(systemd(unit, UnitOperation::Start).into());
        } else if draft.spares() {
            if units_changed || is_older_than_its_unit(desired, node, facts) {
                waits.push(&node.name);
            }
            if changed || is_stale(desired, node, facts) {
                steps.push(systemd(unit, UnitOperation::Reload).into());
            }
        } else if units_changed || is_older_than_its_unit(desired, node, facts) {
            // A limit of the unit holds from its next start on, and a configuration that needs
            // more is not loaded.
            steps.push(systemd(unit, UnitOperation::Restart).into());
        } else if changed || is_stale(desired, node, facts) {
            steps.push(systemd(unit, UnitOperation::Reload).into());
        }
        work.push((node.name.clone(), steps));
    }
    for node in waits {
        draft.note(Some(node), WAITS);
    }
    let touched: Vec<NodeName> = work
        .iter()
        .filter(|(_, steps)| !steps.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    let gate = gate(draft, cluster, &touched);
    draft.phase("haproxy", Rollout::Parallel, work, |_| gate);
}

/// Whether HAProxy was started before its unit was last written; a reload does not mend that.
fn is_older_than_its_unit(desired: &Desired, node: &Node, facts: &NodeFacts) -> bool {
    let rendered = &desired.rendered[&node.name];
    let unit = facts.units.get(&rendered.platform.haproxy_unit);
    let since = unit.and_then(|unit| unit.active_since);
    rendered
        .files
        .iter()
        .filter(|file| file.purpose == Purpose::HaproxyConfig && file.is_unit())
        .filter_map(|file| facts.files.get(&file.path))
        .any(|file| since.is_some_and(|since| file.modified > since))
}

/// Whether the file, or the authorities that its checks trust, were written after HAProxy last
/// read them.
fn is_stale(desired: &Desired, node: &Node, facts: &NodeFacts) -> bool {
    let rendered = &desired.rendered[&node.name];
    let Some(unit) = facts.units.get(&rendered.platform.haproxy_unit) else {
        return false;
    };
    let read = unit.active_since.max(unit.reloaded_at);
    let purposes = [Purpose::HaproxyConfig, Purpose::Authorities];
    tls::is_newer(desired, &node.name, facts, read, &purposes)
}

fn gate(draft: &Draft, cluster: &Cluster, nodes: &[NodeName]) -> Option<Gate> {
    cluster.with_role(Role::Postgresql).next()?;
    let readers = readers(draft, cluster);
    let conditions = nodes
        .iter()
        .filter_map(|name| cluster.node(name))
        .map(|node| {
            let mut up = vec![(render::read_write_listener(cluster), 1)];
            if let Some(readers) = readers.filter(|_| node.haproxy.read_only_port.is_some()) {
                up.push((render::read_only_listener(cluster), readers));
            }
            let url = cluster.stats_url(node);
            (node.name.clone(), Condition::HaproxyServers { url, up })
        })
        .collect();
    Some(Gate {
        title: "HAProxy sees the leader and the replicas".to_owned(),
        conditions,
        deadline: GATE_DEADLINE,
        concerns: cluster
            .with_role(Role::Postgresql)
            .map(|node| node.name.clone())
            .collect(),
    })
}

/// How many replicas will take reads; `None` if that cannot be foretold, because nobody leads yet
/// or a member is not well.
fn readers(draft: &Draft, cluster: &Cluster) -> Option<usize> {
    let (mut leaders, mut readers) = (0, 0);
    for node in cluster.with_role(Role::Postgresql) {
        let patroni = draft.facts(&node.name).patroni.as_ref()?;
        // With `noloadbalance` a replica answers /replica with 503 for good.
        let hidden = node.patroni.tags.get("noloadbalance") == Some(&true.into());
        match (patroni.primary_status, patroni.replica_status) {
            (200, _) => leaders += 1,
            _ if hidden => {}
            (_, 200) => readers += 1,
            _ => return None,
        }
    }
    (leaders == 1).then_some(readers)
}
