//! What of a node others must reach, and who: the ports that a firewall has to open, and the paths
//! that `verify` proves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Cluster, Node, Role};

/// A port of a node that others connect to.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening<'a> {
    /// What answers there: `etcd's client port`.
    pub service: &'static str,
    /// The address that it is reached under.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The nodes that may connect to it, without the node itself.
    pub nodes: Vec<&'a Node>,
    /// Whether the cluster needs that they can: what any node may ask of HAProxy, none has to.
    pub needed: bool,
    /// Whether the networks of `clients` do, too.
    pub clients: bool,
}

impl Cluster {
    /// The ports of `node` that others connect to. What listens on loopback alone is not among
    /// them.
    pub fn openings(&self, node: &Node) -> Vec<Opening<'_>> {
        let own = [node.address.to_string()];
        let any: &[Role] = &Role::ALL;
        let databases: &[Role] = &[Role::Postgresql, Role::Haproxy];
        let mut openings = Vec::new();
        let mut open = |service, port, listen: &[String], from: &[Role], clients| {
            if let Some(address) = reached_at(node, listen) {
                openings.push(Opening {
                    service,
                    address,
                    port,
                    nodes: self
                        .nodes
                        .iter()
                        .filter(|other| other.name != node.name)
                        .filter(|other| from.iter().any(|role| other.has(*role)))
                        .collect(),
                    needed: from != any,
                    clients,
                });
            }
        };
        if node.has(Role::Etcd) && self.etcd.external.is_none() {
            let clients = &[Role::Etcd, Role::Postgresql];
            let (client, peer) = (self.etcd.client_port, self.etcd.peer_port);
            open("etcd's client port", client, &own, clients, false);
            open("etcd's peer port", peer, &own, &[Role::Etcd], false);
        }
        if node.has(Role::Postgresql) {
            let rest = std::slice::from_ref(&node.patroni.listen);
            let (port, listen) = (node.postgresql.port, &node.postgresql.listen);
            open("the REST API", self.patroni.port, rest, databases, false);
            open("PostgreSQL", port, listen, databases, true);
        }
        if node.has(Role::Haproxy) {
            let haproxy = &node.haproxy;
            let listen = &haproxy.listen;
            let mut ours = |service, port| open(service, port, listen, any, true);
            ours("HAProxy's read-write port", haproxy.read_write_port);
            if let Some(port) = haproxy.read_only_port {
                ours("HAProxy's read-only port", port);
            }
            let listen = std::slice::from_ref(&haproxy.stats_listen);
            let port = haproxy.stats_port;
            open("HAProxy's statistics", port, listen, any, true);
        }
        openings
    }

    /// Who may connect to which ports of `node`: every source with its ports.
    pub fn admitted(&self, node: &Node) -> BTreeMap<IpNet, BTreeSet<u16>> {
        let mut admitted: BTreeMap<IpNet, BTreeSet<u16>> = BTreeMap::new();
        for opening in self.openings(node) {
            let nodes = opening.nodes.iter().map(|node| IpNet::from(node.address));
            let clients = self.clients.iter().filter(|_| opening.clients);
            for source in nodes.chain(clients.map(IpNet::trunc)) {
                admitted.entry(source).or_default().insert(opening.port);
            }
        }
        admitted
    }
}

/// The other nodes that tell `node` who holds the virtual address, in words: ` and vrrp from …`.
pub fn vrrp_in_words(cluster: &Cluster, node: &Node) -> String {
    let peers = cluster.vip_peers(node);
    let peers: Vec<String> = peers.map(|peer| peer.address.to_string()).collect();
    match peers.is_empty() {
        true => String::new(),
        false => format!("; VRRP from {}", peers.join(", ")),
    }
}

/// The address under which others reach what listens on `listen`; `None` for loopback alone.
pub fn reached_at(node: &Node, listen: &[String]) -> Option<String> {
    let own = node.address.to_string();
    let addresses = || {
        let listen = listen.iter();
        listen.map(|address| address.trim_matches(['[', ']']))
    };
    if addresses().any(|address| matches!(address, "*" | "0.0.0.0" | "::") || address == own) {
        return Some(own);
    }
    let is_local = |address: &str| {
        let parsed = address.parse();
        parsed.is_ok_and(|address: IpAddr| address.is_loopback())
    };
    addresses()
        .find(|address| !is_local(address))
        .map(str::to_owned)
}

/// A source as a firewall writes it: an address without its length, a network with it.
pub fn source(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}

/// The admitted in words, sources with equal ports together: `2379, 2380 from 10.0.0.12, 10.0.0.13`.
pub fn in_words(admitted: &BTreeMap<IpNet, BTreeSet<u16>>) -> String {
    let mut by_ports: BTreeMap<&BTreeSet<u16>, Vec<String>> = BTreeMap::new();
    for (net, ports) in admitted {
        by_ports.entry(ports).or_default().push(source(net));
    }
    let parts: Vec<String> = by_ports
        .iter()
        .map(|(ports, sources)| format!("{} from {}", list(ports), sources.join(", ")))
        .collect();
    parts.join("; ")
}

fn list(ports: &BTreeSet<u16>) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    ports.join(", ")
}
