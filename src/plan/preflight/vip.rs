//! The virtual address: in the nodes' network, nobody else's, and keepalived not somebody else's.

use std::net::Ipv4Addr;

use super::Findings;
use crate::cluster::{Node, Role};
use crate::facts::{NodeFacts, VipFacts};
use crate::plan::Desired;
use crate::platform::vip::{KEEPALIVED_CONFIG, KEEPALIVED_UNIT};
use crate::render::MANAGED_BY;
use crate::secret::Secret;

pub(super) fn check(findings: &mut Findings, desired: &Desired) {
    let Some(vip) = &desired.cluster.vip else {
        return;
    };
    for node in desired.cluster.with_role(Role::Haproxy) {
        if let Some(facts) = desired.facts.nodes.get(&node.name) {
            network(findings, node, facts, vip.address, vip.interface.as_deref());
            keepalived(findings, node, facts);
        }
    }
    for node in &desired.cluster.nodes {
        let facts = desired.facts.nodes.get(&node.name);
        if !node.has(Role::Haproxy) && facts.is_some_and(|facts| facts.holds(vip.address)) {
            findings.refuse(
                Some(&node.name),
                format!(
                    "it has the virtual address {}, and no HAProxy that could hold it",
                    vip.address
                ),
                Some("take it away there, or choose another `vip.address`".to_owned()),
            );
        }
    }
    foreign(findings, desired, vip.address);
}

/// The address is in a network of the node's, by the interface that carries it.
fn network(
    findings: &mut Findings,
    node: &Node,
    facts: &NodeFacts,
    address: Ipv4Addr,
    interface: Option<&str>,
) {
    let unknown = VipFacts::default();
    let known = facts.vip.as_ref().unwrap_or(&unknown);
    let networks: Vec<String> = known
        .networks
        .iter()
        .map(|facts| format!("{} on {}", facts.network, facts.interface))
        .collect();
    let networks = match networks.as_slice() {
        [] => "none that is known".to_owned(),
        some => some.join(", "),
    };
    let message = match interface {
        Some(name) if known.is_connected(name, address) => return,
        Some(name) => format!(
            "the virtual address {address} is not in a network of its interface {name}; it has \
             {networks}"
        ),
        None if known.interface(address).is_some() => return,
        None => {
            format!("the virtual address {address} is in none of its networks; it has {networks}")
        }
    };
    let hint =
        "`vip.address` is an address of the HAProxy nodes' own network, else nobody finds it";
    findings.refuse(Some(&node.name), message, Some(hint.to_owned()));
}

/// A keepalived that runs with somebody's configuration holds somebody's addresses.
fn keepalived(findings: &mut Findings, node: &Node, facts: &NodeFacts) {
    let Some(file) = facts.files.get(KEEPALIVED_CONFIG) else {
        return;
    };
    let content = file.content.as_ref().map(Secret::expose);
    let foreign = content.is_some_and(|content| !content.contains(MANAGED_BY));
    if foreign && facts.is_active(KEEPALIVED_UNIT) {
        findings.refuse(
            Some(&node.name),
            format!("keepalived runs here already, and {KEEPALIVED_CONFIG} is not mahout's"),
            Some(
                "move its addresses elsewhere and stop it: `systemctl disable --now keepalived`; the \
                 file is kept beside its place"
                    .to_owned(),
            ),
        );
    }
}

/// Nobody but our own nodes answers for the address. What a neighbour was told once it may still
/// believe: an answer of a node of ours, which does not hold the address now, is an old one.
fn foreign(findings: &mut Findings, desired: &Desired, address: Ipv4Addr) {
    let nodes = &desired.facts.nodes;
    let known = || {
        nodes
            .iter()
            .filter_map(|(name, facts)| Some((name, facts.vip.as_ref()?)))
    };
    let ours = |hardware: &str| {
        let mut known = known();
        known.any(|(_, facts)| facts.hardware.iter().any(|own| own == hardware))
    };
    for (name, facts) in known() {
        if let Some(hardware) = facts.answers.as_deref().filter(|hardware| !ours(hardware)) {
            findings.refuse(
                Some(name),
                format!("another machine has the virtual address {address}: {hardware} answers for it"),
                Some(format!(
                    "choose an address that nobody has; if that machine is gone: `ip neigh flush to \
                     {address}`"
                )),
            );
        }
    }
}
