//! What can go wrong with secrets; no message shows one.

use std::io;
use std::path::PathBuf;

use crate::cluster::SecretName;

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
    /// Another run holds the vault for longer than it takes to write it.
    #[error("vault {}: another mahout is writing it", path.display())]
    Locked {
        /// The vault.
        path: PathBuf,
    },
    /// A reference leads to nothing that can be used.
    #[error("secret `{name}`: {why}")]
    Unusable {
        /// The secret, as the inventory names it.
        name: SecretName,
        /// In words.
        why: String,
    },
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
        match self {
            VaultError::Unsafe { path, .. } => Some(format!(
                "it holds the cluster's passwords: it has to be a plain file of your own, `chmod \
                 600 {}`",
                path.display()
            )),
            VaultError::Damaged { .. } => Some(
                "restore it from a backup; without it the passwords of the cluster are lost, and \
                 new ones would open nothing"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
