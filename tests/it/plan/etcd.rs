//! etcd: who starts, who restarts, in which order, under which guard.

use mahout::cluster::Role;
use mahout::plan::{Action, Condition, Guard, Rollout, UnitOperation};

use super::case::{Case, STARTED, nodes, operations, phase, steps, titles};

const CONFIG: &str = "/etc/default/etcd";
const UNIT: &str = "etcd.service";

#[test]
fn all_members_start_side_by_side_and_the_gate_awaits_each() {
    let plan = Case::bare(super::case::THREE, "debian-12").plan();
    let etcd = phase(&plan, "etcd");
    assert_eq!(etcd.rollout, Rollout::Parallel);
    assert_eq!(nodes(etcd), ["pg-1", "pg-2", "pg-3"]);
    let gate = etcd.gate.as_ref().expect("a gate");
    for (node, condition) in &gate.conditions {
        let Condition::EtcdMember { members, url } = condition else {
            panic!("{condition:?}");
        };
        assert_eq!(*members, 3, "{node}");
        assert!(url.ends_with(":2379"), "{url}");
    }
    assert_eq!(gate.conditions.len(), 3);
}

#[test]
fn restarts_are_rolling_the_leader_last_each_while_the_others_have_a_quorum() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.drift(node, CONFIG);
    }
    let plan = case.plan();
    assert_eq!(titles(&plan), ["etcd settings"]);
    let restart = &plan.phases[0];
    assert_eq!(restart.rollout, Rollout::Rolling);
    assert_eq!(nodes(restart), ["pg-1", "pg-3", "pg-2"], "pg-2 leads etcd");
    for work in &restart.work {
        let last = work.steps.last().expect("steps");
        let Some(Guard::EtcdQuorumWithout {
            node,
            others,
            needed,
        }) = &last.guard
        else {
            panic!("{last:?}");
        };
        assert_eq!(node, &work.node);
        assert_eq!(
            (others.len(), *needed),
            (2, 2),
            "two of three are the quorum"
        );
        assert!(matches!(
            last.action,
            Action::Systemd {
                operation: UnitOperation::Restart,
                ..
            }
        ));
    }
}

#[test]
fn the_quorum_of_five_members_is_three_of_the_other_four_and_a_single_one_has_none() {
    for (count, wanted) in [(1, (0, 0)), (5, (4, 3))] {
        let mut text = "scope: main\nnodes:\n".to_owned();
        for number in 1..=count {
            text.push_str(&format!("  pg-{number}: {{ address: 10.0.0.1{number} }}\n"));
        }
        let mut case = Case::bare(&text, "debian-12").deployed();
        case.drift("pg-1", CONFIG);
        let plan = case.plan();
        let steps = &phase(&plan, "etcd settings").work[0].steps;
        let Some(Guard::EtcdQuorumWithout { others, needed, .. }) =
            &steps.last().expect("steps").guard
        else {
            panic!("{steps:?}");
        };
        assert_eq!((others.len(), *needed), wanted);
    }
}

#[test]
fn settings_written_after_the_start_are_read_by_a_restart() {
    let mut case = Case::running();
    let file = case.node("pg-3").files.get_mut(CONFIG).expect("the file");
    file.modified = STARTED + 1;
    assert_eq!(
        steps(&case.plan()),
        ["etcd settings/pg-3: restart etcd.service"]
    );
    case.unit("pg-3", UNIT).active_since = Some(STARTED + 1);
    assert!(case.plan().is_empty());
}

#[test]
fn a_stopped_member_is_started_and_the_others_are_left_alone() {
    let mut case = Case::running();
    case.stop("pg-2", UNIT);
    let plan = case.plan();
    assert_eq!(steps(&plan), ["etcd/pg-2: start etcd.service"]);
}

#[test]
fn a_member_that_waits_for_the_others_reads_new_settings_by_a_restart() {
    let mut case = Case::running();
    case.stop("pg-2", UNIT);
    "activating".clone_into(&mut case.unit("pg-2", UNIT).active);
    case.drift("pg-2", CONFIG);
    let found = operations(&case.plan(), UNIT);
    assert_eq!(found, [("pg-2".to_owned(), UnitOperation::Restart)]);
}

#[test]
fn a_member_that_took_no_part_in_the_first_start_yet_is_started() {
    let mut case = Case::running();
    case.stop("pg-3", UNIT);
    case.etcd("pg-3").data_dir_has_member = false;
    for node in ["pg-1", "pg-2"] {
        // It has its name from `initial_cluster`, but never told its client URLs.
        case.etcd(node).members[2].client_urls.clear();
    }
    assert_eq!(steps(&case.plan()), ["etcd/pg-3: start etcd.service"]);
}

#[test]
fn nodes_of_another_role_have_no_etcd() {
    let path = format!("{}/inventories/dedicated.yml", env!("CARGO_MANIFEST_DIR"));
    let case = Case::of(std::path::Path::new(&path), "debian-12");
    let plan = case.plan();
    let members: Vec<&str> = case
        .cluster
        .with_role(Role::Etcd)
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(nodes(phase(&plan, "etcd")), members);
}
