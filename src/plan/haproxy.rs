//! HAProxy: its files, then a reload; a restart, which cuts every session, only where its unit
//! changed.

use std::time::Duration;

use super::draft::{Draft, systemd, write_file};
use super::{Action, Condition, Desired, Gate, Rollout, Step, UnitOperation};
use crate::cluster::{Cluster, Node, NodeName, Role};
use crate::facts::NodeFacts;
use crate::render::{self, Purpose};

/// The first checks need `rise` rounds.
const GATE_DEADLINE: Duration = Duration::from_secs(60);

/// Adds the phase.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    let mut work = Vec::new();
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
        if units_changed {
            steps.push(Action::ReloadSystemd.into());
        }
        if facts
            .units
            .get(unit)
            .is_none_or(|unit| unit.enabled != "enabled")
        {
            steps.push(systemd(unit, UnitOperation::Enable).into());
        }
        if !facts.is_active(unit) {
            steps.push(systemd(unit, UnitOperation::Start).into());
        } else if units_changed {
            // A limit of the unit holds from its next start on, and a configuration that needs
            // more is not loaded.
            steps.push(systemd(unit, UnitOperation::Restart).into());
        } else if changed || is_stale(desired, node, facts) {
            steps.push(systemd(unit, UnitOperation::Reload).into());
        }
        work.push((node.name.clone(), steps));
    }
    draft.phase("haproxy", Rollout::Parallel, work, |nodes| {
        gate(cluster, nodes)
    });
}

/// Whether the file was written after HAProxy last read it.
fn is_stale(desired: &Desired, node: &Node, facts: &NodeFacts) -> bool {
    let rendered = &desired.rendered[&node.name];
    let Some(unit) = facts.units.get(&rendered.platform.haproxy_unit) else {
        return false;
    };
    let read = unit.active_since.max(unit.reloaded_at);
    rendered
        .files
        .iter()
        .filter(|file| file.purpose == Purpose::HaproxyConfig)
        .filter_map(|file| facts.files.get(&file.path))
        .any(|file| read.is_some_and(|read| file.modified > read))
}

fn gate(cluster: &Cluster, nodes: &[NodeName]) -> Option<Gate> {
    let members = cluster.with_role(Role::Postgresql).count();
    if members == 0 {
        return None;
    }
    let conditions = nodes
        .iter()
        .filter_map(|name| cluster.node(name))
        .map(|node| {
            // A replica with `noloadbalance` answers /replica with 503 for good.
            let replicas = cluster
                .with_role(Role::Postgresql)
                .filter(|node| node.patroni.tags.get("noloadbalance") != Some(&true.into()))
                .count();
            let mut up = vec![(render::read_write_listener(cluster), 1)];
            if node.haproxy.read_only_port.is_some() {
                up.push((
                    render::read_only_listener(cluster),
                    replicas.min(members - 1),
                ));
            }
            let url = cluster.stats_url(node);
            (node.name.clone(), Condition::HaproxyServers { url, up })
        })
        .collect();
    Some(Gate {
        title: "HAProxy sees the leader and the replicas".to_owned(),
        conditions,
        deadline: GATE_DEADLINE,
    })
}
