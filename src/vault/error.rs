//! What can go wrong with secrets; no message shows one.

use std::io;
use std::path::PathBuf;

use crate::cluster::recipient::NotARecipient;
use crate::cluster::{CertificateName, SecretName};

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The vault's file cannot be read, written or locked.
    #[error("vault {}: cannot {what}: {cause}", path.display())]
    Io {
        /// The vault.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's error.
        cause: io::Error,
    },
    /// Others could read or replace the vault.
    #[error("vault {}: {why}", path.display())]
    Unsafe {
        /// The vault.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The vault is not what mahout wrote.
    #[error("vault {} is damaged: {why}", path.display())]
    Damaged {
        /// The vault.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It was written by a later mahout.
    #[error("vault {} has form {found}, this mahout knows {known}", path.display())]
    Newer {
        /// The vault.
        path: PathBuf,
        /// Its form.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// There is no vault.
    #[error("there is no vault {} yet", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The identity that would open it is not there.
    #[error("vault {} cannot be opened: there is no identity {}", path.display(), identity.display())]
    NoIdentity {
        /// The vault.
        path: PathBuf,
        /// Where it was looked for.
        identity: PathBuf,
    },
    /// The identity is another one.
    #[error(
        "vault {} cannot be opened: it is not encrypted to the identity in {}, or it is damaged",
        path.display(),
        identity.display()
    )]
    WrongIdentity {
        /// The vault.
        path: PathBuf,
        /// Whose identity was tried.
        identity: PathBuf,
    },
    /// It is encrypted to a passphrase, and the inventory names none.
    #[error("vault {} is encrypted with a passphrase", path.display())]
    NoPassphrase {
        /// The vault.
        path: PathBuf,
    },
    /// The passphrase is another one.
    #[error("vault {} cannot be opened: the passphrase is another one, or it is damaged", path.display())]
    WrongPassphrase {
        /// The vault.
        path: PathBuf,
    },
    /// The passphrase cannot be had, or is none.
    #[error("the vault's passphrase: {why}")]
    Passphrase {
        /// In words.
        why: String,
    },
    /// An identity file cannot be used.
    #[error("identity {}: {why}", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// In words.
        why: String,
    },
    /// Nobody knows where the user's configuration is.
    #[error("there is no home folder to keep the vault's identity in: HOME is not set")]
    NoHome,
    /// Who may read the vault cannot be changed like that.
    #[error("recipient {recipient}: {why}")]
    Recipient {
        /// Which.
        recipient: String,
        /// In words.
        why: &'static str,
    },
    /// What is to be added is no recipient.
    #[error("one of the recipients to add cannot be used: {why}")]
    NewRecipient {
        /// In words, without what was given.
        why: NotARecipient,
    },
    /// Another run holds the vault for longer than it takes to write it.
    #[error("vault {}: another mahout is writing it", path.display())]
    Locked {
        /// The vault.
        path: PathBuf,
    },
    /// Another run has changed it since it was read.
    #[error("vault {}: another mahout has changed it meanwhile", path.display())]
    Changed {
        /// The vault.
        path: PathBuf,
    },
    /// A secret cannot be had, or is none.
    #[error("secret `{name}`: {why}")]
    Unusable {
        /// The secret, as the inventory names it.
        name: SecretName,
        /// In words.
        why: String,
    },
    /// There is no secret of that name.
    #[error("there is no secret `{name}`")]
    UnknownName {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A certificate that is brought along cannot be used.
    #[error("certificate {name} in {}: {why}", path.display())]
    Brought {
        /// Whose.
        name: CertificateName,
        /// The file.
        path: PathBuf,
        /// In words.
        why: String,
    },
    /// The authorities that are brought along cannot be used.
    #[error("certificates.ca_file {}: {why}", path.display())]
    BroughtAuthority {
        /// The file.
        path: PathBuf,
        /// In words.
        why: String,
    },
    /// There is nothing of ours to rotate.
    #[error("{0}")]
    NotOurs(&'static str),
    /// A certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The system gives no random numbers.
    #[error("no random numbers for a new secret: {0}")]
    Random(getrandom::Error),
}

impl VaultError {
    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            VaultError::Unsafe { path, .. } => {
                return Some(format!(
                    "it holds the cluster's passwords: it has to be a plain file of your own, \
                     `chmod 600 {}`",
                    path.display()
                ));
            }
            VaultError::Damaged { .. } => {
                "restore it from a backup; without it the passwords of the cluster are lost, and \
                 new ones would open nothing"
            }
            VaultError::Newer { .. } => "use the mahout that wrote it, or a later one",
            VaultError::Missing { .. } => "`mahout deploy` or `mahout secrets set` makes it",
            VaultError::NoIdentity { .. } => {
                "bring the file back from where you keep it, or name another one: `vault.identity` \
                 in the inventory or MAHOUT_VAULT_IDENTITY"
            }
            VaultError::WrongIdentity { .. } => {
                "name the right one (`vault.identity` in the inventory or MAHOUT_VAULT_IDENTITY), \
                 or have somebody who can open it add you: `mahout secrets rekey --add RECIPIENT`; \
                 if it is damaged, restore it from a backup"
            }
            VaultError::NoPassphrase { .. } => {
                "`vault.passphrase` in the inventory: `env:NAME`, `file:PATH` or `command:LINE`"
            }
            VaultError::WrongPassphrase { .. } => {
                "if the passphrase is right, restore the vault from a backup"
            }
            VaultError::Identity { path, .. } => {
                return Some(format!(
                    "an identity file holds lines that begin with AGE-SECRET-KEY-1 and is your \
                     own: `chmod 600 {}`",
                    path.display()
                ));
            }
            VaultError::NewRecipient { why } => why.hint(),
            VaultError::NoHome => "name a file: `vault.identity` in the inventory",
            VaultError::Changed { .. } => "nothing was changed; run it again",
            VaultError::UnknownName { known, .. } => {
                return Some(format!("there are {}", known.join(", ")));
            }
            VaultError::Brought { .. } | VaultError::BroughtAuthority { .. } => {
                "each file holds the certificate, its chain and its key (PKCS#8), PEM; `mahout \
                 deploy` puts changed ones on the nodes"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
