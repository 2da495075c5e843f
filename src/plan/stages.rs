//! Turning TLS on in a cluster that runs without it: which stages are left, by what the nodes run.
//!
//! Each stage is a desired state that the same planner converges to. What ran before a stage and
//! what runs after it understand each other, so that an interrupted run is continued by the next.

use super::preflight::is_of;
use crate::cluster::tls::TlsStage;
use crate::cluster::{Cluster, Node, Role};
use crate::facts::{Facts, NodeFacts};

/// The clusters to converge to, one after the other; the last one is `cluster` itself, and the only
/// one unless TLS is to be turned on.
pub fn stages(cluster: &Cluster, facts: &Facts) -> Vec<Cluster> {
    let first = if cluster.tls.enabled {
        first(cluster, facts)
    } else {
        TlsStage::Whole
    };
    TlsStage::ALL
        .into_iter()
        .filter(|stage| *stage >= first)
        .map(|stage| at(cluster, stage))
        .collect()
}

fn at(cluster: &Cluster, stage: TlsStage) -> Cluster {
    let mut cluster = cluster.clone();
    cluster.tls.stage = stage;
    if cluster.tls.is_under_way() {
        let postgresql = &mut cluster.postgresql;
        postgresql.pg_hba.clone_from(&postgresql.pg_hba_in_clear);
    }
    cluster
}

/// The first stage that is not behind the cluster. A stage is begun only when the one before it is
/// complete, so that one node in it is enough; to make it complete is the planner's matter.
fn first(cluster: &Cluster, facts: &Facts) -> TlsStage {
    let rest = |scheme| {
        facts
            .nodes
            .values()
            .any(move |facts| rest_speaks(facts, scheme))
    };
    let mut members = cluster.with_role(Role::Etcd);
    let first_member = members
        .next()
        .is_some_and(|node| has_begun(cluster, facts, node));
    let other_members = members.any(|node| has_begun(cluster, facts, node));
    if rest("https") {
        // Whoever does not answer reads its file when it starts next.
        TlsStage::Whole
    } else if rest("http") {
        match (first_member, other_members) {
            (_, true) => TlsStage::Etcd,
            (true, false) => TlsStage::Patroni,
            _ if cluster.etcd.external.is_some() && encrypts(facts) => TlsStage::Patroni,
            _ => TlsStage::Certificates,
        }
    } else if first_member || other_members || is_alone(cluster) || !etcd_runs(facts) {
        TlsStage::Whole
    } else {
        TlsStage::Certificates
    }
}

/// Whether the member of `node` speaks TLS to its clients, or the others have been told that it
/// does to them.
fn has_begun(cluster: &Cluster, facts: &Facts, node: &Node) -> bool {
    let own = facts.nodes.get(&node.name);
    let url = own.and_then(|facts| Some(facts.etcd.as_ref()?.url.as_str()));
    let mut known = facts
        .nodes
        .values()
        .filter_map(|facts| facts.etcd.as_ref())
        .flat_map(|etcd| &etcd.members);
    url.is_some_and(|url| speaks(url, "https"))
        || known.any(|member| {
            is_of(cluster, node, member) && member.peer_urls.iter().any(|url| speaks(url, "https"))
        })
}

/// Whether etcd has one member: nobody is there to talk to while it changes over.
pub(super) fn is_alone(cluster: &Cluster) -> bool {
    cluster.etcd.external.is_none() && cluster.with_role(Role::Etcd).count() == 1
}

fn etcd_runs(facts: &Facts) -> bool {
    let mut nodes = facts.nodes.values();
    nodes.any(|facts| facts.is_active(super::etcd::UNIT))
}

/// Whether a server of PostgreSQL takes connections with TLS.
fn encrypts(facts: &Facts) -> bool {
    facts.nodes.values().any(|facts| {
        let postgresql = facts.postgresql.as_ref();
        let ssl = postgresql.and_then(|postgresql| postgresql.settings.get("ssl"));
        ssl.is_some_and(|ssl| ssl == "on")
    })
}

/// Whether Patroni's REST API answered by this scheme.
pub(super) fn rest_speaks(facts: &NodeFacts, scheme: &str) -> bool {
    let patroni = facts.patroni.as_ref();
    patroni.is_some_and(|patroni| speaks(&patroni.url, scheme))
}

fn speaks(url: &str, scheme: &str) -> bool {
    url.strip_prefix(scheme)
        .is_some_and(|rest| rest.starts_with("://"))
}
