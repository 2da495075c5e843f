//! Secrets: references resolved, generated ones kept at rest.
//!
//! The vault is an age file beside the inventory, armored, mode 0600, replaced as a whole. It
//! holds the generated passwords, the cluster's authority and the certificates that it issued,
//! and who may read them. It is written only to add what is missing or on demand: a damaged or
//! lost one is an error, never a reason to make new passwords for a cluster that has old ones.
//!
//! It carries an id and a generation, which are stamped into what is deployed: an older copy of it
//! is known by that.

mod authority;
mod brought;
mod change;
mod complete;
mod content;
mod error;
mod file;
mod generate;
mod identity;
mod legacy;
mod operator;
mod reference;
mod renewal;
mod sealed;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

pub use change::{Change, Stage};
pub use error::VaultError;
pub use operator::Readers;

use crate::cluster::{Cluster, SecretName, SecretSource, Secrets, Stamp, VaultSpec, is_well_known};
use crate::secret::Secret;
use content::Content;
use store::{Kind, Store};

/// Whether new secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persist {
    /// They are written to the vault before they are used.
    Save,
    /// They serve this run only: nothing is written.
    DryRun,
    /// As with a dry run; and what is there is looked at as it is: a certificate that is only due
    /// to be renewed stays.
    Look,
}

/// What [`Vault::made`] names the authority.
pub const AUTHORITY: &str = "authority";

/// The secrets at rest.
#[derive(Debug)]
pub struct Vault {
    store: Store,
    /// What the file holds.
    kept: Content,
    /// What it is to hold.
    next: Content,
    /// What it was to hold before the last change, or what it holds.
    before: Content,
    /// Whether more than what was missing is to change.
    changed: bool,
    /// The names of what there was when the vault was opened.
    had: BTreeSet<String>,
    /// The references that were resolved.
    referenced: BTreeMap<SecretName, Secret>,
}

impl Vault {
    /// Where the vault of an inventory is: `cluster.vault` beside `cluster.yml`.
    pub fn beside(inventory: &Path) -> PathBuf {
        inventory.with_extension("vault")
    }

    /// Reads the vault at `path`; one that does not exist is an empty one. Relative `file:`
    /// references are looked for in its folder, and `command:` references run there. Without a
    /// vault no identity is asked for.
    ///
    /// # Errors
    /// If the file can be read by others, is not ours, cannot be opened, or is damaged.
    pub fn open(path: &Path, spec: &VaultSpec) -> Result<Self, VaultError> {
        let mut store = Store::new(path, spec);
        let kept = store.read()?.unwrap_or_default();
        if spec.passphrase.is_some() && store.kind() == Some(Kind::Recipients) {
            store.notices.push(format!(
                "{} is encrypted to identities, and the inventory names a passphrase: `mahout \
                 secrets rekey` mends it",
                path.display()
            ));
        }
        let stranger = |recipient: &&String| !kept.recipients.contains(&store::as_kept(recipient));
        if !kept.recipients.is_empty() {
            for recipient in spec.recipients.iter().filter(stranger) {
                store.notices.push(format!(
                    "{} is not encrypted to {recipient}, which the inventory names: `mahout \
                     secrets rekey` mends it",
                    path.display()
                ));
            }
        }
        Ok(Self {
            store,
            next: kept.clone(),
            before: kept.clone(),
            changed: false,
            had: names(&kept),
            referenced: BTreeMap::new(),
            kept,
        })
    }

    /// The value of every secret of `cluster`, its certificates and the authorities that are
    /// trusted. What the vault lacks is made, once; with [`Persist::Save`] it, and what an earlier
    /// call made that did not save, is on disk before this returns.
    ///
    /// # Errors
    /// If a reference or a certificate that is brought along leads to nothing usable, or the vault
    /// cannot be written. The message names the secret and never shows it.
    pub fn resolve(
        &mut self,
        cluster: &Cluster,
        now: OffsetDateTime,
        persist: Persist,
    ) -> Result<Secrets, VaultError> {
        // References first: they may ask the operator something, and nothing is written if one
        // of them fails.
        let folder = file::folder(self.store.path()).to_owned();
        for (name, source) in &cluster.secrets {
            if self.referenced.contains_key(name) {
                continue;
            }
            if let Some(value) = reference::resolve(name, source, &folder)? {
                check_strength(name, &value)?;
                self.referenced.insert(name.clone(), value);
            }
        }
        let made = std::mem::take(&mut self.next);
        self.next = made.clone();
        self.complete(&made, cluster, now, persist != Persist::Look)?;
        let secrets = self.secrets(cluster, now)?;
        if persist != Persist::Save || !self.save(cluster, now)? {
            return Ok(secrets);
        }
        self.secrets(cluster, now)
    }

    fn complete(
        &mut self,
        made: &Content,
        cluster: &Cluster,
        now: OffsetDateTime,
        renew: bool,
    ) -> Result<(), VaultError> {
        complete::complete(&mut self.next, made, cluster, now, renew)?;
        self.next.generation = self.before.generation;
        if self.next.deploys_otherwise(&self.before) {
            self.next.generation += 1;
        }
        // One that was migrated has not been counted before.
        self.next.generation = self.next.generation.max(1);
        self.next.lineage.clone_from(&self.before.lineage);
        if self.next.generation != self.before.generation {
            // The plan that was shown holds the tag that is written then.
            let tag = match made.lineage.get(self.before.lineage.len()) {
                Some(tag) => tag.clone(),
                None => generate::id()?,
            };
            self.next.lineage.push(tag);
        }
        Ok(())
    }

    /// What `next` and the references come to.
    fn secrets(&self, cluster: &Cluster, now: OffsetDateTime) -> Result<Secrets, VaultError> {
        let mut secrets = Secrets::from(self.referenced.clone());
        for (name, source) in &cluster.secrets {
            if *source != SecretSource::Generated {
                continue;
            }
            let text = name.to_string();
            if let Some(value) = self.next.secrets.get(&text) {
                // A kept one may have been changed by hand.
                check_form(name, value)?;
                if !self.next.adopted.contains(&text) {
                    check_strength(name, value)?;
                }
                secrets.values.insert(name.clone(), value.clone());
            }
            if let Some(value) = self.next.previous.get(&text) {
                secrets.previous.insert(name.clone(), value.clone());
            }
        }
        if !self.next.is_empty() {
            let stamp = Stamp {
                vault: self.next.id.clone(),
                generation: self.next.generation,
                tag: self.next.lineage.last().cloned(),
            };
            secrets.stamp = stamp.to_string();
            secrets.lineage.clone_from(&self.next.lineage);
        }
        if !cluster.tls.enabled {
            return Ok(secrets);
        }
        if let Some(brought) = &cluster.tls.brought {
            (secrets.ca_bundle, secrets.certificates) =
                brought::read(brought, cluster, now.unix_timestamp())?;
            return Ok(secrets);
        }
        for authority in self.next.authorities.trusted() {
            secrets
                .ca_bundle
                .push_str(authority::certificate_of(authority.expose()));
            secrets.ca_bundle.push('\n');
        }
        for spec in cluster.certificates() {
            if let Some(pem) = self.next.certificates.get(&spec.name.to_string()) {
                secrets.certificates.insert(spec.name, pem.clone());
            }
        }
        Ok(secrets)
    }

    /// What the vault did not have when it was opened and now is to have, by name: passwords,
    /// and [`AUTHORITY`]. Not empty for a cluster that exists: its vault may have been lost.
    pub fn made(&self) -> impl Iterator<Item = String> {
        names(&self.next)
            .into_iter()
            .filter(|name| !self.had.contains(name))
    }

    /// Whether there was a vault when it was opened.
    pub fn existed(&self) -> bool {
        !self.had.is_empty()
    }

    /// Writes the certificates of the authorities beside the inventory, for clients'
    /// `sslrootcert`: `cluster.ca.crt` beside `cluster.yml`. A file that says the same stays.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn publish(inventory: &Path, authorities: &str) -> Result<(), VaultError> {
        let path = Self::published(inventory);
        if std::fs::read(&path).is_ok_and(|present| present == authorities.as_bytes()) {
            return Ok(());
        }
        file::publish(&path, authorities.as_bytes())
            .map_err(|cause| file::io_error(&path, "write the authorities", cause))
    }

    /// Where [`Vault::publish`] writes.
    pub fn published(inventory: &Path) -> PathBuf {
        inventory.with_extension("ca.crt")
    }

    /// What the operator should know; each is told once.
    pub fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.store.notices)
    }

    /// Writes what is to be kept; returns whether another run had written something of it first,
    /// whose own then counts.
    fn save(&mut self, cluster: &Cluster, now: OffsetDateTime) -> Result<bool, VaultError> {
        if self.next.is_empty() || (self.next == self.kept && !self.store.has_legacy()) {
            return Ok(false);
        }
        let lock = file::Lock::take(self.store.path())?;
        let fresh = self.store.read()?.unwrap_or_default();
        let raced = fresh != self.kept;
        if raced {
            if self.changed {
                return Err(VaultError::Changed {
                    path: self.store.path().to_owned(),
                });
            }
            let made = std::mem::replace(&mut self.next, fresh.clone());
            self.before = fresh;
            self.complete(&made, cluster, now, true)?;
        }
        self.store.write(&mut self.next, &lock)?;
        self.settle();
        Ok(raced)
    }

    /// What is in the file now is what is to be.
    fn settle(&mut self) {
        self.kept = self.next.clone();
        self.before = self.next.clone();
        self.changed = false;
    }
}

/// The names of what a vault holds.
fn names(content: &Content) -> BTreeSet<String> {
    let authority = content.authorities.current.iter();
    let authority = authority.map(|_| AUTHORITY.to_owned());
    content.secrets.keys().cloned().chain(authority).collect()
}

/// Refuses a value that is no secret or that the files it is written to cannot carry.
fn check_strength(name: &SecretName, value: &Secret) -> Result<(), VaultError> {
    check_form(name, value)?;
    let text = value.expose();
    if text == name.to_string() || matches!(name, SecretName::User(user) if text == user) {
        Err(unusable(name, "is its own name"))
    } else if is_well_known(text) {
        let why = "is a password that is tried first, or has fewer than eight characters";
        Err(unusable(name, why))
    } else {
        Ok(())
    }
}

/// Refuses a value that the files it is written to cannot carry.
fn check_form(name: &SecretName, value: &Secret) -> Result<(), VaultError> {
    let text = value.expose();
    if text.is_empty() {
        Err(unusable(name, "is empty"))
    } else if text.chars().any(char::is_control) {
        let why = "holds a line break or another control character";
        Err(unusable(name, why))
    } else {
        Ok(())
    }
}

fn unusable(name: &SecretName, why: &str) -> VaultError {
    VaultError::Unusable {
        name: name.clone(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests;
