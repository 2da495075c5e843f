//! Switchovers: what is planned, what is refused.

use mahout::cluster::Stamp;
use mahout::cluster::tls::STAMP_FILE;
use mahout::facts::FileFacts;
use mahout::facts::patroni::PatroniMember;
use mahout::facts::postgresql::ReplicationFacts;
use mahout::plan::{Action, Condition, Desired, Guard, Plan};
use mahout::secret::Secret;
use serde_json::json;

use super::case::{Case, steps};

/// Three members, pg-1 leads, the others stream.
fn running() -> Case {
    let mut case = Case::running();
    let member = |name: &str| PatroniMember {
        name: name.to_owned(),
        role: if name == "pg-1" { "leader" } else { "replica" }.to_owned(),
        ..PatroniMember::default()
    };
    let members: Vec<PatroniMember> = ["pg-1", "pg-2", "pg-3"].map(member).into();
    for name in ["pg-1", "pg-2", "pg-3"] {
        case.patroni(name).members = members.clone();
        if name != "pg-1" {
            case.postgresql(name).wal_receiver = Some("streaming".to_owned());
            let row = ReplicationFacts {
                application_name: name.to_owned(),
                state: "streaming".to_owned(),
                lag_bytes: Some(0),
                ..ReplicationFacts::default()
            };
            case.postgresql("pg-1").replication.push(row);
        }
    }
    case
}

fn plan(case: &Case, to: Option<&str>) -> Result<Plan, String> {
    let desired = Desired {
        cluster: &case.cluster,
        secrets: &case.secrets,
        rendered: &case.rendered(),
        facts: &case.facts,
    };
    Plan::switchover(&desired, to.map(Into::into).as_ref()).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(case: &Case, to: Option<&str>, because: &str) {
    match plan(case, to) {
        Ok(plan) => panic!("planned: {:?}", steps(&plan)),
        Err(error) => assert!(error.contains(because), "{error}"),
    }
}

#[test]
fn the_leader_hands_over_and_everybody_is_awaited() {
    let plan = plan(&running(), Some("pg-3")).expect("a plan");
    assert_eq!(
        steps(&plan),
        ["switchover/pg-1: switch over from pg-1 to pg-3"]
    );
    let phase = &plan.phases[0];
    let step = &phase.work[0].steps[0];
    assert!(
        matches!(&step.guard, Some(Guard::HandsOver { node, candidate: Some(to), .. })
        if node.as_str() == "pg-1" && to.as_str() == "pg-3")
    );
    let Action::Switchover { url, patience, .. } = &step.action else {
        panic!("{step:?}");
    };
    assert_eq!(url, "https://10.0.0.11:8008");
    assert_eq!(patience.as_secs(), 20, "Patroni's own: twice loop_wait");
    let gate = phase.gate.as_ref().expect("a gate");
    assert_eq!(gate.title, "pg-3 leads and pg-1 follows it");
    let of = |node: &str| {
        let conditions = gate.conditions.iter();
        let of_node = conditions.filter(move |(name, _)| name.as_str() == node);
        of_node.map(|(_, condition)| condition).collect::<Vec<_>>()
    };
    assert!(matches!(of("pg-3")[0], Condition::PatroniLeader { .. }));
    assert!(matches!(of("pg-1")[0], Condition::PatroniReplica { .. }));
    for node in ["pg-1", "pg-2", "pg-3"] {
        let haproxy = of(node);
        let last = haproxy.last().expect("HAProxy's");
        assert!(
            matches!(last, Condition::HaproxyLeader { former, .. } if former.as_str() == "pg-1")
        );
    }
}

#[test]
fn without_a_candidate_patroni_chooses_as_long_as_one_is_fit() {
    let mut case = running();
    case.patroni("pg-1").members[1]
        .tags
        .insert("nofailover".to_owned(), true.into());
    let planned = plan(&case, None).expect("pg-3 is fit");
    assert_eq!(
        steps(&planned),
        ["switchover/pg-1: switch over from pg-1 to the member that Patroni chooses"]
    );
    case.postgresql("pg-3").wal_receiver = None;
    refused(&case, None, "pg-3: it does not stream");
    refused(&case, None, "pg-2: its tags keep it from leading");
}

#[test]
fn the_leader_itself_has_nothing_to_do() {
    let case = running();
    let plan = plan(&case, Some("pg-1")).expect("a plan");
    assert!(plan.is_empty());
    assert_eq!(plan.notes[0].message, "it leads already");
}

#[test]
fn unfit_candidates_are_refused_before_anything_is_asked() {
    refused(
        &running(),
        Some("pg-9"),
        "`pg-9` is no node with PostgreSQL",
    );

    let mut case = running();
    case.lose_leader();
    refused(&case, Some("pg-2"), "nobody leads");

    let mut case = running();
    case.patroni("pg-1").paused = true;
    refused(&case, Some("pg-2"), "Patroni is paused");

    let mut case = running();
    case.node("pg-2").patroni = None;
    refused(&case, Some("pg-2"), "pg-2: Patroni does not answer");

    let mut case = running();
    case.patroni("pg-1").members.remove(1);
    refused(&case, Some("pg-2"), "pg-1 does not know it as a member");

    let mut case = running();
    let tags = &mut case.patroni("pg-1").members[1].tags;
    tags.insert("failover_priority".to_owned(), 0.into());
    refused(&case, Some("pg-2"), "its tags keep it from leading");

    let mut case = running();
    case.postgresql("pg-2").wal_receiver = Some("starting".to_owned());
    refused(
        &case,
        Some("pg-2"),
        "does not stream from the leader: starting",
    );

    let mut case = running();
    case.postgresql("pg-2").answers = false;
    refused(&case, Some("pg-2"), "PostgreSQL does not answer");

    let mut case = running();
    case.postgresql("pg-1").replication[0].lag_bytes = Some(2_000_000);
    refused(&case, Some("pg-2"), "it lags 2000000 bytes behind");
    plan(&case, Some("pg-3")).expect("pg-3 does not lag");
    let config = &mut case.patroni("pg-1").config;
    config.insert("maximum_lag_on_failover".to_owned(), 3_000_000.into());
    plan(&case, Some("pg-2")).expect("so much is allowed");

    let mut case = running();
    case.patroni("pg-1").role = "standby_leader".to_owned();
    refused(&case, Some("pg-2"), "this is a standby cluster");
}

#[test]
fn in_synchronous_mode_only_a_synchronous_standby_takes_over() {
    for mode in [json!(true), json!("quorum"), json!("on")] {
        let mut case = running();
        let config = &mut case.patroni("pg-1").config;
        config.insert("synchronous_mode".to_owned(), mode);
        "sync_standby".clone_into(&mut case.patroni("pg-1").members[2].role);
        refused(&case, Some("pg-2"), "no synchronous standby");
        plan(&case, Some("pg-3")).expect("it has everything");
    }
}

#[test]
fn a_vault_that_is_older_than_the_cluster_hands_nothing_over() {
    let stamp = |generation: u64| Stamp {
        vault: "0a1b2c3d4e5f".to_owned(),
        generation,
        tag: None,
    };
    let mut case = running();
    case.secrets.stamp = stamp(7).to_string();
    for (generation, is_refused) in [(7, false), (8, true)] {
        let file = FileFacts {
            content: Some(Secret::new(stamp(generation).to_string())),
            ..FileFacts::default()
        };
        case.node("pg-3").files.insert(STAMP_FILE.to_owned(), file);
        match plan(&case, None) {
            Err(refusal) if is_refused => assert!(refusal.contains("an older copy"), "{refusal}"),
            other => assert!(!is_refused && other.is_ok(), "{other:?}"),
        }
    }
}
