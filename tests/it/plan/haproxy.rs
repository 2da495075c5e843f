//! HAProxy: reload or restart, and what its gate counts.

use mahout::plan::{Condition, Plan};

use super::case::{Case, STARTED, THREE, phase, steps};

const UNIT: &str = "haproxy.service";
const CONFIG: &str = "/etc/haproxy/haproxy.cfg";
const DROP_IN: &str = "/etc/systemd/system/haproxy.service.d/mahout.conf";

/// What the gate demands of the first node: listener and servers up.
fn demanded(plan: &Plan) -> Vec<(String, usize)> {
    let gate = phase(plan, "haproxy").gate.as_ref().expect("a gate");
    match &gate.conditions[0].1 {
        Condition::HaproxyServers { up, .. } => up.clone(),
        other => panic!("{other:?}"),
    }
}

fn counts(read_write: usize, read_only: usize) -> Vec<(String, usize)> {
    vec![
        ("main_read_write".to_owned(), read_write),
        ("main_read_only".to_owned(), read_only),
    ]
}

#[test]
fn the_gate_counts_the_leader_and_the_replicas_that_take_reads() {
    assert_eq!(
        demanded(&Case::bare(THREE, "debian-12").plan()),
        counts(1, 2)
    );
    let single = "scope: main\nnodes:\n  pg-1: { address: 10.0.0.11 }\n";
    assert_eq!(
        demanded(&Case::bare(single, "debian-12").plan()),
        counts(1, 0)
    );
}

#[test]
fn a_hidden_replica_is_not_counted_and_a_hidden_leader_changes_nothing() {
    for (hidden, wanted) in [("10.0.0.13", 1), ("10.0.0.11", 2)] {
        let text = THREE.replace(
            &format!("{hidden} }}"),
            &format!("{hidden}, patroni: {{ tags: {{ noloadbalance: true }} }} }}"),
        );
        let case = Case::bare(&text, "debian-12");
        assert_eq!(demanded(&case.plan()), counts(1, wanted), "{hidden}");
    }
}

#[test]
fn a_replica_that_is_not_well_leaves_the_reads_out_of_the_gate() {
    let mut case = Case::running();
    case.drift("pg-1", CONFIG);
    assert_eq!(demanded(&case.plan()), counts(1, 2));
    case.patroni("pg-3").replica_status = 503;
    assert_eq!(demanded(&case.plan()), counts(1, 2)[..1]);
    case.node("pg-3").patroni = None;
    assert_eq!(demanded(&case.plan()), counts(1, 2)[..1]);
}

#[test]
fn a_replica_that_starts_in_the_same_run_is_counted() {
    let mut case = Case::running();
    case.drift("pg-1", CONFIG);
    case.stop("pg-3", "patroni.service");
    assert_eq!(demanded(&case.plan()), counts(1, 2));
}

#[test]
fn a_changed_configuration_is_reloaded_and_a_changed_unit_restarted() {
    let mut case = Case::running();
    case.drift("pg-2", CONFIG);
    assert_eq!(
        steps(&case.plan()),
        [
            format!("haproxy/pg-2: update {CONFIG}"),
            "haproxy/pg-2: reload haproxy.service".to_owned()
        ]
    );
    case.drift("pg-2", DROP_IN);
    let last = steps(&case.plan()).pop();
    assert_eq!(
        last.as_deref(),
        Some("haproxy/pg-2: restart haproxy.service")
    );
}

#[test]
fn what_was_written_and_not_read_is_read() {
    let mut case = Case::running();
    let file = case.node("pg-2").files.get_mut(CONFIG).expect("the file");
    file.modified = STARTED + 1;
    assert_eq!(
        steps(&case.plan()),
        ["haproxy/pg-2: reload haproxy.service"]
    );
    case.unit("pg-2", UNIT).reloaded_at = Some(STARTED + 1);
    assert!(case.plan().is_empty());
    // The limits of a unit hold from its next start on.
    let file = case.node("pg-2").files.get_mut(DROP_IN).expect("the file");
    file.modified = STARTED + 1;
    assert_eq!(
        steps(&case.plan()),
        ["haproxy/pg-2: restart haproxy.service"]
    );
}

#[test]
fn a_node_with_no_other_role_is_planned_for() {
    let path = format!("{}/inventories/dedicated.yml", env!("CARGO_MANIFEST_DIR"));
    let case = Case::of(std::path::Path::new(&path), "debian-12");
    let plan = case.plan();
    assert_eq!(
        super::case::nodes(phase(&plan, "haproxy")),
        ["proxy-1", "proxy-2"]
    );
    assert!(case.facts.nodes[&"proxy-1".into()].etcd.is_none());
}
