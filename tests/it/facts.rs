//! Facts: what real nodes printed, read.

mod shells;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mahout::cluster::{self, Cluster, Secrets};
use mahout::facts::script::script;
use mahout::facts::{Ask, Facts, NodeFacts, parse::parse, record};
use mahout::secret::{Mask, Secret};
use proptest::prelude::*;
use serde_json::Value;

use crate::mutation::mutated;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/facts")
        .join(name)
}

fn ask(cluster: &Cluster, node: &str) -> Ask {
    let node = cluster.node(&node.into()).expect("a node");
    Ask::of(cluster, node, &Secrets::default())
}

/// What the node of that fixture (`trixie-leader`) printed, and what it was asked.
fn recorded(name: &str) -> (Ask, String) {
    let (suite, role) = name.split_once('-').expect("SUITE-ROLE");
    let cluster = cluster::load(&fixture(&format!("{suite}.yml")));
    let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
    let node = match role {
        "replica" => "pg-2",
        _ => "pg-1",
    };
    let printed = std::fs::read_to_string(fixture(&format!("{name}.txt"))).expect("a fixture");
    (ask(&cluster, node), printed)
}

fn read(name: &str) -> NodeFacts {
    let (ask, printed) = recorded(name);
    parse(&ask, &printed).expect("whole")
}

const FIXTURES: [&str; 9] = [
    "bare-node",
    "el7-bare",
    "el8-bare",
    "el9-bare",
    "el10-bare",
    "bookworm-leader",
    "bookworm-replica",
    "trixie-leader",
    "trixie-replica",
];

#[test]
fn a_bare_node_is_read() {
    let facts = read("bare-node");
    assert_eq!(facts.system.os.version_id, "12");
    assert_eq!(facts.system.systemd, 252);
    assert_eq!(facts.system.virtualization, "systemd-nspawn");
    assert!(!facts.has_package("patroni") && !facts.system.package_lists);
    assert_eq!(facts.units["patroni.service"].load, "not-found");
    assert_eq!((facts.patroni, facts.haproxy), (None, None));
    let etcd = facts.etcd.expect("asked");
    assert_eq!(etcd.error.as_deref(), Some("curl is not installed"));
    let postgresql = facts.postgresql.expect("asked");
    assert!(!postgresql.answers && !postgresql.data_dir_in_use);
    assert!(facts.ports.iter().any(|port| port.port == 22));
    assert!(facts.files.contains_key("/etc/hosts"));
}

#[test]
fn documented_outputs_of_the_rhel_family_are_read() {
    for (name, release, systemd) in [
        ("el7-bare", "7", 219),
        ("el8-bare", "8.10", 239),
        ("el9-bare", "9.6", 252),
        ("el10-bare", "10", 257),
    ] {
        let facts = read(name);
        assert_eq!(facts.system.os.version_id, release);
        assert_eq!(facts.system.systemd, systemd, "{name}");
        assert_eq!(facts.system.selinux.as_deref(), Some("Enforcing"), "{name}");
        assert!(facts.repositories.len() >= 2, "{name}");
        assert!(facts.repositories.iter().all(|one| one.url.contains("://")));
    }
    let nine = read("el9-bare");
    assert_eq!(nine.system.disabled_modules, ["postgresql"]);
    let extras = nine
        .repositories
        .iter()
        .find(|one| one.section == "pgdg-rhel9-extras");
    assert!(!extras.expect("the section").enabled);
}

#[test]
fn a_running_cluster_is_read() {
    for (suite, systemd, etcd_version, patroni_version, major) in [
        ("bookworm", 252, "3.4.", "3.0.2", 15),
        ("trixie", 257, "3.5.", "4.0.7", 17),
    ] {
        for (role, is_leader) in [("leader", true), ("replica", false)] {
            let name = format!("{suite}-{role}");
            let facts = read(&name);
            assert_eq!(facts.system.systemd, systemd, "{name}");
            for unit in ["etcd.service", "patroni.service", "haproxy.service"] {
                assert!(facts.is_active(unit), "{name} {unit}");
                assert_eq!(facts.units[unit].enabled, "enabled", "{name} {unit}");
            }
            for port in [2379, 2380, 5000, 5001, 5432, 7000, 8008] {
                let found = facts.ports.iter().find(|found| found.port == port);
                let found = found.unwrap_or_else(|| panic!("{name}: nobody listens on {port}"));
                assert!(
                    found.pid.is_some() && !found.process.is_empty(),
                    "{found:?}"
                );
            }
            let etcd = facts.etcd.expect("etcd");
            assert!(etcd.healthy && etcd.server_version.starts_with(etcd_version));
            assert_eq!((etcd.members.len(), etcd.alarms.len()), (3, 0), "{name}");
            assert!(
                etcd.keys.iter().any(|key| key == "leader"),
                "{:?}",
                etcd.keys
            );
            let patroni = facts.patroni.expect("patroni");
            assert_eq!(patroni.version, patroni_version);
            let statuses = if is_leader { (200, 503) } else { (503, 200) };
            assert_eq!((patroni.primary_status, patroni.replica_status), statuses);
            assert_eq!(
                (patroni.members.len(), &patroni.config["ttl"]),
                (3, &30.into())
            );
            assert_eq!(patroni.system_identifier, etcd.initialize, "{name}");
            let postgresql = facts.postgresql.expect("postgresql");
            assert_eq!(postgresql.system_identifier, etcd.initialize, "{name}");
            assert_eq!(postgresql.in_recovery, Some(!is_leader), "{name}");
            assert_eq!(postgresql.server_version.map(|v| v / 10_000), Some(major));
            assert_eq!(postgresql.replication.len(), if is_leader { 2 } else { 0 });
            assert_eq!(postgresql.postmasters.len(), 1, "{name}");
            assert_eq!(postgresql.settings["fsync"], "on", "{name}");
            let haproxy = facts.haproxy.expect("haproxy");
            let servers = haproxy.servers.iter();
            let up = servers.filter(|server| server.status.starts_with("UP"));
            assert_eq!((haproxy.servers.len(), up.count()), (6, 3), "{name}");
            let file = &facts.files["/etc/patroni/patroni.yml"];
            assert_eq!(
                (file.owner.as_str(), file.mode.as_str()),
                ("postgres", "600")
            );
        }
    }
}

/// To send and to start what a node has no role for costs it milliseconds.
#[test]
fn a_node_is_asked_about_its_own_roles_alone() {
    let inventory = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories/dedicated.yml");
    let cluster = cluster::load(&inventory).unwrap_or_else(|error| panic!("{error}"));
    let sent = |node| script(&ask(&cluster, node)).expose().to_owned();
    let (haproxy, etcd, postgresql) = (sent("proxy-1"), sent("etcd-1"), sent("pg-1"));
    for (text, told) in [
        ("\nhaproxy() {", [true, false, false]),
        ("\netcd() {", [false, true, true]),
        ("\npatroni() {", [false, false, true]),
        ("\npostgresql() {", [false, false, true]),
        ("\npostgresql_queries=", [false, false, true]),
        ("\nports() {", [true, true, true]),
    ] {
        let found = [&haproxy, &etcd, &postgresql].map(|sent| sent.contains(text));
        assert_eq!(found, told, "{text}");
    }
    assert!(haproxy.contains("\nservices=''\n"));
    assert!(postgresql.contains("\nservices='etcd\npatroni\npostgresql'\n"));
}

#[test]
fn a_server_tells_the_identifier_of_its_own_data_directory_alone() {
    let (ask, printed) = recorded("bookworm-leader");
    let identifier = |printed: &str| {
        let facts = parse(&ask, printed).expect("whole").postgresql;
        facts.expect("asked").system_identifier
    };
    let of_the_files = identifier(&printed);
    assert!(of_the_files.is_some());
    let lines = printed
        .lines()
        .filter(|line| !line.starts_with("control "))
        .flat_map(|line| match line {
            "@psql" => vec![line, "{\"system_identifier\" : \"7\"}"],
            _ => vec![line],
        });
    let answers = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(identifier(&answers).as_deref(), Some("7"));
    let data_dir = parse(&ask, &answers).expect("whole").postgresql;
    let data_dir = data_dir.expect("asked").data_dir;
    let elsewhere = answers.replace(
        &format!("\"data_directory\" : \"{data_dir}\""),
        "\"data_directory\" : \"/elsewhere\"",
    );
    assert_ne!(elsewhere, answers);
    assert_eq!(identifier(&elsewhere), None);
}

#[test]
fn a_record_holds_no_content_and_reads_as_it_was() {
    let mut facts = Facts::default();
    for name in FIXTURES {
        facts.nodes.insert(name.into(), read(name));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("facts.json");
    let mut text = Vec::new();
    record::write(&facts, &mut text).expect("written");
    std::fs::write(&path, &text).expect("written");
    let text = String::from_utf8(text).expect("UTF-8");
    // The fixtures' passwords are `scrubbed-superuser` and so on.
    let shown = read("trixie-leader").files["/etc/patroni/patroni.yml"].clone();
    assert!(
        shown
            .content
            .expect("content")
            .expose()
            .contains("scrubbed-")
    );
    assert!(!text.contains("scrubbed-"));
    for file in facts
        .nodes
        .values_mut()
        .flat_map(|node| node.files.values_mut())
    {
        file.content = None;
    }
    assert_eq!(record::read(&path).expect("a record"), facts);
}

#[test]
fn a_record_holds_no_secret_of_the_dynamic_configuration_either() {
    let mut facts = Facts::default();
    facts.nodes.insert("pg-1".into(), read("trixie-leader"));
    let config = serde_json::json!({
        "ttl": 30,
        "postgresql": {
            "parameters": {
                "archive_command": "PGPASSWORD=hunter2 push %p",
                "restore_command": "fetch planted-key %f",
                "password_encryption": "scram-sha-256",
            },
            "pg_hba": ["host all all 10.0.0.0/8 ldap ldapserver=x ldapbindpasswd=hunter2"],
        },
    });
    let patroni = |facts: &mut Facts| {
        let node = facts.nodes.values_mut().next().expect("the node");
        node.patroni.take().expect("Patroni")
    };
    let mut with = patroni(&mut facts);
    with.config = config.as_object().expect("an object").clone();
    facts.nodes.values_mut().next().expect("the node").patroni = Some(with);
    let mask = Mask::new([&Secret::new("planted-key")]);
    let mut kept = record::without_secrets(&facts, &mask);
    let kept = Value::Object(patroni(&mut kept).config);
    let text = kept.to_string();
    assert!(
        !text.contains("hunter2") && !text.contains("planted-key"),
        "{text}"
    );
    assert_eq!(kept["ttl"], 30);
    let parameters = &kept["postgresql"]["parameters"];
    assert_eq!(parameters["restore_command"], "fetch (secret) %f");
    assert_eq!(parameters["password_encryption"], "scram-sha-256");
}

/// A recorded output with a piece of it cut out or replaced.
fn damaged() -> impl Strategy<Value = (&'static str, String)> {
    let fixture = proptest::sample::select(FIXTURES.to_vec());
    (
        fixture,
        any::<(prop::sample::Index, prop::sample::Index)>(),
        "(?s).{0,40}",
    )
        .prop_map(|(name, (from, to), text)| {
            let mut lines: Vec<String> = recorded(name).1.lines().map(str::to_owned).collect();
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            lines.splice(from.min(to)..from.max(to).min(from.min(to) + 3), [text]);
            (name, lines.join("\n"))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text in "(?s).{0,200}", (name, damaged) in damaged()) {
        let (ask, _) = recorded(name);
        let _ = parse(&ask, &text);
        let _ = parse(&ask, &format!("@facts 1 1.0\n@stat\n{text}\n@end\n"));
        let _ = parse(&ask, &damaged);
    }
}

#[test]
fn answers_with_mistakes_in_them_are_read_in_bounded_time_and_memory() {
    let (ask, _) = recorded("trixie-leader");
    let texts: Vec<String> = FIXTURES.map(|name| recorded(name).1).to_vec();
    mutated(&texts, 250, |text| {
        let start = Instant::now();
        if let Ok(facts) = parse(&ask, text) {
            // Whatever is kept was printed: nothing is multiplied.
            let kept = format!("{facts:?}").len();
            assert!(kept < 60_000 + 8 * text.len(), "{kept} bytes");
        }
        assert!(start.elapsed() < Duration::from_secs(20));
    });
}
