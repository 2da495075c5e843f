//! Two services of a node on one port of one address.

use std::collections::HashSet;

use super::{Context, span};
use crate::cluster::{Cluster, Node, Role};
use crate::inventory::{OrOff, Span};

/// A service that listens.
struct Listener {
    what: &'static str,
    key: &'static str,
    addresses: Vec<String>,
    port: u16,
    place: Option<Span>,
    /// Whether it runs as a user that may bind ports below 1024.
    root: bool,
}

pub(super) fn check(context: &mut Context<'_>) {
    let mut said: HashSet<(&str, &str, Option<Span>, Option<Span>)> = HashSet::new();
    for (draft, node) in context.draft.nodes.iter().zip(&context.cluster.nodes) {
        let listeners = listeners(context, draft, node);
        for (at, one) in listeners.iter().enumerate() {
            if one.port < 1024 && !one.root && !unprivileged_from(node, one.port) {
                context
                    .problems
                    .error(
                        one.place,
                        format!(
                            "{} cannot listen on port {}: it does not run as root",
                            one.what, one.port
                        ),
                    )
                    .hint("ports from 1024 on are free for all");
            }
            for other in listeners.iter().take(at) {
                if one.port != other.port || !overlap(&one.addresses, &other.addresses) {
                    continue;
                }
                // The same clash on a hundred nodes is one mistake.
                let places = (one.place, other.place);
                if !said.insert((one.what, other.what, places.0, places.1)) {
                    continue;
                }
                let place = places.0.or(places.1).unwrap_or(draft.span);
                let message = format!(
                    "`{}`: {} and {} both listen on port {}",
                    node.name, other.what, one.what, one.port
                );
                let problem = context.problems.error(place, message).hint(format!(
                    "set `{}` or `{}` to another port",
                    other.key, one.key
                ));
                if let Some(second) = places.1.filter(|second| *second != place) {
                    problem.also(second, other.what);
                }
            }
        }
    }
}

fn listeners(context: &Context<'_>, draft: &super::DraftNode, node: &Node) -> Vec<Listener> {
    let cluster: &Cluster = context.cluster;
    let own = node.address.to_string();
    let local = "127.0.0.1".to_owned();
    let top_etcd = context.draft.top.etcd.as_ref().map(|etcd| &etcd.value);
    let top_patroni = context
        .draft
        .top
        .patroni
        .as_ref()
        .map(|patroni| &patroni.value);
    let postgresql = draft
        .entry
        .postgresql
        .as_ref()
        .map(|postgresql| &postgresql.value);
    let haproxy = draft.entry.haproxy.as_ref().map(|haproxy| &haproxy.value);
    let mut all = Vec::new();
    let mut add = |what, key, addresses, port, place, root| {
        all.push(Listener {
            what,
            key,
            addresses,
            port,
            place,
            root,
        });
    };
    if node.has(Role::Etcd) {
        let client = top_etcd.and_then(|etcd| span(&etcd.client_port));
        let peer = top_etcd.and_then(|etcd| span(&etcd.peer_port));
        add(
            "etcd (clients)",
            "etcd.client_port",
            vec![own.clone(), local],
            cluster.etcd.client_port,
            client,
            false,
        );
        add(
            "etcd (peers)",
            "etcd.peer_port",
            vec![own],
            cluster.etcd.peer_port,
            peer,
            false,
        );
    }
    if node.has(Role::Postgresql) {
        let port = top_patroni.and_then(|patroni| span(&patroni.port));
        add(
            "Patroni",
            "patroni.port",
            vec![node.patroni.listen.clone()],
            cluster.patroni.port,
            port,
            false,
        );
        let port = postgresql.and_then(|postgresql| span(&postgresql.port));
        add(
            "PostgreSQL",
            "postgresql.port",
            node.postgresql.listen.clone(),
            node.postgresql.port,
            port,
            false,
        );
    }
    if node.has(Role::Haproxy) {
        let listen = &node.haproxy.listen;
        let place = haproxy.and_then(|haproxy| span(&haproxy.read_write_port));
        add(
            "HAProxy (read-write)",
            "haproxy.read_write_port",
            listen.clone(),
            node.haproxy.read_write_port,
            place,
            true,
        );
        if let Some(port) = node.haproxy.read_only_port {
            let place = haproxy.and_then(|haproxy| {
                haproxy
                    .read_only_port
                    .as_ref()
                    .filter(|port| port.value != OrOff::Off)
                    .map(|port| port.span)
            });
            add(
                "HAProxy (read-only)",
                "haproxy.read_only_port",
                listen.clone(),
                port,
                place,
                true,
            );
        }
        let stats = haproxy
            .and_then(|haproxy| haproxy.stats.as_ref())
            .map(|stats| &stats.value);
        let place = stats.and_then(|stats| span(&stats.port));
        add(
            "HAProxy (statistics)",
            "haproxy.stats.port",
            vec![node.haproxy.stats_listen.clone()],
            node.haproxy.stats_port,
            place,
            true,
        );
    }
    all
}

/// Whether some address is in both; a name could be any.
fn overlap(one: &[String], other: &[String]) -> bool {
    let any = |address: &String| {
        address
            .parse::<std::net::IpAddr>()
            .map_or(true, |address| address.is_unspecified())
    };
    one.iter()
        .any(|a| other.iter().any(|b| a == b || any(a) || any(b)))
}

/// Whether the node's kernel lets everybody bind `port`.
fn unprivileged_from(node: &Node, port: u16) -> bool {
    node.system
        .sysctl
        .get("net.ipv4.ip_unprivileged_port_start")
        .and_then(|start| start.parse::<u16>().ok())
        .is_some_and(|start| port >= start)
}
