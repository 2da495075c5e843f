//! What a person must decide on, each thing both ways.

use mahout::cluster::Stamp;
use mahout::cluster::tls::STAMP_FILE;
use mahout::facts::{FileFacts, ListeningPort};
use mahout::secret::Secret;

use super::case::{Case, THREE};

#[track_caller]
pub(super) fn refused(case: &Case, words: &str) {
    let refusal = case.refusal();
    assert!(refusal.contains(words), "{refusal}");
}

#[track_caller]
pub(super) fn noted(case: &Case, words: &str) {
    let notes = case.notes();
    assert!(notes.contains(words), "{notes}");
}

pub(super) fn bare() -> Case {
    Case::bare(THREE, "debian-12")
}

#[test]
fn nodes_that_are_not_there_are_refused_with_their_cause() {
    let mut case = bare();
    let name = case.cluster.nodes[1].name.clone();
    case.facts.nodes.remove(&name);
    refused(&case, "pg-2: nothing is known of this node");
    case.facts
        .unreachable
        .insert(name, "connection timed out".to_owned());
    refused(&case, "pg-2: connection timed out");
}

#[test]
fn all_refusals_are_told_at_once() {
    let mut case = bare();
    case.node("pg-1").system.systemd = 0;
    case.node("pg-3").system.addresses = vec!["10.9.9.9".to_owned()];
    refused(&case, "pg-1: systemd does not run on this node");
    refused(&case, "pg-3: it has no address 10.0.0.13, only 10.9.9.9");
}

#[test]
fn a_host_name_that_differs_is_noted_or_refused() {
    let text = format!("{THREE}system: {{ check_hostname: true }}\n");
    let mut case = Case::bare(&text, "debian-12");
    case.node("pg-1").system.hostname = "db7".to_owned();
    let mut lenient = bare();
    lenient.node("pg-1").system.hostname = "db7".to_owned();
    let words = "pg-1: its host name is `db7`, the inventory calls it `pg-1`";
    refused(&case, words);
    noted(&lenient, words);
}

#[test]
fn a_held_package_lock_is_waited_for() {
    let mut case = bare();
    case.node("pg-1").system.package_lock = Some("unattended-upgr".to_owned());
    noted(
        &case,
        "pg-1: unattended-upgr holds the package manager's lock",
    );
}

#[test]
fn a_full_disk_stops_a_first_deploy_but_not_the_mending_of_a_cluster() {
    let fill: [fn(&mut mahout::facts::DiskFacts); 2] = [
        |disk| disk.free_bytes = 10 << 20,
        |disk| disk.free_inodes = Some(3),
    ];
    for fill in fill {
        let mut case = bare();
        fill(&mut case.node("pg-1").disks[0]);
        refused(&case, "pg-1: / (file system /) has");
        let mut case = Case::running();
        fill(&mut case.node("pg-1").disks[0]);
        noted(&case, "pg-1: / (file system /) has");
    }
}

#[test]
fn little_memory_is_noted() {
    let mut case = bare();
    case.node("pg-1").system.memory_bytes = 256 << 20;
    noted(&case, "pg-1: 256 MB of memory are too few");
}

#[test]
fn a_port_of_somebody_else_is_refused_and_our_own_is_not() {
    let listening = |port, process: &str| ListeningPort {
        address: "*".to_owned(),
        port,
        process: process.to_owned(),
        pid: Some(42),
    };
    for (port, own, unit) in [
        (2379, "etcd", "etcd.service"),
        (2380, "etcd", "etcd.service"),
        (8008, "patroni", "patroni.service"),
        (8008, "python3", "patroni.service"),
        (5432, "postgres", ""),
        (5000, "haproxy", ""),
        (5001, "haproxy", ""),
        (7000, "haproxy", ""),
    ] {
        let mut case = bare();
        case.node("pg-1").ports = vec![listening(port, own), listening(80, "nginx")];
        if !unit.is_empty() {
            // Somebody started it by other means, or ours is about to be up.
            let refusal = case.refusal();
            let words = format!("hint: {unit} does not run it");
            assert!(refusal.contains(&words), "{refusal}");
            "activating".clone_into(&mut case.unit("pg-1", unit).active);
        }
        case.plan();
        case.node("pg-1").ports = vec![listening(port, "nginx")];
        let refusal = case.refusal();
        assert!(
            refusal.contains(&format!("pg-1: port {port}, wanted for")),
            "{refusal}"
        );
        assert!(refusal.contains("is taken by nginx (pid 42)"), "{refusal}");
    }
}

#[test]
fn a_listener_that_nobody_can_be_seen_behind_is_ours_only_while_ours_runs() {
    let listening = |port| ListeningPort {
        address: "*".to_owned(),
        port,
        process: String::new(),
        pid: None,
    };
    for port in [2379, 2380, 8008, 5432, 5000, 5001, 7000] {
        let mut case = bare();
        case.node("pg-1").ports = vec![listening(port)];
        let refusal = case.refusal();
        let words = "is taken by a listener whose process cannot be seen";
        assert!(
            refusal.contains(&format!("pg-1: port {port}, wanted for")),
            "{refusal}"
        );
        assert!(refusal.contains(words), "{refusal}");

        let mut case = Case::running();
        case.node("pg-1").ports = vec![listening(port)];
        case.plan();
    }
}

#[test]
fn one_machine_under_two_names_is_refused() {
    let mut case = bare();
    case.node("pg-3").system.machine_id = "machine-pg-1".to_owned();
    refused(
        &case,
        "pg-1: it has the machine id machine-pg-1, and so has pg-3",
    );
    for node in ["pg-1", "pg-3"] {
        case.node(node).system.machine_id.clear();
    }
    case.plan();
}

#[test]
fn skew_beyond_what_was_measured_is_noted_and_then_refused() {
    let mut case = bare();
    case.node("pg-2").system.clock_offset = Some(2.06);
    noted(&case, "pg-2: its clock is 2.0 s ahead of that of pg-1");
    case.node("pg-2").system.clock_offset = Some(9.06);
    refused(&case, "pg-2: its clock is 9.0 s ahead of that of pg-1");
    case.node("pg-2").system.clock_uncertainty = Some(9.5);
    assert!(!case.notes().contains("clock"));
}

#[test]
fn releases_with_different_databases_need_one_version() {
    let mut case = bare();
    case.node("pg-3").system.os.version_id = "13".to_owned();
    refused(
        &case,
        "the nodes differ in PostgreSQL: 15 on pg-1, pg-2; 17 on pg-3",
    );
    let text = format!("{THREE}postgresql: {{ version: 16 }}\n");
    let mut case = Case::bare(&text, "debian-12");
    case.node("pg-3").system.os.version_id = "13".to_owned();
    case.node("pg-3").system.libc = "2.41".to_owned();
    noted(
        &case,
        "glibc (and so the order of text): 2.36 on pg-1, pg-2; 2.41 on pg-3",
    );
}

#[test]
fn a_vault_that_is_not_the_nodes_own_or_older_is_refused() {
    let stamp = |vault: &str, generation| {
        let vault = vault.to_owned();
        let tag = None;
        let stamp = Stamp {
            vault,
            generation,
            tag,
        };
        stamp.to_string()
    };
    let file = |content: &str| FileFacts {
        content: Some(Secret::new(content)),
        ..FileFacts::default()
    };
    let mut case = bare();
    case.secrets.stamp = stamp("0a1b2c3d4e5f", 7);
    for older in [stamp("0a1b2c3d4e5f", 6), stamp("0a1b2c3d4e5f", 7)] {
        case.node("pg-2")
            .files
            .insert(STAMP_FILE.to_owned(), file(&older));
        case.plan();
    }
    case.node("pg-2")
        .files
        .insert(STAMP_FILE.to_owned(), file("x"));
    noted(&case, "/etc/mahout/vault does not say which vault");
    let newer = file(&stamp("0a1b2c3d4e5f", 8));
    case.node("pg-2").files.insert(STAMP_FILE.to_owned(), newer);
    refused(
        &case,
        "pg-2: it was deployed with generation 8 of the vault 0a1b2c3d4e5f, this one has generation \
         7",
    );
    let other = file(&stamp("ffffffffffff", 1));
    case.node("pg-2").files.insert(STAMP_FILE.to_owned(), other);
    refused(
        &case,
        "pg-2: it was deployed with the vault ffffffffffff (generation 1), this one is \
         0a1b2c3d4e5f",
    );
    // Changed apart: as many changes, or more, that are not ours.
    let tagged = |generation, tag: &str| Stamp {
        vault: "0a1b2c3d4e5f".to_owned(),
        generation,
        tag: Some(tag.to_owned()),
    };
    case.secrets.stamp = tagged(7, "ours").to_string();
    case.secrets.lineage = ["first", "ours"].map(str::to_owned).to_vec();
    for (generation, tag, is_apart) in [
        (7, "ours", false),
        (6, "first", false),
        (7, "theirs", true),
        (6, "theirs", true),
    ] {
        let stamp = file(&tagged(generation, tag).to_string());
        case.node("pg-2").files.insert(STAMP_FILE.to_owned(), stamp);
        if is_apart {
            let words = format!("pg-2: it was deployed with another generation {generation} of");
            refused(&case, &words);
        } else {
            case.plan();
        }
    }
    // A record of facts does not tell it.
    case.node("pg-2")
        .files
        .insert(STAMP_FILE.to_owned(), FileFacts::default());
    case.plan();
}

#[test]
fn a_cluster_without_tls_is_told_so_once() {
    let off = Case::bare(&format!("{THREE}tls: off\n"), "debian-12");
    for case in [off.clone(), off.deployed()] {
        let notes = case.notes();
        assert_eq!(notes.matches("tls is off: ").count(), 1, "{notes}");
    }
    let on = Case::bare(THREE, "debian-12");
    assert!(!on.notes().contains("tls is off"), "{}", on.notes());
}
