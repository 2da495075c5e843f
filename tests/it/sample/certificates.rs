//! Certificates of the sample, as its vault makes them.

use std::path::Path;
use std::sync::OnceLock;

use mahout::cluster::tls::CA_FILE;
use mahout::cluster::{Cluster, Node, Secrets};
use mahout::render::{File, Purpose};
use mahout::secret::Secret;
use mahout::vault::{Persist, Vault};
use time::OffsetDateTime;

/// When they are made, in seconds since the epoch.
pub(crate) const MADE: i64 = 1_800_000_000;

/// What a vault of a cluster makes.
pub(crate) fn made(cluster: &Cluster) -> Secrets {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Vault::beside(&folder.path().join("inventory.yml"));
    let now = OffsetDateTime::from_unix_timestamp(MADE).expect("a time");
    let mut vault = Vault::open(Path::new(&path), &cluster.vault).expect("none yet");
    vault
        .resolve(cluster, now, Persist::DryRun)
        .expect("secrets")
}

/// The files of a node that TLS needs; the same in every sample.
pub(super) fn files(cluster: &Cluster, node: &Node) -> Vec<File> {
    static MADE: OnceLock<Secrets> = OnceLock::new();
    let secrets = MADE.get_or_init(|| made(cluster));
    let mut files = vec![File {
        path: CA_FILE.to_owned(),
        content: Secret::new(secrets.ca_bundle.clone()),
        owner: "root",
        group: "root",
        mode: 0o644,
        sensitive: false,
        check: None,
        purpose: Purpose::Authorities,
    }];
    for (name, pem) in &secrets.certificates {
        if name.node == node.name {
            files.push(File {
                path: name.purpose.path(),
                content: pem.clone(),
                owner: "postgres",
                group: "postgres",
                mode: 0o600,
                sensitive: true,
                check: None,
                purpose: Purpose::Certificate(name.purpose),
            });
        }
    }
    files
}
