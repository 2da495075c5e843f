//! Every check, both ways: it holds on a healthy cluster, and one broken thing makes it speak.

mod broken;
mod fenced;

use std::collections::BTreeSet;

use mahout::cluster::{ExternalEtcd, Role};
use mahout::facts::FileFacts;
use mahout::verify::{Severity, checks, worst};
use serde_json::json;

use crate::sample::{Sample, name};
use broken::{BROKEN, Break};
use fenced::FENCED;

/// Everything that can be broken.
fn broken() -> impl Iterator<Item = &'static (&'static str, Severity, &'static str, Break)> {
    BROKEN.iter().chain(FENCED)
}

#[test]
fn every_check_holds_on_a_healthy_cluster() {
    let findings = Sample::healthy().verify();
    let wrong: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity != Severity::Ok)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let made: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(
        made,
        checks().collect::<Vec<_>>(),
        "each check says once that it holds"
    );
    assert_eq!(worst(&findings), Severity::Ok);
}

#[test]
fn every_check_can_fail() {
    let broken: BTreeSet<&str> = broken().map(|(check, ..)| *check).collect();
    assert_eq!(broken, checks().collect::<BTreeSet<_>>());
}

#[test]
fn what_is_broken_is_said() {
    for (check, severity, word, break_it) in broken() {
        let mut sample = Sample::healthy();
        break_it(&mut sample);
        let findings = sample.verify();
        let of_check: Vec<_> = findings
            .iter()
            .filter(|finding| finding.check == *check)
            .collect();
        let said = of_check
            .iter()
            .any(|finding| finding.severity == *severity && finding.message.contains(word));
        assert!(said, "{check}: {severity:?} with `{word}` in {of_check:#?}");
        assert!(
            of_check
                .iter()
                .all(|finding| finding.severity != Severity::Ok),
            "{check} also says that it holds: {of_check:#?}"
        );
    }
}

#[test]
fn messages_are_in_the_house_style() {
    for (_, _, _, break_it) in broken() {
        let mut sample = Sample::healthy();
        break_it(&mut sample);
        for finding in sample.verify() {
            let message = &finding.message;
            assert!(
                !message.is_empty() && !message.ends_with('.') && !message.contains('\n'),
                "{message}"
            );
            assert!(finding.check.starts_with(finding.group), "{finding:?}");
        }
    }
}

#[test]
fn a_dead_leader_is_judged_by_the_others() {
    let mut sample = Sample::healthy();
    sample.lose(1);
    let findings = sample.verify();
    assert_eq!(worst(&findings), Severity::Error);
    let of = |check: &str| -> Vec<&str> {
        let of_check = findings.iter().filter(|finding| finding.check == check);
        of_check.map(|finding| finding.message.as_str()).collect()
    };
    // Until its key expires the others still name it.
    assert_eq!(of("patroni.one_leader"), ["leader pg-1"]);
    assert_eq!(
        of("system.reachable"),
        ["not reachable: connection timed out after 10 s"]
    );
    assert!(of("etcd.one_leader")[0].contains("pg-2"));
}

#[test]
fn a_container_without_a_time_service_of_its_own_is_sound() {
    let mut sample = Sample::healthy();
    for number in 1..=3 {
        let system = &mut sample.node(number).system;
        system.virtualization = "systemd-nspawn".to_owned();
        system.time_service = None;
        system.clock_synchronized = None;
    }
    assert_eq!(worst(&sample.verify()), Severity::Ok);
}

#[test]
fn one_postgresql_on_an_external_etcd_has_neither_replicas_nor_members() {
    let mut sample = Sample::healthy();
    sample.cluster.vip = None;
    sample.cluster.nodes.truncate(1);
    sample.cluster.nodes[0].roles = [Role::Postgresql, Role::Haproxy].into();
    sample.cluster.etcd.external = Some(ExternalEtcd {
        endpoints: vec!["10.0.9.1:2379".to_owned()],
        protocol: "https".to_owned(),
        ca_file: None,
        cert_file: None,
        key_file: None,
        username: None,
    });
    sample.facts.nodes.retain(|node, _| *node == name(1));
    sample.patroni(1).members.truncate(1);
    sample.postgresql(1).replication.clear();
    sample.haproxy(1).servers.truncate(2);
    let findings = sample.verify();
    assert_eq!(worst(&findings), Severity::Ok, "{findings:#?}");
    for absent in [
        "etcd.members",
        "patroni.replicas_streaming",
        "patroni.lag",
        "haproxy.read",
        "vip.held",
        "vip.write",
    ] {
        assert!(
            findings.iter().all(|finding| finding.check != absent),
            "{absent}"
        );
    }
}

#[test]
fn special_replicas_are_taken_for_what_they_are() {
    let mut sample = Sample::healthy();
    // pg-3 follows pg-2, serves no reads, and says itself that it streams.
    sample.cluster.nodes[2]
        .patroni
        .tags
        .insert("replicatefrom".to_owned(), json!("pg-2"));
    sample.cluster.nodes[2]
        .patroni
        .tags
        .insert("noloadbalance".to_owned(), json!(true));
    sample.postgresql(1).replication.pop();
    sample.patroni(3).replication_state = Some("streaming".to_owned());
    for number in 1..=3 {
        sample.haproxy(number).servers[5].status = "DOWN".to_owned();
    }
    let findings = sample.verify();
    assert_eq!(worst(&findings), Severity::Ok, "{findings:#?}");
    // pg-3 reads the archive alone, as told.
    sample.cluster.nodes[2]
        .patroni
        .tags
        .insert("nostream".to_owned(), json!(true));
    sample.patroni(3).replication_state = Some("in archive recovery".to_owned());
    assert_eq!(worst(&sample.verify()), Severity::Ok);
}

#[test]
fn a_data_directory_behind_a_link_is_no_stray() {
    let mut sample = Sample::healthy();
    let postgresql = sample.postgresql(1);
    let data_dir = postgresql.data_dir.clone();
    postgresql.postmasters = [("/srv/data".to_owned(), 4711)].into();
    postgresql
        .settings
        .insert("data_directory".to_owned(), data_dir);
    assert_eq!(worst(&sample.verify()), Severity::Ok);
}

#[test]
fn a_vault_that_is_not_the_node_s_own_is_no_drift_to_be_put_back() {
    for (path, words) in [
        ("/etc/mahout/vault", "whether this vault is older"),
        ("/etc/haproxy/haproxy.cfg", "`mahout deploy` puts it back"),
    ] {
        let mut sample = Sample::healthy();
        let rendered = sample.rendered.get_mut(&name(2)).expect("a node");
        let mut file = rendered.files[0].clone();
        file.path = path.to_owned();
        rendered.files = vec![file];
        let content = FileFacts {
            sha256: "other".to_owned(),
            ..FileFacts::default()
        };
        sample.node(2).files.insert(path.to_owned(), content);
        let findings = sample.verify();
        let of_files = findings.iter().filter(|it| it.check == "system.files");
        let hints: Vec<&str> = of_files.filter_map(|it| it.hint.as_deref()).collect();
        assert!(hints.iter().any(|hint| hint.contains(words)), "{hints:?}");
    }
}
