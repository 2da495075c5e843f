//! The folder of the control sockets: whose it is, what its files are called, who may connect.
//!
//! Whoever can write to a control socket is logged in on the node, so the folder is ours alone
//! (0700) or it is not used. A Unix socket's path has at most 104 bytes (macOS; 108 on Linux),
//! and ssh makes the socket under a temporary name with 17 bytes more.

use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fault::Fault;

/// The longest path of a folder: 104 bytes, less the closing NUL, a slash, our longest name (32)
/// and ssh's suffix (17).
const LONGEST: usize = 104 - 1 - 1 - 32 - 17;

/// How often a lock that another process holds is tried.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A folder that only we can use.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// `chosen`, else `$XDG_RUNTIME_DIR/mahout`, else, where that is not set, not ours or too
    /// long, `/tmp/mahout-UID`. It is made where it is missing.
    pub(super) fn open(chosen: Option<&Path>) -> Result<Self, Fault> {
        let uid = rustix::process::getuid().as_raw();
        if let Some(path) = chosen {
            return Self::at(path.to_owned(), uid);
        }
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        if let Some(runtime) = runtime.filter(|path| path.is_absolute() && is_ours(path, uid)) {
            let path = runtime.join("mahout");
            if path.as_os_str().len() <= LONGEST {
                return Self::at(path, uid);
            }
        }
        Self::at(PathBuf::from(format!("/tmp/mahout-{uid}")), uid)
    }

    fn at(path: PathBuf, uid: u32) -> Result<Self, Fault> {
        if path.as_os_str().len() > LONGEST {
            return Err(Fault::new(format!(
                "the folder for control sockets has too long a path (at most {LONGEST} bytes): {}",
                path.display()
            )));
        }
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Fault::new(format!(
                    "cannot make the folder for control sockets {}: {error}",
                    path.display()
                )));
            }
            _ => {}
        }
        let found = std::fs::symlink_metadata(&path)
            .map_err(|error| Fault::new(format!("cannot read {}: {error}", path.display())))?;
        if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
            return Err(Fault::new(format!(
                "will not put control sockets into {}: it must be a folder of user {uid} with mode 0700",
                path.display()
            ))
            .hint("remove it, or set XDG_RUNTIME_DIR to a folder of your own"));
        }
        Ok(Self(path))
    }

    /// The file `name` in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A new file that has no name: it is gone with its last user.
    pub(super) fn scratch(&self) -> Result<File, Fault> {
        let path = self.file(&format!("{}.log", word()));
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Fault::new(format!("cannot write {}: {error}", path.display())))?;
        let _ = std::fs::remove_file(&path);
        Ok(file)
    }

    /// Waits until no other process of this user connects under `name`, at most until `deadline`.
    pub(super) async fn lock(&self, name: &str, deadline: Instant) -> Result<Lock, Fault> {
        let path = self.file(&format!("{name}.lock"));
        let failed = |error| Fault::new(format!("cannot lock {}: {error}", path.display()));
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                // Its last holder may have removed it in the meantime: then it locks nothing.
                Ok(()) if is_at(&file, &path) => return Ok(Lock { path, _file: file }),
                Ok(()) => continue,
                Err(std::fs::TryLockError::WouldBlock) if Instant::now() < deadline => {}
                Err(std::fs::TryLockError::WouldBlock) => {
                    return Err(Fault::new(
                        "another run of mahout has been connecting to it all this time",
                    ));
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
            tokio::time::sleep(LOCK_POLL).await;
        }
    }
}

/// Held while one connection is made.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A word that nobody can guess: for marks in an output and names of files.
pub(super) fn word() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", random(), random())
}

fn is_ours(path: &Path, uid: u32) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == uid)
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_that_others_can_use_is_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("mahout");
        Folder::open(Some(&path)).expect("made");
        Folder::open(Some(&path)).expect("found again");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o750)).expect("a mode");
        let fault = Folder::open(Some(&path)).expect_err("not ours alone");
        assert!(fault.cause.contains("mode 0700"), "{}", fault.cause);

        let link = place.path().join("link");
        std::os::unix::fs::symlink(place.path(), &link).expect("a link");
        Folder::open(Some(&link)).expect_err("a link leads anywhere");
        let long = place.path().join("x".repeat(LONGEST));
        Folder::open(Some(&long)).expect_err("too long for a socket");
    }

    #[tokio::test]
    async fn a_lock_is_held_by_one_and_leaves_no_file() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(Some(&place.path().join("m"))).expect("made");
        let soon = || Instant::now() + Duration::from_millis(60);
        let held = folder.lock("a", soon()).await.expect("free");
        folder.lock("a", soon()).await.expect_err("held");
        folder.lock("b", soon()).await.expect("another name");
        drop(held);
        drop(folder.lock("a", soon()).await.expect("free again"));
        assert_eq!(std::fs::read_dir(&folder.0).expect("a folder").count(), 0);
    }
}
