//! What the vault lacks, made: passwords, the authority, certificates.

use time::OffsetDateTime;

use super::content::Content;
use super::renewal::{Due, due};
use super::{VaultError, authority, generate};
use crate::cluster::{Cluster, SecretSource};
use crate::secret::Secret;
use crate::x509::Certificate;

/// Adds to `content` what `cluster` needs: of `made` where that has it, else anew. Without `renew`
/// a certificate stays that has nothing wrong but its age.
pub(super) fn complete(
    content: &mut Content,
    made: &Content,
    cluster: &Cluster,
    now: OffsetDateTime,
    renew: bool,
) -> Result<(), VaultError> {
    if content.id.is_empty() {
        content.id = match made.id.as_str() {
            "" => generate::id()?,
            id => id.to_owned(),
        };
    }
    for (name, source) in &cluster.secrets {
        let name = name.to_string();
        if *source == SecretSource::Generated && !content.secrets.contains_key(&name) {
            let value = match made.secrets.get(&name) {
                Some(value) => value.clone(),
                None => generate::password()?,
            };
            if made.adopted.contains(&name) {
                content.adopted.insert(name.clone());
            }
            content.secrets.insert(name, value);
        }
    }
    if cluster.tls.enabled && cluster.tls.brought.is_none() {
        certificates(content, made, cluster, now, renew)?;
    }
    Ok(())
}

fn certificates(
    content: &mut Content,
    made: &Content,
    cluster: &Cluster,
    now: OffsetDateTime,
    renew: bool,
) -> Result<(), VaultError> {
    let authorities = &mut content.authorities;
    let authority = match (&authorities.current, &made.authorities.current) {
        (Some(authority), _) | (None, Some(authority)) => authority.clone(),
        (None, None) => new_authority(cluster, now)?,
    };
    authorities.current = Some(authority.clone());
    let issuer = Certificate::first_of(authority.expose()).ok_or(VaultError::NotOurs(
        "the vault's authority is no certificate that can be read",
    ))?;
    let specs = cluster.certificates();
    // Nodes go, and keys that nobody needs are only there to be lost.
    content
        .certificates
        .retain(|name, _| specs.iter().any(|spec| spec.name.to_string() == *name));
    for spec in &specs {
        let name = spec.name.to_string();
        let holds =
            |pem: &&Secret| match due(Some(pem.expose()), spec, &issuer, now.unix_timestamp()) {
                None => true,
                Some(reason) => reason == Due::Ends && !renew,
            };
        if content.certificates.get(&name).as_ref().is_some_and(holds) {
            continue;
        }
        let pem = match made.certificates.get(&name).filter(holds) {
            Some(pem) => pem.clone(),
            None => {
                let end = (now + cluster.tls.lifetime)
                    .unix_timestamp()
                    .min(issuer.not_after);
                authority::issue(spec, &authority, now, end)?
            }
        };
        content.certificates.insert(name, pem);
    }
    Ok(())
}

/// A new authority for `cluster`.
pub(super) fn new_authority(cluster: &Cluster, now: OffsetDateTime) -> Result<Secret, VaultError> {
    let lifetime = cluster.tls.ca_lifetime;
    Ok(authority::new_authority(&cluster.scope, now, lifetime)?)
}
