//! The nodes against each other: identities, clocks, versions.

use std::collections::BTreeMap;

use super::Findings;
use crate::cluster::{Node, NodeName, Role};
use crate::facts::NodeFacts;
use crate::plan::{Desired, Note};

/// Skew between two nodes from which TLS, tokens and logs become doubtful.
const SKEW_WARNING_SECONDS: f64 = 0.5;
/// Skew from which a deploy is refused.
const SKEW_ERROR_SECONDS: f64 = 5.0;
/// Nodes against each other.
pub(super) fn check(findings: &mut Findings, desired: &Desired) {
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
                format!(
                    "it has the machine id {id}, and so has {}",
                    others.join(", ")
                ),
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
            Some((
                name,
                system.clock_offset?,
                system.clock_uncertainty.unwrap_or(0.0),
            ))
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
    differing(
        findings,
        desired,
        "glibc (and so the order of text)",
        false,
        |node, facts| {
            let libc = facts.system.libc.clone();
            (node.has(Role::Postgresql) && !libc.is_empty()).then_some(libc)
        },
    );
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
            versions
                .entry(version)
                .or_default()
                .push(node.name.as_str());
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
        let hint =
            format!("name one version for all in the inventory, or make the nodes equal ({what})");
        findings.refuse(None, message, Some(hint));
    } else {
        findings.notes.push(Note {
            node: None,
            message,
        });
    }
}
