//! The whole path on stand-ins for Enterprise Linux 9: from bare nodes, whose packages come from
//! PGDG's addresses and whose firewalld runs, to a cluster that loses its leader. One lab, one
//! sequence; then the article's own cluster on another.

mod article;
mod faults;

use std::time::Duration;

use crate::cluster::{await_that, leader, sql};
use crate::manifest::{manifest, same_manifest};
use crate::operator::{TestLab, lab_or_skip};

/// Nothing to do, and it is found out without a trace: no file changes, dnf's cache included.
#[track_caller]
fn nothing_to_change(lab: &TestLab) {
    let before = manifest(lab);
    let again = lab.mahout(&["deploy", "--yes"]);
    again.succeeds();
    assert!(again.stdout.contains("nothing to change"), "{again}");
    lab.mahout(&["deploy", "--dry-run", "--exit-code"])
        .succeeds();
    same_manifest(lab, &before, "a second deploy");
}

/// Whether a connection from that node stands.
fn reaches(lab: &TestLab, from: &str, to: &str, port: u16) -> bool {
    let address = lab.address(to);
    let script = format!("timeout 3 bash -c 'exec 3<>/dev/tcp/{address}/{port}' 2>/dev/null");
    lab.on(from, &script).code == 0
}

#[test]
fn whole_path_on_stand_ins_of_enterprise_linux() {
    let Some(lab) = lab_or_skip("core-el9", "el9", "bare", 3) else {
        return;
    };
    lab.is_quiet();
    lab.append_to_inventory("  users: [{ name: app }]\n");

    let before = manifest(&lab);
    let run = lab.mahout(&["deploy", "--dry-run", "--exit-code"]);
    run.exits_with(5);
    for step in [
        "PGDG's repository",
        "disable the dnf module postgresql",
        "postgresql15-server",
    ] {
        assert!(run.stdout.contains(step), "no {step}: {run}");
    }
    same_manifest(&lab, &before, "a dry run on bare nodes");

    faults::what_is_not_signed_is_not_installed(&lab);
    faults::what_is_stale_is_named_and_a_busy_dnf_is_waited_for(&lab);
    nothing_to_change(&lab);
    lab.mahout(&["verify"]).succeeds();

    firewalld_lets_in_the_cluster_alone(&lab);
    drift_is_put_back(&lab);
    the_leader_is_lost(&lab);
}

fn firewalld_lets_in_the_cluster_alone(lab: &TestLab) {
    for (node, other) in [("pg-1", "pg-2"), ("pg-2", "pg-3"), ("pg-3", "pg-1")] {
        lab.on(
            node,
            "firewall-cmd --state && systemd-run -q --unit=foreign python3 -m http.server 9999 && \
             until bash -c '</dev/tcp/127.0.0.1/9999'; do sleep 0.1; done 2>/dev/null",
        )
        .succeeds();
        assert!(!reaches(lab, other, node, 9999), "{node} from {other}");
        for port in [2380, 5432, 8008] {
            assert!(
                reaches(lab, other, node, port),
                "{node} from {other}: {port}"
            );
        }
        lab.on(node, "systemctl stop foreign").succeeds();
    }
}

fn drift_is_put_back(lab: &TestLab) {
    let leader = leader(lab).expect("a leader");
    let names = lab.node_names();
    let node = names.iter().find(|node| **node != leader);
    let node = node.expect("a replica");
    lab.on(
        node,
        "for file in haproxy/haproxy.cfg patroni/patroni.yml etcd/etcd.conf; do \
           echo '# by hand' >>/etc/$file; done && \
         systemctl disable --now haproxy && \
         firewall-cmd -q --permanent --delete-policy=mahout && firewall-cmd -q --reload",
    )
    .succeeds();
    lab.mahout(&["verify"]).exits_with(4);
    lab.mahout(&["deploy", "--yes"]).succeeds();
    lab.on(
        node,
        "grep -r 'by hand' /etc/haproxy/haproxy.cfg /etc/patroni/patroni.yml /etc/etcd/etcd.conf",
    )
    .exits_with(1);
    lab.mahout(&["verify"]).succeeds();
}

fn the_leader_is_lost(lab: &TestLab) {
    let names = lab.node_names();
    let lost = leader(lab).expect("a leader");
    let survivor = names.iter().find(|node| **node != lost).expect("another");
    lab.on(
        &lost,
        "cd / && runuser -u postgres -- psql -qc 'create table ledger (n serial primary key); \
         grant all on ledger, ledger_n_seq to app'",
    )
    .succeeds();
    let write = || {
        sql(
            lab,
            survivor,
            survivor,
            5000,
            "insert into ledger default values",
        )
        .code
    };
    assert_eq!(write(), 0);

    lab.lab(&["kill", &lost]);
    await_that("a new leader", Duration::from_secs(90), || {
        leader(lab).is_some_and(|now| now != lost)
    });
    await_that("writes go on", Duration::from_secs(30), || write() == 0);
    lab.mahout(&["verify"]).exits_with(4);
    lab.lab(&["start", &lost]);
    await_that("verify is green again", Duration::from_secs(120), || {
        lab.mahout(&["verify"]).code == 0
    });
    let count = sql(lab, survivor, &lost, 5000, "select count(*) from ledger");
    assert_eq!(count.stdout.trim(), "2", "{count}");
    nothing_to_change(lab);
}
