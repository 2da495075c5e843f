//! The named commands on real nodes, and what is around them: the lock that somebody else holds,
//! the log of runs, replaced files. One lab, one sequence, its planned parts under a client that
//! writes through HAProxy.

use std::time::Duration;

use serde_json::Value;

use crate::cluster::{await_that, leader};
use crate::failures::await_line;
use crate::ledger::{Client, Ledger};
use crate::lost;
use crate::operator::{Run, TestLab, lab_or_skip, tell};

#[track_caller]
fn says(run: &Run, words: &[&str]) {
    for words in words {
        let said = run.stdout.contains(words) || run.stderr.contains(words);
        assert!(said, "no `{words}`: {run}");
    }
}

#[track_caller]
fn refused(run: &Run, words: &[&str]) {
    run.exits_with(3);
    says(run, words);
}

/// The runs on record, the last one last.
#[track_caller]
fn runs(lab: &TestLab) -> Vec<Value> {
    let run = lab.mahout(&["audit", "--output", "json"]);
    run.succeeds();
    let lines = run.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Who is to be refused, and what is on record when a run does not come to its end.
fn the_lock_of_another(lab: &TestLab, first: &str) {
    lab.mahout(&["unlock"]).succeeds();
    let run = lab.mahout_begins(&["deploy", "--yes"]);
    await_line(&run.stderr, "start patroni.service");
    let shown = lab.mahout(&["unlock", "--dry-run", "--output", "json"]);
    shown.succeeds();
    let lock: Value =
        serde_json::from_str(shown.stdout.lines().next().expect("a lock")).expect("JSON");
    assert_eq!(lock["alive"], true, "{shown}");
    let holder = lock["holder"].as_str().expect("a holder").to_owned();
    let alive = format!("{first}: {holder} (pid {}, deploy, for ", run.pid());
    for arguments in [
        &["unlock", "--yes"][..],
        &["unlock", "--holder", "eve@elsewhere"],
    ] {
        refused(
            &lab.mahout(arguments),
            &[&alive, "is at work: it showed a sign of life"],
        );
    }
    let unlocked = lab.mahout(&["unlock", "--holder", &holder]);
    unlocked.succeeds();
    // It has noticed by its next step at the latest, and begins nothing else.
    let run = run.ends();
    run.exits_with(1);
    says(&run, &["lock"]);
    lab.mahout(&["unlock", "--dry-run"]).succeeds();
}

/// The logs of all nodes agree, each run is told once, and no secret is in them.
fn the_log_of_runs(lab: &TestLab, names: &[String]) {
    let told = runs(lab);
    let of = |run: &Value| {
        let word = |key: &str| run[key].as_str().unwrap_or_default().to_owned();
        (word("command"), word("result"))
    };
    let expected = [("deploy", "failed"), ("unlock", "done"), ("deploy", "done")];
    for (command, result) in expected {
        let known = told
            .iter()
            .any(|run| of(run) == (command.to_owned(), result.to_owned()));
        assert!(known, "no {command} that is {result}: {told:?}");
    }
    let last = told.last().expect("a run");
    assert_eq!(
        last["on"].as_array().map(Vec::len),
        Some(names.len()),
        "{last}"
    );
    assert_eq!(last["here"], true, "{last}");
    assert_eq!(last["plan"].as_str().map(str::len), Some(64), "{last}");
    let shown = lab.mahout(&["audit"]);
    says(&shown, &["deploy  done  plan ", "on record: "]);
    let log = lab.on(
        &names[0],
        "stat -c '%a %U' /var/log/mahout/audit.log; cat /var/log/mahout/audit.log",
    );
    assert!(log.stdout.starts_with("600 root\n"), "{log}");
    for (name, secret) in lab.secrets() {
        assert!(!log.stdout.contains(&secret), "{name} is in the log");
    }
}

/// A file that a deploy puts right is kept beside its place.
fn replaced_files(lab: &TestLab, node: &str) {
    lab.on(node, "echo '# by hand' >>/etc/haproxy/haproxy.cfg")
        .succeeds();
    lab.mahout(&["deploy", "--yes"]).succeeds();
    let kept = lab.on(
        node,
        "stat -c %a /etc/haproxy/haproxy.cfg.replaced-*; cat /etc/haproxy/haproxy.cfg.replaced-*",
    );
    says(&kept, &["600\n", "# by hand"]);
}

pub(crate) fn streams(lab: &TestLab, node: &str) -> bool {
    let run = lab.on(
        node,
        "cd / && runuser -u postgres -- psql -XAtqc 'select status from pg_stat_wal_receiver'",
    );
    run.stdout.trim() == "streaming"
}

fn reinit(lab: &TestLab, first: &str, replica: &str) {
    refused(
        &lab.mahout(&["reinit", first, "--yes"]),
        &["it leads", "mahout switchover"],
    );
    let file = "/var/lib/postgresql/15/patroni/PG_VERSION";
    let made = |lab: &TestLab| lab.on(replica, &format!("stat -c '%i %Z' {file}")).stdout;
    let before = made(lab);
    let run = lab.mahout(&["reinit", replica, "--dry-run", "--exit-code"]);
    run.exits_with(5);
    assert_eq!(made(lab), before);
    let run = lab.mahout(&["reinit", replica, "--yes"]);
    run.succeeds();
    assert_ne!(made(lab), before, "{run}");
    assert!(streams(lab, replica), "{run}");
}

/// A database of somebody else in the place of the replica's.
fn foreign_data(lab: &TestLab, replica: &str) {
    let folder = "/var/lib/postgresql/15/patroni";
    let run = lab.on(
        replica,
        &format!(
            "systemctl stop patroni && find {folder} -mindepth 1 -delete && cd / && runuser -u postgres -- \
             /usr/lib/postgresql/15/bin/initdb -D {folder} -N >/dev/null && touch {folder}/theirs"
        ),
    );
    run.succeeds();
    refused(
        &lab.mahout(&["deploy", "--yes"]),
        &[
            "holds another cluster's database",
            &format!("`mahout reinit {replica}`"),
        ],
    );
    let run = lab.mahout(&["reinit", replica, "--yes"]);
    run.succeeds();
    says(&run, &[".before-reinit-"]);
    lab.on(
        replica,
        &format!("ls {folder}.before-reinit-*/theirs && [ ! -e {folder}/theirs ]"),
    )
    .succeeds();
    assert!(streams(lab, replica), "{run}");
}

/// etcd's data is gone, then everything of the node.
fn replace(lab: &TestLab, node: &str) {
    lab.on(node, "systemctl stop etcd && rm -rf /var/lib/etcd/*")
        .succeeds();
    refused(
        &lab.mahout(&["deploy", "--yes"]),
        &[&format!("`mahout replace {node}`")],
    );
    let run = lab.mahout(&["replace", node, "--yes"]);
    run.succeeds();
    says(&run, &["start etcd.service as a new member"]);
    lab.on(
        node,
        "[ ! -e /run/systemd/system/etcd.service.d ] && [ ! -e /run/mahout/join.env ]",
    )
    .succeeds();

    lab.on(
        node,
        "systemctl disable --now haproxy patroni etcd 2>/dev/null
         rm -rf /var/lib/etcd/* /var/lib/postgresql/15/* /etc/patroni /etc/mahout /etc/default/etcd \
           /etc/haproxy/* /etc/systemd/system/etcd.service /etc/systemd/system/patroni.service
         systemctl daemon-reload
         rm /etc/ssh/ssh_host_* && ssh-keygen -q -A
         pkill -f '^sshd: '; systemctl reset-failed ssh; systemctl restart ssh",
    )
    .succeeds();
    // Another machine, as far as SSH knows; connections to the old one have ended with it.
    refused(
        &lab.mahout(&["replace", node, "--yes"]),
        &["its host key has changed", "`mahout trust`"],
    );
    let forgotten = std::process::Command::new("ssh-keygen")
        .arg("-f")
        .arg(lab.known_hosts_file())
        .args(["-R", &lab.address(node)])
        .output();
    assert!(forgotten.expect("ssh-keygen").status.success());
    lab.mahout(&["trust", "--yes"]).succeeds();
    let run = lab.mahout(&["replace", node, "--yes"]);
    run.succeeds();
    assert!(streams(lab, node), "{run}");
    let again = lab.mahout(&["deploy", "--yes"]);
    again.succeeds();
    says(&again, &["nothing to change"]);
}

/// The cluster ends, its data lies aside, and another one takes its place.
fn destroy(lab: &TestLab, names: &[String]) {
    for (arguments, code) in [
        (&["destroy"][..], 2),
        (&["destroy", "--confirm", "elsewhere"], 2),
        (&["destroy", "--dry-run"], 0),
    ] {
        lab.mahout(arguments).exits_with(code);
    }
    assert!(leader(lab).is_some(), "nothing was destroyed yet");
    let scope = lost::scope(lab);
    let run = lab.mahout(&["destroy", "--confirm", &scope]);
    run.succeeds();
    says(&run, &["nothing of", "runs any more"]);
    for node in names {
        let left = lab.on(
            node,
            "ls -d /var/lib/postgresql/15/patroni.destroyed-*/global /var/lib/etcd/*.destroyed-*/member
             ! systemctl is-active etcd patroni haproxy | grep -qv inactive
             ! ls /etc/patroni/patroni.yml /etc/systemd/system/patroni.service /etc/mahout/* 2>/dev/null
             ! grep -q mahout /etc/hosts",
        );
        left.succeeds();
    }
    let again = lab.mahout(&["destroy", "--confirm", &scope]);
    again.succeeds();
    says(&again, &["nothing to change"]);
    lab.mahout(&["deploy", "--yes"]).succeeds();
}

#[test]
fn named_commands_under_a_writer() {
    let Some(lab) = lab_or_skip("care", "bookworm", "installed", 3) else {
        return;
    };
    let names = lab.node_names();
    the_lock_of_another(&lab, &names[0]);
    await_that("it converges", Duration::from_secs(60), || {
        lab.mahout(&["deploy", "--yes"]).code == 0
    });
    the_log_of_runs(&lab, &names);
    replaced_files(&lab, &names[1]);

    let first = leader(&lab).expect("a leader");
    let others: Vec<&String> = names.iter().filter(|node| **node != first).collect();
    let ledger = Ledger::open(&lab, &first, (&first, &first), Client::OneSession);
    reinit(&lab, &first, others[0]);
    foreign_data(&lab, others[0]);
    replace(&lab, others[1]);
    lost::data_directory(&lab, others[0]);
    lost::keys(&lab, &first);
    lost::majority(&lab, &first, others[0]);
    let figures = ledger.close(&first);
    tell(&format!("reinit, replace, restore-dcs: {figures}"));
    assert_eq!(figures.lost, [0_u64; 0], "{figures:?}");
    assert!(figures.failed.is_empty(), "{figures:?}");

    lost::all(&lab, &first, others[1]);
    lab.append_to_inventory("timings: fast\npatroni: { synchronous_mode: on }\n");
    destroy(&lab, &names);
    lost::machines(&lab);
}
