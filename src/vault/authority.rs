//! The cluster's certificate authority, and the certificates that it issues.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use time::OffsetDateTime;

use crate::cluster::CertificateSpec;
use crate::secret::Secret;

/// A node whose clock is behind would call a fresh certificate not yet valid.
const BACKDATED: Duration = Duration::from_secs(3600);

/// A new authority: its certificate and key, PEM.
pub(super) fn new_authority(
    scope: &str,
    now: OffsetDateTime,
    lifetime: Duration,
) -> Result<Secret, rcgen::Error> {
    let mut params = CertificateParams::default();
    let suffix = now.unix_timestamp_nanos() / 1_000_000;
    params.distinguished_name = named(&format!("mahout {scope} {suffix}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now - BACKDATED;
    params.not_after = now + lifetime;
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let mut pem = issuer.pem();
    pem.push_str(&issuer.key().serialize_pem());
    Ok(Secret::new(pem))
}

/// A certificate with its key, PEM, for servers; for both ends of a connection where the service
/// is a client with it, as etcd's gateway and Patroni are. It is valid until `end`, in seconds since the
/// epoch.
pub(super) fn issue(
    spec: &CertificateSpec,
    authority: &Secret,
    now: OffsetDateTime,
    end: i64,
) -> Result<Secret, rcgen::Error> {
    let signer = KeyPair::from_pem(key_of(authority.expose()))?;
    let issuer = Issuer::from_ca_cert_pem(certificate_of(authority.expose()), signer)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if !spec.common_name.is_empty() {
        params.distinguished_name = named(&spec.common_name);
    }
    // What it is for, for whoever looks at it; no program does.
    let unit = spec.name.to_string();
    let kind = DnType::OrganizationalUnitName;
    params.distinguished_name.push(kind, unit);
    for name in &spec.names {
        let name = name.as_str().try_into()?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    let address = |address: &IpAddr| SanType::IpAddress(*address);
    params
        .subject_alt_names
        .extend(spec.addresses.iter().map(address));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    if spec.name.purpose.is_for_clients() {
        let clients = ExtendedKeyUsagePurpose::ClientAuth;
        params.extended_key_usages.push(clients);
    }
    params.use_authority_key_identifier_extension = true;
    params.not_before = now - BACKDATED;
    params.not_after = OffsetDateTime::from_unix_timestamp(end).map_err(|_| rcgen::Error::Time)?;
    let key = KeyPair::generate()?;
    let mut pem = params.signed_by(&key, &issuer)?.pem();
    pem.push_str(&key.serialize_pem());
    Ok(Secret::new(pem))
}

/// The first certificate of a PEM text.
pub(super) fn certificate_of(pem: &str) -> &str {
    section(pem, "CERTIFICATE")
}

/// The key of a PEM text.
pub(super) fn key_of(pem: &str) -> &str {
    section(pem, "PRIVATE KEY")
}

fn section<'a>(pem: &'a str, label: &str) -> &'a str {
    let end = format!("-----END {label}-----");
    let from = pem.find(&format!("-----BEGIN {label}-----"));
    let until = pem.find(&end).map(|at| at + end.len());
    match (from, until) {
        (Some(from), Some(until)) if from < until => &pem[from..until],
        _ => "",
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}
