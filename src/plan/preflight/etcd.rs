//! etcd's members against each other: a member is started with the state `new` alone, which must
//! never happen beside a cluster that has a history without it.

use std::collections::BTreeMap;

use super::{Findings, Mends};
use crate::cluster::tls::other_scheme;
use crate::cluster::{Cluster, Node, NodeName, Role};
use crate::facts::etcd::{EtcdLogin, EtcdMember};
use crate::facts::{EtcdFacts, NodeFacts};
use crate::plan::dcs::{answers, holds_database};
use crate::plan::{Desired, etcd};
use crate::platform::Version;

pub(super) fn check(findings: &mut Findings, desired: &Desired, mends: &Mends) {
    if desired.cluster.etcd.external.is_some() {
        external(findings, desired);
        return;
    }
    different_clusters(findings, desired, mends);
    logins(findings, desired);
    newer_than_its_package(findings, desired);
    if !mends.dcs {
        silent(findings, desired);
    }
    let members = known_members(desired);
    for (node, facts) in with_etcd(desired) {
        if mends.joins.contains(&node.name) {
            continue;
        }
        match &members {
            Some((asked, members)) => member(findings, desired, node, facts, asked, members),
            None => unasked(findings, desired, node, facts),
        }
    }
}

/// The nodes with a member of ours that told their facts.
fn with_etcd<'a>(
    desired: &'a Desired<'a>,
) -> impl Iterator<Item = (&'a Node, &'a NodeFacts)> + use<'a> {
    desired
        .cluster
        .with_role(Role::Etcd)
        .filter_map(|node| Some((node, desired.facts.nodes.get(&node.name)?)))
}

/// The peer URLs by which the member of `node` is ours: by address and by name, with TLS or without.
pub(super) fn peer_urls(cluster: &Cluster, node: &Node) -> [String; 4] {
    let by_address = cluster.etcd_peer_url(node);
    let by_name = format!(
        "{}://{}:{}",
        cluster.etcd_scheme(node),
        node.name,
        cluster.etcd.peer_port
    );
    let others = [other_scheme(&by_address), other_scheme(&by_name)];
    let [other_address, other_name] = others;
    [by_address, by_name, other_address, other_name]
}

/// Whether `member` is that of `node`.
pub(crate) fn is_of(cluster: &Cluster, node: &Node, member: &EtcdMember) -> bool {
    let ours = peer_urls(cluster, node);
    member.peer_urls.iter().any(|url| ours.contains(url))
}

/// The members as the first running one of ours knows them.
fn known_members<'a>(desired: &'a Desired) -> Option<(&'a NodeName, &'a [EtcdMember])> {
    let cluster = desired.cluster;
    with_etcd(desired).find_map(|(node, facts)| {
        let members = facts.etcd.as_ref()?.members.as_slice();
        let ours = members.iter().any(|member| {
            let mut nodes = cluster.with_role(Role::Etcd);
            nodes.any(|node| is_of(cluster, node, member))
        });
        ours.then_some((&node.name, members))
    })
}

fn member(
    findings: &mut Findings,
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
    asked: &NodeName,
    members: &[EtcdMember],
) {
    let (cluster, directory) = (desired.cluster, &node.etcd_data_dir);
    let itself = facts.etcd.as_ref();
    let has_data = itself.is_some_and(|etcd| etcd.data_dir_has_member);
    if itself.is_some_and(|etcd| !etcd.members.is_empty()) {
        if !has_data {
            findings.refuse(
                Some(&node.name),
                format!("the etcd that runs here keeps its data elsewhere than in {directory}"),
                Some(
                    "set `etcd.data_dir` to where it is: `systemctl cat etcd` and \
                     `/proc/$(pidof etcd)/environ` on the node say it"
                        .to_owned(),
                ),
            );
        }
        return;
    }
    let Some(member) = members.iter().find(|member| is_of(cluster, node, member)) else {
        findings.refuse(
            Some(&node.name),
            format!("the etcd cluster that {asked} belongs to runs without a member here"),
            Some(format!(
                "a deploy adds no member to an etcd cluster that runs: `mahout replace {0}` does; or \
                 give {0} the roles `[postgresql, haproxy]` only",
                node.name
            )),
        );
        return;
    };
    let mend = if majority_is_lost(desired) {
        RESTORE.to_owned()
    } else {
        format!(
            "`mahout replace {}` takes it out of etcd and has it join again with nothing",
            node.name
        )
    };
    // Members of a first start carry their name from the beginning, added ones do not.
    if !has_data && !member.client_urls.is_empty() {
        findings.refuse(
            Some(&node.name),
            format!(
                "the data of its etcd member is gone from {directory}, and the cluster still \
                 counts on it: started anew it would be refused"
            ),
            Some(mend),
        );
    } else if !has_data && member.name.is_empty() {
        findings.refuse(
            Some(&node.name),
            "it was added to the etcd cluster, but its member has never started".to_owned(),
            Some(mend),
        );
    }
}

/// Nobody can be asked: a member without data beside members with data is either new or robbed.
/// Where there is a database, etcd has been whole once.
fn unasked(findings: &mut Findings, desired: &Desired, node: &Node, facts: &NodeFacts) {
    let has_data = |facts: &NodeFacts| {
        facts
            .etcd
            .as_ref()
            .is_some_and(|etcd| etcd.data_dir_has_member)
    };
    let others: Vec<&str> = with_etcd(desired)
        .filter(|(_, facts)| has_data(facts))
        .map(|(node, _)| node.name.as_str())
        .collect();
    let in_use = desired.facts.nodes.values().any(holds_database);
    if !has_data(facts) && !others.is_empty() && in_use {
        findings.refuse(
            Some(&node.name),
            format!(
                "there is no data of its etcd member in {}, while {} have theirs, and no member \
                 runs that could be asked",
                node.etcd_data_dir,
                others.join(", ")
            ),
            Some(if majority_is_lost(desired) {
                RESTORE.to_owned()
            } else {
                format!(
                    "`systemctl start etcd` on {}, then deploy",
                    others.join(" and ")
                )
            }),
        );
    }
}

/// What helps where so many have no data that the others are no majority.
const RESTORE: &str = "most members have lost their data: `mahout restore-dcs` brings etcd back \
                       around one that has it";

fn majority_is_lost(desired: &Desired) -> bool {
    let has_data = |facts: &NodeFacts| {
        let etcd = facts.etcd.as_ref();
        etcd.is_some_and(|etcd| etcd.data_dir_has_member)
    };
    let left = with_etcd(desired).filter(|(_, facts)| has_data(facts));
    left.count() * 2 <= with_etcd(desired).count()
}

/// Members of ours in different clusters.
fn different_clusters(findings: &mut Findings, desired: &Desired, mends: &Mends) {
    let mut clusters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (node, facts) in with_etcd(desired) {
        if mends.joins.contains(&node.name) {
            continue;
        }
        // One that does not run is of the cluster that its data says.
        let said = facts.etcd.as_ref().and_then(|etcd| {
            let both = [&etcd.cluster_id, &etcd.data_cluster_id];
            both.into_iter().find(|id| !id.is_empty())
        });
        if let Some(id) = said {
            let nodes = clusters.entry(id.as_str()).or_default();
            nodes.push(node.name.as_str());
        }
    }
    if clusters.len() > 1 {
        let parts: Vec<String> = clusters
            .iter()
            .map(|(id, nodes)| format!("{} of {id}", nodes.join(", ")))
            .collect();
        findings.refuse(
            None,
            format!(
                "the etcd members belong to different clusters: {}",
                parts.join("; ")
            ),
            Some(
                "stop etcd on the nodes of the wrong one and move their data directories aside"
                    .to_owned(),
            ),
        );
    }
}

/// etcd runs and says nothing to anybody: nothing may be concluded from that.
fn silent(findings: &mut Findings, desired: &Desired) {
    if with_etcd(desired).any(|(_, facts)| facts.etcd.as_ref().is_some_and(answers)) {
        return;
    }
    for (node, facts) in with_etcd(desired) {
        if facts.is_active(etcd::UNIT) {
            findings.refuse(
                Some(&node.name),
                format!(
                    "etcd runs here, but does not answer on {}{}",
                    desired.cluster.etcd_client_url(node),
                    cause(facts.etcd.as_ref())
                ),
                Some("`journalctl -u etcd -n 50` on the node says why".to_owned()),
            );
        }
    }
}

/// Versions in which only root may ask for the member list, which Patroni must
/// (etcd-io/etcd#21550, patroni/patroni#3573).
const LIST_IS_ROOTS: [[u32; 3]; 2] = [[3, 5, 28], [3, 6, 9]];

fn list_is_roots(version: &Version) -> bool {
    LIST_IS_ROOTS.iter().any(|bad| *version == Version::of(bad))
}

/// A member whose program is newer than its package, which is what it is started from next.
fn newer_than_its_package(findings: &mut Findings, desired: &Desired) {
    for (node, facts) in with_etcd(desired) {
        let Some(etcd) = facts.etcd.as_ref() else {
            continue;
        };
        let next = &desired.rendered[&node.name].versions.etcd;
        let Some(now) = Version::parse_package(&etcd.server_version) else {
            continue;
        };
        if now.minor() > next.minor() {
            findings.refuse(
                Some(&node.name),
                format!(
                    "etcd {now} runs here, and its package is {next}: etcd does not go back to an older \
                     version"
                ),
                Some(
                    "have a package repository with the newer version on the node, and name it as \
                     `etcd.version`"
                        .to_owned(),
                ),
            );
        }
    }
}

/// etcd lets us in, and can let Patroni in.
fn logins(findings: &mut Findings, desired: &Desired) {
    if !desired.cluster.etcd_asks_for_login() {
        return;
    }
    for (node, facts) in with_etcd(desired) {
        let version = &desired.rendered[&node.name].versions.etcd;
        if list_is_roots(version) {
            findings.refuse(
                Some(&node.name),
                format!("etcd {version} tells its members to root alone, so that Patroni fails"),
                Some("pin another version with `etcd.version`; the next one is mended".to_owned()),
            );
        }
        let access = facts.etcd.as_ref().and_then(|etcd| etcd.access.as_ref());
        if access.is_some_and(|access| access.login == EtcdLogin::Refused) {
            findings.refuse(
                Some(&node.name),
                "its etcd refuses the vault's password of `root`".to_owned(),
                Some("bring back the vault that the cluster was made with".to_owned()),
            );
        }
    }
}

/// Every node with PostgreSQL reaches the etcd that is not ours, and a user can work there.
fn external(findings: &mut Findings, desired: &Desired) {
    let external = desired.cluster.etcd.external.as_ref();
    let logs_in = external.is_some_and(|external| external.username.is_some());
    for node in desired.cluster.with_role(Role::Postgresql) {
        let facts = desired.facts.nodes.get(&node.name);
        let Some(etcd) = facts.and_then(|facts| facts.etcd.as_ref()) else {
            continue;
        };
        if answers(etcd) {
            let version = Version::parse_package(&etcd.server_version);
            if let Some(version) = version.filter(|version| logs_in && list_is_roots(version)) {
                findings.refuse(
                    Some(&node.name),
                    format!(
                        "the external etcd, version {version}, tells its members to root alone, \
                         so that Patroni fails"
                    ),
                    Some("have it upgraded: the next version is mended".to_owned()),
                );
            }
            continue;
        }
        if etcd
            .error
            .as_ref()
            .is_some_and(|error| error.contains("curl"))
        {
            let message =
                "whether it reaches the external etcd is not known: curl is not installed";
            findings.note(&node.name, message.to_owned());
        } else {
            let message = format!(
                "no endpoint of the external etcd answers from here{}",
                cause(Some(etcd))
            );
            findings.refuse(Some(&node.name), message, None);
        }
    }
}

fn cause(etcd: Option<&EtcdFacts>) -> String {
    let error = etcd.and_then(|etcd| etcd.error.as_ref());
    error.map(|error| format!(": {error}")).unwrap_or_default()
}
