//! `mahout explain` on nodes that are broken by the fault itself: the cause is named on the node
//! that has it. One lab, one sequence; in each round every node is broken in a way of its own.
//!
//! `tests/run explain::` runs all of it. What takes longer than a test may (a package manager's
//! lock is waited for five minutes) needs `MAHOUT_TEST_SLOW=1`:
//! `MAHOUT_TEST_SLOW=1 tests/run explain:: -- --nocapture` is the whole matrix.

mod access;
mod etcd;
mod packages;
mod services;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{await_that, leader};
use crate::operator::{Run, TestLab, lab_or_skip, tell};

/// What every script that breaks or mends something may use.
const PRELUDE: &str = r#"
data=/var/lib/postgresql/15/patroni
patroni_yml=/etc/patroni/patroni.yml
for file in "$patroni_yml" /etc/default/etcd /etc/haproxy/haproxy.cfg; do
	# As mahout wrote it, before anything is broken.
	[ -e "/root/${file##*/}" ] || ! grep -q 'managed by mahout' "$file" 2>/dev/null || cp -a "$file" /root/
done
etcd_data=$(sed -n 's/^ETCD_DATA_DIR="\(.*\)"/\1/p' /etc/default/etcd 2>/dev/null)
# Breaking and mending starts it more often than systemd lets a unit be started in ten seconds.
systemctl reset-failed patroni 2>/dev/null
cd /
sql() { runuser -u postgres -- psql -XAtqc "$1" >/dev/null; }
"#;

/// A way to break a node, and what then must be said of it.
struct Fault<'a> {
    node: &'a str,
    signature: &'static str,
    /// In the cause or in what is shown for it.
    says: &'a str,
    script: String,
}

impl<'a> Fault<'a> {
    fn new(node: &'a str, signature: &'static str, says: &'a str, script: &str) -> Self {
        Self {
            node,
            signature,
            says,
            script: script.to_owned(),
        }
    }
}

/// Runs a script on a node, with what all of them may use.
#[track_caller]
fn on(lab: &TestLab, node: &str, script: &str) -> Run {
    let run = lab.on(node, &format!("{PRELUDE}{script}"));
    run.succeeds();
    run
}

/// Runs a script on several nodes, side by side.
fn on_all(lab: &TestLab, scripts: &[(&str, &str)]) {
    std::thread::scope(|scope| {
        for (node, script) in scripts {
            scope.spawn(|| on(lab, node, script));
        }
    });
}

/// Breaks every node and awaits that each cause is named.
#[track_caller]
fn round(lab: &TestLab, seen: &mut BTreeSet<&'static str>, faults: &[Fault]) {
    let scripts: Vec<(&str, &str)> = faults.iter().map(|it| (it.node, &*it.script)).collect();
    on_all(lab, &scripts);
    let names: Vec<&str> = faults.iter().map(|fault| fault.signature).collect();
    let what = format!("round {names:?}");
    let begin = std::time::Instant::now();
    loop {
        let run = lab.mahout(&["explain", "--output", "json"]);
        let causes = causes(&run);
        let missing: Vec<(&str, &str)> = faults
            .iter()
            .filter(|fault| !causes.iter().any(|cause| is_named(cause, fault)))
            .map(|fault| (fault.node, fault.signature))
            .collect();
        if missing.is_empty() {
            break;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(40),
            "{what}: not named: {missing:?}\n{run}"
        );
        std::thread::sleep(Duration::from_millis(300));
    }
    seen.extend(faults.iter().map(|fault| fault.signature));
    tell(&format!("{:6.1} s  {what}", begin.elapsed().as_secs_f64()));
}

fn is_named(cause: &Value, fault: &Fault) -> bool {
    let text = cause.to_string();
    cause["node"] == fault.node
        && cause["signature"] == fault.signature
        && text.contains(fault.says)
}

/// The causes of an answer in JSON; the exit code says whether there are any.
#[track_caller]
fn causes(run: &Run) -> Vec<Value> {
    let lines = run.stdout.lines();
    let objects: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let (last, causes) = objects.split_last().expect("a summary");
    assert_eq!(last["type"], "explained", "{run}");
    assert_eq!(last["causes"], causes.len(), "{run}");
    run.exits_with(if causes.is_empty() { 0 } else { 4 });
    causes.to_vec()
}

/// Awaits that nothing is found any more. The machine beneath may be slow.
#[track_caller]
fn is_well(lab: &TestLab, what: &str) {
    await_that(what, Duration::from_secs(90), || {
        let run = lab.mahout(&["explain", "--output", "json"]);
        let causes = causes(&run);
        causes
            .iter()
            .all(|cause| cause["signature"] == "etcd-slow-disk")
    });
}

/// Awaits that both replicas stream from `leader`.
#[track_caller]
fn both_stream(lab: &TestLab, leader: &str) {
    let count = "runuser -u postgres -- psql -XAtqc 'select count(*) from pg_stat_replication'";
    await_that("two replicas stream", Duration::from_secs(60), || {
        lab.on(leader, count).stdout.trim() == "2"
    });
}

/// What is shown holds the cause, what says so and what helps, and no secret.
fn for_people(lab: &TestLab, node: &str) {
    let run = lab.mahout(&["explain", node, "-v"]);
    run.exits_with(4);
    for expected in [
        &*format!("{node}\n  cause: "),
        "\n    remedy: ",
        "\n  evidence: journal patroni.service\n",
        "\n  evidence: certificates\n",
        &format!("1 node: 1 cause on {node}\n"),
    ] {
        assert!(run.stdout.contains(expected), "no `{expected}`: {run}");
    }
    assert!(!run.stdout.contains("PRIVATE KEY"), "{run}");
    for (name, secret) in lab.secrets() {
        let told = run.stdout.contains(&secret) || run.stderr.contains(&secret);
        assert!(!told, "{name} was printed");
    }
    let run = lab.mahout(&["explain", "nobody"]);
    run.exits_with(2);
    assert!(run.stderr.contains("`nobody` is no node"), "{run}");
}

#[test]
fn faults_on_nodes_are_named() {
    let Some(lab) = lab_or_skip("explain", "bookworm", "installed", 3) else {
        return;
    };
    lab.is_quiet();
    lab.append_to_inventory("postgresql:\n  users: [{ name: app }]\n");
    let seen = &mut BTreeSet::new();
    let names = lab.node_names();
    packages::faults(&lab, seen, &names[2]);

    lab.mahout(&["deploy", "--yes"]).succeeds();
    // `verify` has just knocked at every door that must be closed: that is no fault.
    is_well(&lab, "a healthy cluster");

    let first = leader(&lab).expect("a leader");
    let replicas: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| *name != first)
        .collect();
    let nodes = [first.as_str(), replicas[0], replicas[1]];
    services::faults(&lab, seen, nodes);
    both_stream(&lab, &first);
    is_well(&lab, "the mended services");
    access::faults(&lab, seen, nodes);
    etcd::faults(&lab, seen, nodes);
    services::lost_everywhere(&lab, seen, nodes);

    tell(&format!("named: {seen:?}"));
    assert!(seen.len() >= 27, "{} are named: {seen:?}", seen.len());
}
