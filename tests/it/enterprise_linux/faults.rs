//! Repositories that cannot be trusted or are out of date, and a dnf that is busy.

use std::time::Duration;

use crate::cluster::await_that;
use crate::operator::TestLab;

/// Each node its own fault.
fn spoil(lab: &TestLab, faults: [&str; 3]) {
    for (node, fault) in lab.node_names().iter().zip(faults) {
        lab.on(node, &format!("standin good && standin {fault}"))
            .succeeds();
    }
}

/// A deploy fails on every node, each with its own cause, and installs none of the packages.
#[track_caller]
fn deploy_fails(lab: &TestLab, causes: [&str; 3], absent: &str) {
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(1);
    for (node, cause) in lab.node_names().iter().zip(causes) {
        let said = [run.stdout.as_str(), run.stderr.as_str()].concat();
        let told = said
            .lines()
            .any(|line| line.contains(node.as_str()) && line.contains(cause));
        assert!(told, "{node}: no `{cause}`: {run}");
        let there = lab.on(
            node,
            &format!("rpm --query {absent} | grep -v 'not installed'"),
        );
        assert_eq!(there.stdout, "", "{node}: {there}");
    }
}

/// By PGDG's key, or at all: neither its repository's package nor those in it.
pub(super) fn what_is_not_signed_is_not_installed(lab: &TestLab) {
    const STACK: &str = "etcd haproxy patroni patroni-etcd postgresql15-server postgresql15";
    spoil(
        lab,
        ["reporpms unsigned", "reporpms tampered", "keys foreign-key"],
    );
    let causes = [
        "is not signed",
        "GPG check FAILED",
        "Public key for pgdg-redhat-repo",
    ];
    deploy_fails(lab, causes, &format!("pgdg-redhat-repo {STACK}"));
    // Not on the last node: it trusts the foreign key by now, which came over https.
    spoil(
        lab,
        ["common foreign-key", "common unsigned", "common tampered"],
    );
    let causes = [
        "not correct for this package",
        "is not signed",
        "GPG check FAILED",
    ];
    deploy_fails(lab, causes, STACK);
}

/// The first node has PGDG's repositories of before, on the second somebody else installs.
pub(super) fn what_is_stale_is_named_and_a_busy_dnf_is_waited_for(lab: &TestLab) {
    spoil(lab, ["stale", "lock", "good"]);
    let plan = lab.mahout(&["deploy", "--dry-run"]);
    let stale = "the section [pgdg13] of /etc/yum.repos.d/pgdg-redhat-all.repo points to packages";
    assert!(plan.stdout.contains(stale), "{plan}");
    let deploy = lab.mahout_begins(&["deploy", "--yes"]);
    await_that("it waits for dnf", Duration::from_secs(120), || {
        let said = std::fs::read_to_string(&deploy.stderr).expect("what it says");
        said.contains("warning: pg-2: waits for dnf's lock")
    });
    lab.on("pg-2", "rpm --query etcd").exits_with(1);
    lab.on("pg-2", "standin unlock").succeeds();
    // What is stale is left out; but etcd's section is another one in today's package.
    let run = deploy.ends();
    run.exits_with(1);
    lab.on("pg-1", "rpm --query patroni").exits_with(1);
    lab.on("pg-2", "rpm --query etcd").succeeds();
    let remedy = "dnf remove pgdg-redhat-repo";
    assert!(run.stderr.contains(remedy), "{run}");
    lab.on("pg-1", &format!("{remedy} --assumeyes")).succeeds();
    lab.mahout(&["deploy", "--yes"]).succeeds();
}
