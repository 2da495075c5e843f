//! Files that are ours alone: read with care, replaced as a whole, one writer at a time.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::VaultError;

/// Far more than the encrypted passwords and certificates of a large cluster.
const LARGEST: u64 = 64 << 20;
/// Writing takes milliseconds, seconds with a passphrase.
const LOCK_DEADLINE: Duration = Duration::from_secs(30);

/// The file's bytes; `None` if there is no file. What is checked is what is read: the open file.
pub(super) fn read_safely(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
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

/// Puts `bytes` in the place of the file: whole or not at all, also when the power fails. What
/// `check` says of the bytes as they came to lie on the disk decides before the old file goes.
pub(super) fn replace(
    path: &Path,
    bytes: &[u8],
    check: impl FnOnce(&[u8]) -> Result<(), VaultError>,
    _held: &Lock,
) -> Result<(), VaultError> {
    let failed = |cause| io_error(path, "write it", cause);
    // The lock is held, so that one from an interrupted run is nobody's.
    let temporary = sibling(path, "new");
    remove(&temporary).map_err(failed)?;
    let write = || -> Result<(), VaultError> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(failed)?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        check(&read_safely(&temporary)?.unwrap_or_default())?;
        std::fs::rename(&temporary, path).map_err(failed)
    };
    if let Err(error) = write() {
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    sync_folder(path).map_err(failed)
}

/// Puts a file that everybody may read in its place, whole or not at all.
pub(super) fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = sibling(path, &format!("{}.new", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    if let Err(error) = write() {
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    sync_folder(path)
}

/// Removes a file for good; one that is not there is gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(path),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
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

/// A hidden file beside `path`: `.cluster.vault.lock`.
pub(super) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

/// Where a file is.
pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

pub(super) fn io_error(path: &Path, what: &'static str, cause: io::Error) -> VaultError {
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
