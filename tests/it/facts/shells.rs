//! The script itself on a node: under every shell, and what it asks of others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, UdpSocket};

use mahout::cluster;
use mahout::facts::parse::parse;
use mahout::facts::script::script;
use mahout::facts::{Ask, NodeFacts};

use super::ask;
use crate::operator::{TestLab, lab_or_skip};

/// What the script could have changed; the journal notes that somebody was here.
const MANIFEST: &str = "find /etc /usr /var /root /tmp -xdev -path /var/log -prune -o \
    -printf '%p %m %U:%G %s %T@ %C@ %l\\n' | sort";

/// What does not move on a quiet node from one run to the next.
fn steady(mut facts: NodeFacts) -> String {
    // The journal grows, and other nodes write to the same disk.
    for disk in &mut facts.disks {
        (disk.free_bytes, disk.free_inodes) = (0, None);
    }
    // A time service finds its source whenever that answers.
    facts.system.clock_synchronized = None;
    // curl says how long it tried: `after 0 ms`.
    if let Some(etcd) = &mut facts.etcd {
        let error = etcd.error.iter().flat_map(|error| error.split(' '));
        let words = error.filter(|word| word.parse::<u64>().is_err());
        etcd.error = Some(words.collect::<Vec<_>>().join(" "));
    }
    format!("{facts:#?}\n")
}

#[test]
fn every_shell_gives_the_same_facts_and_none_changes_the_node() {
    let Some(lab) = lab_or_skip("facts", "trixie", "installed", 1) else {
        return;
    };
    let node = &lab.node_names()[0];
    let inventory = format!(
        "scope: x\nnodes:\n  {node}: {{ address: {} }}\n",
        lab.address(node)
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("inventory.yml");
    std::fs::write(&path, inventory).expect("written");
    let cluster = cluster::load(&path).unwrap_or_else(|error| panic!("{error}"));
    let ask = ask(&cluster, node);
    lab.is_quiet();
    let before = lab.on(node, MANIFEST);
    let mut first: Option<String> = None;
    for (program, shell) in [
        ("dash", "dash"),
        ("bash", "bash --posix"),
        ("busybox", "busybox ash"),
    ] {
        if lab.on(node, &format!("command -v {program}")).code != 0 {
            continue;
        }
        let text = script(&ask);
        let run = lab.on(
            node,
            &format!(
                "{shell} -s <<'END OF FACTS'\n{}\nEND OF FACTS\n",
                text.expose()
            ),
        );
        run.succeeds();
        let facts =
            parse(&ask, &run.stdout).unwrap_or_else(|error| panic!("{shell}: {error}\n{run}"));
        let shown = steady(facts);
        let first = first.get_or_insert_with(|| shown.clone());
        let diff = similar::TextDiff::from_lines(&*first, &shown);
        assert!(*first == shown, "{shell}:\n{}", diff.unified_diff());
    }
    assert!(first.is_some());
    let after = lab.on(node, MANIFEST);
    assert!(before.stdout.lines().count() > 1000, "{before}");
    let lines = |text| -> BTreeSet<String> { str::lines(text).map(str::to_owned).collect() };
    let (before, after) = (lines(&before.stdout), lines(&after.stdout));
    let changed: Vec<&String> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "{changed:?}");
    the_name_server_is_asked_about_unknown_names_only(&lab, ask);
}

/// `ask` of the only node, whose name server is a socket of ours that never answers.
fn the_name_server_is_asked_about_unknown_names_only(lab: &TestLab, mut ask: Ask) {
    let node = &lab.node_names()[0];
    let mut gateway: Ipv4Addr = lab.address(node).parse().expect("an address");
    gateway = Ipv4Addr::from_bits(gateway.to_bits() & !0xff | 1);
    let server = UdpSocket::bind((gateway, 53)).expect("the gateway's port for names");
    server.set_nonblocking(true).expect("set");
    let prepare = format!(
        "echo '192.0.2.7 known known.example.net' >>/etc/hosts
         echo nameserver {gateway} >/etc/resolv.conf"
    );
    lab.on(node, &prepare).succeeds();
    ask.names = vec!["known".to_owned(), "unknown".to_owned()];
    let run = lab.on(node, script(&ask).expose());
    run.succeeds();
    let facts = parse(&ask, &run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"));
    let resolves = facts.system.resolves;
    assert_eq!(
        resolves,
        BTreeMap::from([("known".to_owned(), "192.0.2.7".to_owned())])
    );
    let mut asked = Vec::new();
    let mut query = [0; 512];
    while let Ok(length) = server.recv(&mut query) {
        asked.push(String::from_utf8_lossy(&query[..length]).into_owned());
    }
    let about = |name: &str| asked.iter().any(|query| query.contains(name));
    assert!(about("\u{7}unknown") && !about("\u{5}known"), "{asked:?}");
}
