//! `--facts FILE`: a plan from what real nodes have printed, without a node.

use std::fs;
use std::path::Path;

use mahout::cluster::{self, Secrets};
use mahout::facts::{Ask, Facts, parse::parse, record};

use super::{Shell, THREE};

/// A shell with an inventory of three nodes, and their record: what a bare Debian 12 has printed,
/// thrice, with the names and addresses of the inventory.
fn recorded() -> Shell {
    let shell = Shell::with(THREE);
    let cluster = cluster::load(&shell.path("inventory.yml"));
    let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/facts/bare-node.txt");
    let printed = fs::read_to_string(fixture).expect("a fixture");
    let mut facts = Facts::default();
    for node in &cluster.nodes {
        let ask = Ask::of(&cluster, node, &Secrets::default());
        let mut said = parse(&ask, &printed).expect("whole");
        said.system.hostname = node.name.to_string();
        said.system.machine_id = format!("machine-{}", node.name);
        said.system.addresses = vec![node.address.to_string()];
        facts.nodes.insert(node.name.clone(), said);
    }
    let file = fs::File::create(shell.path("record.json")).expect("a file");
    record::write(&facts, file).expect("written");
    shell
}

#[test]
fn a_record_of_real_nodes_is_planned_from() {
    let shell = recorded();
    let files = || fs::read_dir(shell.0.path()).expect("a folder").count();
    let before = files();
    for arguments in [
        &["diff", "--facts", "record.json", "--exit-code"][..],
        &[
            "deploy",
            "--dry-run",
            "--facts",
            "record.json",
            "--exit-code",
        ],
    ] {
        let said = shell.exits(5, arguments);
        for words in [
            "cluster main: 3 nodes, converge\n",
            "phase packages",
            "etcd-server",
            "create /etc/patroni/patroni.yml",
            "phase haproxy",
            "nothing was changed\n",
        ] {
            assert!(said.stdout.contains(words), "{words} in {}", said.stdout);
        }
    }
    let said = shell.exits(0, &["diff", "--facts", "record.json", "--output", "json"]);
    let first = said.stdout.lines().next().expect("a plan");
    let plan: serde_json::Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(
        (&plan["type"], &plan["empty"]),
        (&"plan".into(), &false.into())
    );
    assert_eq!(files(), before, "a dry run leaves nothing behind");
}
