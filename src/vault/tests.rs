mod adopted;
mod brought;
mod file;
mod keys;
mod rotation;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::{Persist, Vault, VaultError};
use crate::cluster::{self, Cluster, SecretName, Secrets, VaultSpec};
use crate::inventory::{Source, parse};

/// Where a test keeps its vault and its identities.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn vault(&self) -> PathBuf {
        Vault::beside(&self.path("cluster.yml"))
    }

    /// The operator whose identity is in the file `name`.
    fn operator(&self, name: &str) -> VaultSpec {
        VaultSpec {
            identity: Some(self.path(name)),
            ..VaultSpec::default()
        }
    }

    fn open(&self) -> Result<Vault, VaultError> {
        Vault::open(&self.vault(), &self.operator("identity"))
    }

    /// Opens the vault and saves what `cluster` lacks.
    fn saved(&self, cluster: &Cluster) -> Secrets {
        let mut vault = self.open().expect("the vault opens");
        vault
            .resolve(cluster, now(), Persist::Save)
            .expect("it is written")
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    /// Writes a file that is ours alone.
    fn write(&self, path: &Path, content: impl AsRef<[u8]>) {
        std::fs::write(path, content).expect("written");
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).expect("closed");
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a time")
}

/// A cluster of one node, with these lines more in its inventory.
fn cluster(more: &str) -> Cluster {
    let text = format!("scope: main\nnodes:\n  pg-1: {{ address: 10.0.0.11 }}\n{more}");
    let source = Source::from_bytes(Path::new("cluster.yml"), None, text.into()).expect("text");
    let checked = cluster::check(parse(source));
    checked
        .cluster
        .unwrap_or_else(|| panic!("{:?}", checked.problems))
}

fn mode(path: &Path) -> u32 {
    let metadata = std::fs::metadata(path).expect("a file");
    metadata.permissions().mode() & 0o777
}

const BOTH: [SecretName; 2] = [SecretName::Superuser, SecretName::Replication];
