//! Versions: equal across nodes.

use std::collections::BTreeMap;

use super::view::{Judge, View, by_value, differ};
use super::words::list;
use crate::cluster::{NodeName, Role};
use crate::facts::NodeFacts;
use crate::platform::{Platform, Version};

/// The members run one version, and the cluster's version is theirs. While it is 3.0.0, which it
/// stays until every initial member has joined, Patroni cannot watch its keys.
pub(super) fn etcd(view: &View, judge: &mut Judge) {
    let said: Vec<_> = view
        .etcd()
        .into_iter()
        .filter(|(_, etcd)| !etcd.server_version.is_empty())
        .collect();
    let servers = by_value(
        said.iter()
            .map(|(name, etcd)| (*name, etcd.server_version.as_str())),
    );
    if servers.len() > 1 {
        judge.warning(
            None,
            format!("members run different versions: {}", differ(&servers)),
        );
    }
    let minor = |text: &str| text.split('.').take(2).collect::<Vec<_>>().join(".");
    let lowest = said
        .iter()
        .filter_map(|(_, etcd)| Version::parse_package(&minor(&etcd.server_version)))
        .min();
    for (name, etcd) in &said {
        let cluster = Version::parse_package(&minor(&etcd.cluster_version));
        if cluster < lowest && !etcd.cluster_version.is_empty() {
            judge
                .error(
                    *name,
                    format!(
                        "the cluster version is {}, the members run newer",
                        etcd.cluster_version
                    ),
                )
                .hint("it rises once every member of the list has started");
        }
    }
    if let Some(version) = servers.keys().next() {
        judge.holds(*version);
    }
}

/// One major version, the inventory's, and one minor version.
pub(super) fn postgresql(view: &View, judge: &mut Judge) {
    let said: Vec<(&NodeName, u32)> = view
        .postgresql()
        .into_iter()
        .filter_map(|(node, said)| Some((&node.name, said.server_version?)))
        .collect();
    let shown = |version: u32| format!("{}.{}", version / 10_000, version % 10_000);
    let versions = by_value(said.iter().map(|(name, version)| (*name, shown(*version))));
    let majors = by_value(said.iter().map(|(name, version)| (*name, version / 10_000)));
    if majors.len() > 1 {
        judge.error(None, format!("major versions differ: {}", differ(&majors)));
    } else if versions.len() > 1 {
        judge
            .warning(
                None,
                format!("minor versions differ: {}", differ(&versions)),
            )
            .hint("update the replicas first, the leader last");
    }
    if let Some(wanted) = view.cluster.postgresql.version {
        for (name, version) in &said {
            if version / 10_000 != u32::from(wanted) {
                judge.error(
                    *name,
                    format!("runs {}, the inventory says {wanted}", shown(*version)),
                );
            }
        }
    }
    if let Some(version) = versions.keys().next() {
        judge.holds(version);
    }
}

/// The installed package of a service, by what its distribution calls it.
fn installed(facts: &NodeFacts, service: &str) -> Option<String> {
    let platform = Platform::detect(&facts.system.os).ok()?;
    let names = match service {
        "Patroni" => platform.patroni_packages,
        "etcd" => platform.etcd_packages,
        _ => vec![platform.haproxy_package],
    };
    facts.packages.get(names.first()?)?.installed.clone()
}

/// The packages of each service are equal on all nodes that have it.
pub(super) fn packages(view: &View, judge: &mut Judge) {
    const SERVICES: [(&str, Role); 3] = [
        ("etcd", Role::Etcd),
        ("Patroni", Role::Postgresql),
        ("HAProxy", Role::Haproxy),
    ];
    let mut equal = Vec::new();
    for (service, role) in SERVICES {
        let versions: BTreeMap<String, Vec<&NodeName>> = by_value(
            view.with_role(role)
                .filter_map(|(node, facts)| Some((&node.name, installed(facts, service)?))),
        );
        if versions.len() > 1 {
            judge.warning(None, format!("{service} differs: {}", differ(&versions)));
        }
        equal.extend(
            versions
                .keys()
                .next()
                .map(|version| format!("{service} {version}")),
        );
    }
    if !equal.is_empty() {
        judge.holds(list(equal));
    }
}

/// glibc decides the order of text: an index that was built on one version may be wrong on a
/// replica with another.
pub(super) fn libc(view: &View, judge: &mut Judge) {
    let versions = by_value(
        view.with_role(Role::Postgresql)
            .filter(|(_, facts)| !facts.system.libc.is_empty())
            .map(|(node, facts)| (&node.name, facts.system.libc.as_str())),
    );
    if versions.len() > 1 {
        judge
            .warning(
                None,
                format!("the order of text may differ: glibc {}", differ(&versions)),
            )
            .hint("after a failover to another version indexes on text must be built anew");
    }
    if let Some(version) = versions.keys().next() {
        judge.holds(format!("glibc {version}"));
    }
}
