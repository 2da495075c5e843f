//! One node: its name, its addresses, its space, its ports.

use super::Findings;
use crate::cluster::{Node, Role};
use crate::facts::{ListeningPort, NodeFacts};
use crate::plan::{Desired, etcd, patroni};

/// What the packages, etcd's first 64 MB of WAL and an empty database take at least.
const DISK_MINIMUM_BYTES: u64 = 1 << 30;
/// The stack's idle footprint on one node, with PostgreSQL's default buffers.
const MEMORY_MINIMUM_BYTES: u64 = 512 << 20;
const HAPROXY: &str = "haproxy.service";

pub(super) fn system(findings: &mut Findings, node: &Node, facts: &NodeFacts) {
    let system = &facts.system;
    if system.systemd == 0 {
        findings.refuse(
            Some(&node.name),
            "systemd does not run on this node".to_owned(),
            None,
        );
    }
    if system.hostname != node.name.as_str() {
        let message = format!(
            "its host name is `{}`, the inventory calls it `{}`",
            system.hostname, node.name
        );
        if node.system.check_hostname {
            let hint = format!(
                "run `hostnamectl set-hostname {}` on the node, or set `system.check_hostname: \
                 false`",
                node.name
            );
            findings.refuse(Some(&node.name), message, Some(hint));
        } else {
            findings.note(&node.name, message);
        }
    }
    let address = node.address.to_string();
    if !system.addresses.is_empty() && !system.addresses.contains(&address) {
        findings.refuse(
            Some(&node.name),
            format!(
                "it has no address {address}, only {}",
                system.addresses.join(", ")
            ),
            Some("`address:` must be the one that the other nodes reach it under".to_owned()),
        );
    }
    if let Some(holder) = &system.package_lock {
        findings.note(
            &node.name,
            format!("{holder} holds the package manager's lock; an installation waits for it"),
        );
    }
}

pub(super) fn space(findings: &mut Findings, node: &Node, facts: &NodeFacts) {
    for disk in &facts.disks {
        if disk.free_bytes < DISK_MINIMUM_BYTES || disk.free_inodes.is_some_and(|free| free < 1000)
        {
            let message = format!(
                "{} (file system {}) has {} MB and {} inodes free",
                disk.path,
                disk.mount,
                disk.free_bytes >> 20,
                disk.free_inodes
                    .map_or("unlimited".to_owned(), |free| free.to_string())
            );
            // A cluster that runs on a full disk must still be plannable: its mending may be what
            // the run is for.
            if facts.is_active(patroni::UNIT) || facts.is_active(etcd::UNIT) {
                findings.note(&node.name, message);
            } else {
                let hint = "make at least 1 GB and 1000 inodes free".to_owned();
                findings.refuse(Some(&node.name), message, Some(hint));
            }
        }
    }
    if node.has(Role::Postgresql) && facts.system.memory_bytes < MEMORY_MINIMUM_BYTES {
        findings.note(
            &node.name,
            format!(
                "{} MB of memory are too few for PostgreSQL, Patroni and etcd",
                facts.system.memory_bytes >> 20
            ),
        );
    }
}

/// Whether the unit is at rest, and what listens is not its own: PostgreSQL outlives a Patroni that
/// crashed, and a process of HAProxy's lives as long as its last session.
fn runs_by_other_means(facts: &NodeFacts, unit: &str, port: u16) -> bool {
    let state = facts
        .units
        .get(unit)
        .map_or("", |unit| unit.active.as_str());
    let is_at_rest = matches!(state, "" | "inactive" | "failed");
    let of_postgresql = facts
        .ports
        .iter()
        .any(|listening| listening.port == port && listening.process.starts_with("post"));
    is_at_rest && unit != HAPROXY && !of_postgresql
}

/// Each port that we are going to listen on is free or already our own service's.
pub(super) fn ports(findings: &mut Findings, desired: &Desired, node: &Node, facts: &NodeFacts) {
    let cluster = desired.cluster;
    let mut wanted: Vec<(u16, &str, &str, &[&str])> = Vec::new();
    if node.has(Role::Etcd) {
        wanted.push((
            cluster.etcd.client_port,
            "etcd's clients",
            etcd::UNIT,
            &["etcd"],
        ));
        wanted.push((
            cluster.etcd.peer_port,
            "etcd's peers",
            etcd::UNIT,
            &["etcd"],
        ));
    }
    if node.has(Role::Postgresql) {
        let patroni: &[&str] = &["patroni", "python", "python3"];
        wanted.push((
            cluster.patroni.port,
            "Patroni's REST API",
            patroni::UNIT,
            patroni,
        ));
        wanted.push((
            node.postgresql.port,
            "PostgreSQL",
            patroni::UNIT,
            &["postgres", "postmaster"],
        ));
    }
    if node.has(Role::Haproxy) {
        let own: &[&str] = &["haproxy"];
        wanted.push((
            node.haproxy.read_write_port,
            "HAProxy's read-write port",
            HAPROXY,
            own,
        ));
        if let Some(port) = node.haproxy.read_only_port {
            wanted.push((port, "HAProxy's read-only port", HAPROXY, own));
        }
        wanted.push((
            node.haproxy.stats_port,
            "HAProxy's statistics",
            HAPROXY,
            own,
        ));
    }
    for (port, purpose, unit, owners) in wanted {
        let is_named_as_ours = |listening: &ListeningPort| {
            let mut owners = owners.iter();
            owners.any(|owner| listening.process.starts_with(owner))
        };
        let taken = facts.ports.iter().find(|listening| {
            listening.port == port
                && if listening.process.is_empty() {
                    // The kernel's own (NFS), or of a container; not ours where ours does not run.
                    !facts.is_active(unit)
                } else {
                    !is_named_as_ours(listening) || runs_by_other_means(facts, unit, port)
                }
        });
        if let Some(listening) = taken {
            let pid = listening.pid.map(|pid| format!(" (pid {pid})"));
            let owner = match listening.process.as_str() {
                "" => "a listener whose process cannot be seen",
                process => process,
            };
            findings.refuse(
                Some(&node.name),
                format!(
                    "port {port}, wanted for {purpose}, is taken by {owner}{}",
                    pid.unwrap_or_default()
                ),
                Some(if is_named_as_ours(listening) {
                    format!("{unit} does not run it: stop it, or have that unit run it")
                } else {
                    "stop it, or choose another port in the inventory".to_owned()
                }),
            );
        }
    }
}
