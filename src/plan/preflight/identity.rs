//! What runs or lies on the nodes already: ours, or somebody else's.

use std::collections::BTreeSet;

use super::Findings;
use crate::cluster::{Node, Role};
use crate::facts::NodeFacts;
use crate::plan::{Desired, etcd, patroni};

/// An etcd that runs with members that are not ours is not ours.
pub(super) fn foreign_etcd(
    findings: &mut Findings,
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
) {
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
            format!(
                "with members that are not of this cluster: {}",
                strangers.join(", ")
            )
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
pub(super) fn foreign_postgresql(
    findings: &mut Findings,
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
) {
    let Some(postgresql) = facts
        .postgresql
        .as_ref()
        .filter(|_| node.has(Role::Postgresql))
    else {
        return;
    };
    let data_dir = &desired.rendered[&node.name].data_dir;
    for (directory, pid) in &postgresql.postmasters {
        if directory.trim_end_matches('/') != data_dir.trim_end_matches('/') {
            findings.refuse(
                Some(&node.name),
                format!(
                    "a PostgreSQL that Patroni does not manage runs here: {directory} (pid {pid})"
                ),
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

/// The DCS knows a cluster under our scope, but no node has its data: keys of an earlier one.
pub(super) fn stale_dcs_keys(findings: &mut Findings, desired: &Desired) {
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
