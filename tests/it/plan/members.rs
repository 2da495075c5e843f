//! Who starts when: never two databases.

use mahout::facts::PatroniFacts;
use mahout::plan::{Condition, Guard, awaited};

use super::case::{Case, THREE, nodes, phase, steps, titles};

const UNIT: &str = "patroni.service";

/// Patroni is stopped everywhere, the databases are there.
fn stopped() -> Case {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.stop(node, UNIT);
    }
    case
}

/// etcd runs and knows nothing, no node has a database.
fn empty() -> Case {
    let mut case = stopped();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.etcd(node).initialize = None;
        *case.postgresql(node) = Default::default();
    }
    case
}

#[test]
fn the_first_leader_starts_alone_on_an_empty_data_directory() {
    let plan = Case::bare(THREE, "debian-12").plan();
    let leader = phase(&plan, "leader");
    assert_eq!(nodes(leader), ["pg-1"]);
    let guard = &leader.work[0].steps[0].guard;
    assert!(
        matches!(guard, Some(Guard::DataDirectoryEmpty { path }) if path == "/var/lib/postgresql/15/patroni"),
        "{guard:?}"
    );
    let conditions = &leader.gate.as_ref().expect("a gate").conditions;
    assert!(matches!(conditions[0].1, Condition::PatroniLeader { .. }));
    assert_eq!(nodes(phase(&plan, "replicas")), ["pg-2", "pg-3", "pg-1"]);
}

#[test]
fn a_node_that_may_not_lead_does_not_make_the_database() {
    for tag in ["nofailover: true", "failover_priority: 0"] {
        let text = THREE.replace(
            "10.0.0.11 }",
            &format!("10.0.0.11, patroni: {{ tags: {{ {tag} }} }} }}"),
        );
        let plan = Case::bare(&text, "debian-12").plan();
        assert_eq!(nodes(phase(&plan, "leader")), ["pg-2"], "{tag}");
        assert_eq!(
            nodes(phase(&plan, "replicas")),
            ["pg-1", "pg-3", "pg-2"],
            "{tag}"
        );
    }
}

#[test]
fn members_of_a_cluster_that_was_stopped_elect_and_nobody_makes_a_database() {
    let plan = stopped().plan();
    assert_eq!(titles(&plan), ["members"]);
    assert_eq!(plan.phases[0].work.len(), 3);
    let conditions = &plan.phases[0].gate.as_ref().expect("a gate").conditions;
    assert!(matches!(conditions[0].1, Condition::PatroniMember { .. }));
    assert!(stopped().notes().contains("nobody leads at this moment"));
}

#[test]
fn a_member_without_data_starts_after_those_that_have_it() {
    let mut case = stopped();
    *case.postgresql("pg-1") = Default::default();
    let plan = case.plan();
    assert_eq!(titles(&plan), ["members", "replicas"]);
    assert_eq!(nodes(&plan.phases[0]), ["pg-2", "pg-3"]);
    assert_eq!(nodes(&plan.phases[1]), ["pg-1"]);
}

#[test]
fn while_etcd_is_down_a_database_on_a_node_is_the_cluster() {
    let mut case = stopped();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.stop(node, "etcd.service");
    }
    *case.postgresql("pg-1") = Default::default();
    let plan = case.plan();
    assert_eq!(
        titles(&plan),
        ["etcd", "etcd access", "members", "replicas"]
    );
    assert_eq!(nodes(phase(&plan, "members")), ["pg-2", "pg-3"]);
}

#[test]
fn a_leader_in_the_making_is_awaited_not_doubled() {
    let mut case = empty();
    "active".clone_into(&mut case.unit("pg-2", UNIT).active);
    case.unit("pg-2", UNIT).active_since = Some(super::case::STARTED);
    for initialize in [None, Some(String::new())] {
        for node in ["pg-1", "pg-2", "pg-3"] {
            case.etcd(node).initialize.clone_from(&initialize);
        }
        let plan = case.plan();
        assert_eq!(nodes(phase(&plan, "leader")), ["pg-2"]);
        assert_eq!(phase(&plan, "leader").work[0].steps[0].guard, None);
        assert_eq!(nodes(phase(&plan, "replicas")), ["pg-1", "pg-3", "pg-2"]);
    }
}

#[test]
fn while_a_failover_is_in_progress_nothing_is_said_to_be_in_order() {
    let mut case = Case::running();
    case.lose_leader();
    let refusal = case.refusal();
    assert!(
        refusal.contains("nobody leads: a failover may be in progress"),
        "{refusal}"
    );
    // What mends it may be done.
    case.drift("pg-2", "/etc/patroni/patroni.yml");
    assert_eq!(titles(&case.plan()), ["patroni configuration"]);
    case.stop("pg-1", "etcd.service");
    assert_eq!(titles(&case.plan()), ["etcd", "patroni configuration"]);
}

#[test]
fn several_that_run_without_leader_and_dcs_get_no_second_database() {
    let mut case = empty();
    for node in ["pg-1", "pg-2"] {
        "active".clone_into(&mut case.unit(node, UNIT).active);
        case.node(node).patroni = Some(PatroniFacts::default());
    }
    let plan = case.plan();
    assert!(!titles(&plan).contains(&"leader"), "{:?}", steps(&plan));
}

#[test]
fn a_stopped_replica_is_started_as_one() {
    let mut case = Case::running();
    case.stop("pg-3", UNIT);
    let plan = case.plan();
    assert_eq!(
        steps(&plan),
        [
            "replicas/pg-3: start patroni.service",
            "replicas/pg-1: have the leader make slots for pg-3",
        ]
    );
    let conditions = &plan.phases[0].gate.as_ref().expect("a gate").conditions;
    assert!(matches!(conditions[0].1, Condition::PatroniReplica { .. }));
}

#[test]
fn an_election_is_waited_for_only_where_there_can_be_one() {
    let elects = |case: &Case| awaited(&case.cluster, &case.facts).is_some();
    assert!(!elects(&Case::running()));
    assert!(!elects(&Case::bare(THREE, "debian-12")));
    assert!(!elects(&stopped()), "nobody runs who could");
    let mut case = Case::running();
    case.lose_leader();
    assert!(elects(&case));
    case.patroni("pg-2").paused = true;
    assert!(!elects(&case), "a paused Patroni elects nobody");

    let mut case = Case::running();
    case.postgresql("pg-1").answers = false;
    assert!(elects(&case), "it leads, and does not answer yet");

    // Whoever leads is back from a power cut, and its Patroni does not answer yet.
    let mut case = Case::running();
    for node in ["pg-2", "pg-3"] {
        *case.postgresql(node) = Default::default();
    }
    case.node("pg-1").patroni = None;
    assert!(elects(&case));
    *case.postgresql("pg-1") = Default::default();
    assert!(!elects(&case), "nobody has the database");
}
