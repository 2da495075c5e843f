//! Certificates that are not made here: read and checked, never kept.

use std::collections::BTreeMap;
use std::path::Path;

use rcgen::{KeyPair, PublicKeyData};

use super::authority::key_of;
use super::{VaultError, file};
use crate::cluster::etcd::ROOT;
use crate::cluster::{BroughtCertificates, CertificateName, CertificateSpec, Cluster};
use crate::secret::Secret;
use crate::x509::Certificate;

/// The authorities that are trusted and every certificate that `cluster` is to have.
pub(super) fn read(
    brought: &BroughtCertificates,
    cluster: &Cluster,
    now: i64,
) -> Result<(String, BTreeMap<CertificateName, Secret>), VaultError> {
    let wrong = |why: String| VaultError::BroughtAuthority {
        path: brought.ca_file.clone(),
        why,
    };
    let bundle =
        std::fs::read_to_string(&brought.ca_file).map_err(|error| wrong(error.to_string()))?;
    let authorities = Certificate::all_of(&bundle)
        .filter(|all| !all.is_empty())
        .ok_or_else(|| wrong("holds no certificates in PEM".to_owned()))?;
    if bundle.contains("PRIVATE KEY") {
        return Err(wrong(
            "holds a private key, which would be on every node for everybody to read".to_owned(),
        ));
    }
    let mut certificates = BTreeMap::new();
    for spec in cluster.certificates() {
        let path = brought.file(&spec.name);
        let pem =
            one(&path, &spec, cluster, &authorities, now).map_err(|why| VaultError::Brought {
                name: spec.name.clone(),
                path: path.clone(),
                why,
            })?;
        certificates.insert(spec.name, pem);
    }
    Ok((bundle, certificates))
}

fn one(
    path: &Path,
    spec: &CertificateSpec,
    cluster: &Cluster,
    authorities: &[Certificate],
    now: i64,
) -> Result<Secret, String> {
    let pem = private(path)?;
    let chain = Certificate::all_of(pem.expose()).ok_or("holds a certificate that is damaged")?;
    let (leaf, chain) = chain.split_first().ok_or("holds no certificate")?;
    let key = KeyPair::from_pem(key_of(pem.expose()))
        .map_err(|_| "holds no key of a kind that is known, in PKCS#8 (`PRIVATE KEY`)")?;
    if key.der_bytes() != leaf.public_key {
        return Err("its key is not the certificate's".to_owned());
    }
    if leaf.left(now) <= 0 {
        return Err("it has expired".to_owned());
    }
    if leaf.not_before > now {
        return Err("it is not valid yet".to_owned());
    }
    let lacking: Vec<String> = spec
        .names
        .difference(&leaf.names)
        .cloned()
        .chain(
            spec.addresses
                .difference(&leaf.addresses)
                .map(ToString::to_string),
        )
        .collect();
    if !lacking.is_empty() {
        return Err(format!("it does not name {}", lacking.join(", ")));
    }
    let both = spec.name.purpose.is_for_clients();
    if !leaf.for_servers || (both && !leaf.for_clients) {
        let wanted = if both {
            "serverAuth and clientAuth: the service is a client with it, too"
        } else {
            "serverAuth"
        };
        return Err(format!("its extended key usage lacks {wanted}"));
    }
    // Any certificate of the authority opens etcd's client port, whatever it was made for.
    if leaf.common_name == ROOT || cluster.is_etcd_user(&leaf.common_name) {
        return Err(format!(
            "it has the common name `{}`: etcd lets whoever shows it in as that user, without a \
             password",
            leaf.common_name
        ));
    }
    if spec.common_name.is_empty() && !leaf.common_name.is_empty() {
        return Err(format!(
            "it has the common name `{}`, and etcd's gateway refuses every certificate that has \
             one",
            leaf.common_name
        ));
    }
    // Its own issuers first, each the next one's, up to one that is trusted.
    let mut last = leaf;
    for issuer in chain {
        if last.is_issued_by(issuer) {
            last = issuer;
        }
    }
    let trusted = |certificate: &Certificate| {
        authorities
            .iter()
            .any(|authority| certificate == authority || certificate.is_issued_by(authority))
    };
    if !trusted(last) {
        return Err("no authority of `certificates.ca_file` has issued it".to_owned());
    }
    Ok(pem)
}

/// A file with a private key.
fn private(path: &Path) -> Result<Secret, String> {
    // Tools that renew certificates point to the newest with a link.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match file::read_safely(&target) {
        Ok(Some(bytes)) => String::from_utf8(bytes)
            .map(Secret::new)
            .map_err(|_| "is no text".to_owned()),
        Ok(None) => Err("there is no such file".to_owned()),
        Err(VaultError::Unsafe { why, .. }) => Err(why),
        Err(VaultError::Io { cause, .. }) => Err(cause.to_string()),
        Err(other) => Err(other.to_string()),
    }
}
