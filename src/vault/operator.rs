//! What `mahout secrets` shows and changes.

use time::OffsetDateTime;

use super::change::ours;
use super::content::Content;
use super::sealed::Audience;
use super::store::{Kind, as_kept};
use super::{Change, Persist, Vault, VaultError, file, reference};
use crate::cluster::recipient::Recipient;
use crate::cluster::{Cluster, SecretEntry, SecretName, SecretSource};
use crate::secret::Secret;

/// Who can read the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readers {
    /// There is no vault yet.
    Nobody,
    /// The owners of these recipients' identities.
    Recipients(Vec<String>),
    /// Whoever knows the passphrase.
    Passphrase,
}

impl Vault {
    /// Its id and generation; `None` if there is none yet.
    pub fn identification(&self) -> Option<(&str, u64)> {
        (!self.kept.id.is_empty()).then_some((self.kept.id.as_str(), self.kept.generation))
    }

    /// Who can read it.
    pub fn readers(&self) -> Readers {
        match self.store.kind() {
            None => Readers::Nobody,
            Some(Kind::Recipients) => Readers::Recipients(self.kept.recipients.clone()),
            Some(Kind::Passphrase) => Readers::Passphrase,
        }
    }

    /// Every secret of `cluster`, and what else is in the vault.
    pub fn list(&self, cluster: &Cluster) -> Vec<SecretEntry> {
        let entry = |name: String, source: String, kept, used| SecretEntry {
            in_rotation: self.kept.previous.contains_key(&name),
            name,
            source,
            kept,
            used,
        };
        let mut all: Vec<SecretEntry> = cluster
            .secrets
            .iter()
            .map(|(name, source)| {
                let name = name.to_string();
                let kept = self.kept.secrets.contains_key(&name);
                match source {
                    SecretSource::Generated => entry(name, "vault".to_owned(), Some(kept), true),
                    SecretSource::Environment(variable) => {
                        entry(name, format!("env:{variable}"), None, true)
                    }
                    SecretSource::File(path) => {
                        entry(name, format!("file:{}", path.display()), None, true)
                    }
                    SecretSource::Command(_) => entry(name, "command".to_owned(), None, true),
                }
            })
            .collect();
        let known = |name: &str| {
            all.iter()
                .any(|entry| entry.name == name && entry.kept.is_some())
        };
        let unused: Vec<SecretEntry> = self
            .kept
            .secrets
            .keys()
            .filter(|name| !known(name))
            .map(|name| entry(name.clone(), "vault".to_owned(), Some(true), false))
            .collect();
        all.extend(unused);
        all
    }

    /// The value of a secret, wherever it is kept.
    ///
    /// # Errors
    /// If there is none, or it cannot be had.
    pub fn show(&self, name: &SecretName, cluster: &Cluster) -> Result<Secret, VaultError> {
        match cluster.secrets.get(name) {
            Some(SecretSource::Generated) => {
                let kept = self.kept.secrets.get(&name.to_string());
                kept.cloned().ok_or_else(|| VaultError::Unusable {
                    name: name.clone(),
                    why: "is not made yet: the first deploy makes it".to_owned(),
                })
            }
            Some(source) => {
                let folder = file::folder(self.store.path());
                match reference::resolve(name, source, folder)? {
                    Some(value) => Ok(value),
                    None => ours(name, cluster).and(Err(self.missing())),
                }
            }
            None => Err(ours(name, cluster).err().unwrap_or_else(|| self.missing())),
        }
    }

    fn missing(&self) -> VaultError {
        VaultError::Missing {
            path: self.store.path().to_owned(),
        }
    }

    /// The values of the secrets that are kept here, to edit them.
    pub fn values(&self, cluster: &Cluster) -> Vec<(SecretName, Secret)> {
        let kept = cluster.secrets.keys().filter_map(|name| {
            let value = self.kept.secrets.get(&name.to_string())?;
            (ours(name, cluster).is_ok()).then(|| (name.clone(), value.clone()))
        });
        kept.collect()
    }

    /// Gives secrets the values that the operator chose, and writes them.
    ///
    /// # Errors
    /// If one of them is not kept here or is no secret, then none is changed; or if the vault
    /// cannot be written.
    pub fn set(
        &mut self,
        values: &[(SecretName, Secret)],
        cluster: &Cluster,
        now: OffsetDateTime,
    ) -> Result<(), VaultError> {
        for (name, value) in values {
            self.change(&Change::Set(name.clone(), value.clone()), cluster, now)?;
        }
        // Before the first change: the steps between are never written.
        self.before = self.kept.clone();
        let mut own = cluster.clone();
        // What is kept elsewhere need not be there for this, and certificates can wait.
        own.secrets
            .retain(|name, _| values.iter().any(|(set, _)| set == name));
        own.tls.enabled = false;
        self.resolve(&own, now, Persist::Save).map(drop)
    }

    /// Encrypts the vault to `add` as well, and no longer to `remove`; without both to whom the
    /// inventory names. With `passphrase` to that alone. Those who could read it have read it:
    /// passwords that a removed one must no longer know are to be rotated.
    ///
    /// # Errors
    /// If there is no vault, nobody would be left, or we could no longer read it ourselves.
    pub fn rekey(
        &mut self,
        add: &[String],
        remove: &[String],
        passphrase: Option<&SecretSource>,
    ) -> Result<Readers, VaultError> {
        let lock = file::Lock::take(self.store.path())?;
        let mut content = self.store.read()?.ok_or_else(|| self.missing())?;
        for recipient in add {
            if let Err(why) = recipient.parse::<Recipient>() {
                // It is not repeated: it may be an identity that was given by mistake.
                return Err(VaultError::NewRecipient { why });
            }
        }
        let all_as_kept = |list: &[String]| -> Vec<String> {
            list.iter().map(|recipient| as_kept(recipient)).collect()
        };
        let (add, remove) = (&all_as_kept(add), &all_as_kept(remove));
        let audience = match passphrase {
            Some(source) => Audience::Passphrase(self.store.passphrase_of(source)?),
            None => self.audience_of(&content, add, remove)?,
        };
        if content.id.is_empty() {
            content.id = super::generate::id()?;
        }
        self.store.write_to(&mut content, audience, &lock)?;
        self.next = content;
        self.settle();
        Ok(self.readers())
    }

    fn audience_of(
        &mut self,
        content: &Content,
        add: &[String],
        remove: &[String],
    ) -> Result<Audience, VaultError> {
        let mut recipients = content.recipients.clone();
        if add.is_empty() && remove.is_empty() {
            match self.store.new_audience()? {
                Audience::Recipients(named) => recipients.extend(named),
                passphrase @ Audience::Passphrase(_) => return Ok(passphrase),
            }
        } else if let Some(identity) = self.store.lacks_identity()? {
            return Err(VaultError::NoIdentity {
                path: self.store.path().to_owned(),
                identity,
            });
        }
        let own = self.store.own_recipients();
        if recipients.is_empty() {
            recipients.extend(own.iter().cloned());
        }
        recipients.extend(add.iter().cloned());
        if let Some(stranger) = remove.iter().find(|gone| !recipients.contains(gone)) {
            return Err(recipient_error(
                stranger,
                "the vault is not encrypted to it",
            ));
        }
        recipients.retain(|recipient| !remove.contains(recipient));
        recipients.sort();
        recipients.dedup();
        if !own.iter().any(|own| recipients.contains(own)) {
            return Err(recipient_error(
                own.first().map_or("", String::as_str),
                "it is your own, and you could no longer read the vault: have somebody else \
                 remove it",
            ));
        }
        Ok(Audience::Recipients(recipients))
    }
}

fn recipient_error(recipient: &str, why: &'static str) -> VaultError {
    VaultError::Recipient {
        recipient: recipient.to_owned(),
        why,
    }
}
