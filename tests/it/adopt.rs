//! A cluster that was made by hand, in the way of the article, is taken over while clients write.

use std::path::Path;
use std::time::Duration;

use crate::cluster::{await_that, leader};
use crate::ledger::{Client, Ledger};
use crate::operator::{TestLab, lab_or_skip, tell};

/// What somebody chose; nothing that mahout prints may hold one of them.
const PASSWORDS: [(&str, &str); 4] = [
    ("superuser", "By-hand-Super-7731"),
    ("replication", "By-hand-Repl-7732"),
    ("rewind", "By-hand-Rewind-7733"),
    ("restapi", "By-hand-Rest-7734"),
];
const DATA: &str = "/var/lib/postgresql/postgresql0";

/// A script that makes, on one node, what the article's reader has there.
fn by_hand(lab: &TestLab, node: &str) -> String {
    let names = lab.node_names();
    let address = lab.address(node);
    let each = |line: &dyn Fn(&str, &str) -> String, between: &str| {
        let lines = names.iter().map(|name| line(name, &lab.address(name)));
        lines.collect::<Vec<_>>().join(between)
    };
    let number = |name: &str| name.rsplit('-').next().expect("a number").to_owned();
    // A file of its own on one node, as Debian's package has it.
    let file = if node == names[2] {
        "/etc/patroni/config.yml"
    } else {
        "/etc/patroni/patroni.yml"
    };
    let [superuser, replication, rewind, restapi] = PASSWORDS.map(|(_, password)| password);
    let members = each(
        &|name, address| format!("etcd{}=http://{address}:2380", number(name)),
        ",",
    );
    let hosts = each(&|_, address| format!("{address}:2379"), ",");
    let servers = each(
        &|name, address| format!("    server {name} {address}:5432 maxconn 80 check port 8008"),
        "\n",
    );
    let number = number(node);
    format!(
        r#"set -e
# Without it Patroni knows no etcd; Debian 13's package only recommends it.
python3 -c 'import etcd' 2>/dev/null || apt-get -qq install -y python3-etcd >/dev/null
cat >/etc/default/etcd <<'EOF'
# by hand
ETCD_LISTEN_PEER_URLS="http://{address}:2380"
ETCD_LISTEN_CLIENT_URLS="http://0.0.0.0:2379"
ETCD_NAME="etcd{number}"
ETCD_DATA_DIR="/var/lib/etcd/by_hand"
ETCD_INITIAL_ADVERTISE_PEER_URLS="http://{address}:2380"
ETCD_ADVERTISE_CLIENT_URLS="http://{address}:2379"
ETCD_INITIAL_CLUSTER="{members}"
ETCD_INITIAL_CLUSTER_TOKEN="the-article"
ETCD_INITIAL_CLUSTER_STATE="new"
EOF
mkdir -p /etc/patroni
cat >{file} <<'EOF'
scope: region_one
namespace: /patroni_test/
name: {node}

restapi:
    listen: "*:8008"
    connect_address: {address}:8008
    authentication: {{ username: admin, password: {restapi} }}

etcd3:
    hosts: {hosts}

bootstrap:
  dcs:
    ttl: 30
    loop_wait: 10
    retry_timeout: 10
    maximum_lag_on_failover: 1048576
    postgresql:
      use_pg_rewind: true
  initdb:
  - encoding: UTF8
  - data-checksums
  pg_hba:
  - local all postgres peer
  - host replication repl 0.0.0.0/0 md5
  - host all all 0.0.0.0/0 md5

postgresql:
  listen: "*:5432"
  connect_address: {address}:5432
  data_dir: {DATA}
  bin_dir: /usr/lib/postgresql/@MAJOR@/bin/
  pgpass: /tmp/pgpass0
  authentication:
    replication:
      username: repl
      password: {replication}
    superuser:
      username: postgres
      password: {superuser}
    rewind:
      username: rewind_user
      password: {rewind}
EOF
sed -i "s|@MAJOR@|$(ls /usr/lib/postgresql)|" {file}
chown postgres: {file}
chmod 600 {file}
cat >/etc/systemd/system/patroni.service <<'EOF'
[Unit]
Description=Runners to orchestrate a high-availability PostgreSQL
After=syslog.target network.target

[Service]
Type=simple
User=postgres
Group=postgres
ExecStart=/bin/patroni {file}
ExecReload=/bin/kill -s HUP $MAINPID
KillMode=process
TimeoutSec=30
Restart=no

[Install]
WantedBy=multi-user.target
EOF
cat >/etc/haproxy/haproxy.cfg <<'EOF'
global
    maxconn 100

defaults
    log global
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s

listen stats
    mode http
    bind *:7000
    stats enable
    stats uri /

listen region_one
    bind *:5000
    option httpchk
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
{servers}
EOF
systemctl daemon-reload
systemctl enable etcd patroni haproxy >/dev/null 2>&1
systemctl start --no-block etcd
"#
    )
}

/// A lab with such a cluster.
fn made_by_hand(name: &str, suite: &str) -> Option<TestLab> {
    let lab = lab_or_skip(name, suite, "installed", 3)?;
    lab.is_quiet();
    let names = lab.node_names();
    std::thread::scope(|scope| {
        for node in &names {
            let lab = &lab;
            scope.spawn(move || lab.on(node, &by_hand(lab, node)).succeeds());
        }
    });
    let ready = |node: &str, what: &str| {
        await_that(what, Duration::from_secs(90), || {
            lab.on(node, what).code == 0
        });
    };
    ready(&names[0], "curl -sf http://127.0.0.1:2379/health");
    for (index, node) in names.iter().enumerate() {
        lab.on(node, "systemctl start patroni haproxy").succeeds();
        if index == 0 {
            ready(node, "curl -sf http://127.0.0.1:8008/primary");
        }
    }
    for node in &names[1..] {
        ready(node, "curl -sf http://127.0.0.1:8008/replica");
    }
    Some(lab)
}

/// The inventory becomes what mahout suggests for such a cluster, but for the lines of pg_hba.conf,
/// which let in everybody.
fn suggested(lab: &TestLab) {
    let run = lab.mahout(&["adopt", "--suggest"]);
    run.succeeds();
    tells_no_password(&run);
    tell(&run.stdout);
    let run = lab.mahout(&["adopt", "--suggest", "--output", "json"]);
    run.succeeds();
    let said: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let mut keys = said["keys"].as_object().expect("keys").clone();
    let postgresql = keys["postgresql"].as_object_mut().expect("a section");
    let rules = postgresql.remove("pg_hba").expect("lines");
    assert!(rules.to_string().contains("host all all 0.0.0.0/0 md5"));
    let before = lab.read("inventory.yml");
    let mut text = String::new();
    for line in before.lines().filter(|line| !line.starts_with("scope:")) {
        text.push_str(&format!("{line}\n"));
    }
    for (key, value) in keys {
        // What is JSON is YAML, too.
        text.push_str(&format!("{key}: {value}\n"));
    }
    lab.write(Path::new("inventory.yml"), &text);
    lab.mahout(&["check"]).succeeds();
}

/// The main processes of etcd, Patroni and PostgreSQL on every node.
fn processes(lab: &TestLab) -> Vec<String> {
    let script = format!(
        "systemctl show --property=MainPID --value etcd patroni; head -n 1 {DATA}/postmaster.pid"
    );
    let names = lab.node_names();
    let said = names.iter().map(|node| {
        let run = lab.on(node, &script);
        run.succeeds();
        run.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    said.collect()
}

fn tells_no_password(run: &crate::operator::Run) {
    for (name, password) in PASSWORDS {
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(!said.contains(password), "{name} is in what it says");
    }
}

/// What a person must decide on is refused before anything is touched.
fn unlike_nodes_are_refused(lab: &TestLab, names: &[String]) {
    let refused = |words: &[&str]| {
        let run = lab.mahout(&["adopt", "--yes"]);
        run.exits_with(3);
        tells_no_password(&run);
        for words in words {
            assert!(run.stderr.contains(words), "{words}: {run}");
        }
    };
    let with = |node: &str, change: &str, words: &[&str]| {
        let file = "/etc/patroni/patroni.yml";
        let changed = format!("cp -p {file} /root/kept && sed -i '{change}' {file}");
        lab.on(node, &changed).succeeds();
        refused(words);
        lab.on(node, &format!("mv /root/kept {file}")).succeeds();
    };
    let [_, (_, replication), ..] = PASSWORDS;
    with(
        &names[1],
        &format!("s/{replication}/Somebody-s-own-8842/"),
        &["the nodes do not have the same password `replication`"],
    );
    with(
        &names[0],
        "s/^name: .*/name: postgresql0/",
        &[
            "pg-1: Patroni's member here is called `postgresql0`, the inventory calls the node `pg-1`",
        ],
    );

    // A PostgreSQL of somebody else's, with something in it.
    let node = &names[2];
    let server =
        "bin=$(echo /usr/lib/postgresql/*/bin); on() { cd / && runuser -u postgres -- \"$@\"; }; ";
    lab.on(
        node,
        &format!(
            "{server} on $bin/initdb -D /var/lib/postgresql/other >/dev/null && \
             on $bin/pg_ctl -D /var/lib/postgresql/other -o '-p 6000' -w -l /dev/null start && \
             on psql -p 6000 -Xqc 'create database wiki'"
        ),
    )
    .succeeds();
    let said = lab.on(
        node,
        "/usr/lib/postgresql/*/bin/pg_controldata /var/lib/postgresql/other | \
         sed -n 's/^Database system identifier: *//p'",
    );
    let theirs = format!("system identifier {}, databases wiki", said.stdout.trim());
    let place = "runs here: /var/lib/postgresql/other (pid ";
    refused(&[place, &theirs, "; this cluster's is "]);
    lab.on(
        node,
        &format!(
            "{server} on $bin/pg_ctl -D /var/lib/postgresql/other -w -m fast stop && \
             rm -r /var/lib/postgresql/other"
        ),
    )
    .succeeds();

    // The cluster of a member is known by its data, too.
    let facts = lab.mahout(&["facts"]);
    let facts: serde_json::Value = serde_json::from_str(&facts.stdout).expect("JSON");
    for node in names {
        let etcd = &facts["nodes"][node]["etcd"];
        assert!(etcd["cluster_id"].is_string(), "{etcd}");
        assert_eq!(etcd["cluster_id"], etcd["data_cluster_id"]);
    }
}

fn adopted(suite: &str) {
    let Some(lab) = made_by_hand(&format!("adopt-{suite}"), suite) else {
        return;
    };
    let names = lab.node_names();
    let run = lab.mahout(&["adopt", "--yes"]);
    run.exits_with(3);
    assert!(run.stderr.contains("`scope` is region_one"), "{run}");
    suggested(&lab);
    lab.mahout(&["adopt"]).exits_with(2);
    let first = leader(&lab).expect("a leader");
    let other = names.iter().find(|node| **node != first).expect("another");
    let before = processes(&lab);

    // A deploy has no business here without the passwords.
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(3);
    assert!(run.stderr.contains("mahout adopt"), "{run}");

    unlike_nodes_are_refused(&lab, &names);
    let run = lab.mahout(&["adopt", "--dry-run", "--exit-code"]);
    run.exits_with(5);
    tells_no_password(&run);
    tell(&run.stdout);
    assert!(!run.stdout.contains("~ restart"), "{run}");
    assert!(!lab.secrets_file().exists(), "a dry run keeps no passwords");
    assert_eq!(processes(&lab), before);

    let ledgers = [Client::Reconnecting, Client::OneSession]
        .map(|client| Ledger::open(&lab, &first, (other, other), client));
    let run = lab.mahout(&["adopt", "--yes"]);
    run.succeeds();
    tells_no_password(&run);
    tell(&run.stdout);
    for ledger in ledgers {
        let figures = ledger.close(&first);
        tell(&format!("adopted, {suite}: {figures}"));
        assert!(figures.failed.is_empty(), "{figures:?}");
        assert!(figures.lost.is_empty(), "{figures:?}");
    }
    assert_eq!(processes(&lab), before, "nothing was restarted");
    for (name, password) in PASSWORDS {
        assert!(lab.secret(name) == password, "{name} is the nodes' own");
    }
    lab.mahout(&["verify"]).succeeds();
    let run = lab.mahout(&["adopt", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
    let audit = lab.mahout(&["audit"]);
    assert!(audit.stdout.contains("adopt"), "{audit}");

    // What was left out is a deploy's, and is nothing of PostgreSQL.
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    tell(&run.stdout);
    let postmasters = |all: &[String]| -> Vec<String> {
        all.iter()
            .map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(postmasters(&processes(&lab)), postmasters(&before));
    assert_eq!(leader(&lab).as_ref(), Some(&first));
    lab.mahout(&["verify"]).succeeds();
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
}

#[test]
fn a_cluster_made_by_hand_is_taken_over_on_bookworm() {
    adopted("bookworm");
}

#[test]
fn a_cluster_made_by_hand_is_taken_over_on_trixie() {
    adopted("trixie");
}
