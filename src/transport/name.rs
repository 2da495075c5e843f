//! Which connections are the same one.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cluster::SshSpec;

/// A name for the connection that `spec` describes: equal names are the same connection, made
/// by the same configuration. A file counts with its size and time of change, so that an edited
/// `~/.ssh/config` or a new key is not answered by a connection made before.
pub(super) fn connection_name(spec: &SshSpec) -> String {
    let mut hash = Sha256::new();
    let mut add = |field: &[u8]| {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    };
    add(b"mahout 1");
    add(spec.destination.as_bytes());
    add(spec.user.as_deref().unwrap_or_default().as_bytes());
    add(&spec.port.unwrap_or_default().to_le_bytes());
    add(spec.proxy_jump.as_deref().unwrap_or_default().as_bytes());
    add(&spec.persist.as_secs().to_le_bytes());
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let own = home.map(|home| home.join(".ssh/config"));
    let system = PathBuf::from("/etc/ssh/ssh_config");
    let configuration = match &spec.config_file {
        Some(file) => [Some(file), None],
        None => [own.as_ref(), Some(&system)],
    };
    let files = [spec.identity_file.as_ref(), spec.known_hosts_file.as_ref()];
    for file in files.into_iter().chain(configuration) {
        let path = file.map(PathBuf::as_path).unwrap_or(Path::new(""));
        add(path.as_os_str().as_encoded_bytes());
        let found = std::fs::metadata(path).ok();
        let stamp = found.map(|found| (found.size(), found.mtime(), found.mtime_nsec()));
        add(format!("{stamp:?}").as_bytes());
    }
    let digest = hash.finalize();
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spec() -> SshSpec {
        SshSpec {
            destination: "pg-1".to_owned(),
            user: None,
            port: None,
            identity_file: None,
            config_file: None,
            known_hosts_file: None,
            proxy_jump: None,
            connect_timeout: Duration::from_secs(10),
            persist: Duration::from_secs(60),
        }
    }

    #[test]
    fn a_name_depends_on_all_that_makes_the_connection() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("config");
        std::fs::write(&file, "Host *\n").expect("written");
        let changes: [fn(&mut SshSpec, &Path); 8] = [
            |spec, _| spec.destination = "pg-2".to_owned(),
            |spec, _| spec.user = Some("centos".to_owned()),
            |spec, _| spec.port = Some(2222),
            |spec, _| spec.proxy_jump = Some("bastion".to_owned()),
            |spec, _| spec.persist = Duration::from_secs(61),
            |spec, file| spec.identity_file = Some(file.to_owned()),
            |spec, file| spec.known_hosts_file = Some(file.to_owned()),
            |spec, file| spec.config_file = Some(file.to_owned()),
        ];
        let mut names = std::collections::BTreeSet::from([connection_name(&spec())]);
        for change in changes {
            let mut other = spec();
            change(&mut other, &file);
            names.insert(connection_name(&other));
        }
        assert_eq!(names.len(), changes.len() + 1);

        let mut configured = spec();
        configured.config_file = Some(file.clone());
        let before = connection_name(&configured);
        assert_eq!(before, connection_name(&configured));
        std::fs::write(&file, "Host pg-1\n  HostName 10.0.0.2\n").expect("written");
        assert_ne!(before, connection_name(&configured), "the file has changed");
    }
}
