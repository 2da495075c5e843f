//! The vault's file: JSON, mode 0600, replaced as a whole.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::VaultError;
use crate::secret::Secret;

/// What is in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// The form of the file.
    version: u32,
    /// The secrets by name.
    secrets: BTreeMap<String, String>,
}

const VERSION: u32 = 1;
/// Far more than all passwords of a cluster.
const LARGEST: u64 = 1 << 20;
/// Writing takes milliseconds.
const LOCK_DEADLINE: Duration = Duration::from_secs(10);

/// The secrets in the file; none if there is no file.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Secret>, VaultError> {
    let damaged = |why: &str| VaultError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let Some(bytes) = read_safely(path)? else {
        return Ok(BTreeMap::new());
    };
    if bytes.is_empty() {
        return Err(damaged("it is empty"));
    }
    // The reader's own message could quote what it read.
    let content: Content = serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        damaged(&format!(
            "line {line}, column {column} is not what mahout writes"
        ))
    })?;
    if content.version != VERSION {
        return Err(damaged(&format!(
            "it has version {}, this mahout knows {VERSION}",
            content.version
        )));
    }
    let secrets = content.secrets.into_iter();
    Ok(secrets
        .map(|(name, value)| (name, Secret::new(value)))
        .collect())
}

/// The file's bytes; `None` if there is no file. What is checked is what is read: the open file.
fn read_safely(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    let failed = |cause| io_error(path, "read it", cause);
    let nofollow = rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::NONBLOCK);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nofollow.bits().cast_signed())
        .open(path);
    let file = match file {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(not_safe(path, "it is a symbolic link".to_owned()));
        }
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(not_safe(path, "it is not a plain file".to_owned()));
    }
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        return Err(not_safe(
            path,
            format!("others may use it (mode {mode:03o})"),
        ));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(not_safe(
            path,
            format!("it belongs to user {}", metadata.uid()),
        ));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// Puts `secrets` in the place of the file: whole or not at all, also when the power fails.
pub(super) fn write(
    path: &Path,
    secrets: &BTreeMap<String, Secret>,
    _held: &Lock,
) -> Result<(), VaultError> {
    let content = Content {
        version: VERSION,
        secrets: secrets
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()))
            .collect(),
    };
    let replace = || -> io::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(&content)?;
        bytes.push(b'\n');
        // The lock is held, so that one from an interrupted run is nobody's.
        let temporary = sibling(path, "new");
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        let written = file.write_all(&bytes).and_then(|()| file.sync_all());
        if let Err(error) = written.and_then(|()| std::fs::rename(&temporary, path)) {
            let _ = std::fs::remove_file(&temporary);
            return Err(error);
        }
        File::open(folder(path))?.sync_all()
    };
    replace().map_err(|cause| io_error(path, "write it", cause))
}

/// The right to write the vault; given back when dropped, or when the process ends.
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Waits for the lock of the vault at `path`, which is a file of its own: the vault itself is
    /// replaced, and network file systems lock no directories.
    pub(super) fn take(path: &Path) -> Result<Self, VaultError> {
        let failed = |cause| io_error(path, "lock it", cause);
        let lock = sibling(path, "lock");
        let end = Instant::now() + LOCK_DEADLINE;
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&lock)
                .map_err(failed)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Who had it before removed it: then another one may have made it anew.
                Ok(()) if is_still(&lock, &file) => {
                    return Ok(Self {
                        path: lock,
                        _file: file,
                    });
                }
                Ok(()) => {}
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < end => {
                    sleep(Duration::from_millis(20));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(VaultError::Locked {
                        path: path.to_owned(),
                    });
                }
                Err(error) => return Err(failed(error.into())),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Still locked, so that nobody else's is removed. One that stays does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether `path` still leads to the open `file`.
fn is_still(path: &Path, file: &File) -> bool {
    match (std::fs::metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => named.dev() == open.dev() && named.ino() == open.ino(),
        _ => false,
    }
}

/// A hidden file beside `path`: `.cluster.secrets.json.lock`.
fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn io_error(path: &Path, what: &'static str, cause: io::Error) -> VaultError {
    VaultError::Io {
        path: path.to_owned(),
        what,
        cause,
    }
}

fn not_safe(path: &Path, why: String) -> VaultError {
    VaultError::Unsafe {
        path: path.to_owned(),
        why,
    }
}
