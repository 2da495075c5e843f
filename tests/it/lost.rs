//! etcd loses what it knew: its keys, most of its members, all of them. What is written meanwhile
//! stays, and nobody leads who has less than another.

use std::path::Path;
use std::time::Duration;

use crate::care::streams;
use crate::cluster::{await_that, leader};
use crate::failures::await_line;
use crate::operator::{Run, TestLab};

#[track_caller]
fn says(run: &Run, words: &[&str]) {
    for words in words {
        let said = run.stdout.contains(words) || run.stderr.contains(words);
        assert!(said, "no `{words}`: {run}");
    }
}

/// `etcdctl` as root, by the member of `node`, on the node itself.
pub(crate) fn etcdctl(lab: &TestLab, node: &str) -> String {
    let (address, password) = (lab.address(node), lab.secret("etcd_root"));
    format!(
        "export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=https://{address}:2379 ETCDCTL_USER='root:{password}'
         export ETCDCTL_CACERT=/etc/mahout/ca.crt ETCDCTL_CERT=/etc/mahout/etcd-server.pem
         export ETCDCTL_KEY=/etc/mahout/etcd-server.pem\n"
    )
}

/// The scope of the lab's inventory.
pub(crate) fn scope(lab: &TestLab) -> String {
    let text = lab.read("inventory.yml");
    let scope = text.lines().find_map(|line| line.strip_prefix("scope: "));
    scope.expect("a scope").trim().to_owned()
}

fn postmaster(lab: &TestLab, node: &str) -> String {
    let script = "head -n 1 /var/lib/postgresql/*/patroni/postmaster.pid";
    lab.on(node, script).stdout
}

#[track_caller]
fn is_whole(lab: &TestLab) {
    await_that("verify is green", Duration::from_secs(60), || {
        lab.mahout(&["verify"]).code == 0
    });
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    says(&run, &["nothing to change"]);
}

/// A replica's data directory is gone under Patroni, which may make none where it was.
pub(crate) fn data_directory(lab: &TestLab, replica: &str) {
    lab.on(replica, "rm -rf /var/lib/postgresql/15/patroni")
        .succeeds();
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    says(&run, &["stop patroni.service", "start patroni.service"]);
    assert!(streams(lab, replica), "{run}");
}

/// Somebody removes every key: Patroni, which runs, writes them again by itself.
pub(crate) fn keys(lab: &TestLab, first: &str) {
    let (etcdctl, path) = (etcdctl(lab, first), format!("/service/{}/", scope(lab)));
    let config = format!("{etcdctl} etcdctl get --print-value-only {path}config");
    let before = lab.on(first, &config).stdout;
    assert!(before.contains("\"ttl\""), "{before}");
    let removed = lab.on(first, &format!("{etcdctl} etcdctl del --prefix {path}"));
    removed.succeeds();
    is_whole(lab);
    // Only from its next round on do the members count who is to confirm a leader without etcd.
    let failsafe = format!("{etcdctl} etcdctl get --print-value-only {path}failsafe | grep pg-3");
    await_that(
        "who confirms is known again",
        Duration::from_secs(60),
        || lab.on(first, &failsafe).code == 0,
    );
    let after = lab.on(first, &config).stdout;
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(json(&after), json(&before));
    assert_eq!(leader(lab).as_deref(), Some(first));
}

/// Two of three members lose their data. The leader, whom every other member still confirms, goes
/// on under whoever writes.
pub(crate) fn majority(lab: &TestLab, first: &str, replica: &str) {
    let before = postmaster(lab, first);
    for node in [first, replica] {
        let robbed = lab.on(node, "systemctl stop etcd && rm -rf /var/lib/etcd/*/member");
        robbed.succeeds();
    }
    let refused = lab.mahout(&["deploy", "--yes"]);
    refused.exits_with(3);
    says(&refused, &["`mahout restore-dcs`"]);
    let scope = scope(lab);
    for (arguments, code) in [
        (&["restore-dcs", "--confirm", "elsewhere"][..], 2),
        (&["restore-dcs", "--dry-run"], 0),
    ] {
        lab.mahout(arguments).exits_with(code);
    }
    lab.mahout(&["restore-dcs", "--confirm", &scope]).succeeds();
    assert_eq!(postmaster(lab, first), before, "PostgreSQL ran on");
    assert_eq!(leader(lab).as_deref(), Some(first));
    for node in lab.node_names() {
        let left = lab.on(
            &node,
            "ls /run/systemd/system/etcd.service.d /run/mahout/once.env",
        );
        assert_eq!(left.stdout, "", "{left}");
    }
    is_whole(lab);
    let run = lab.mahout(&["restore-dcs", "--confirm", &scope]);
    run.exits_with(3);
    says(&run, &["nothing is lost"]);
}

/// Nothing is left of etcd, and since a member of Patroni was away, too, nobody leads any more. A run
/// that would mend it is killed when no server runs, and so none says how far it has come.
pub(crate) fn all(lab: &TestLab, first: &str, replica: &str) {
    let rows =
        "cd / && runuser -u postgres -- psql -XAtqc 'select count(*) from ledger_one_session'";
    let before = lab.on(first, rows).stdout;
    let names = lab.node_names();
    for script in ["systemctl stop etcd", "rm -rf /var/lib/etcd/*/member"] {
        for node in &names {
            lab.on(node, script).succeeds();
        }
    }
    // Whoever leads goes on as long as every other one confirms it.
    lab.lab(&["cut", replica]);
    await_that("nobody leads", Duration::from_secs(60), || {
        leader(lab).is_none()
    });
    lab.lab(&["heal", replica]);
    let refused = lab.mahout(&["deploy", "--yes"]);
    refused.exits_with(3);
    says(
        &refused,
        &["the DCS knows no cluster", "`mahout restore-dcs`"],
    );
    let scope = scope(lab);
    let is_seen = || {
        let run = lab.mahout(&["restore-dcs", "--dry-run"]);
        let seen = "leads first: nobody has come further than timeline ";
        run.code == 0 && (run.stdout.contains(seen) || run.stderr.contains(seen))
    };
    // Who has led starts once more.
    await_that("the furthest is seen", Duration::from_secs(60), is_seen);
    let run = lab.mahout_begins(&["restore-dcs", "--confirm", &scope]);
    await_line(&run.stderr, "phase etcd");
    run.signal("KILL");
    assert_eq!(run.ends().code, -1);
    // What it has still begun on the nodes comes to its end first.
    await_that("the furthest is known", Duration::from_secs(60), is_seen);
    // Whether one that has been started since has more is not to be seen.
    lab.on(
        replica,
        "touch /var/lib/postgresql/15/patroni/global/pg_control",
    )
    .succeeds();
    let refused = lab.mahout(&["restore-dcs", "--confirm", &scope]);
    refused.exits_with(3);
    says(
        &refused,
        &[
            &format!("{replica} (does not answer, timeline "),
            "--leader NODE",
        ],
    );
    let arguments = ["restore-dcs", "--leader", first, "--confirm", &scope];
    let run = lab.mahout(&arguments);
    run.succeeds();
    says(&run, &[&format!("{first} leads first")]);
    assert_eq!(leader(lab).as_deref(), Some(first));
    assert_eq!(lab.on(first, rows).stdout, before);
    is_whole(lab);
}

/// Two machines of three are gone for good, the leader and its synchronous standby: the third one has
/// what it has received, and goes on alone.
pub(crate) fn machines(lab: &TestLab) {
    let psql = |node: &str, query: &str| {
        let script = format!("cd / && runuser -u postgres -- psql -XAtqc \"{query}\"");
        lab.on(node, &script).stdout.trim().to_owned()
    };
    let first = leader(lab).expect("a leader");
    let of_standby = "select application_name from pg_stat_replication where sync_state = 'sync'";
    await_that("a synchronous standby", Duration::from_secs(60), || {
        !psql(&first, of_standby).is_empty()
    });
    let standby = psql(&first, of_standby);
    let gone = [first.clone(), standby];
    let names = lab.node_names();
    let left = names.iter().find(|name| !gone.contains(name));
    let left = left.expect("a third one");
    psql(&first, "create table kept as select 1");
    await_that("it has received it", Duration::from_secs(60), || {
        psql(left, "select count(*) from kept") == "1"
    });
    for node in &gone {
        lab.lab(&["kill", node]);
    }
    let text = lab.read("inventory.yml");
    let is_gone = |line: &&str| {
        gone.iter()
            .any(|node| line.starts_with(&format!("  {node}:")))
    };
    let lines: Vec<&str> = text.lines().filter(|line| !is_gone(line)).collect();
    lab.write(Path::new("inventory.yml"), &(lines.join("\n") + "\n"));

    await_that("etcd has no leader", Duration::from_secs(60), || {
        let run = lab.mahout(&["deploy", "--yes"]);
        run.exits_with(3);
        says(&run, &["members that the inventory does not name"]);
        run.stderr.contains("`mahout restore-dcs`")
    });
    let run = lab.mahout(&["restore-dcs", "--confirm", &scope(lab)]);
    run.succeeds();
    for words in [
        "which the inventory does not name, are forgotten",
        &*format!("{left} leads first: nobody else has a database"),
    ] {
        says(&run, &[words]);
    }
    assert_eq!(leader(lab).as_ref(), Some(left));
    assert_eq!(psql(left, "select count(*) from kept"), "1");
    psql(left, "insert into kept values (2)");
    assert_eq!(psql(left, "select count(*) from kept"), "2");
    let member_list = format!("{} etcdctl member list", etcdctl(lab, left));
    let members = lab.on(left, &member_list).stdout;
    assert_eq!(members.lines().count(), 1, "{members}");
    is_whole(lab);
}
