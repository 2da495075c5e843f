//! What a node's firewall is to let in: for firewalld one policy of ours, which holds in every zone;
//! rules for ufw; for a ruleset that somebody wrote by hand the lines that it lacks.

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{File, MANAGED, Purpose, RenderError, Target};
use crate::cluster::firewall::source;
use crate::cluster::{Cluster, FirewallUse, Node};
use crate::facts::NodeFacts;
use crate::facts::firewall::{Fence, FirewallRule};
use crate::platform::firewall::{FIREWALLD_POLICY, VRRP};
use crate::template::Templates;

/// Whether firewalld is to let the cluster in: it runs, or is to be started. Before 0.9 it knows no
/// policies.
pub(super) fn is_wanted(node: &Node, facts: &NodeFacts) -> bool {
    let Some(firewall) = facts.firewall.as_ref().filter(|known| known.policies) else {
        return false;
    };
    match (node.system.firewall, facts.fence()) {
        (FirewallUse::Off, _) | (_, Fence::Ufw) => false,
        (_, Fence::Firewalld) => true,
        (wanted, Fence::None) => wanted == FirewallUse::On && firewall.firewalld,
    }
}

/// The policy, where there is one.
pub(super) fn file(target: &Target, templates: &Templates) -> Result<Option<File>, RenderError> {
    if !target.firewalld {
        return Ok(None);
    }
    let mut rules: Vec<Value> = Vec::new();
    for (net, ports) in target.cluster.admitted(target.node) {
        let family = if net.addr().is_ipv6() { "ipv6" } else { "ipv4" };
        let source = source(&net);
        let rule = |port| json!({"family": family, "source": source, "port": port});
        rules.extend(ports.into_iter().map(rule));
    }
    for peer in target.cluster.vip_peers(target.node) {
        rules.push(json!({"family": "ipv4", "source": peer.address, "protocol": VRRP}));
    }
    let context = json!({"managed": MANAGED, "rules": rules});
    let content = templates.render("system/firewalld.xml.tera", &context)?;
    Ok(Some(File::new(
        Purpose::Firewall,
        FIREWALLD_POLICY,
        content,
    )))
}

/// The rules of firewalld's policy that are not in force, although firewalld was asked.
pub fn not_live(cluster: &Cluster, node: &Node, facts: &NodeFacts) -> BTreeSet<FirewallRule> {
    let live = facts.firewall.as_ref().and_then(|all| all.live.as_ref());
    let Some(live) = live else {
        return BTreeSet::new();
    };
    let admitted = cluster.admitted(node).into_iter();
    let wanted = admitted.flat_map(|(net, ports)| {
        ports.into_iter().map(move |port| FirewallRule {
            source: source(&net),
            ports: port.to_string(),
        })
    });
    wanted
        .chain(vrrp_rules(cluster, node))
        .filter(|rule| !live.contains(rule))
        .collect()
}

/// What lets the other HAProxy nodes tell who holds the virtual address.
fn vrrp_rules<'a>(cluster: &'a Cluster, node: &'a Node) -> impl Iterator<Item = FirewallRule> + 'a {
    cluster.vip_peers(node).map(|peer| FirewallRule {
        source: peer.address.to_string(),
        ports: VRRP.to_owned(),
    })
}

/// The rules that ufw is to have on a node.
pub fn ufw_rules(cluster: &Cluster, node: &Node) -> BTreeSet<FirewallRule> {
    let rule = |(net, ports): (IpNet, BTreeSet<u16>)| FirewallRule {
        source: source(&net),
        ports: ports
            .iter()
            .map(u16::to_string)
            .collect::<Vec<_>>()
            .join(","),
    };
    let admitted = cluster.admitted(node).into_iter().map(rule);
    admitted.chain(vrrp_rules(cluster, node)).collect()
}

/// A chain of nftables that drops packets and has no rule for some port of ours, and the commands
/// that let them in.
pub fn closed_chain(cluster: &Cluster, node: &Node, facts: &NodeFacts) -> Option<(String, String)> {
    let admitted = cluster.admitted(node);
    let ours: BTreeSet<u16> = admitted.values().flatten().copied().collect();
    let chains = &facts.firewall.as_ref()?.nftables;
    let peers: Vec<String> = vrrp_rules(cluster, node).map(|rule| rule.source).collect();
    let chain = chains
        .iter()
        .find(|chain| !ours.is_subset(&chain.ports) || !peers.is_empty() && !chain.vrrp)?;
    let rule = |(net, ports): (&IpNet, &BTreeSet<u16>)| {
        let family = if net.addr().is_ipv6() { "ip6" } else { "ip" };
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        format!(
            "`nft insert rule {} {family} saddr {} tcp dport {{ {} }} accept`",
            chain.name,
            source(net),
            ports.join(", ")
        )
    };
    let mut rules: Vec<String> = admitted.iter().map(rule).collect();
    if !peers.is_empty() {
        rules.push(format!(
            "`nft insert rule {} ip saddr {{ {} }} ip protocol vrrp accept`",
            chain.name,
            peers.join(", ")
        ));
    }
    Some((format!("nftables' chain {}", chain.name), rules.join(", ")))
}
