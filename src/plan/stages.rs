//! Turning TLS on in a cluster that runs without it: which stages are left, by what the nodes run.
//!
//! Each stage is a desired state that the same planner converges to. What ran before a stage and
//! what runs after it understand each other, so that an interrupted run is continued by the next.

use crate::cluster::tls::TlsStage;
use crate::cluster::{Cluster, Role};
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
/// complete, so that one node in it is enough; to make it complete is then the planner's matter.
fn first(cluster: &Cluster, facts: &Facts) -> TlsStage {
    let etcd_is_ours = cluster.etcd.external.is_none();
    let nodes = || facts.nodes.values();
    let rest = |scheme| nodes().any(move |facts| rest_speaks(facts, scheme));
    let etcd = |scheme| etcd_is_ours && nodes().any(move |facts| etcd_speaks(facts, scheme));
    let runs = |facts: &NodeFacts| facts.is_active(super::patroni::UNIT);
    if rest("https") {
        // A member that does not answer reads its file when it starts next.
        TlsStage::Whole
    } else if etcd("https") || (rest("http") && !etcd_is_ours && certificates_loaded(facts)) {
        if rest("http") || nodes().any(runs) {
            TlsStage::Etcd
        } else {
            TlsStage::Whole
        }
    } else if !rest("http") && !etcd("http") {
        TlsStage::Whole
    } else if certificates_loaded(facts) {
        TlsStage::Certificates
    } else if cluster.with_role(Role::Postgresql).next().is_none() {
        // Nobody's checks need patience.
        TlsStage::Certificates
    } else {
        TlsStage::Patience
    }
}

/// Whether somebody was given certificates to load.
fn certificates_loaded(facts: &Facts) -> bool {
    facts.nodes.values().any(|facts| {
        let by_etcd = facts.files.values().any(|file| {
            let content = file.content.as_ref();
            content.is_some_and(|text| text.expose().contains("\nETCD_PEER_CERT_FILE="))
        });
        let postgresql = facts.postgresql.as_ref();
        let ssl = postgresql.and_then(|postgresql| postgresql.settings.get("ssl"));
        by_etcd || ssl.is_some_and(|ssl| ssl == "on")
    })
}

fn rest_speaks(facts: &NodeFacts, scheme: &str) -> bool {
    let patroni = facts.patroni.as_ref();
    patroni.is_some_and(|patroni| speaks(&patroni.url, scheme))
}

/// A member whose peer URL has changed already has begun, too.
fn etcd_speaks(facts: &NodeFacts, scheme: &str) -> bool {
    facts.etcd.as_ref().is_some_and(|etcd| {
        let mut peers = etcd.members.iter().flat_map(|member| &member.peer_urls);
        speaks(&etcd.url, scheme) || peers.any(|url| speaks(url, scheme))
    })
}

fn speaks(url: &str, scheme: &str) -> bool {
    url.strip_prefix(scheme)
        .is_some_and(|rest| rest.starts_with("://"))
}
