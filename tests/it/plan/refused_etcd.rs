//! etcd members that must not be started, or are not ours.

use mahout::facts::EtcdFacts;
use mahout::facts::etcd::EtcdMember;

use super::case::{Case, steps};

const UNIT: &str = "etcd.service";

fn stranger() -> EtcdMember {
    EtcdMember {
        id: "abc".to_owned(),
        name: "other".to_owned(),
        peer_urls: vec!["https://10.9.9.9:2380".to_owned()],
        client_urls: vec!["https://10.9.9.9:2379".to_owned()],
        is_learner: false,
    }
}

#[track_caller]
fn refused(case: &Case, words: &str) {
    let refusal = case.refusal();
    assert!(refusal.contains(words), "{refusal}");
}

#[test]
fn a_foreign_etcd_is_not_taken_over() {
    let mut case = Case::bare(super::case::THREE, "debian-12");
    let unit = case.unit("pg-2", UNIT);
    "active".clone_into(&mut unit.active);
    "/lib/systemd/system/etcd.service".clone_into(&mut unit.fragment);
    *case.etcd("pg-2") = EtcdFacts {
        url: "https://10.0.0.12:2379".to_owned(),
        members: vec![stranger()],
        data_dir_has_member: true,
        ..EtcdFacts::default()
    };
    refused(
        &case,
        "pg-2: an etcd runs here already with members that are not of this cluster: other (abc, \
         https://10.9.9.9:2380)",
    );
    case.etcd("pg-2").members.clear();
    refused(
        &case,
        "pg-2: an etcd runs here already and does not tell its members",
    );
}

#[test]
fn a_member_that_left_the_inventory_is_named_and_not_called_foreign() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.etcd(node).members.push(stranger());
    }
    let refusal = case.refusal();
    assert!(
        refusal
            .contains("pg-1: its etcd has members that the inventory does not name: other (abc,"),
        "{refusal}"
    );
    assert!(!refusal.contains("disable"), "{refusal}");
    assert_eq!(refusal.matches("does not name").count(), 1, "{refusal}");
}

#[test]
fn members_that_are_known_by_name_are_ours() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        for member in &mut case.etcd(node).members {
            member.peer_urls = vec![format!("https://{}:2380", member.name)];
        }
    }
    assert!(case.plan().is_empty());
}

#[test]
fn a_member_whose_data_is_gone_is_never_started_anew() {
    let mut case = Case::running();
    case.stop("pg-3", UNIT);
    assert_eq!(steps(&case.plan()), ["etcd/pg-3: start etcd.service"]);
    case.etcd("pg-3").data_dir_has_member = false;
    let refusal = case.refusal();
    for words in [
        "pg-3: the data of its etcd member is gone from /var/lib/etcd",
        "`mahout replace pg-3` takes it out of etcd and has it join again with nothing",
    ] {
        assert!(refusal.contains(words), "{refusal}");
    }
}

#[test]
fn a_member_that_was_added_by_hand_is_not_started_with_state_new() {
    let mut case = Case::running();
    case.stop("pg-3", UNIT);
    case.etcd("pg-3").data_dir_has_member = false;
    for node in ["pg-1", "pg-2"] {
        let member = &mut case.etcd(node).members[2];
        member.name.clear();
        member.client_urls.clear();
    }
    refused(
        &case,
        "pg-3: it was added to the etcd cluster, but its member has never started",
    );
}

#[test]
fn a_node_is_not_added_to_an_etcd_cluster_that_runs() {
    let mut case = Case::running();
    case.stop("pg-3", UNIT);
    case.etcd("pg-3").data_dir_has_member = false;
    for node in ["pg-1", "pg-2"] {
        case.etcd(node).members.pop();
    }
    refused(
        &case,
        "pg-3: the etcd cluster that pg-1 belongs to runs without a member here\n  hint: a deploy \
         adds no member to an etcd cluster that runs: `mahout replace pg-3` does; or give pg-3 the \
         roles `[postgresql, haproxy]` only",
    );
}

#[test]
fn with_all_members_down_one_without_data_waits_for_the_others() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.stop(node, UNIT);
    }
    assert_eq!(case.plan().phases[0].work.len(), 3);
    case.etcd("pg-3").data_dir_has_member = false;
    refused(
        &case,
        "pg-3: there is no data of its etcd member in /var/lib/etcd",
    );
    // Before there is a database it is a first start that was interrupted.
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.stop(node, "patroni.service");
        *case.postgresql(node) = Default::default();
    }
    assert_eq!(case.plan().phases[0].title, "etcd");
}

#[test]
fn an_etcd_that_keeps_its_data_elsewhere_is_not_restarted_without_it() {
    let mut case = Case::running();
    case.etcd("pg-2").data_dir_has_member = false;
    refused(
        &case,
        "pg-2: the etcd that runs here keeps its data elsewhere than in /var/lib/etcd",
    );
}

#[test]
fn a_member_is_not_started_from_an_older_package() {
    let mut case = Case::running();
    case.etcd("pg-3").server_version = "3.4.99".to_owned();
    case.plan();
    case.etcd("pg-3").server_version = "3.5.9".to_owned();
    refused(
        &case,
        "pg-3: etcd 3.5.9 runs here, and its package is 3.4.23: etcd does not go back",
    );
}

#[test]
fn members_of_two_clusters_are_refused() {
    let mut case = Case::running();
    case.etcd("pg-3").cluster_id = "c2".to_owned();
    refused(
        &case,
        "the etcd members belong to different clusters: pg-1, pg-2 of c1; pg-3 of c2",
    );
    // One that does not run is known by its data.
    let mut case = Case::running();
    case.stop("pg-3", "etcd.service");
    case.etcd("pg-3").data_cluster_id = "c1".to_owned();
    case.plan();
    case.etcd("pg-3").data_cluster_id = "c2".to_owned();
    refused(&case, "different clusters: pg-1, pg-2 of c1; pg-3 of c2");
}

#[test]
fn an_etcd_that_runs_and_says_nothing_is_no_empty_one() {
    let mut case = Case::running();
    let mute = |case: &mut Case, node| {
        *case.etcd(node) = EtcdFacts {
            data_dir_has_member: true,
            error: Some("Operation timed out".to_owned()),
            ..EtcdFacts::default()
        };
    };
    mute(&mut case, "pg-1");
    mute(&mut case, "pg-2");
    assert!(case.plan().is_empty(), "one member that answers is enough");
    mute(&mut case, "pg-3");
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.stop(node, "patroni.service");
    }
    refused(
        &case,
        "pg-2: etcd runs here, but does not answer on https://10.0.0.12:2379: Operation timed out",
    );
}

#[test]
fn an_external_etcd_must_answer_every_node() {
    let text = "scope: main\netcd:\n  external:\n    endpoints: [10.0.0.21:2379]\nnodes:\n  \
        pg-1: { address: 10.0.0.11 }\n  pg-2: { address: 10.0.0.12 }\n";
    let mut case = Case::bare(text, "debian-12");
    assert!(
        case.notes()
            .contains("pg-1: whether it reaches the external etcd is not known")
    );
    case.etcd("pg-1").error = Some("Connection refused".to_owned());
    refused(
        &case,
        "pg-1: no endpoint of the external etcd answers from here: Connection refused",
    );
    case.etcd("pg-1").error = None;
    case.etcd("pg-1").url = "https://10.0.0.21:2379".to_owned();
    assert!(!case.plan().is_empty());
}

#[test]
fn an_external_etcd_that_tells_its_members_to_root_alone_is_refused_to_a_user() {
    for (version, login, is_refused) in [
        (
            "3.5.28",
            "\n    username: patroni\n    password: env:HOME",
            true,
        ),
        (
            "3.6.9",
            "\n    username: patroni\n    password: env:HOME",
            true,
        ),
        (
            "3.5.29",
            "\n    username: patroni\n    password: env:HOME",
            false,
        ),
        ("3.5.28", "", false),
    ] {
        let text = format!(
            "scope: main\netcd:\n  external:\n    endpoints: [10.0.0.21:2379]\n    protocol: \
             https{login}\nnodes:\n  pg-1: {{ address: 10.0.0.11 }}\n"
        );
        let mut case = Case::bare(&text, "debian-12");
        case.etcd("pg-1").url = "https://10.0.0.21:2379".to_owned();
        case.etcd("pg-1").server_version = version.to_owned();
        if is_refused {
            let words = format!(
                "pg-1: the external etcd, version {version}, tells its members to root alone"
            );
            refused(&case, &words);
        } else {
            assert!(!case.plan().is_empty());
        }
    }
}

#[test]
fn an_external_etcd_in_clear_text_is_noted_in_every_plan() {
    let words = "the external etcd is spoken to in clear text";
    for (protocol, is_noted) in [("http", true), ("https", false)] {
        let text = format!(
            "scope: main\netcd: {{ external: {{ endpoints: [10.0.0.21:2379], protocol: {protocol} \
             }} }}\nnodes:\n  pg-1: {{ address: 10.0.0.11 }}\n"
        );
        let mut case = Case::bare(&text, "debian-12");
        case.etcd("pg-1").url = "https://10.0.0.21:2379".to_owned();
        assert_eq!(case.notes().contains(words), is_noted, "{protocol}");
        let warned = case.cluster.warnings.iter().any(|it| it.contains(words));
        assert_eq!(warned, is_noted, "{protocol}");
    }
}
