//! Rotation: what a vault is to hold after it. The deploy that follows brings it to the nodes.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::complete::new_authority;
use super::{Vault, VaultError, check_form, check_strength, file, generate};
use crate::cluster::{Cluster, SecretName, SecretSource};
use crate::secret::Secret;

/// A change of what the vault holds.
#[derive(Clone, Debug)]
pub enum Change {
    /// Every node gets new certificates of the same authority.
    Certificates,
    /// The next stage of a change of the authority.
    Authority,
    /// New values for these; those whose rotation is not finished keep the new one that they have.
    Passwords(BTreeSet<SecretName>),
    /// This value for this one.
    Set(SecretName, Secret),
}

/// How far a change of the authority is. Each stage is deployed before the next one begins, so
/// that at any time everybody trusts whatever certificate is shown to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is one authority.
    One,
    /// A new one is trusted, too; the certificates are still of the old one.
    BothTrusted,
    /// The certificates are of the new one; the old one is still trusted.
    Reissued,
}

impl Vault {
    /// How far a change of the authority is.
    pub fn stage(&self) -> Stage {
        let authorities = &self.next.authorities;
        match (&authorities.next, &authorities.previous) {
            (Some(_), _) => Stage::BothTrusted,
            (None, Some(_)) => Stage::Reissued,
            (None, None) => Stage::One,
        }
    }

    /// The secrets whose rotation is not finished.
    pub fn in_rotation(&self) -> impl Iterator<Item = &str> {
        self.next.previous.keys().map(String::as_str)
    }

    /// Changes what the vault is to hold. Nothing is written; [`Vault::resolve`] does that.
    ///
    /// # Errors
    /// If there is nothing of ours to change, or a value is no secret.
    pub fn change(
        &mut self,
        change: &Change,
        cluster: &Cluster,
        now: OffsetDateTime,
    ) -> Result<(), VaultError> {
        if matches!(change, Change::Certificates | Change::Authority) {
            if !cluster.tls.enabled {
                return Err(VaultError::NotOurs(
                    "`tls` is off: there are no certificates",
                ));
            }
            if cluster.tls.brought.is_some() {
                return Err(VaultError::NotOurs(
                    "the certificates are your own (`certificates.files`): put new ones in their \
                     place and run `mahout deploy`",
                ));
            }
        }
        self.before = self.next.clone();
        self.changed = true;
        match change {
            Change::Certificates => self.next.certificates.clear(),
            Change::Authority => self.advance(cluster, now)?,
            Change::Passwords(names) => {
                for name in names {
                    ours(name, cluster)?;
                    if !self.next.previous.contains_key(&name.to_string()) {
                        self.put(name, generate::password()?);
                    }
                }
            }
            Change::Set(name, value) => {
                ours(name, cluster)?;
                check_strength(name, value)?;
                // An interrupted run may have given etcd the one between the two, and nobody would
                // know it any more.
                let of_etcd = matches!(name, SecretName::Etcd | SecretName::EtcdRoot);
                if of_etcd && self.next.previous.contains_key(&name.to_string()) {
                    return Err(VaultError::Unusable {
                        name: name.clone(),
                        why: "its last change has not been deployed yet: run `mahout deploy` first"
                            .to_owned(),
                    });
                }
                self.put(name, value.clone());
            }
        }
        Ok(())
    }

    /// Takes over what a cluster has that was made without this vault. What the vault has already
    /// stays, what others than the vault keep is not touched: whether that is what the cluster has
    /// is for a plan to say. Nothing is written; [`Vault::resolve`] does that.
    ///
    /// # Errors
    /// If a value cannot stand in the files that it is written to.
    pub fn adopt(
        &mut self,
        found: &BTreeMap<SecretName, Secret>,
        cluster: &Cluster,
    ) -> Result<(), VaultError> {
        for (name, value) in found {
            let text = name.to_string();
            if ours(name, cluster).is_err() || self.kept.secrets.contains_key(&text) {
                continue;
            }
            check_form(name, value)?;
            self.next.adopted.insert(text.clone());
            self.next.secrets.insert(text, value.clone());
        }
        Ok(())
    }

    fn advance(&mut self, cluster: &Cluster, now: OffsetDateTime) -> Result<(), VaultError> {
        let stage = self.stage();
        let authorities = &mut self.next.authorities;
        match stage {
            Stage::One => authorities.next = Some(new_authority(cluster, now)?),
            Stage::BothTrusted => {
                authorities.previous = authorities.current.take();
                authorities.current = authorities.next.take();
            }
            Stage::Reissued => authorities.previous = None,
        }
        Ok(())
    }

    /// The old value is kept until what is deployed no longer knows it. Of two changes without a
    /// deploy between them it is the first one's that the cluster has.
    fn put(&mut self, name: &SecretName, value: Secret) {
        let name = name.to_string();
        self.next.adopted.remove(&name);
        let old = self.next.secrets.insert(name.clone(), value);
        if let Some(old) = old {
            self.next.previous.entry(name).or_insert(old);
        }
    }

    /// Forgets the values of before: the cluster has been seen to have the new ones.
    ///
    /// # Errors
    /// If the vault cannot be written.
    pub fn finish(&mut self) -> Result<(), VaultError> {
        if self.kept.previous.is_empty() {
            return Ok(());
        }
        let lock = file::Lock::take(self.store.path())?;
        let fresh = self.store.read()?.unwrap_or_default();
        // Another run has begun something since; it will finish it.
        if fresh != self.kept {
            return Ok(());
        }
        self.next = fresh;
        self.next.previous.clear();
        self.store.write(&mut self.next, &lock)?;
        self.settle();
        Ok(())
    }
}

/// Refuses what is not kept in the vault.
pub(super) fn ours(name: &SecretName, cluster: &Cluster) -> Result<(), VaultError> {
    match cluster.secrets.get(name) {
        Some(SecretSource::Generated) => Ok(()),
        Some(_) => Err(VaultError::Unusable {
            name: name.clone(),
            why: "is kept elsewhere, as the inventory says: change it there, then run `mahout \
                  deploy`"
                .to_owned(),
        }),
        None => Err(VaultError::UnknownName {
            name: name.to_string(),
            known: cluster.secrets.keys().map(ToString::to_string).collect(),
        }),
    }
}
