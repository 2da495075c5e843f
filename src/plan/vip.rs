//! The virtual address: keepalived's files, one node after the other, whoever holds it last.

use std::time::Duration;

use super::draft::{Draft, systemd, write_file};
use super::{Condition, Desired, Gate, Rollout, Step, UnitOperation, tls};
use crate::cluster::{Node, NodeName, Role, VipSpec};
use crate::facts::NodeFacts;
use crate::platform::vip::KEEPALIVED_UNIT;
use crate::render::{File, Purpose};

/// Whoever takes the address first waits for three adverts that do not come.
const GATE_DEADLINE: Duration = Duration::from_secs(60);

/// Adds the phase.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    let Some(vip) = &cluster.vip else {
        return;
    };
    let mut nodes: Vec<&Node> = cluster.with_role(Role::Haproxy).collect();
    nodes.sort_by_key(|node| draft.facts(&node.name).holds(vip.address));
    let work: Vec<(NodeName, Vec<Step>)> = nodes
        .into_iter()
        .map(|node| {
            let steps = steps(desired, &node.name, draft.facts(&node.name));
            (node.name.clone(), steps)
        })
        .collect();
    draft.phase("virtual address", Rollout::Rolling, work, |nodes| {
        Some(gate(desired, vip, nodes))
    });
}

fn steps(desired: &Desired, node: &NodeName, facts: &NodeFacts) -> Vec<Step> {
    let files = desired.rendered[node].files.iter();
    let files: Vec<&File> = files.filter(|file| file.purpose == Purpose::Vip).collect();
    let written: Vec<&File> = files
        .iter()
        .copied()
        .filter(|file| write_file(facts, file).is_some())
        .collect();
    let mut steps: Vec<Step> = written
        .iter()
        .filter_map(|file| write_file(facts, file))
        .map(Step::from)
        .collect();
    let unit = facts.units.get(KEEPALIVED_UNIT);
    let since = unit.and_then(|unit| unit.active_since);
    let is_newer = |file: &&&File| {
        let there = facts.files.get(&file.path);
        there.is_some_and(|there| since.is_some_and(|since| there.modified > since))
    };
    // What a unit may do holds from its next start on.
    let restarts = written.iter().any(|file| file.is_unit())
        || files.iter().filter(is_newer).any(|file| file.is_unit());
    if written.iter().any(|file| file.is_unit())
        || unit.is_some_and(|unit| unit.needs_daemon_reload)
    {
        steps.push(super::Action::ReloadSystemd.into());
    }
    if unit.is_none_or(|unit| unit.enabled != "enabled") {
        steps.push(systemd(KEEPALIVED_UNIT, UnitOperation::Enable).into());
    }
    let read = unit.and_then(|unit| unit.active_since.max(unit.reloaded_at));
    if !facts.is_active(KEEPALIVED_UNIT) {
        steps.push(systemd(KEEPALIVED_UNIT, UnitOperation::Start).into());
    } else if restarts {
        steps.push(systemd(KEEPALIVED_UNIT, UnitOperation::Restart).into());
    } else if !written.is_empty() || tls::is_newer(desired, node, facts, read, &[Purpose::Vip]) {
        steps.push(systemd(KEEPALIVED_UNIT, UnitOperation::Reload).into());
    }
    steps
}

fn gate(desired: &Desired, vip: &VipSpec, nodes: &[NodeName]) -> Gate {
    let conditions = nodes
        .iter()
        .filter_map(|name| desired.cluster.node(name))
        .map(|node| {
            let condition = Condition::VipHeld {
                address: vip.address,
                port: node.haproxy.read_write_port,
            };
            (node.name.clone(), condition)
        })
        .collect();
    Gate {
        title: format!("{} is held", vip.address),
        conditions,
        deadline: GATE_DEADLINE,
        concerns: nodes.to_vec(),
    }
}
