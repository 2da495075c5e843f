//! restore-dcs: what a run that was interrupted has left, and machines that do not come back.

use mahout::facts::EtcdFacts;

use super::case::{Case, IDENTIFIER, phase, steps, titles};
use super::restore::{planned, refused, restore, robbed, shut_down};

#[test]
fn machines_that_are_gone_are_forgotten() {
    let mut case = robbed(&[]);
    case.lose_leader();
    let text = "scope: main\nnodes: { pg-1: { address: 10.0.0.11 } }\n";
    case.cluster = Case::bare(text, "debian-12").cluster;
    for gone in ["pg-2", "pg-3"] {
        case.facts.nodes.remove(&gone.into());
    }
    let refusal = case.refusal();
    assert!(refusal.contains("`mahout restore-dcs`"), "{refusal}");
    let plan = planned(&case);
    let told = steps(&plan);
    let survives: Vec<&str> = told
        .iter()
        .filter_map(|step| step.strip_prefix("etcd survivor/pg-1: "))
        .collect();
    // The last leader and its standby are gone, too.
    assert_eq!(
        survives[survives.len() - 2..],
        [
            "copy /var/lib/etcd/main to /var/lib/etcd/main.before-restore-TIME, start etcd.service \
             as the only member",
            "remove /service/main/sync from etcd",
        ]
    );
    assert!(!told.iter().any(|step| step.contains("join")), "{told:?}");
    let said: Vec<&str> = plan
        .notes
        .iter()
        .map(|note| note.message.as_str())
        .collect();
    for words in [
        "pg-2, pg-3, which the inventory does not name, are forgotten",
        "pg-1 leads first: nobody else has a database and may lead",
    ] {
        assert!(said.iter().any(|said| said.contains(words)), "{said:?}");
    }
    // With another of them there, two are the majority of the three that etcd counts on.
    let mut case = robbed(&[]);
    let text = super::case::THREE.replace("  pg-3: { address: 10.0.0.13 }\n", "");
    case.cluster = Case::bare(&text, "debian-12").cluster;
    case.facts.nodes.remove(&"pg-3".into());
    refused(restore(&case, None, None), &["a majority is not lost"]);
}

#[test]
fn who_was_stopped_by_an_interrupted_run_is_known_to_have_come_as_far() {
    let mut case = robbed(&["pg-1", "pg-2", "pg-3"]);
    case.lose_leader();
    let plan = planned(&case);
    let stops: Vec<String> = steps(&plan).into_iter().take(6).collect();
    assert_eq!(
        stops[2..4],
        [
            "patroni stops/pg-2: stop patroni.service",
            "patroni stops/pg-2: write down where its WAL ends",
        ]
    );
    let first = phase(&plan, "leader").work[0].node.clone();
    let ends = ["pg-1", "pg-2", "pg-3"].map(|name| case.postgresql(name).wal_bytes);
    for (name, end) in ["pg-1", "pg-2", "pg-3"].into_iter().zip(ends) {
        shut_down(&mut case, name, "shut down in recovery");
        case.postgresql(name).wal_bytes = end;
    }
    assert_eq!(phase(&planned(&case), "leader").work[0].node, first);
    // One of them has been started since.
    case.postgresql("pg-3").wal_bytes = None;
    refused(
        restore(&case, None, None),
        &[
            "pg-2 (timeline 2, 0/4100000)",
            "pg-3 (does not answer, timeline 2",
        ],
    );
}

#[test]
fn an_interrupted_restoration_goes_on_where_it_stopped() {
    // Alone already.
    let mut case = robbed(&["pg-1", "pg-3"]);
    let etcd = case.etcd("pg-2");
    etcd.healthy = true;
    etcd.members.retain(|member| member.name == "pg-2");
    etcd.initialize = Some(IDENTIFIER.to_owned());
    etcd.unreadable = false;
    let plan = planned(&case);
    assert_eq!(
        titles(&plan)[..4],
        [
            "etcd member",
            "etcd member joins",
            "etcd member",
            "etcd member joins"
        ]
    );
    // Two of three: as far as etcd is concerned, one that never was.
    let members = case.etcd("pg-2").members.clone();
    *case.etcd("pg-1") = EtcdFacts {
        url: "https://10.0.0.11:2379".to_owned(),
        healthy: true,
        data_dir_has_member: true,
        ..EtcdFacts::default()
    };
    let mut second = members[0].clone();
    second.peer_urls = vec!["https://10.0.0.11:2380".to_owned()];
    for name in ["pg-1", "pg-2"] {
        case.etcd(name).members = [members.clone(), vec![second.clone()]].concat();
    }
    "active".clone_into(&mut case.unit("pg-1", "etcd.service").active);
    let told = steps(&planned(&case));
    assert!(
        told[0].ends_with("add a new member of etcd at https://10.0.0.13:2380"),
        "{told:?}"
    );
}
