//! What TLS needs on a node: its certificates, and the authorities that it trusts.

use super::{File, Purpose, Target};
use crate::cluster::tls::{CA_FILE, STAMP_FILE};
use crate::cluster::{CertificatePurpose, Role};

/// The files of the node, in the order in which they are needed.
pub(super) fn files(target: &Target) -> Vec<File> {
    let secrets = target.secrets;
    let mut files = Vec::new();
    if !secrets.stamp.is_empty() {
        let content = secrets.stamp.clone();
        files.push(File::new(Purpose::Stamp, STAMP_FILE, content));
    }
    if !secrets.ca_bundle.is_empty() {
        let content = secrets.ca_bundle.clone();
        files.push(File::new(Purpose::Authorities, CA_FILE, content));
    }
    for (name, pem) in &secrets.certificates {
        if name.node != target.node.name {
            continue;
        }
        let owner = owner(name.purpose);
        files.push(File {
            path: name.purpose.path(),
            content: pem.clone(),
            owner,
            group: owner,
            mode: 0o600,
            sensitive: true,
            check: None,
            purpose: Purpose::Certificate(name.purpose),
        });
    }
    files
}

/// The user whose service reads the key; the same on all platforms.
fn owner(purpose: CertificatePurpose) -> &'static str {
    match purpose.role() {
        Role::Etcd => "etcd",
        Role::Postgresql | Role::Haproxy => "postgres",
    }
}
