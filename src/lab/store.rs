//! The folder in which the lab keeps what it makes, and who may change it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;

use super::Progress;
use super::error::LabError;
use super::state::{Claims, State};

/// `images/` and, below `labs/`, a folder for each lab.
#[derive(Clone, Debug)]
pub(super) struct Store {
    root: PathBuf,
}

impl Store {
    /// `$MAHOUT_LAB_DIR`, else `/var/lib/mahout/lab`; made where it is missing.
    pub(super) fn open() -> Result<Self, LabError> {
        let root = std::env::var_os("MAHOUT_LAB_DIR")
            .filter(|folder| !folder.is_empty())
            .map_or_else(|| PathBuf::from("/var/lib/mahout/lab"), PathBuf::from);
        create_folder(&root)?;
        // Mounts are known by their real path.
        let root = root.canonicalize().map_err(LabError::file(&root))?;
        let store = Self::at(root);
        if store
            .root
            .to_string_lossy()
            .contains([':', ',', '\\', '"', '\n'])
        {
            return Err(LabError::Refused(format!(
                "{}: a lab cannot live in a folder with a colon, a comma, a quote or a backslash",
                store.root.display()
            )));
        }
        create_folder(&store.images())?;
        create_folder(&store.labs())?;
        Ok(store)
    }

    pub(super) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    pub(super) fn labs(&self) -> PathBuf {
        self.root.join("labs")
    }

    pub(super) fn lab(&self, name: &str) -> PathBuf {
        self.labs().join(name)
    }

    /// What `net.ipv4.ip_forward` was before the first lab.
    pub(super) fn ip_forward(&self) -> PathBuf {
        self.root.join("ip_forward")
    }

    /// The names of all labs, whole or not, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>, LabError> {
        let labs = self.labs();
        let mut names: Vec<_> = fs::read_dir(&labs)
            .and_then(|entries| {
                entries
                    .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                    .collect()
            })
            .map_err(LabError::file(&labs))?;
        names.sort();
        Ok(names)
    }

    /// The record of a lab; none where nothing was made yet.
    pub(super) fn load(&self, name: &str) -> Result<Option<State>, LabError> {
        self.read(name)
    }

    /// What the lab keeps others from taking; of a record that another version wrote, too.
    pub(super) fn claims(&self, name: &str) -> Result<Option<Claims>, LabError> {
        self.read(name)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, LabError> {
        let path = self.record(name);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.map_err(LabError::file(&path))?,
        };
        match serde_json::from_slice(&text) {
            Ok(record) => Ok(Some(record)),
            Err(error) => Err(LabError::Record {
                path,
                cause: error.to_string(),
            }),
        }
    }

    /// Writes the record, whole or not at all.
    pub(super) fn save(&self, state: &State) -> Result<(), LabError> {
        let path = self.record(&state.name);
        let text = serde_json::to_vec_pretty(state).map_err(|error| LabError::Record {
            path: path.clone(),
            cause: error.to_string(),
        })?;
        let new = path.with_extension("new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &path))
            .map_err(LabError::file(&path))
    }

    fn record(&self, name: &str) -> PathBuf {
        self.lab(name).join("state.json")
    }

    /// Refuses the name of a lab that is not there.
    pub(super) fn expect(&self, name: &str) -> Result<(), LabError> {
        let known = self.names()?;
        if known.iter().any(|lab| lab == name) {
            return Ok(());
        }
        Err(LabError::UnknownLab {
            name: name.to_owned(),
            known,
        })
    }
}

/// A folder that only root can look into: keys are in it.
pub(super) fn create_folder(folder: &Path) -> Result<(), LabError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(LabError::file(folder))
}

/// The right to change what is in a folder; it ends with the value or with the process.
#[derive(Debug)]
pub(super) struct Lock {
    _folder: File,
}

impl Lock {
    /// Makes `folder` where it is missing and waits until no other process holds it. `what` names
    /// it, should there be something to wait for.
    pub(super) fn take(folder: &Path, what: &str, progress: Progress) -> Result<Self, LabError> {
        loop {
            create_folder(folder)?;
            let file = match File::open(folder) {
                // The one who held it has removed it just now.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                file => file.map_err(LabError::file(folder))?,
            };
            if !lock_now(&file) {
                progress(&format!("waiting for another mahout that holds {what}"));
                flock(&file, FlockOperation::LockExclusive)
                    .map_err(|error| LabError::file(folder)(error.into()))?;
            }
            let held = file.metadata().map_err(LabError::file(folder))?.ino();
            if fs::metadata(folder).is_ok_and(|current| current.ino() == held) {
                return Ok(Self { _folder: file });
            }
        }
    }

    /// As [`Lock::take`], for a folder that is there and never removed; none if it is held.
    pub(super) fn try_take(folder: &Path) -> Result<Option<Self>, LabError> {
        let file = File::open(folder).map_err(LabError::file(folder))?;
        Ok(lock_now(&file).then_some(Self { _folder: file }))
    }
}

fn lock_now(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_removed_while_one_waited_for_it_is_made_and_locked_anew() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("lab");
        let first = Lock::take(&folder, "it", &mut |_| {}).expect("a lock");
        let (waits, waiting) = std::sync::mpsc::channel();
        let second = std::thread::spawn({
            let folder = folder.clone();
            move || {
                Lock::take(&folder, "it", &mut |line| {
                    waits.send(line.to_owned()).expect("a listener");
                })
            }
        });
        let line = waiting.recv().expect("a line");
        assert_eq!(line, "waiting for another mahout that holds it");
        fs::remove_dir(&folder).expect("an empty folder");
        drop(first);
        second.join().expect("no panic").expect("a lock");
        assert!(folder.is_dir());
    }

    #[test]
    fn a_record_of_another_version_still_tells_what_is_taken() {
        let root = tempfile::tempdir().expect("a folder");
        let store = Store::at(root.path().to_owned());
        create_folder(&store.lab("new")).expect("a folder");
        let record = r#"{ "name": "new", "id": "0a1b2c", "suite": "forky", "subnet": "10.89.7.0/24",
            "image_folder": "/images/x" }"#;
        fs::write(store.record("new"), record).expect("written");
        assert!(matches!(store.load("new"), Err(LabError::Record { .. })));
        let claims = store.claims("new").expect("read").expect("a record");
        assert_eq!(claims.id, "0a1b2c");
        assert_eq!(claims.subnet.to_string(), "10.89.7.0/24");
    }

    #[test]
    fn an_unknown_lab_is_refused_with_the_names_of_those_that_are_there() {
        let root = tempfile::tempdir().expect("a folder");
        let store = Store::at(root.path().to_owned());
        create_folder(&store.lab("b")).expect("a folder");
        create_folder(&store.lab("a")).expect("a folder");
        assert!(store.expect("a").is_ok());
        let error = store.expect("c").expect_err("unknown").to_string();
        assert_eq!(error, "there is no lab `c`; there is a, b");
        assert_eq!(store.load("a").expect("no record"), None);
    }
}
