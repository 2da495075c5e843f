//! What must be right before anything is planned: identities, ports, clocks, space. Refusals name
//! the node, the cause and the way out; nothing has been touched when they are shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Desired, Note, etcd, patroni};
use crate::cluster::{Node, NodeName, Role};
use crate::facts::NodeFacts;

/// Why no plan was made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Preflight found something that a person must decide on.
    #[error("{}", list(.0))]
    Refused(Vec<Refusal>),
}

/// One reason, on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The node; `None` for the cluster.
    pub node: Option<NodeName>,
    /// The cause.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "{node}: {}", self.message)?,
            None => f.write_str(&self.message)?,
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

fn list(refusals: &[Refusal]) -> String {
    let lines: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    lines.join("\n")
}

/// Skew between two nodes from which TLS, tokens and logs become doubtful.
const SKEW_WARNING_SECONDS: f64 = 0.5;
/// Skew from which a deploy is refused.
const SKEW_ERROR_SECONDS: f64 = 5.0;
/// What the packages, etcd's first 64 MB of WAL and an empty database take at least.
const DISK_MINIMUM_BYTES: u64 = 1 << 30;
/// The stack's idle footprint on one node, with PostgreSQL's default buffers.
const MEMORY_MINIMUM_BYTES: u64 = 512 << 20;

/// Checks every node and the nodes against each other; returns what is worth a note.
///
/// # Errors
/// All refusals at once.
pub(super) fn check(desired: &Desired) -> Result<Vec<Note>, PlanError> {
    let mut findings = Findings::default();
    for node in &desired.cluster.nodes {
        match desired.facts.nodes.get(&node.name) {
            Some(facts) => {
                host(&mut findings, node, facts);
                space(&mut findings, node, facts);
                ports(&mut findings, desired, node, facts);
                foreign_etcd(&mut findings, desired, node, facts);
                foreign_postgresql(&mut findings, desired, node, facts);
            }
            None => findings.refuse(
                Some(&node.name),
                match desired.facts.unreachable.get(&node.name) {
                    Some(cause) => cause.clone(),
                    None => "nothing is known of this node".to_owned(),
                },
                None,
            ),
        }
    }
    across(&mut findings, desired);
    dcs(&mut findings, desired);
    if findings.refusals.is_empty() {
        Ok(findings.notes)
    } else {
        Err(PlanError::Refused(findings.refusals))
    }
}

#[derive(Default)]
struct Findings {
    refusals: Vec<Refusal>,
    notes: Vec<Note>,
}

impl Findings {
    fn refuse(&mut self, node: Option<&NodeName>, message: String, hint: Option<String>) {
        self.refusals.push(Refusal {
            node: node.cloned(),
            message,
            hint,
        });
    }

    fn note(&mut self, node: &NodeName, message: String) {
        self.notes.push(Note {
            node: Some(node.clone()),
            message,
        });
    }
}

fn host(findings: &mut Findings, node: &Node, facts: &NodeFacts) {
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

fn space(findings: &mut Findings, node: &Node, facts: &NodeFacts) {
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

/// Each port that we are going to listen on is free or already our own service's.
fn ports(findings: &mut Findings, desired: &Desired, node: &Node, facts: &NodeFacts) {
    let cluster = desired.cluster;
    let mut wanted: Vec<(u16, &str, &[&str])> = Vec::new();
    if node.has(Role::Etcd) {
        wanted.push((cluster.etcd.client_port, "etcd's clients", &["etcd"]));
        wanted.push((cluster.etcd.peer_port, "etcd's peers", &["etcd"]));
    }
    if node.has(Role::Postgresql) {
        let patroni: &[&str] = &["patroni", "python", "python3"];
        wanted.push((cluster.patroni.port, "Patroni's REST API", patroni));
        wanted.push((node.postgresql.port, "PostgreSQL", &["postgres", "postmaster"]));
    }
    if node.has(Role::Haproxy) {
        let haproxy: &[&str] = &["haproxy"];
        wanted.push((node.haproxy.read_write_port, "HAProxy's read-write port", haproxy));
        if let Some(port) = node.haproxy.read_only_port {
            wanted.push((port, "HAProxy's read-only port", haproxy));
        }
        wanted.push((node.haproxy.stats_port, "HAProxy's statistics", haproxy));
    }
    for (port, purpose, owners) in wanted {
        let taken = facts.ports.iter().find(|listening| {
            listening.port == port
                && !listening.process.is_empty()
                && !owners
                    .iter()
                    .any(|owner| listening.process.starts_with(owner))
        });
        if let Some(listening) = taken {
            findings.refuse(
                Some(&node.name),
                format!(
                    "port {port}, wanted for {purpose}, is taken by {} (pid {})",
                    listening.process,
                    listening.pid.map_or("unknown".to_owned(), |pid| pid.to_string())
                ),
                Some("stop it, or choose another port in the inventory".to_owned()),
            );
        }
    }
}

/// An etcd that runs with members that are not ours is not ours.
fn foreign_etcd(findings: &mut Findings, desired: &Desired, node: &Node, facts: &NodeFacts) {
    if !node.has(Role::Etcd) || !facts.is_active(etcd::UNIT) {
        return;
    }
    let ours: BTreeSet<String> = desired
        .cluster
        .with_role(Role::Etcd)
        .flat_map(|node| {
            let by_name = format!("http://{}:{}", node.name, desired.cluster.etcd.peer_port);
            [etcd::peer_url(desired.cluster, node), by_name]
        })
        .collect();
    let members = facts.etcd.as_ref().map(|etcd| etcd.members.as_slice());
    let strangers: Vec<String> = members
        .unwrap_or_default()
        .iter()
        .filter(|member| !member.peer_urls.iter().any(|url| ours.contains(url)))
        .map(|member| format!("{} ({})", member.name, member.peer_urls.join(", ")))
        .collect();
    let fragment = facts
        .units
        .get(etcd::UNIT)
        .map(|unit| unit.fragment.as_str());
    let not_ours = fragment.is_some_and(|path| !path.starts_with("/etc/systemd/system/"));
    if !strangers.is_empty() || (not_ours && members.is_none_or(<[_]>::is_empty)) {
        let what = if strangers.is_empty() {
            "and does not tell its members".to_owned()
        } else {
            format!("with members that are not of this cluster: {}", strangers.join(", "))
        };
        findings.refuse(
            Some(&node.name),
            format!("an etcd runs here already {what}"),
            Some(
                "if nothing uses it, run `systemctl disable --now etcd` on the node; its data is \
                 left alone"
                    .to_owned(),
            ),
        );
    }
}

/// A PostgreSQL that runs outside Patroni's data directory, or a database in our data directory
/// that is not this cluster's.
fn foreign_postgresql(findings: &mut Findings, desired: &Desired, node: &Node, facts: &NodeFacts) {
    let Some(postgresql) = facts.postgresql.as_ref().filter(|_| node.has(Role::Postgresql)) else {
        return;
    };
    let data_dir = &desired.rendered[&node.name].data_dir;
    for (directory, pid) in &postgresql.postmasters {
        if directory.trim_end_matches('/') != data_dir.trim_end_matches('/') {
            findings.refuse(
                Some(&node.name),
                format!("a PostgreSQL that Patroni does not manage runs here: {directory} (pid {pid})"),
                Some(
                    "mahout would have to stop it; if it is not needed, stop and disable it \
                     yourself (on Debian: `pg_dropcluster --stop VERSION NAME`)"
                        .to_owned(),
                ),
            );
        }
    }
    let Some(identifier) = &postgresql.system_identifier else {
        return;
    };
    let known = dcs_identifier(desired);
    match known {
        Some(known) if known != *identifier => findings.refuse(
            Some(&node.name),
            format!(
                "{data_dir} holds another cluster's database: system identifier {identifier}, \
                 this cluster's is {known}"
            ),
            Some("move the directory aside; Patroni then makes a copy of the leader's".to_owned()),
        ),
        Some(_) => {}
        None if facts.is_active(patroni::UNIT) => {}
        None => findings.refuse(
            Some(&node.name),
            format!(
                "{data_dir} holds a database (system identifier {identifier}) and the DCS knows \
                 no cluster under {}",
                desired.cluster.dcs_path()
            ),
            Some(
                "if it is this cluster's and only etcd lost its keys, `systemctl start patroni` \
                 on the node with the newest data brings it back; else move the directory aside"
                    .to_owned(),
            ),
        ),
    }
}

fn dcs_identifier(desired: &Desired) -> Option<String> {
    desired
        .facts
        .nodes
        .values()
        .filter_map(|facts| facts.etcd.as_ref()?.initialize.clone())
        .find(|identifier| !identifier.is_empty())
}

/// Nodes against each other.
fn across(findings: &mut Findings, desired: &Desired) {
    let facts = &desired.facts.nodes;
    let mut by_machine: BTreeMap<&str, Vec<&NodeName>> = BTreeMap::new();
    for (name, facts) in facts {
        if !facts.system.machine_id.is_empty() {
            let id = facts.system.machine_id.as_str();
            by_machine.entry(id).or_default().push(name);
        }
    }
    for (id, names) in by_machine {
        if let [first, others @ ..] = names.as_slice()
            && !others.is_empty()
        {
            let others: Vec<&str> = others.iter().map(|name| name.as_str()).collect();
            findings.refuse(
                Some(first),
                format!("it has the machine id {id}, and so has {}", others.join(", ")),
                Some(
                    "two inventory names for one machine, or cloned machines: `rm \
                     /etc/machine-id; systemd-machine-id-setup` and reboot the clone"
                        .to_owned(),
                ),
            );
        }
    }

    let offsets: Vec<(&NodeName, f64, f64)> = facts
        .iter()
        .filter_map(|(name, facts)| {
            let system = &facts.system;
            Some((name, system.clock_offset?, system.clock_uncertainty.unwrap_or(0.0)))
        })
        .collect();
    let first = offsets.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let last = offsets.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    if let (Some(first), Some(last)) = (first, last) {
        // Only what exceeds the uncertainty of both measurements is skew.
        let skew = last.1 - first.1 - first.2 - last.2;
        let message = format!("its clock is {skew:.1} s ahead of that of {}", first.0);
        if skew > SKEW_ERROR_SECONDS {
            let hint = "synchronise the clocks first: `chronyc tracking`, `timedatectl`".to_owned();
            findings.refuse(Some(last.0), message, Some(hint));
        } else if skew > SKEW_WARNING_SECONDS {
            findings.note(last.0, message);
        }
    }

    differing(findings, desired, "PostgreSQL", true, |node, _| {
        let rendered = desired.rendered.get(&node.name)?;
        node.has(Role::Postgresql)
            .then(|| rendered.postgresql.to_string())
    });
    differing(findings, desired, "glibc (and so the order of text)", false, |node, facts| {
        let libc = facts.system.libc.clone();
        (node.has(Role::Postgresql) && !libc.is_empty()).then_some(libc)
    });
    differing(findings, desired, "Patroni", false, |node, _| {
        let rendered = desired.rendered.get(&node.name)?;
        node.has(Role::Postgresql)
            .then(|| rendered.versions.patroni.to_string())
    });
    differing(findings, desired, "etcd", false, |node, _| {
        let rendered = desired.rendered.get(&node.name)?;
        node.has(Role::Etcd)
            .then(|| rendered.versions.etcd.to_string())
    });
}

/// Whether the nodes agree on `what`; if not, a refusal or a note that names the versions.
fn differing(
    findings: &mut Findings,
    desired: &Desired,
    what: &str,
    refuse: bool,
    version: impl Fn(&Node, &NodeFacts) -> Option<String>,
) {
    let mut versions: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for node in &desired.cluster.nodes {
        if let Some(version) = desired
            .facts
            .nodes
            .get(&node.name)
            .and_then(|facts| version(node, facts))
        {
            versions.entry(version).or_default().push(node.name.as_str());
        }
    }
    if versions.len() < 2 {
        return;
    }
    let parts: Vec<String> = versions
        .iter()
        .map(|(version, nodes)| format!("{version} on {}", nodes.join(", ")))
        .collect();
    let message = format!("the nodes differ in {what}: {}", parts.join("; "));
    if refuse {
        let hint = format!("name one version for all in the inventory, or make the nodes equal ({what})");
        findings.refuse(None, message, Some(hint));
    } else {
        findings.notes.push(Note {
            node: None,
            message,
        });
    }
}

/// The DCS knows a cluster under our scope, but no node has its data: keys of an earlier one.
fn dcs(findings: &mut Findings, desired: &Desired) {
    let Some(known) = dcs_identifier(desired) else {
        return;
    };
    let nodes = &desired.facts.nodes;
    let somebody_has_it = nodes.values().any(|facts| {
        facts
            .postgresql
            .as_ref()
            .is_some_and(|postgresql| postgresql.system_identifier.as_deref() == Some(&known))
            || facts.is_active(patroni::UNIT)
    });
    if !somebody_has_it {
        findings.refuse(
            None,
            format!(
                "the DCS knows a cluster under {} (system identifier {known}), but no node has \
                 its data",
                desired.cluster.dcs_path()
            ),
            Some(
                "if that cluster is gone for good, remove its keys with `patronictl remove`; else \
                 choose another scope or namespace"
                    .to_owned(),
            ),
        );
    }
}
