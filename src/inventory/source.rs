//! The inventory's file: found, read within bounds, known to be text.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest inventory that is read. Five thousand nodes need a tenth of it.
pub const LARGEST: usize = 4 << 20;

/// Why the inventory could not be read as a text.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// There is no such file.
    #[error("{0}: no such file")]
    Missing(String),
    /// The operating system refuses.
    #[error("{0}: {1}")]
    Unreadable(String, io::Error),
    /// It is a folder.
    #[error("{0}: this is a folder, not an inventory file")]
    Folder(String),
    /// It is larger than [`LARGEST`].
    #[error("{0}: larger than {limit} MiB, which no inventory is", limit = LARGEST >> 20)]
    TooLarge(String),
    /// It contains a byte that no text contains.
    #[error("{file}:{line}:{column}: a binary file, not YAML: it contains a zero byte")]
    Binary {
        /// The file.
        file: String,
        /// The line of the byte, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
    },
    /// It is not UTF-8.
    #[error("{file}:{line}:{column}: byte 0x{byte:02x} is not UTF-8")]
    NotUtf8 {
        /// The file.
        file: String,
        /// The line of the first wrong byte, from 1.
        line: usize,
        /// Its column, from 1.
        column: usize,
        /// The byte.
        byte: u8,
    },
}

impl InventoryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing(_) => {
                Some("`mahout init` writes a starter; `--inventory` names another file")
            }
            Self::NotUtf8 { .. } => Some("save the file as UTF-8"),
            _ => None,
        }
    }
}

/// The text of an inventory and what its relative paths are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file as the user named it; every message begins with it.
    pub path: PathBuf,
    /// The home folder that `~` stands for on this machine.
    pub home: Option<PathBuf>,
    /// The text.
    pub text: String,
}

impl Source {
    /// Reads `path`. `home` is what `~` stands for in it.
    ///
    /// # Errors
    /// If the file cannot be read, is larger than [`LARGEST`], or is not text.
    pub fn read(path: &Path, home: Option<PathBuf>) -> Result<Self, InventoryError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => InventoryError::Missing(name.clone()),
            _ => InventoryError::Unreadable(name.clone(), error),
        })?;
        let mut bytes = Vec::new();
        let read = file.take(LARGEST as u64 + 1).read_to_end(&mut bytes);
        if let Err(error) = read {
            return Err(match error.kind() {
                io::ErrorKind::IsADirectory => InventoryError::Folder(name),
                _ => InventoryError::Unreadable(name, error),
            });
        }
        Self::from_bytes(path, home, bytes)
    }

    /// Takes `bytes` for the content of `path`.
    ///
    /// # Errors
    /// If they are more than [`LARGEST`] or not text.
    pub fn from_bytes(
        path: &Path,
        home: Option<PathBuf>,
        bytes: Vec<u8>,
    ) -> Result<Self, InventoryError> {
        let file = path.display().to_string();
        if bytes.len() > LARGEST {
            return Err(InventoryError::TooLarge(file));
        }
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            let (line, column) = position(&bytes, at);
            return Err(InventoryError::Binary { file, line, column });
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let (line, column) = position(&bytes, at);
                let byte = bytes.get(at).copied().unwrap_or_default();
                return Err(InventoryError::NotUtf8 {
                    file,
                    line,
                    column,
                    byte,
                });
            }
        };
        // A byte order mark is no part of the text; some editors write one.
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        Ok(Self {
            path: path.to_owned(),
            home,
            text,
        })
    }

    /// The file's name for messages.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The path on this machine that `text` means: `~/` is the home folder, a relative path
    /// begins in the inventory's folder.
    pub fn local_path(&self, text: &str) -> PathBuf {
        if let (Some(rest), Some(home)) = (text.strip_prefix("~/"), &self.home) {
            return home.join(rest);
        }
        match self.path.parent() {
            Some(folder) => folder.join(text),
            None => PathBuf::from(text),
        }
    }
}

/// Line and column, both from 1, of the byte at `at`. The text before it is valid or nearly so;
/// characters are counted, not bytes.
fn position(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or_default();
    let lines = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let line = before
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let column = String::from_utf8_lossy(line).chars().count();
    (lines, column + 1)
}
