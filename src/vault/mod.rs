//! Secrets: references resolved, generated ones kept at rest.
//!
//! The vault is a file of mode 0600 beside the inventory. It is written only to add what is
//! missing: a damaged or unsafe file is an error, never a reason to make new passwords for a
//! cluster that has old ones.

mod authority;
mod error;
mod file;
mod generate;
mod reference;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use error::VaultError;

use crate::cluster::{Cluster, SecretName, SecretSource, Secrets, is_well_known};
use crate::secret::Secret;

/// Whether new secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persist {
    /// They are written to the vault before they are used.
    Save,
    /// They serve this run only: nothing is written.
    DryRun,
}

/// The secrets at rest.
#[derive(Debug)]
pub struct Vault {
    path: PathBuf,
    /// What the file holds.
    kept: BTreeMap<String, Secret>,
    /// What was made since; in the file only after a save.
    made: BTreeMap<SecretName, Secret>,
    /// The authority and the certificates, those of the file and those made since.
    certificates: BTreeMap<String, Secret>,
}

impl Vault {
    /// Where the vault of an inventory is: `cluster.secrets.json` beside `cluster.yml`.
    pub fn beside(inventory: &Path) -> PathBuf {
        inventory.with_extension("secrets.json")
    }

    /// Reads the vault at `path`; one that does not exist is an empty one. Relative `file:`
    /// references are looked for in its folder, and `command:` references run there.
    ///
    /// # Errors
    /// If the file can be read by others, is not ours, or is damaged.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let kept = file::read(path)?;
        let is_certificate = |name: &str| name == "ca" || name.starts_with("certificate.");
        Ok(Self {
            path: path.to_owned(),
            certificates: kept
                .iter()
                .filter(|(name, _)| is_certificate(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            kept,
            made: BTreeMap::new(),
        })
    }

    /// The value of every secret in `sources`. Generated ones that the vault lacks are made, once;
    /// with [`Persist::Save`] they, and those of an earlier call that did not save, are on disk
    /// before this returns.
    ///
    /// # Errors
    /// If a reference leads to nothing usable, or the vault cannot be written. The message names
    /// the secret and never shows it.
    pub fn resolve(
        &mut self,
        sources: &BTreeMap<SecretName, SecretSource>,
        persist: Persist,
    ) -> Result<Secrets, VaultError> {
        // References first: they may ask the operator something, and nothing is written if one
        // of them fails.
        let folder = self.path.parent().unwrap_or(Path::new("")).to_owned();
        let mut values = BTreeMap::new();
        let mut generated = Vec::new();
        for (name, source) in sources {
            match reference::resolve(name, source, &folder)? {
                Some(value) => {
                    check_strength(name, &value)?;
                    values.insert(name.clone(), value);
                }
                None => generated.push(name),
            }
        }
        for &name in &generated {
            if !self.kept.contains_key(&name.to_string()) && !self.made.contains_key(name) {
                self.made.insert(name.clone(), generate::password()?);
            }
        }
        if persist == Persist::Save {
            self.save()?;
        }
        for name in generated {
            let kept = self.kept.get(&name.to_string());
            if let Some(value) = kept.or_else(|| self.made.get(name)) {
                // A kept one may have been changed by hand.
                check_strength(name, value)?;
                values.insert(name.clone(), value.clone());
            }
        }
        Ok(values.into())
    }

    /// The certificates of `cluster`, and the authority that is trusted, put among `secrets`. What
    /// the vault lacks is made; with [`Persist::Save`] it is on disk before this returns.
    ///
    /// # Errors
    /// If a certificate cannot be made, or the vault cannot be written.
    pub fn certify(
        &mut self,
        cluster: &Cluster,
        secrets: &mut Secrets,
        persist: Persist,
    ) -> Result<(), VaultError> {
        let specs = cluster.certificates();
        if specs.is_empty() {
            return Ok(());
        }
        let now = time::OffsetDateTime::now_utc();
        let authority = match self.certificates.get("ca") {
            Some(authority) => authority.clone(),
            None => {
                let lifetime = cluster.tls.ca_lifetime;
                let made = authority::new_authority(&cluster.scope, now, lifetime)?;
                self.certificates.insert("ca".to_owned(), made.clone());
                made
            }
        };
        authority::certificate_of(authority.expose()).clone_into(&mut secrets.ca_bundle);
        secrets.ca_bundle.push('\n');
        for spec in &specs {
            let name = format!("certificate.{}", spec.name);
            let pem = match self.certificates.get(&name) {
                Some(pem) => pem.clone(),
                None => {
                    let made = authority::issue(spec, &authority, now, cluster.tls.lifetime)?;
                    self.certificates.insert(name, made.clone());
                    made
                }
            };
            secrets.certificates.insert(spec.name.clone(), pem);
        }
        if persist == Persist::Save {
            let lock = file::Lock::take(&self.path)?;
            let mut all = file::read(&self.path)?;
            all.extend(self.certificates.clone());
            file::write(&self.path, &all, &lock)?;
            self.kept = all;
        }
        Ok(())
    }

    /// The generated secrets that the vault did not have when they were asked for. Not empty for
    /// a cluster that exists: its vault was lost, and the new passwords open nothing.
    pub fn generated_now(&self) -> impl Iterator<Item = &SecretName> {
        self.made.keys()
    }

    /// Writes what was made and is not in the file yet.
    fn save(&mut self) -> Result<(), VaultError> {
        if self
            .made
            .keys()
            .all(|name| self.kept.contains_key(&name.to_string()))
        {
            return Ok(());
        }
        let lock = file::Lock::take(&self.path)?;
        // Another run may have made the same ones since we looked: then its own count.
        let mut all = file::read(&self.path)?;
        self.made
            .retain(|name, _| !all.contains_key(&name.to_string()));
        let made = self.made.iter();
        all.extend(made.map(|(name, value)| (name.to_string(), value.clone())));
        file::write(&self.path, &all, &lock)?;
        self.kept = all;
        Ok(())
    }
}

/// Refuses a value that is no secret or that the files it is written to cannot carry.
fn check_strength(name: &SecretName, value: &Secret) -> Result<(), VaultError> {
    let text = value.expose();
    let why = if text.is_empty() {
        "is empty"
    } else if text.chars().any(char::is_control) {
        "holds a line break or another control character"
    } else if text == name.to_string() || matches!(name, SecretName::User(user) if text == user) {
        "is its own name"
    } else if is_well_known(text) {
        "is a password that is tried first, or has fewer than eight characters"
    } else {
        return Ok(());
    };
    Err(VaultError::Unusable {
        name: name.clone(),
        why: why.to_owned(),
    })
}

#[cfg(test)]
mod tests;
