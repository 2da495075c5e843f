//! TLS is turned on by stages; it is not turned off.

use super::Findings;
use crate::facts::NodeFacts;
use crate::plan::Desired;

pub(super) fn check(findings: &mut Findings, desired: &Desired) {
    let cluster = desired.cluster;
    if cluster.tls.enabled {
        return;
    }
    let etcd_is_ours = cluster.etcd.external.is_none();
    let speaks = |facts: &NodeFacts| {
        let etcd = facts.etcd.as_ref().map(|etcd| etcd.url.as_str());
        let rest = facts.patroni.as_ref().map(|patroni| patroni.url.as_str());
        let of_ours = [etcd.filter(|_| etcd_is_ours), rest];
        let mut urls = of_ours.into_iter().flatten();
        urls.any(|url| url.starts_with("https://"))
    };
    let nodes: Vec<&str> = desired
        .facts
        .nodes
        .iter()
        .filter(|(_, facts)| speaks(facts))
        .map(|(name, _)| name.as_str())
        .collect();
    if !nodes.is_empty() {
        findings.refuse(
            None,
            format!(
                "the inventory says `tls: off`, but the services of {} run with TLS",
                nodes.join(", ")
            ),
            Some(
                "set `tls: on`; a deploy turns TLS on in a cluster that runs, but not off"
                    .to_owned(),
            ),
        );
    }
}
