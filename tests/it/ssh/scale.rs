//! The binary against more nodes than anybody has: one sshd stands for all of them and says what a
//! real node has said.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::sshd::{Place, Sshd};

/// What the program's own data may take with two hundred nodes, in KiB. With the code of a release
/// build, 12.5 MB, that is less than 60 MB; a debug build's code takes twice as much.
const DATA: u64 = 46_000;

/// An sshd that answers every command with the facts of a replica, after shell text of a test's.
pub(super) fn sshd(before: &str) -> Option<Sshd> {
    let place = Place::new()?;
    let record =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/facts/bookworm-replica.txt");
    let answer = place.path("answer");
    let script = format!(
        "#!/bin/sh\ncd '{}'\n{before}\nword=$(sed -n \"s/^printf '.n%s begin.n' //p\")\nprintf '\\n%s begin\\n' \"$word\"\n\
         cat '{}'\nprintf '\\n%s end 0\\n' \"$word\"\nprintf '\\n%s end\\n' \"$word\" >&2\n",
        place.path("").display(),
        record.display(),
    );
    fs::write(&answer, script).expect("written");
    fs::set_permissions(&answer, fs::Permissions::from_mode(0o755)).expect("a mode");
    // Sixty of the usual exchanges cost two cores seven seconds.
    let text = "Host n*\nHostName 127.0.0.1\nHost *\nIdentityAgent none\nKexAlgorithms curve25519-sha256\n";
    fs::write(place.path("ssh_config"), text).expect("written");
    let forced = format!("ForceCommand {}", answer.display());
    Sshd::start_in(place, &forced)
}

/// An inventory of so many nodes behind `sshd`.
pub(super) fn inventory(sshd: &Sshd, scope: &str, numbers: std::ops::Range<usize>) -> PathBuf {
    let at = |name: &str| sshd.place.path(name).display().to_string();
    let mut text = format!(
        "scope: {scope}\ntls: off\nssh: {{ port: {}, identity_file: {}, config_file: {}, \
         known_hosts_file: {}, connect_timeout: 60s }}\nnodes:\n",
        sshd.port,
        at("id"),
        at("ssh_config"),
        at("known_hosts"),
    );
    for (index, number) in numbers.enumerate() {
        let roles = if index < 3 {
            "etcd, postgresql"
        } else {
            "postgresql"
        };
        text += &format!(
            "  n{number}: {{ address: 10.77.{}.{}, roles: [{roles}], ssh: {{ destination: n{number} }} }}\n",
            number / 200,
            number % 200 + 1
        );
    }
    let path = sshd.place.path(&format!("{scope}.yml"));
    fs::write(&path, text).expect("written");
    path
}

/// `mahout facts`, which may open no more files than usual and finds two cores.
fn facts(sshd: &Sshd, inventory: &Path) -> Child {
    mahout(sshd, inventory, "facts")
}

/// The binary, as [`facts`], with these words.
pub(super) fn mahout(sshd: &Sshd, inventory: &Path, words: &str) -> Child {
    let errors = fs::File::create(inventory.with_extension("err")).expect("a file");
    Command::new("sh")
        .args(["-c", &format!("ulimit -n 1024; exec \"$0\" \"$@\" {words}")])
        .args([env!("CARGO_BIN_EXE_mahout"), "--inventory"])
        .arg(inventory)
        .env("XDG_RUNTIME_DIR", sshd.place.path(""))
        .env("XDG_CONFIG_HOME", sshd.place.path("configuration"))
        .env("TOKIO_WORKER_THREADS", "2")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .expect("mahout")
}

/// How many nodes it has asked, and what it told meanwhile.
#[track_caller]
fn ended(mut child: Child, inventory: &Path, begun: &[u8]) -> (usize, String) {
    let mut answer = begun.to_vec();
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_to_end(&mut answer).expect("an answer");
    let told = fs::read_to_string(inventory.with_extension("err")).expect("a file");
    assert!(child.wait().expect("an end").success(), "{told}");
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    (answer["nodes"].as_object().expect("nodes").len(), told)
}

#[test]
fn two_hundred_nodes_fit_into_the_usual_limits() {
    let Some(sshd) = sshd("") else { return };
    let inventory = inventory(&sshd, "many", 0..200);
    for connections in ["new", "warm"] {
        let mut child = facts(&sshd, &inventory);
        // Now it has everything, and waits for somebody to read it.
        let mut begun = [0];
        let stdout = child.stdout.as_mut().expect("a pipe");
        stdout.read_exact(&mut begun).expect("an answer");
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("its state");
        let data = kibibytes(&status, "VmHWM:") - kibibytes(&status, "RssFile:");
        let (nodes, told) = ended(child, &inventory, &begun);
        assert_eq!(nodes, 200, "{told}");
        assert!(data < DATA, "{connections}: {data} KiB");
        assert!(told.lines().count() < 10, "{told}");
    }
    assert_eq!(sshd.logins(), 200);
    assert_eq!(sshd.place.sockets().len(), 200);
}

fn kibibytes(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no {key} {status}"))
}

#[test]
fn sixty_inventories_at_once_leave_one_another_alone() {
    let Some(sshd) = sshd("") else { return };
    let inventories: Vec<PathBuf> = (0..60)
        .map(|number| inventory(&sshd, &format!("i{number}"), number..number + 1))
        .collect();
    // The second time each finds its own connection.
    for _ in 0..2 {
        let runs: Vec<Child> = inventories.iter().map(|file| facts(&sshd, file)).collect();
        for (run, file) in runs.into_iter().zip(&inventories) {
            assert_eq!(ended(run, file, b"").0, 1, "{}", file.display());
        }
        assert_eq!(sshd.logins(), 60);
        assert_eq!(sshd.place.sockets().len(), 60);
    }
}
