//! The probe's script as a node's shell runs it, with a psql that answers as the real one does.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use mahout::secret::Secret;
use mahout::verify::probe::{Landing, ProbeKind, client_address, parse, script};

use crate::sample::{Sample, cluster, name};

/// Answers by host and port, and tells of any secret that it finds in its arguments.
const PSQL: &str = r#"#!/bin/sh
read -r line <"$PGPASSFILE"
if [ "$line" != "*:*:*:*:it's \"\$x\" %s \\\\\\:" ]; then echo "wrong password: $line"; exit 2; fi
if [ "$(stat -L -c %F,%a "$PGPASSFILE")" != 'regular file,600' ]; then echo 'not closed'; exit 2; fi
if { tr '\0' ' ' </proc/$$/cmdline; env; } | grep -F "it's"; then echo 'it is shown'; exit 2; fi
if [ "$PGUSER $PGDATABASE $PGSERVICE" != "mahout_probe postgres " ]; then echo "wrong user"; exit 2; fi
while [ $# -gt 0 ]; do
  case $1 in -p) port=$2; shift ;; -c) sql=$2; shift ;; esac
  shift
done
case ${PGSSLMODE-} in
  '') host=$PGHOST ;;
  verify-full) host=$PGHOSTADDR
    name=pg-${host##*.1}
    if [ "$host" = 10.0.0.100 ]; then name=pg-1; fi
    if [ "$PGSSLROOTCERT $PGHOST" != "/etc/mahout/ca.crt $name" ]; then echo "who is that?"; exit 2; fi ;;
esac
case "$host $port" in
  '10.0.0.11 5000') echo 'WARNING:  database "postgres" has a collation version mismatch'
    case $sql in *pg_logical_emit_message*) echo 'landed 10.0.0.11 false' ;; esac ;;
  '10.0.0.12 5000') echo 'ERROR:  cannot assign TransactionIds during recovery'; exit 1 ;;
  '10.0.0.13 5000') exit 124 ;;
  '10.0.0.100 5000') echo 'landed 10.0.0.11 false' ;;
  *' 5001') echo 'landed 10.0.0.12 true' ;;
esac
"#;

#[test]
fn every_haproxy_is_probed_and_its_answer_understood() {
    for tls in [false, true] {
        probe(tls);
    }
}

fn probe(tls: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let psql = folder.path().join("psql");
    fs::write(&psql, PSQL).expect("a file");
    fs::set_permissions(&psql, fs::Permissions::from_mode(0o755)).expect("its mode");
    let mut cluster = Sample::healthy().cluster;
    cluster.nodes[2].haproxy.read_only_port = None;
    cluster.tls.enabled = tls;
    let from = &cluster.nodes[1];
    let password = Secret::new("it's \"$x\" %s \\:");
    let bin_dir = folder.path().to_str().expect("a path");
    let (script, _) = script(&cluster, from, bin_dir, &password).expect("a script");

    let mut shell = Command::new("sh")
        .env("PGSERVICE", "elsewhere")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = shell.stdin.take().expect("a pipe");
    stdin
        .write_all(script.expose().as_bytes())
        .expect("it reads");
    drop(stdin);
    let output = shell.wait_with_output().expect("it ends");
    let stdout = String::from_utf8(output.stdout).expect("text");
    let results = parse(&cluster, from, &password, &stdout);

    let landed = |address: &str, in_recovery| {
        Ok(Landing {
            address: address.to_owned(),
            in_recovery,
        })
    };
    let said: Vec<_> = results
        .into_iter()
        .map(|result| (result.haproxy, result.kind, result.outcome))
        .collect();
    assert_eq!(
        said,
        [
            (name(1), ProbeKind::Write, landed("10.0.0.11", false)),
            (name(1), ProbeKind::Read, landed("10.0.0.12", true)),
            (
                name(2),
                ProbeKind::Write,
                Err("ERROR:  cannot assign TransactionIds during recovery".to_owned())
            ),
            (name(2), ProbeKind::Read, landed("10.0.0.12", true)),
            (
                name(3),
                ProbeKind::Write,
                Err("no answer from 10.0.0.13, port 5000, within 10 s".to_owned())
            ),
            (name(1), ProbeKind::Vip, landed("10.0.0.11", false)),
        ],
        "{stdout}"
    );
}

#[test]
fn an_answer_never_carries_the_password() {
    let cluster = cluster(1);
    let said = "probe pg-1 write 2 psql: hunter2-hunter2 was refused\n";
    let results = parse(
        &cluster,
        &cluster.nodes[0],
        &Secret::new("hunter2-hunter2"),
        said,
    );
    assert_eq!(
        results[0].outcome,
        Err("psql: (secret) was refused".to_owned())
    );
}

#[test]
fn what_was_not_told_was_not_sent() {
    let cluster = cluster(2);
    let results = parse(&cluster, &cluster.nodes[1], &Secret::new("x"), "");
    assert_eq!(results.len(), 4);
    assert!(
        results
            .iter()
            .all(|result| result.outcome == Err("no probe was sent from pg-2".to_owned()))
    );
    let odd = parse(
        &cluster,
        &cluster.nodes[1],
        &Secret::new("x"),
        "probe pg-1 write 0 what\n",
    );
    assert_eq!(
        odd[0].outcome,
        Err("the answer was not understood: what".to_owned())
    );
}

#[test]
fn an_haproxy_for_its_own_node_alone_is_probed_from_there_alone() {
    let mut cluster = cluster(2);
    cluster.nodes[0].haproxy.listen = vec!["127.0.0.1".to_owned()];
    cluster.nodes[1].haproxy.listen = vec!["[fd00::5]".to_owned(), "::1".to_owned()];
    assert_eq!(client_address(&cluster.nodes[0]), None);
    assert_eq!(
        client_address(&cluster.nodes[1]).as_deref(),
        Some("fd00::5")
    );
    let password = Secret::new("x");
    let probes = |from: usize| {
        let from = &cluster.nodes[from];
        let (script, _) = script(&cluster, from, "/bin", &password).expect("a script");
        script.expose().matches("\nprobe '").count()
    };
    assert_eq!((probes(0), probes(1)), (4, 2));
    cluster.nodes.truncate(1);
    cluster
        .nodes
        .push(crate::sample::cluster(2).nodes[1].clone());
    cluster.nodes[1]
        .roles
        .remove(&mahout::cluster::Role::Haproxy);
    assert!(script(&cluster, &cluster.nodes[1], "/bin", &password).is_none());
}
