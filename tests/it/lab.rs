//! The lab itself, on real nodes.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mahout::lab::{ImageKind, Lab, LabSpec, Suite};

use crate::nodes::{TestLab, name, possible, remove};

/// Waits for a condition, looking every few milliseconds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn answers(lab: &Lab, node: &str) -> bool {
    let nodes = lab.nodes().expect("nodes");
    let node = nodes.iter().find(|it| it.name == node).expect("a node");
    let address = SocketAddr::from((node.address, 22));
    TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
}

/// Whether `from` opens a connection to the SSH server of `to`.
fn reaches(lab: &TestLab, from: &str, to: &str) -> bool {
    let nodes = lab.nodes().expect("nodes");
    let to = nodes
        .iter()
        .find(|it| it.name == to)
        .expect("a node")
        .address;
    lab.ssh(from, &format!("timeout 1 bash -c '</dev/tcp/{to}/22'"))
        .is_ok()
}

#[test]
fn nodes_lose_power_and_network_and_come_back() {
    let Some(lab) = TestLab::up("faults", 2, Suite::Bookworm, ImageKind::Bare) else {
        return;
    };
    let ssh = |node: &str, script: &str| lab.ssh(node, script).expect("a node that answers");
    assert_eq!(
        ssh(
            "pg-2",
            "hostname; . /etc/os-release; echo $VERSION_CODENAME"
        ),
        "pg-2\nbookworm"
    );
    let identity = |node| {
        ssh(
            node,
            "cat /etc/machine-id; cat /etc/ssh/ssh_host_ed25519_key.pub",
        )
    };
    let before = identity("pg-1");
    assert_ne!(before, identity("pg-2"));
    let bounds = ssh("pg-1", "grep CapBnd: /proc/1/status");
    let bounds = bounds.split_whitespace().last().expect("a bit set");
    let bounds = u64::from_str_radix(bounds, 16).expect("hexadecimal");
    assert_eq!(bounds >> 25 & 1, 0, "a node can set the machine's clock");

    // Power.
    ssh("pg-1", "echo kept >/root/file");
    lab.kill("pg-1").expect("no power");
    let running = |lab: &Lab| {
        lab.nodes()
            .expect("nodes")
            .iter()
            .map(|it| it.running)
            .collect::<Vec<_>>()
    };
    assert_eq!(running(&lab), [false, true]);
    assert!(!answers(&lab, "pg-1"));
    let error = lab.exec_command("pg-1").expect_err("no power").to_string();
    assert_eq!(error, "pg-1: is powered off");
    lab.kill("pg-1").expect("still no power");
    lab.start("pg-1").expect("power");
    assert_eq!(running(&lab), [true, true]);
    assert_eq!(ssh("pg-1", "cat /root/file"), "kept");
    assert_eq!(identity("pg-1"), before);
    lab.start("pg-1").expect("still power");

    // A reboot from within.
    ssh("pg-1", "touch /run/before");
    let _cut_short = lab.ssh("pg-1", "systemctl reboot");
    until("reboot", || {
        lab.ssh("pg-1", "test ! -e /run/before").is_ok()
    });

    // Network.
    lab.cut("pg-1").expect("a cut");
    assert!(!answers(&lab, "pg-1"));
    assert!(!reaches(&lab, "pg-2", "pg-1"));
    let mut inside = lab.exec_command("pg-1").expect("a node that runs");
    let addresses = inside.args(["ip", "-4", "address", "show", "host0"]);
    let addresses = addresses.output().expect("ip").stdout;
    let addresses = String::from_utf8_lossy(&addresses).into_owned();
    let own = lab.nodes().expect("nodes")[0].address;
    assert!(addresses.contains(&format!("inet {own}/24")), "{addresses}");
    lab.heal("pg-1").expect("no cut");
    assert!(reaches(&lab, "pg-2", "pg-1"));
    lab.cut_pair("pg-1", "pg-2").expect("a cut");
    assert!(!reaches(&lab, "pg-2", "pg-1") && !reaches(&lab, "pg-1", "pg-2"));
    assert!(answers(&lab, "pg-1") && answers(&lab, "pg-2"));
    lab.heal_pair("pg-2", "pg-1").expect("no cut");
    assert!(reaches(&lab, "pg-2", "pg-1"));

    // `up` of a lab that is there starts what is off, and does not make another one of it.
    let spec = LabSpec {
        name: lab.name().to_owned(),
        nodes: 2,
        image: ImageKind::Bare,
        ..LabSpec::default()
    };
    lab.kill("pg-2").expect("no power");
    Lab::up(&spec, false, &mut |_| {}).expect("the same lab");
    assert_eq!(running(&lab), [true, true]);
    let other = LabSpec { nodes: 3, ..spec };
    let error = Lab::up(&other, false, &mut |_| {}).expect_err("another lab");
    let error = error.to_string();
    assert!(
        error.ends_with("2 nodes of bookworm bare, not 3 nodes of bookworm bare"),
        "{error}"
    );
}

#[test]
fn two_labs_live_side_by_side() {
    let Some(one) = TestLab::up("one", 1, Suite::Bookworm, ImageKind::Bare) else {
        return;
    };
    let two = TestLab::up("two", 1, Suite::Trixie, ImageKind::Bare).expect("as the first one");
    let subnets: BTreeSet<_> = Lab::list()
        .expect("labs")
        .into_iter()
        .filter(|lab| [one.name(), two.name()].contains(&lab.name.as_str()))
        .map(|lab| lab.subnet)
        .collect();
    assert_eq!(subnets.len(), 2);
    let codename = ". /etc/os-release; echo $VERSION_CODENAME";
    assert_eq!(two.ssh("pg-1", codename).as_deref(), Ok("trixie"));
    drop(one);
    assert_eq!(two.ssh("pg-1", codename).as_deref(), Ok("trixie"));
}

fn mahout(arguments: &[&str]) -> Command {
    let mut mahout = Command::new(env!("CARGO_BIN_EXE_mahout"));
    mahout.arg("lab").args(arguments);
    mahout
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    mahout
}

/// Whatever of the lab is still there. `id` is in the name of all that is outside of its folder.
fn leftovers(lab: &str, id: &str) -> Vec<String> {
    let mut left = Vec::new();
    let read = |path: &str| fs::read_to_string(path).expect("a file of the kernel");
    let rules = Command::new("nft")
        .args(["list", "tables"])
        .output()
        .expect("nft");
    let rules = String::from_utf8_lossy(&rules.stdout).into_owned();
    for text in [rules, read("/proc/self/mounts"), read("/proc/net/dev")] {
        left.extend(text.lines().map(str::to_owned));
    }
    for folder in [
        "/proc",
        "/sys/fs/cgroup/systemd/mahout-lab",
        "/sys/fs/cgroup/mahout-lab",
    ] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            left.push(String::from_utf8_lossy(&arguments).replace('\0', " "));
            left.push(entry.path().to_string_lossy().into_owned());
        }
    }
    let (folder, prefix) = (format!("/labs/{lab}/"), format!("mh{id}"));
    let table = format!("mahout_{id}");
    left.retain(|line| {
        [&folder, &prefix, &table]
            .iter()
            .any(|mark| line.contains(*mark))
    });
    left
}

#[test]
fn what_a_killed_up_leaves_is_cleared_away() {
    if !possible() {
        return;
    }
    let name = name("killed");
    remove(&name);
    // The image first, so that each `up` below gets beyond it.
    drop(TestLab::up("killed", 1, Suite::Bookworm, ImageKind::Bare));

    let folder = std::env::var("MAHOUT_LAB_DIR").unwrap_or("/var/lib/mahout/lab".to_owned());
    let folder = Path::new(&folder).join("labs").join(&name);
    let record = || -> Option<serde_json::Value> {
        serde_json::from_slice(&fs::read(folder.join("state.json")).ok()?).ok()
    };
    let up = ["up", "--name", &name, "--nodes", "2", "--image", "bare"];
    let net = |interface: String| Path::new("/sys/class/net").join(interface).exists();
    let is_whole = || record().is_some_and(|record| record["whole"] == true);
    let kill = |mut child: Child| {
        child.kill().expect("a child");
        child.wait().expect("a child");
        assert!(!is_whole(), "it was too quick for this test");
    };
    type Moment<'a> = (&'a str, &'a dyn Fn(&str) -> bool);
    let moments: [Moment; 5] = [
        ("record", &|_| true),
        ("bridge", &|id| net(format!("mh{id}"))),
        ("first overlay", &|_| {
            folder.join("nodes/pg-1/root/etc").exists()
        }),
        ("second node", &|_| {
            folder.join("nodes/pg-2/host_key.pub").exists()
        }),
        ("boot", &|id| net(format!("vb-mh{id}-1"))),
    ];
    for (what, reached) in moments {
        let child = mahout(&up).spawn().expect("mahout");
        until(what, || {
            record().is_some_and(|record| record["id"].as_str().is_some_and(reached))
        });
        kill(child);
        let id = record().expect("a record")["id"]
            .as_str()
            .expect("an id")
            .to_owned();
        if what == "second node" {
            // Not `down` but `up` again: it starts from anything.
            let again = mahout(&up).stderr(Stdio::piped()).output().expect("mahout");
            let told = String::from_utf8_lossy(&again.stderr);
            assert!(again.status.success(), "{told}");
            assert!(is_whole());
        }
        assert!(what != "boot" || !leftovers(&name, &id).is_empty());
        let down = mahout(&["down", "--name", &name]).status().expect("mahout");
        assert!(down.success(), "down after: {what}");
        assert_eq!(leftovers(&name, &id), Vec::<String>::new(), "after: {what}");
        assert!(!folder.exists());
    }
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let Some(lab) = TestLab::up("refused", 1, Suite::Bookworm, ImageKind::Bare) else {
        return;
    };
    let error = lab.kill("pg-7").expect_err("no such node").to_string();
    assert_eq!(
        error,
        format!("lab `{}` has no node `pg-7`; there is pg-1", lab.name())
    );
    let error = Lab::open("no-such-lab")
        .expect_err("no such lab")
        .to_string();
    assert!(
        error.starts_with("there is no lab `no-such-lab`; there is "),
        "{error}"
    );
    let summary = Lab::list().expect("labs");
    let taken = summary
        .iter()
        .find(|it| it.name == lab.name())
        .and_then(|it| it.subnet);
    let spec = LabSpec {
        name: name("collides"),
        subnet: taken,
        ..LabSpec::default()
    };
    let error = Lab::up(&spec, false, &mut |_| {})
        .expect_err("a taken subnet")
        .to_string();
    assert!(error.contains("collides with"), "{error}");
    let labs = Lab::list().expect("labs");
    assert!(labs.iter().all(|it| it.name != spec.name));
}
