//! Evidence as scripts tell it, judged.

use std::collections::BTreeMap;

use super::{Evidence, Names, Section, judge, judge_all};

fn section(name: &str, lines: &[&str]) -> Section {
    Section {
        name: name.to_owned(),
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
    }
}

fn found(sections: Vec<Section>) -> Vec<&'static str> {
    let evidence = Evidence::new(sections, None);
    let causes = judge(&"pg-1".into(), &evidence, &Names::default());
    causes.iter().map(|cause| cause.signature).collect()
}

#[test]
fn who_holds_a_taken_port_is_found_by_the_port_in_the_line() {
    let listening = section(
        "listening",
        &[
            "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process",
            "LISTEN 0 4096 127.0.0.1:2379 0.0.0.0:* users:((\"etcd\",pid=402,fd=9))",
            "LISTEN 0 128 *:5000 *:* users:((\"nginx\",pid=77,fd=5),(\"nginx\",pid=78,fd=5))",
        ],
    );
    let evidence = Evidence::new(vec![listening], None);
    for (line, owner) in [
        (
            "listen tcp 10.0.0.11:2379: bind: address already in use",
            Some("\"etcd\",pid=402"),
        ),
        (
            "cannot bind socket (Address already in use) for [10.0.0.11:5000]",
            Some("\"nginx\",pid=77"),
        ),
        (
            "listen tcp 10.0.0.11:2380: bind: address already in use",
            None,
        ),
        ("connection to 10.0.0.11:2379 refused", None),
    ] {
        assert_eq!(evidence.port_owner(line).as_deref(), owner, "{line}");
    }
}

#[test]
fn what_was_before_somebody_started_the_unit_is_forgotten() {
    let failure = "ModuleNotFoundError: No module named 'psycopg2'";
    let started = "Started patroni.service - Patroni, which runs PostgreSQL.";
    let by_itself = "patroni.service: Scheduled restart job, restart counter is at 1.";
    let journal = |lines: &[&str]| found(vec![section("journal patroni.service", lines)]);
    assert_eq!(journal(&[failure, started]), [""; 0]);
    assert_eq!(journal(&[started, failure]), ["patroni-psycopg"]);
    assert_eq!(
        journal(&[failure, by_itself, "Stopped patroni.service.", started]),
        ["patroni-psycopg"]
    );
    // A unit that tells when it is ready may have said why it will not be for long.
    let removed = "the member has been permanently removed from the cluster";
    assert_eq!(
        found(vec![section(
            "journal etcd.service",
            &["Starting etcd.service…", removed, "Started etcd.service"],
        )]),
        ["etcd-member-removed"]
    );
}

#[test]
fn room_is_measured() {
    let disk = |line: &str| found(vec![section("disk", &[line])]);
    assert_eq!(
        disk("none 129024 129024 0 100% /var/lib/etcd/demo"),
        ["disk-full"]
    );
    assert_eq!(disk("overlay 264212084 29537744 65748144 31% /"), [""; 0]);
    assert_eq!(disk("inodes /dev/sda1 65536 65530 6 100% /"), ["disk-full"]);
    assert_eq!(disk("inodes btrfs 0 0 0 - /"), [""; 0]);
    let memory = |line: &str| found(vec![section("memory", &[line])]);
    assert_eq!(
        memory("tmpfs 64 0 64 0% /dev/shm"),
        ["postgresql-shared-memory"]
    );
    assert_eq!(memory("tmpfs 2468368 1072 2467296 1% /dev/shm"), [""; 0]);
    assert_eq!(memory("kernel/shmmni:4096"), [""; 0]);
}

#[test]
fn units_are_judged_by_what_they_are_to_be() {
    let unit = |state: &str| found(vec![section("units", &[&format!("etcd.service: {state}")])]);
    let of = |load, active, sub, enabled| {
        format!(
            "Result=exit-code NRestarts=0 ExecMainStatus=1 LoadState={load} ActiveState={active} \
             SubState={sub} UnitFileState={enabled}"
        )
    };
    assert_eq!(unit(&of("loaded", "active", "running", "enabled")), [""; 0]);
    assert_eq!(
        unit(&of("loaded", "inactive", "dead", "enabled")),
        ["unit-stopped"]
    );
    // A node that has not that role.
    assert_eq!(unit(&of("loaded", "inactive", "dead", "disabled")), [""; 0]);
    assert_eq!(
        unit(&of("masked", "inactive", "dead", "masked")),
        ["unit-masked"]
    );
    assert_eq!(
        unit(&of("loaded", "failed", "failed", "enabled")),
        ["unit-failed"]
    );
    assert_eq!(
        unit(&of("loaded", "activating", "auto-restart", "enabled")),
        ["unit-failed"]
    );
}

#[test]
fn that_a_service_has_failed_is_no_news_beside_the_reason() {
    let state = "patroni.service: Result=exit-code LoadState=loaded ActiveState=failed";
    let journal = section(
        "journal patroni.service",
        &["ModuleNotFoundError: No module named 'psycopg2'"],
    );
    assert_eq!(
        found(vec![section("units", &[state]), journal]),
        ["patroni-psycopg"]
    );
}

#[test]
fn the_clock_that_differs_is_told_from_the_others() {
    let nodes = |clocks: &[(&str, i64, i64)]| -> Vec<(String, usize)> {
        let evidence: BTreeMap<_, _> = clocks
            .iter()
            .map(|(node, offset, doubt)| {
                let evidence = Evidence::new(Vec::new(), Some((*offset, *doubt)));
                ((*node).into(), evidence)
            })
            .collect();
        judge_all(evidence, &Names::default())
            .into_iter()
            .filter(|node| !node.causes.is_empty())
            .map(|node| (node.node.to_string(), node.causes.len()))
            .collect()
    };
    assert_eq!(
        nodes(&[("pg-1", 0, 10), ("pg-2", 20, 10), ("pg-3", 3010, 10)]),
        [("pg-3".to_owned(), 1)]
    );
    assert_eq!(
        nodes(&[("pg-1", -4000, 10), ("pg-2", 20, 10), ("pg-3", 0, 10)]),
        [("pg-1".to_owned(), 1)]
    );
    // A control machine whose clock is wrong sees all of them off by the same.
    assert_eq!(
        nodes(&[("pg-1", 9000, 10), ("pg-2", 9000, 10), ("pg-3", 9010, 10)]),
        []
    );
    // A slow answer proves nothing.
    assert_eq!(
        nodes(&[("pg-1", 0, 10), ("pg-2", 20, 10), ("pg-3", 3010, 1500)]),
        []
    );
}

#[test]
fn whoever_waits_while_the_cluster_is_made_waits_rightly() {
    let evidence = |line: &str| {
        let journal = section("journal patroni.service", &[line]);
        Evidence::new(vec![journal], None)
    };
    let waits = "INFO: waiting for leader to bootstrap";
    let makes = "INFO: trying to bootstrap a new cluster";
    let causes = |lines: [&str; 2]| -> usize {
        let nodes = [
            ("pg-1".into(), evidence(lines[0])),
            ("pg-2".into(), evidence(lines[1])),
        ];
        let judged = judge_all(nodes.into(), &Names::default());
        judged.iter().map(|node| node.causes.len()).sum()
    };
    assert_eq!(causes([waits, waits]), 2);
    assert_eq!(causes([makes, waits]), 0);
}
