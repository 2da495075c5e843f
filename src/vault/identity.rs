//! Who opens the vault: the operator's age identities, or a passphrase.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519;

use super::VaultError;
use super::file;
use crate::cluster::VaultSpec;

/// Names the identity file for this run, in the place of the inventory.
const VARIABLE: &str = "MAHOUT_VAULT_IDENTITY";

/// A private key that opens a vault, and its public half as the vault keeps it.
pub(super) struct Identity {
    key: Box<dyn age::Identity + Send + Sync>,
    recipient: String,
}

impl Identity {
    /// As age takes it.
    pub(super) fn as_age(&self) -> &dyn age::Identity {
        &*self.key
    }

    /// The public half.
    pub(super) fn recipient(&self) -> &str {
        &self.recipient
    }
}

impl From<x25519::Identity> for Identity {
    fn from(key: x25519::Identity) -> Self {
        Self {
            recipient: key.to_public().to_string(),
            key: Box::new(key),
        }
    }
}

/// Where the identities are: the environment's, the inventory's, or the user's own.
pub(super) fn path(spec: &VaultSpec) -> Result<PathBuf, VaultError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = variable(VARIABLE) {
        return Ok(PathBuf::from(path));
    }
    if let Some(path) = &spec.identity {
        return Ok(path.clone());
    }
    let configuration = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")));
    configuration
        .map(|folder| folder.join("mahout/identity.txt"))
        .ok_or(VaultError::NoHome)
}

/// The identities in the file; `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<Identity>>, VaultError> {
    let wrong = |why: &str| VaultError::Identity {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    // A link of one's own making may lead to it.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let bytes = file::read_safely(&target).map_err(|error| match error {
        VaultError::Unsafe { why, .. } => wrong(&why),
        VaultError::Io { cause, .. } => wrong(&cause.to_string()),
        other => other,
    })?;
    let Some(bytes) = bytes else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not a text"))?;
    if let Some(ssh) = ssh(&text) {
        return ssh.map(|identity| Some(vec![identity])).map_err(wrong);
    }
    let mut identities: Vec<Identity> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // age's own message could quote the line.
        let identity: x25519::Identity = line.parse().map_err(|_| match line {
            _ if line.starts_with("-----BEGIN AGE ENCRYPTED FILE") => {
                wrong("it is encrypted itself, which mahout does not read")
            }
            _ if line.starts_with("-----BEGIN") => wrong("it is no age identity but another key"),
            _ => wrong("it holds a line that is no age identity"),
        })?;
        identities.push(identity.into());
    }
    if identities.is_empty() {
        return Err(wrong("there is no age identity in it"));
    }
    Ok(Some(identities))
}

/// The identity in the file of an SSH key; `None` if it is none.
#[cfg(feature = "vault-ssh")]
fn ssh(text: &str) -> Option<Result<Identity, &'static str>> {
    use age::ssh::Identity as Key;

    let of_ssh = ["OPENSSH", "RSA"]
        .iter()
        .any(|kind| text.starts_with(&format!("-----BEGIN {kind} PRIVATE KEY-----")));
    if !of_ssh {
        return None;
    }
    // age's own messages could quote the file.
    Some(match Key::from_buffer(text.as_bytes(), None) {
        Ok(Key::Encrypted(_)) => {
            Err("the SSH key has a passphrase; only one without a passphrase opens a vault")
        }
        Ok(key @ Key::Unencrypted(_)) => age::ssh::Recipient::try_from(key.clone())
            .map(|recipient| Identity {
                recipient: recipient.to_string(),
                key: Box::new(key),
            })
            .map_err(|_| "it is an SSH key of a kind that age cannot use"),
        Ok(Key::Unsupported(_)) => Err("it is an SSH key of a kind that age cannot use"),
        Err(_) => Err("it is no complete SSH key"),
    })
}

/// Without the feature an SSH key is known well enough to say what is missing.
#[cfg(not(feature = "vault-ssh"))]
fn ssh(text: &str) -> Option<Result<Identity, &'static str>> {
    let begins = |kind: &str| text.starts_with(&format!("-----BEGIN {kind} PRIVATE KEY-----"));
    (begins("OPENSSH") || begins("RSA")).then_some(Err(
        "it is an SSH key, for which this mahout was built without the feature `vault-ssh`",
    ))
}

/// Makes a file with a new identity, 0600 in a folder of 0700. One that is there stays.
pub(super) fn make(path: &Path) -> Result<Identity, VaultError> {
    let failed = |cause| VaultError::Io {
        path: path.to_owned(),
        what: "make the identity",
        cause,
    };
    let folder = file::folder(path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let identity = x25519::Identity::generate();
    let text = format!(
        "# The key to the vaults of mahout's clusters. Keep a copy where you keep keys: without it\n\
         # the clusters' passwords and their authorities are lost.\n\
         # public key: {}\n{}\n",
        identity.to_public(),
        identity.to_string().expose_secret()
    );
    let temporary = file::sibling(path, &format!("{}.new", std::process::id()));
    let write = || {
        let mut new = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        new.write_all(text.as_bytes())?;
        new.sync_all()?;
        // Not a rename, which would replace one that another run has just made.
        std::fs::hard_link(&temporary, path)
    };
    let written = write();
    let _ = std::fs::remove_file(&temporary);
    match written {
        Ok(()) => {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
            Ok(identity.into())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let present = read(path)?.and_then(|identities| identities.into_iter().next());
            present.ok_or_else(|| failed(error))
        }
        Err(error) => Err(failed(error)),
    }
}
