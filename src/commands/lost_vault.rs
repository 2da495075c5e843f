//! Whether the vault of a cluster that exists was lost.

use crate::cluster::tls::{CA_FILE, STAMP_FILE};
use crate::cluster::{CertificatePurpose, Cluster};
use crate::facts::{Facts, FileFacts};
use crate::plan::dcs::Dcs;
use crate::vault::AUTHORITY;
use crate::x509::Certificate;

/// Those of the secrets that were `made` just now which the cluster has had already. Without a
/// vault that `existed`, where nodes were deployed with one, it is all of them.
pub(super) fn missing(
    cluster: &Cluster,
    facts: &Facts,
    existed: bool,
    made: impl Iterator<Item = String>,
) -> Vec<String> {
    let file = |path: &str| {
        let mut nodes = facts.nodes.values();
        nodes.find_map(|node| node.files.get(path).cloned())
    };
    let ours = |authorities: FileFacts| {
        let content = authorities.content.as_ref();
        content
            .and_then(|pem| Certificate::first_of(pem.expose()))
            .is_some_and(|authority| authority.common_name.starts_with("mahout "))
    };
    let has_database = Dcs::of(cluster, facts).has_cluster(facts);
    let has_authority = file(CA_FILE).is_some_and(ours);
    let has_etcd = file(&CertificatePurpose::EtcdServer.path()).is_some();
    let gone = !existed && file(STAMP_FILE).is_some();
    made.filter(|name| {
        gone || match name.as_str() {
            "superuser" | "replication" | "rewind" | "restapi" => has_database,
            "etcd" | "etcd_root" => has_etcd,
            AUTHORITY => has_authority,
            // A role of `users:` may be new, and the probe's came with a later version.
            _ => false,
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::missing;
    use crate::cluster::Cluster;
    use crate::cluster::tls::STAMP_FILE;
    use crate::facts::{Facts, FileFacts, NodeFacts};
    use crate::inventory::{Source, parse};

    /// A cluster whose nodes were deployed with a vault, or were not.
    fn nodes(deployed: bool) -> (Cluster, Facts) {
        let text = "scope: demo\nclients: [10.0.0.0/8]\nnodes:\n  pg-1: { address: 10.0.0.11 }\n";
        let source = Source::from_bytes(Path::new("x.yml"), None, text.into());
        let inventory = parse(source.expect("a text"));
        let cluster = Cluster::try_from(inventory).expect("a cluster");
        let mut facts = NodeFacts::default();
        if deployed {
            let path = STAMP_FILE.to_owned();
            facts.files.insert(path, FileFacts::default());
        }
        let mut all = Facts::default();
        all.nodes.insert("pg-1".into(), facts);
        (cluster, all)
    }

    fn lacks(deployed: bool, existed: bool) -> Vec<String> {
        let (cluster, facts) = nodes(deployed);
        let made = ["probe", "user.app", "haproxy_stats"].map(str::to_owned);
        missing(&cluster, &facts, existed, made.into_iter())
    }

    #[test]
    fn without_the_vault_nothing_is_made_for_nodes_that_were_deployed_with_one() {
        assert_eq!(lacks(true, false), ["probe", "user.app", "haproxy_stats"]);
    }

    #[test]
    fn new_roles_and_new_clusters_get_their_secrets() {
        assert_eq!(lacks(true, true), [""; 0]);
        assert_eq!(lacks(false, false), [""; 0]);
    }
}
