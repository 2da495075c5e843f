//! What must be true when mahout was run again.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::watch::{Watched, error};
use crate::operator::{Run, TestLab};

/// Nothing that we or a package manager leave behind half-done, and one copy of the data each.
const LEFT: &str = r"
ls -d /usr/sbin/policy-rc.d* /run/mahout/lock /run/mahout/running /run/mahout/installing \
  /run/mahout/*.said /run/mahout/*.code /run/mahout/join.env /run/systemd/system/etcd.service.d 2>/dev/null
find /etc /var/lib/etcd /var/lib/postgresql -xdev \( -name '.*.mahout-*' -o -name '*.part' \
  -o -name '*.mahout' -o -name '*.dpkg-new' -o -name '*.dpkg-tmp' \)
systemctl list-unit-files --state=masked --no-legend | grep -E 'etcd|patroni|postgres|haproxy'
systemctl --failed --no-legend | grep -E 'etcd|patroni|postgres|haproxy'
dpkg --audit
ls -A /var/lib/postgresql/15 /var/lib/etcd | grep -vE '^/|^$|^patroni$|^crash$|^pgpass'
true
";

/// How long `verify` may find something that passes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the deploy again, which must come to its end at the first attempt; returns how long it took.
#[track_caller]
pub(super) fn runs_again(lab: &TestLab) -> f64 {
    let run = Watched::begin(lab, &["deploy", "--yes"]);
    let begin = Instant::now();
    let run = run.ends();
    assert_eq!(run.code, 0, "run again: {}\n{run}", error(&run));
    begin.elapsed().as_secs_f64()
}

/// `verify` is green, the plan is empty, and nothing is there twice or half.
#[track_caller]
pub(super) fn is_sound(lab: &TestLab) {
    let begin = Instant::now();
    let mut verify = lab.mahout(&["verify"]);
    // What has converged stays so; but where two cores carry several labs, a node may be too slow
    // to answer in time.
    while verify.code != 0 && begin.elapsed() < PATIENCE {
        verify = lab.mahout(&["verify"]);
    }
    verify.succeeds();
    assert!(!verify.stdout.contains("Patroni is paused"), "{verify}");
    let run = lab.mahout(&["deploy", "--dry-run", "--exit-code"]);
    assert_eq!(run.code, 0, "the plan is not empty: {run}");
    assert!(run.stdout.contains("nothing to change"), "{run}");

    let names = lab.node_names();
    for node in &names {
        let left = lab.on(node, LEFT);
        left.succeeds();
        assert_eq!(left.stdout, "", "left on {node}: {left}");
    }
    one_of_each(lab, &names);
    let beside: Vec<String> = std::fs::read_dir(lab.file("."))
        .expect("the folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.ends_with(".new") || name.ends_with(".tmp"))
        .collect();
    assert!(beside.is_empty(), "left beside the inventory: {beside:?}");
}

/// One system identifier, and one member of etcd a node.
#[track_caller]
fn one_of_each(lab: &TestLab, names: &[String]) {
    let mut identifiers: Vec<String> = names
        .iter()
        .map(|node| {
            let run = lab.on(
                node,
                "/usr/lib/postgresql/15/bin/pg_controldata /var/lib/postgresql/15/patroni | \
                 sed -n 's/^Database system identifier: *//p'",
            );
            run.stdout.trim().to_owned()
        })
        .collect();
    identifiers.dedup();
    assert!(
        identifiers.len() == 1 && !identifiers[0].is_empty(),
        "system identifiers: {identifiers:?}"
    );
    let mut members = members(lab, &names[0]);
    members.sort();
    assert_eq!(members, names, "etcd's members");
}

/// The names of etcd's members, as one of them knows them.
#[track_caller]
fn members(lab: &TestLab, node: &str) -> Vec<String> {
    let run: Run = lab.on(
        node,
        "ETCDCTL_API=3 etcdctl --endpoints https://$(hostname -I | cut -d' ' -f1):2379 \
         --cacert /etc/mahout/ca.crt --cert /etc/mahout/etcd-server.pem \
         --key /etc/mahout/etcd-server.pem member list -w json",
    );
    run.succeeds();
    let list: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let members = list["members"].as_array().expect("a list");
    members
        .iter()
        .map(|member| member["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}
