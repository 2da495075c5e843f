//! The virtual address: one node holds it, and clients get through.

use super::haproxy::{named_place, place};
use super::probe::ProbeKind;
use super::view::{Judge, View};
use super::words::list;
use crate::cluster::{NodeName, Role};

/// One HAProxy node holds it, and no other node.
pub(super) fn held(view: &View, judge: &mut Judge) {
    let Some(vip) = &view.cluster.vip else {
        return;
    };
    let holders: Vec<&NodeName> = view
        .nodes()
        .filter(|(_, facts)| facts.holds(vip.address))
        .map(|(node, _)| &node.name)
        .collect();
    let mut nodes = view.cluster.with_role(Role::Haproxy);
    let silent = nodes.any(|node| !view.facts.nodes.contains_key(&node.name));
    match holders.as_slice() {
        [] if silent => {
            judge.warning(
                None,
                format!(
                    "no node that can be asked holds {}; one that cannot may do so",
                    vip.address
                ),
            );
        }
        [] => {
            judge
                .error(None, format!("nobody holds {}", vip.address))
                .hint("`journalctl -u keepalived -n 50` on the HAProxy nodes says why");
        }
        [one] => judge.holds(format!("{one} holds {}", vip.address)),
        several => {
            judge
                .error(
                    None,
                    format!("{} all hold {}", list(several), vip.address),
                )
                .hint(
                    "they do not hear each other: VRRP (IP protocol 112) between the HAProxy nodes has \
                     to pass every firewall",
                );
        }
    }
}

/// A write to it lands on the leader.
pub(super) fn write(view: &View, judge: &mut Judge) {
    let Some(vip) = &view.cluster.vip else {
        return;
    };
    if view.cluster.with_role(Role::Postgresql).next().is_none() {
        return;
    }
    let mut probes = view.probes.iter();
    let probe = probes.find(|probe| probe.kind == ProbeKind::Vip);
    let leader = view.leader().map(|leader| &leader.name);
    match probe.map(|probe| &probe.outcome) {
        None => {
            judge.warning(None, format!("no write was tried through {}", vip.address));
        }
        Some(Err(cause)) => {
            judge.error(
                None,
                format!("a write to {} did not come through: {cause}", vip.address),
            );
        }
        Some(Ok(landing)) => {
            let on = place(view, landing);
            let at = named_place(on, landing);
            if landing.in_recovery || on.map(|on| &on.name) != leader {
                judge.error(
                    None,
                    format!(
                        "a write to {} landed on {at}, which is not the leader",
                        vip.address
                    ),
                );
            } else {
                judge.holds(format!("a write to {} landed on {at}", vip.address));
            }
        }
    }
}
