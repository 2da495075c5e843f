//! The vault's file, and what opens it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::content::{Content, VERSION};
use super::identity::Identity;
use super::sealed::{self, Audience, Failure, Key};
use super::{VaultError, file, identity, legacy, reference};
use crate::cluster::VaultSpec;
use crate::cluster::recipient::Recipient;
use crate::secret::Secret;

/// Where the vault is, and how it is opened. Keys are read when they are needed, once.
pub(super) struct Store {
    path: PathBuf,
    spec: VaultSpec,
    identities: Option<(PathBuf, Vec<Identity>)>,
    passphrase: Option<Secret>,
    /// What the present file is encrypted with; `None` if there is none.
    present: Option<Kind>,
    /// What is to be told to the operator.
    pub(super) notices: Vec<String>,
}

/// What a vault is encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Recipients,
    Passphrase,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .field("present", &self.present)
            .finish_non_exhaustive()
    }
}

impl Store {
    pub(super) fn new(path: &Path, spec: &VaultSpec) -> Self {
        Self {
            path: path.to_owned(),
            spec: spec.clone(),
            identities: None,
            passphrase: None,
            present: None,
            notices: Vec::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the present file is encrypted with; `None` if there is none.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.present
    }

    /// What the vault holds: the age file, else the one in clear text that it takes the place of,
    /// else nothing.
    pub(super) fn read(&mut self) -> Result<Option<Content>, VaultError> {
        let Some(bytes) = file::read_safely(&self.path)? else {
            self.present = None;
            return legacy::read(&legacy::path(&self.path));
        };
        if bytes.is_empty() {
            return Err(self.damaged("it is empty"));
        }
        let kind = match sealed::has_passphrase(&bytes) {
            Ok(true) => Kind::Passphrase,
            Ok(false) => Kind::Recipients,
            Err(failure) => return Err(self.failed(failure, Kind::Recipients)),
        };
        self.present = Some(kind);
        match kind {
            Kind::Passphrase => {
                if self.passphrase()?.is_none() {
                    return Err(VaultError::NoPassphrase {
                        path: self.path.clone(),
                    });
                }
            }
            Kind::Recipients => {
                if let Some(identity) = self.lacks_identity()? {
                    return Err(VaultError::NoIdentity {
                        path: self.path.clone(),
                        identity,
                    });
                }
            }
        }
        self.opened(&bytes, kind).map(Some)
    }

    /// The content of an age file, with the keys that are loaded.
    fn opened(&self, bytes: &[u8], kind: Kind) -> Result<Content, VaultError> {
        let none = Vec::new();
        let empty = Secret::new("");
        let key = match kind {
            Kind::Recipients => {
                Key::Identities(self.identities.as_ref().map_or(&none, |(_, list)| list))
            }
            Kind::Passphrase => Key::Passphrase(self.passphrase.as_ref().unwrap_or(&empty)),
        };
        let plain = sealed::open(bytes, &key).map_err(|failure| self.failed(failure, kind))?;
        #[derive(serde::Deserialize)]
        struct Form {
            version: u32,
        }
        let unreadable = || self.damaged("what is in it is not what mahout writes");
        let form: Form = serde_json::from_slice(&plain).map_err(|_| unreadable())?;
        if form.version > VERSION {
            return Err(VaultError::Newer {
                path: self.path.clone(),
                found: form.version,
                known: VERSION,
            });
        }
        serde_json::from_slice(&plain).map_err(|_| unreadable())
    }

    /// Writes the vault, and removes the one in clear text if there was one. A new vault's
    /// recipients are put into `content`.
    pub(super) fn write(
        &mut self,
        content: &mut Content,
        lock: &file::Lock,
    ) -> Result<(), VaultError> {
        let audience = match self.present {
            Some(Kind::Recipients) => Audience::Recipients(content.recipients.clone()),
            Some(Kind::Passphrase) => self.needed_passphrase().map(Audience::Passphrase)?,
            None => self.new_audience()?,
        };
        self.write_to(content, audience, lock)
    }

    /// As [`Store::write`], for these readers from now on.
    pub(super) fn write_to(
        &mut self,
        content: &mut Content,
        audience: Audience,
        lock: &file::Lock,
    ) -> Result<(), VaultError> {
        let kind = match &audience {
            Audience::Recipients(recipients) => {
                content.recipients.clone_from(recipients);
                Kind::Recipients
            }
            Audience::Passphrase(passphrase) => {
                content.recipients.clear();
                self.passphrase = Some(passphrase.clone());
                Kind::Passphrase
            }
        };
        content.version = VERSION;
        let failed = |cause| file::io_error(&self.path, "encrypt it", cause);
        let plain = serde_json::to_vec(&*content).map_err(|error| failed(error.into()))?;
        let sealed = sealed::seal(&plain, &audience).map_err(failed)?;
        let check = |written: &[u8]| match self.opened(written, kind)? {
            found if found == *content => Ok(()),
            _ => Err(self.damaged("the disk does not hold what was written")),
        };
        file::replace(&self.path, &sealed, check, lock)?;
        self.present = Some(kind);
        legacy::remove(&legacy::path(&self.path))
    }

    /// Whether the one in clear text is still there.
    pub(super) fn has_legacy(&self) -> bool {
        std::fs::symlink_metadata(legacy::path(&self.path)).is_ok()
    }

    /// For whom a new vault is encrypted: as the inventory says. Without an identity file, one is
    /// made.
    pub(super) fn new_audience(&mut self) -> Result<Audience, VaultError> {
        if self.passphrase()?.is_some() {
            return self.needed_passphrase().map(Audience::Passphrase);
        }
        if let Some(path) = self.lacks_identity()? {
            let made = identity::make(&path)?;
            self.notices.push(format!(
                "the identity {} is new; it opens {}: keep a copy of both, without them the \
                 cluster's passwords are lost",
                path.display(),
                self.path.display()
            ));
            self.identities = Some((path, vec![made]));
        }
        let mut recipients = self.own_recipients();
        for recipient in &self.spec.recipients {
            let recipient = as_kept(recipient);
            if !recipients.contains(&recipient) {
                recipients.push(recipient);
            }
        }
        Ok(Audience::Recipients(recipients))
    }

    /// The public keys of the identities that are loaded.
    pub(super) fn own_recipients(&self) -> Vec<String> {
        let identities = self.identities.iter().flat_map(|(_, list)| list);
        identities
            .map(|identity| identity.recipient().to_owned())
            .collect()
    }

    /// Loads the identities; the path of their file if it is not there.
    pub(super) fn lacks_identity(&mut self) -> Result<Option<PathBuf>, VaultError> {
        if self.identities.is_some() {
            return Ok(None);
        }
        let path = identity::path(&self.spec)?;
        match identity::read(&path)? {
            Some(identities) => {
                self.identities = Some((path, identities));
                Ok(None)
            }
            None => Ok(Some(path)),
        }
    }

    /// The passphrase, if the inventory names one.
    fn passphrase(&mut self) -> Result<Option<&Secret>, VaultError> {
        if self.passphrase.is_none()
            && let Some(source) = &self.spec.passphrase
        {
            self.passphrase = Some(self.passphrase_of(source)?);
        }
        Ok(self.passphrase.as_ref())
    }

    /// The passphrase that a reference leads to.
    pub(super) fn passphrase_of(
        &self,
        source: &crate::cluster::SecretSource,
    ) -> Result<Secret, VaultError> {
        let wrong = |why: &str| VaultError::Passphrase {
            why: why.to_owned(),
        };
        let found = reference::lookup(source, file::folder(&self.path))
            .map_err(|why| wrong(&why))?
            .ok_or_else(|| wrong("it cannot be kept in the vault itself"))?;
        if crate::cluster::is_well_known(found.expose()) {
            return Err(wrong("is tried first, or has fewer than eight characters"));
        }
        Ok(found)
    }

    fn needed_passphrase(&mut self) -> Result<Secret, VaultError> {
        let path = self.path.clone();
        let passphrase = self.passphrase()?.cloned();
        passphrase.ok_or(VaultError::NoPassphrase { path })
    }

    fn failed(&self, failure: Failure, kind: Kind) -> VaultError {
        let path = self.path.clone();
        match (failure, kind) {
            (Failure::Damaged(why), _) => self.damaged(why),
            (Failure::WrongKey, Kind::Passphrase) => VaultError::WrongPassphrase { path },
            (Failure::WrongKey, Kind::Recipients) => VaultError::WrongIdentity {
                path,
                identity: match &self.identities {
                    Some((path, _)) => path.clone(),
                    None => PathBuf::new(),
                },
            },
        }
    }

    fn damaged(&self, why: &str) -> VaultError {
        VaultError::Damaged {
            path: self.path.clone(),
            why: why.to_owned(),
        }
    }
}

/// A recipient as the vault keeps it and tells it: without SSH's comment.
pub(super) fn as_kept(recipient: &str) -> String {
    match recipient.parse::<Recipient>() {
        Ok(parsed) => parsed.to_string(),
        // It is refused when the vault is written.
        Err(_) => recipient.to_owned(),
    }
}
