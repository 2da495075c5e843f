//! The vault as it was before it was encrypted: JSON in clear text, mode 0600. It is read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::VaultError;
use super::content::Content;
use super::file;
use crate::secret::Secret;

/// What was in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clear {
    version: u32,
    secrets: BTreeMap<String, String>,
}

const VERSION: u32 = 1;

/// Where it was: `cluster.secrets.json` beside `cluster.vault`.
pub(super) fn path(vault: &Path) -> PathBuf {
    vault.with_extension("secrets.json")
}

/// What it holds; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Content>, VaultError> {
    let damaged = |why: String| VaultError::Damaged {
        path: path.to_owned(),
        why,
    };
    let Some(bytes) = file::read_safely(path)? else {
        return Ok(None);
    };
    if bytes.is_empty() {
        return Err(damaged("it is empty".to_owned()));
    }
    // The reader's own message could quote what it read.
    let clear: Clear = serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        damaged(format!(
            "line {line}, column {column} is not what mahout writes"
        ))
    })?;
    if clear.version != VERSION {
        let found = clear.version;
        return Err(damaged(format!("it has version {found}, not {VERSION}")));
    }
    let mut content = Content::default();
    for (name, value) in clear.secrets {
        let value = Secret::new(value);
        if name == "ca" {
            content.authorities.current = Some(value);
        } else if let Some(certificate) = name.strip_prefix("certificate.") {
            content.certificates.insert(certificate.to_owned(), value);
        } else {
            content.secrets.insert(name, value);
        }
    }
    Ok(Some(content))
}

/// Removes it, and what a killed writer of it may have left: all is in the age file.
pub(super) fn remove(path: &Path) -> Result<(), VaultError> {
    for path in [file::sibling(path, "new"), path.to_owned()] {
        file::remove(&path)
            .map_err(|cause| file::io_error(&path, "remove the one in clear text", cause))?;
    }
    Ok(())
}
