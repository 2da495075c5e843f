//! What runs or lies on the nodes already: ours, or somebody else's.

use super::etcd::is_of;
use super::{Findings, Mends};
use crate::cluster::{Node, Role};
use crate::facts::NodeFacts;
use crate::facts::etcd::EtcdMember;
use crate::plan::dcs::{Dcs, holds_database};
use crate::plan::{Desired, etcd, patroni};

/// An etcd that runs with members that are not ours is not ours.
pub(super) fn foreign_etcd(
    findings: &mut Findings,
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
    mends: &Mends,
) {
    if !node.has(Role::Etcd) || !facts.is_active(etcd::UNIT) {
        return;
    }
    let cluster = desired.cluster;
    let is_ours = |member: &EtcdMember| {
        let mut nodes = cluster.with_role(Role::Etcd);
        nodes.any(|node| is_of(cluster, node, member))
    };
    let members = facts.etcd.as_ref().map(|etcd| etcd.members.as_slice());
    let (ours, strangers): (Vec<&EtcdMember>, Vec<&EtcdMember>) = members
        .unwrap_or_default()
        .iter()
        .partition(|member| is_ours(member));
    if !ours.is_empty() && !strangers.is_empty() {
        // Who goes on alone forgets them.
        if mends.dcs {
            return;
        }
        let first = cluster.with_role(Role::Etcd).find(|node| {
            let facts = desired.facts.nodes.get(&node.name);
            facts.is_some_and(|facts| {
                facts
                    .etcd
                    .as_ref()
                    .is_some_and(|etcd| !etcd.members.is_empty())
            })
        });
        let works = cluster.with_role(Role::Etcd).any(|node| {
            let facts = desired.facts.nodes.get(&node.name);
            facts.is_some_and(|facts| facts.etcd.as_ref().is_some_and(|etcd| etcd.healthy))
        });
        // They all say the same; once is enough.
        if first.is_some_and(|first| first.name == node.name) {
            findings.refuse(
                Some(&node.name),
                format!(
                    "its etcd has members that the inventory does not name: {}",
                    named(&strangers)
                ),
                Some(
                    match works {
                        true => {
                            "put the node back into the inventory, or take it out of etcd: `etcdctl \
                             member remove ID`"
                        }
                        false => {
                            "put the node back into the inventory, and have it run; if those machines \
                             are gone for good, and with them etcd's majority: `mahout restore-dcs`"
                        }
                    }
                    .to_owned(),
                ),
            );
        }
        return;
    }
    let fragment = facts
        .units
        .get(etcd::UNIT)
        .map(|unit| unit.fragment.as_str());
    let not_ours =
        fragment.is_some_and(|path| !path.is_empty() && !path.starts_with("/etc/systemd/system/"));
    if !strangers.is_empty() || (not_ours && members.is_none_or(<[_]>::is_empty)) {
        let what = if strangers.is_empty() {
            "and does not tell its members".to_owned()
        } else {
            let id = facts.etcd.as_ref().map_or("", |etcd| &etcd.cluster_id);
            let own: Vec<String> = cluster
                .with_role(Role::Etcd)
                .map(|node| cluster.etcd_peer_url(node))
                .collect();
            format!(
                "with members that are not of this cluster: {} of the cluster {id}; this one's are \
                 {}",
                named(&strangers),
                own.join(", ")
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

fn named(members: &[&EtcdMember]) -> String {
    let names: Vec<String> = members
        .iter()
        .map(|member| {
            let urls = member.peer_urls.join(", ");
            format!("{} ({}, {urls})", member.name, member.id)
        })
        .collect();
    names.join("; ")
}

/// A Patroni that runs for another cluster, or in a DCS that is not ours.
pub(super) fn foreign_patroni(
    findings: &mut Findings,
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
) {
    let cluster = desired.cluster;
    let Some(patroni) = facts
        .patroni
        .as_ref()
        .filter(|_| node.has(Role::Postgresql) && facts.is_active(patroni::UNIT))
    else {
        return;
    };
    if !patroni.scope.is_empty() && patroni.scope != cluster.scope {
        findings.refuse(
            Some(&node.name),
            format!(
                "Patroni runs here for the cluster `{}`, not `{}`",
                patroni.scope, cluster.scope
            ),
            Some(
                "a cluster is not renamed by a deploy: set `scope:` to what it is called"
                    .to_owned(),
            ),
        );
    }
}

/// A Patroni that leads, of which the DCS does not know.
pub(super) fn unknown_leader(
    findings: &mut Findings,
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
) {
    let cluster = desired.cluster;
    let leads = facts.patroni.as_ref().is_some_and(|patroni| {
        patroni.primary_status == 200
            && (patroni.scope.is_empty() || patroni.scope == cluster.scope)
    });
    if leads
        && node.has(Role::Postgresql)
        && facts.is_active(patroni::UNIT)
        && Dcs::of(cluster, desired.facts) == Dcs::Empty
    {
        findings.refuse(
            Some(&node.name),
            format!(
                "Patroni leads here, but the DCS knows no cluster under {}",
                cluster.dcs_path()
            ),
            Some(
                "its namespace or its DCS is another one: compare /etc/patroni/patroni.yml with \
                 the inventory; if etcd has lost all that it knew, `mahout restore-dcs` has it \
                 begin anew"
                    .to_owned(),
            ),
        );
    }
}

/// The DCS knows a cluster under our scope, but no node has its data: keys of an earlier one.
/// Where nothing but a DCS is ours, whatever is in it belongs to others.
pub(super) fn stale_dcs_keys(findings: &mut Findings, desired: &Desired) {
    if desired.cluster.with_role(Role::Postgresql).next().is_none() {
        return;
    }
    let nodes = &desired.facts.nodes;
    let path = desired.cluster.dcs_path();
    // Also one that is started again and again.
    let runs = |facts: &NodeFacts| {
        let unit = facts.units.get(patroni::UNIT);
        unit.is_some_and(|unit| matches!(unit.active.as_str(), "active" | "activating"))
    };
    let known = match Dcs::of(desired.cluster, desired.facts) {
        Dcs::Knows(known) => known,
        Dcs::InTheMaking if !nodes.values().any(runs) => {
            findings.refuse(
                None,
                format!(
                    "the DCS says that a database is being made under {path}, but Patroni runs on \
                     no node"
                ),
                Some(format!(
                    "an interrupted bootstrap left it: `mahout destroy` removes what is left of it, or \
                     `etcdctl del {path}initialize` that key alone"
                )),
            );
            return;
        }
        _ => return,
    };
    let somebody_has_it = nodes.values().any(|facts| {
        let postgresql = facts.postgresql.as_ref();
        let identifier = postgresql.and_then(|postgresql| postgresql.system_identifier.as_deref());
        match identifier {
            Some(identifier) => identifier == known,
            None => holds_database(facts) || runs(facts),
        }
    });
    if !somebody_has_it {
        findings.refuse(
            None,
            format!(
                "the DCS knows a cluster under {path} (system identifier {known}), but no node has \
                 its data"
            ),
            Some(
                "if that cluster is gone for good, `mahout destroy` removes its keys; else \
                 choose another scope or namespace"
                    .to_owned(),
            ),
        );
    }
}
