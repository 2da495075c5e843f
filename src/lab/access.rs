//! How a lab's nodes are reached: keys, OpenSSH's files, the inventory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::LabError;
use super::program::run;
use super::state::State;

/// The first line of an inventory that the lab wrote, and may therefore write again.
const MARK: &str = "# Written by `mahout lab up`";

/// The private key that the nodes let in.
pub(super) fn user_key(lab: &Path) -> PathBuf {
    lab.join("id_ed25519")
}

/// What opens the vault of the lab's inventory, once there is one.
pub(super) fn identity_file(lab: &Path) -> PathBuf {
    lab.join("identity.txt")
}

fn known_hosts(lab: &Path) -> PathBuf {
    lab.join("known_hosts")
}

fn ssh_config(lab: &Path) -> PathBuf {
    lab.join("ssh_config")
}

/// Makes an Ed25519 key and its public half beside it, where they are missing.
pub(super) fn key_pair(path: &Path, comment: &str) -> Result<(), LabError> {
    if path.with_extension("pub").exists() {
        return Ok(());
    }
    // A key without its public half is what a killed ssh-keygen leaves; it asks before it writes
    // over one.
    if path.exists() {
        fs::remove_file(path).map_err(LabError::file(path))?;
    }
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"]);
    run("making an SSH key", keygen.arg(path)).map(drop)
}

/// Writes OpenSSH's files and the inventory. `host_keys` are the public ones of the nodes, in
/// their order.
pub(super) fn write(state: &State, lab: &Path, host_keys: &[Vec<u8>]) -> Result<(), LabError> {
    let mut known = String::new();
    for (node, key) in state.nodes.iter().zip(host_keys) {
        let key = String::from_utf8_lossy(key);
        known.push_str(&format!("{},{} {}\n", node.name, node.address, key.trim()));
    }
    let files = [
        (known_hosts(lab), known),
        (ssh_config(lab), config(state, lab)),
        (inventory_file(lab), inventory(state, lab)),
    ];
    for (path, text) in files {
        fs::write(&path, text).map_err(LabError::file(&path))?;
    }
    Ok(())
}

fn config(state: &State, lab: &Path) -> String {
    let mut text = String::new();
    for node in &state.nodes {
        text.push_str(&format!(
            "Host {}\n  HostName {}\n",
            node.name, node.address
        ));
    }
    text.push_str(&format!(
        "Host *\n  User root\n  IdentityFile \"{}\"\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile \"{}\"\n  GlobalKnownHostsFile /dev/null\n  \
         StrictHostKeyChecking yes\n  ConnectTimeout 5\n",
        user_key(lab).display(),
        known_hosts(lab).display(),
    ));
    text
}

/// `ssh` to a node, without the user's own configuration.
pub(super) fn ssh(lab: &Path, node: &str) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(ssh_config(lab)).arg(node);
    ssh
}

/// Where the lab keeps the inventory of its nodes.
pub(super) fn inventory_file(lab: &Path) -> PathBuf {
    lab.join("inventory.yml")
}

/// The inventory of the lab's nodes, in YAML.
pub(super) fn inventory(state: &State, lab: &Path) -> String {
    // A JSON string is a YAML string, whatever is in it.
    let quoted = |path: PathBuf| serde_json::Value::from(path.to_string_lossy()).to_string();
    let mut text = format!(
        "{MARK}: {} of {}, {}\nscope: {}\nssh:\n  user: root\n  identity_file: {}\n  \
         known_hosts_file: {}\nvault:\n  identity: {}\nnodes:\n",
        super::state::counted(state.nodes.len(), "node"),
        state.suite,
        state.image,
        state.name,
        quoted(user_key(lab)),
        quoted(known_hosts(lab)),
        quoted(identity_file(lab)),
    );
    for node in &state.nodes {
        text.push_str(&format!(
            "  {}: {{ address: {} }}\n",
            node.name, node.address
        ));
    }
    // This machine is a client, too.
    text.push_str(&format!("clients: [{}]\n", state.subnet.trunc()));
    if let Some(version) = state.suite.postgresql() {
        text.push_str(&format!("postgresql:\n  version: {version}\n"));
    }
    text
}

/// Refuses a file of the user's that something else than a lab wrote.
pub(super) fn check_inventory_file(path: &Path) -> Result<(), LabError> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(LabError::Refused(format!(
            "the inventory cannot be written: there is no folder {}",
            folder.display()
        )));
    }
    match fs::read(path) {
        Ok(present) if !present.starts_with(MARK.as_bytes()) => Err(LabError::Refused(format!(
            "{} exists and was not written by the lab",
            path.display()
        ))),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(LabError::file(path)(error)),
        _ => Ok(()),
    }
}

/// Writes `text` to such a file.
pub(super) fn write_inventory(path: &Path, text: &str) -> Result<(), LabError> {
    check_inventory_file(path)?;
    fs::write(path, text).map_err(LabError::file(path))
}

#[cfg(test)]
mod tests {
    use super::super::state::LabSpec;
    use super::*;

    #[test]
    fn the_inventory_names_every_node_and_how_it_is_reached() {
        let subnet = "10.89.7.0/24".parse().expect("a subnet");
        let state = State::plan(&LabSpec::default(), "0a1b2c".into(), subnet, PathBuf::new());
        insta::assert_snapshot!(inventory(&state, Path::new("/var/lib/a b")), @r#"
        # Written by `mahout lab up`: 3 nodes of bookworm, prepared
        scope: lab
        ssh:
          user: root
          identity_file: "/var/lib/a b/id_ed25519"
          known_hosts_file: "/var/lib/a b/known_hosts"
        vault:
          identity: "/var/lib/a b/identity.txt"
        nodes:
          pg-1: { address: 10.89.7.11 }
          pg-2: { address: 10.89.7.12 }
          pg-3: { address: 10.89.7.13 }
        clients: [10.89.7.0/24]
        "#);
    }

    #[test]
    fn the_inventory_of_a_stand_in_ends_with_the_postgresql_that_it_has() {
        let subnet = "10.89.7.0/24".parse().expect("a subnet");
        let spec = LabSpec {
            suite: crate::lab::Suite::El9,
            ..LabSpec::default()
        };
        let state = State::plan(&spec, "0a1b2c".into(), subnet, PathBuf::new());
        let text = inventory(&state, Path::new("/lab"));
        assert!(text.ends_with("\npostgresql:\n  version: 15\n"), "{text}");
    }

    #[test]
    fn only_an_inventory_of_the_lab_s_own_is_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = check_inventory_file(&folder.path().join("missing/lab.yml"));
        let error = missing.expect_err("no folder").to_string();
        assert!(error.contains("there is no folder "), "{error}");
        check_inventory_file(Path::new("no-such-lab.yml")).expect("the folder of now");
        let path = folder.path().join("lab.yml");
        write_inventory(&path, &format!("{MARK} one, longer\n")).expect("a new file");
        write_inventory(&path, &format!("{MARK} two\n")).expect("the lab's own file");
        let text = fs::read_to_string(&path).expect("a file");
        assert_eq!(text, format!("{MARK} two\n"));
        fs::write(&path, "scope: production\n").expect("a file");
        let error = write_inventory(&path, "").expect_err("the user's own file");
        assert!(
            error.to_string().ends_with("was not written by the lab"),
            "{error}"
        );
    }
}
