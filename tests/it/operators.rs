//! Several operators, and a control machine whose disk is full, on the nodes of another test.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::operator::{Run, TestLab};

/// Another operator's lock, of another machine, whose last sign of life is so many seconds old.
pub(crate) fn lock_of_eve(lab: &TestLab, node: &str, silent: u32) {
    lab.on(
        node,
        &format!(
            "umask 077; mkdir -p /run/mahout/lock; now=$(cut -d. -f1 /proc/uptime)
             printf 'user=eve\\nhost=elsewhere\\nmachine=other\\npid=7\\nstarted=1\\ncommand=deploy\\n\
             record=\\nsince=%s\\n' $((now - 60)) >/run/mahout/lock/owner
             echo $((now - {silent})) >/run/mahout/lock/beat; echo eves >/run/mahout/lock/token"
        ),
    )
    .succeeds();
}

/// Two begin at the same moment: exactly one works, the other learns who does and since when. A
/// lock without signs of life is in nobody's way.
pub(crate) fn at_once(lab: &TestLab, names: &[String]) {
    let node = &names[1];
    let by_hand = "echo '# by hand' >>/etc/haproxy/haproxy.cfg";
    lab.on(node, by_hand).succeeds();
    let deploy = |name: &'static str| {
        move || {
            let command = lab.command(Path::new("inventory.yml"), &["deploy", "--yes"]);
            lab.run_as(name, command)
        }
    };
    let (ann, bob) = std::thread::scope(|scope| {
        let both = [scope.spawn(deploy("ann")), scope.spawn(deploy("bob"))];
        let [ann, bob] = both.map(|run| run.join().expect("it ends"));
        (ann, bob)
    });
    let (works, name, refused) = match ann.code {
        0 => (ann, "ann", bob),
        _ => (bob, "bob", ann),
    };
    works.succeeds();
    refused.exits_with(3);
    let said = refused.stderr.contains(&format!(": locked by {name}@"));
    assert!(
        said && refused.stderr.contains(", deploy, for "),
        "{refused}"
    );

    lab.on(node, by_hand).succeeds();
    lock_of_eve(lab, &names[0], 31);
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    let told = "took over the lock of eve@elsewhere (pid 7, deploy, for ";
    assert!(run.stderr.contains(told), "{run}");
}

/// A small file system that is full, with the inventory and all that is kept beside it.
pub(crate) struct FullDisk(PathBuf);

impl FullDisk {
    /// With these files of the lab's folder.
    pub(crate) fn with(lab: &TestLab, files: &[&str]) -> Self {
        let folder = lab.file("full");
        std::fs::create_dir_all(&folder).expect("a folder");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "none"])
            .arg(&folder)
            .status();
        assert!(mount.expect("mount").success());
        let disk = Self(folder);
        for file in files {
            std::fs::copy(lab.file(file), disk.0.join(file)).expect("it fits");
        }
        std::fs::create_dir(disk.0.join("state")).expect("a folder");
        let filled = std::fs::write(disk.0.join("fill"), vec![0; 512 * 1024]);
        assert!(filled.is_err(), "it is full");
        disk
    }

    fn run(&self, lab: &TestLab, arguments: &[&str]) -> Run {
        let mut command = lab.command(Path::new("full/inventory.yml"), arguments);
        command.env("XDG_STATE_HOME", self.0.join("state"));
        lab.run(command)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = names
            .map(|name| name.into_string().expect("text"))
            .collect();
        names.sort();
        names
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// The secrets of a new cluster cannot be kept: no node gets any.
#[track_caller]
pub(crate) fn new_cluster_on_full_disk(lab: &TestLab) {
    let disk = FullDisk::with(lab, &["inventory.yml"]);
    let run = disk.run(lab, &["deploy", "--yes"]);
    run.exits_with(2);
    for words in ["full/inventory.vault", "No space left on device"] {
        assert!(run.stderr.contains(words), "no `{words}`: {run}");
    }
    assert!(!run.stderr.contains("phase "), "no step was begun: {run}");
    assert_eq!(disk.names(), ["fill", "inventory.yml", "state"]);
}

/// With secrets that are kept already, all that is missing afterwards is a line of the log.
#[track_caller]
pub(crate) fn cluster_on_full_disk(lab: &TestLab, node: &str) {
    let disk = FullDisk::with(
        lab,
        &["inventory.yml", "inventory.vault", "inventory.ca.crt"],
    );
    lab.on(node, "echo '# by hand' >>/etc/haproxy/haproxy.cfg")
        .succeeds();
    let run = disk.run(lab, &["deploy", "--yes"]);
    run.succeeds();
    for words in [
        "the log of runs ",
        "cannot be written: No space left on device",
    ] {
        assert!(run.stderr.contains(words), "no `{words}`: {run}");
    }
    let kept = |name: &str| std::fs::read(disk.0.join(name)).expect("the file");
    let before = std::fs::read(lab.secrets_file()).expect("the vault");
    assert_eq!(kept("inventory.vault"), before);
}
