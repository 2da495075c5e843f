//! The nodes themselves: reachable, themselves, known to each other, their services up.

use super::view::{Judge, View, by_value};
use super::words::{count, list};
use crate::cluster::{Node, Role};
use crate::platform::Platform;
use crate::platform::vip::KEEPALIVED_UNIT;

/// Every node told its facts, and runs something that mahout knows.
pub(super) fn reachable(view: &View, judge: &mut Judge) {
    for node in &view.cluster.nodes {
        if let Some(said) = view.facts.nodes.get(&node.name) {
            if let Err(unknown) = Platform::detect(&said.system.os) {
                judge.error(&node.name, format!("its files are not judged: {unknown}"));
            }
            continue;
        }
        let cause = view.facts.unreachable.get(&node.name);
        judge.error(
            &node.name,
            cause.map_or_else(
                || "was not asked".to_owned(),
                |cause| format!("not reachable: {cause}"),
            ),
        );
    }
    judge.holds(count(view.cluster.nodes.len(), "node"));
}

/// The services that a node is to run.
fn services(view: &View, node: &Node) -> Vec<&'static str> {
    let own_etcd = view.cluster.etcd.external.is_none();
    let keepalived = view.cluster.can_hold_vip(node).then_some(KEEPALIVED_UNIT);
    [
        (Role::Etcd, "etcd.service"),
        (Role::Postgresql, "patroni.service"),
        (Role::Haproxy, "haproxy.service"),
    ]
    .into_iter()
    .filter(|(role, _)| node.has(*role) && (own_etcd || *role != Role::Etcd))
    .map(|(_, unit)| unit)
    .chain(keepalived)
    .collect()
}

/// Each service that the node needs runs now and starts at boot. The state of systemd as a whole
/// is not looked at: `degraded` may be somebody else's unit.
pub(super) fn units(view: &View, judge: &mut Judge) {
    let mut running = 0;
    for (node, facts) in view.nodes() {
        for name in services(view, node) {
            let Some(unit) = facts
                .units
                .get(name)
                .filter(|unit| unit.load != "not-found")
            else {
                judge.error(&node.name, format!("{name} does not exist"));
                continue;
            };
            running += 1;
            if unit.active != "active" {
                let result = match unit.result.as_str() {
                    "" | "success" => String::new(),
                    result => format!(" ({result})"),
                };
                judge
                    .error(&node.name, format!("{name} is {}{result}", unit.active))
                    .hint(format!("`journalctl -u {name} -n 50` on the node says why"));
            }
            if unit.enabled != "enabled" {
                let state = if unit.enabled.is_empty() {
                    "not enabled"
                } else {
                    &unit.enabled
                };
                judge.error(
                    &node.name,
                    format!("{name} does not start at boot ({state})"),
                );
            }
            if unit.needs_daemon_reload {
                judge.warning(
                    &node.name,
                    format!("{name} has changed and systemd has not read it again"),
                );
            }
        }
    }
    if running > 0 {
        judge.holds(format!("{} active and enabled", count(running, "service")));
    }
}

/// No two nodes are clones of each other.
pub(super) fn machine_ids(view: &View, judge: &mut Judge) {
    let ids = by_value(
        view.nodes()
            .filter(|(_, facts)| !facts.system.machine_id.is_empty())
            .map(|(node, facts)| (&node.name, facts.system.machine_id.as_str())),
    );
    for (id, nodes) in &ids {
        if nodes.len() > 1 {
            judge
                .error(None, format!("{} have one machine id: {id}", list(nodes)))
                .hint("`rm /etc/machine-id; systemd-machine-id-setup` on the clones, then reboot them");
        }
    }
    if !ids.is_empty() {
        judge.holds("distinct");
    }
}

/// Every node is called what the inventory calls it.
pub(super) fn hostname(view: &View, judge: &mut Judge) {
    for (node, facts) in view.nodes() {
        let own = facts.system.hostname.split('.').next().unwrap_or_default();
        if own == node.name.as_str() {
            continue;
        }
        let message = format!("is called `{own}`");
        let hint = format!("`hostnamectl set-hostname {}` on the node", node.name);
        if node.system.check_hostname {
            judge.error(&node.name, message).hint(hint);
        } else {
            judge.warning(&node.name, message).hint(hint);
        }
    }
    if view.nodes().next().is_some() {
        judge.holds("as in the inventory");
    }
}

/// Every node finds every other by its name. Where Patroni connects by name this is an error.
pub(super) fn resolves(view: &View, judge: &mut Judge) {
    let by_name = view.cluster.patroni.connect_by_name;
    let mut asked = false;
    for (node, facts) in view.nodes() {
        if !node.system.hosts_entries && !by_name {
            continue;
        }
        asked = true;
        for other in &view.cluster.nodes {
            let found = facts.system.resolves.get(other.name.as_str());
            if found.and_then(|address| address.parse().ok()) == Some(other.address) {
                continue;
            }
            let found = found.map_or("nothing", String::as_str);
            let message = format!(
                "{} resolves to {found}, not to {}",
                other.name, other.address
            );
            if by_name {
                judge.error(&node.name, message);
            } else {
                judge.warning(&node.name, message);
            }
        }
    }
    if asked {
        judge.holds("every node finds every other by its name");
    }
}
