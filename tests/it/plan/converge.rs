//! A plan that was carried out leaves nothing to do, also when it was interrupted on the way.

use std::path::Path;

use super::case::{Case, THREE, steps, titles};

const EXTERNAL: &str = "scope: main\netcd:\n  external:\n    endpoints: [10.0.0.21:2379]\nnodes:\n  \
    pg-1: { address: 10.0.0.11 }\n  pg-2: { address: 10.0.0.12 }\n";
const DCS_ONLY: &str = "scope: main\nnodes:\n  etcd-1: { address: 10.0.0.21, roles: [etcd] }\n  \
    etcd-2: { address: 10.0.0.22, roles: [etcd] }\n  etcd-3: { address: 10.0.0.23, roles: [etcd] }\n";
const SINGLE: &str = "scope: main\nnodes:\n  pg-1: { address: 10.0.0.11 }\n";
const TAGS: &str = "scope: main\nnodes:\n  \
    pg-1: { address: 10.0.0.11, patroni: { tags: { nofailover: true } } }\n  \
    pg-2: { address: 10.0.0.12 }\n  \
    pg-3: { address: 10.0.0.13, patroni: { tags: { noloadbalance: true } } }\n\
    postgresql:\n  users:\n    - name: app\n      options: [CREATEDB]\n";

fn cases() -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for distribution in ["debian-12", "debian-13", "rocky-9.4"] {
        for name in ["minimal", "dedicated", "article"] {
            let path = format!("{}/inventories/{name}.yml", env!("CARGO_MANIFEST_DIR"));
            let case = Case::of(Path::new(&path), distribution);
            cases.push((format!("{name} on {distribution}"), case));
        }
    }
    for (name, text) in [
        ("external", EXTERNAL),
        ("DCS only", DCS_ONLY),
        ("single", SINGLE),
        ("tags", TAGS),
    ] {
        cases.push((name.to_owned(), Case::bare(text, "debian-12")));
    }
    cases
}

#[test]
fn a_plan_that_was_carried_out_leaves_nothing_to_do() {
    for (name, case) in cases() {
        let (plan, facts) = case.project();
        assert!(!plan.is_empty(), "{name}");
        let after = Case { facts, ..case }.plan();
        assert!(after.is_empty(), "{name}: {:?}", steps(&after));
    }
}

#[test]
fn after_each_phase_the_rest_is_planned() {
    for (name, case) in cases() {
        let plan = case.plan();
        let mut half = case.clone();
        for (done, phase) in plan.phases.iter().enumerate() {
            half.facts.project(phase);
            if done + 1 == plan.phases.len() {
                break;
            }
            let rest = half.plan();
            assert_eq!(
                rest.phases,
                plan.phases[done + 1..],
                "{name} after {}: {:?}",
                phase.title,
                steps(&rest)
            );
        }
    }
}

#[test]
fn interrupted_within_a_phase_the_next_plan_still_gets_to_the_end() {
    let few = [
        "minimal on debian-12",
        "minimal on rocky-9.4",
        "external",
        "tags",
    ];
    for (name, case) in cases()
        .into_iter()
        .filter(|(name, _)| few.contains(&name.as_str()))
    {
        let plan = case.plan();
        let mut begun = case.clone();
        for phase in &plan.phases {
            // The first node did all but its last step, the others nothing; no gate was awaited.
            let mut half = begun.clone();
            let work = &phase.work[0];
            let there = half.facts.nodes.get_mut(&work.node).expect("facts");
            for step in &work.steps[..work.steps.len() - 1] {
                there.project(&step.action);
            }
            for last in [false, true] {
                if last {
                    let there = half.facts.nodes.get_mut(&work.node).expect("facts");
                    there.project(&work.steps[work.steps.len() - 1].action);
                }
                let (rest, facts) = match half.try_project() {
                    Ok(projected) => projected,
                    Err(error) => panic!("{name} within {}: {error}", phase.title),
                };
                let end = Case {
                    facts,
                    ..half.clone()
                }
                .plan();
                assert!(
                    end.is_empty(),
                    "{name} within {}, after {:?}: {:?}",
                    phase.title,
                    steps(&rest),
                    steps(&end)
                );
            }
            begun.facts.project(phase);
        }
    }
}

#[test]
fn equal_facts_give_equal_plans() {
    for (name, case) in cases() {
        assert_eq!(case.project(), case.project(), "{name}");
    }
}

#[test]
fn phases_come_in_the_order_of_their_needs() {
    let order = [
        "packages",
        "system",
        "certificates",
        "etcd",
        "etcd access",
        "patroni files",
        "leader",
        "replicas",
        "roles",
        "haproxy",
    ];
    assert_eq!(titles(&Case::bare(THREE, "debian-12").plan()), order);
    let dcs_only = Case::bare(DCS_ONLY, "debian-12").plan();
    assert_eq!(
        titles(&dcs_only),
        ["packages", "system", "certificates", "etcd", "etcd access"]
    );
    let single = Case::bare(SINGLE, "debian-12").plan();
    assert!(!titles(&single).contains(&"replicas"));
}

#[test]
fn some_time_after_a_deploy_nothing_is_to_be_done() {
    for text in [THREE, EXTERNAL, SINGLE, DCS_ONLY] {
        // It plans once more and sees that nothing is left.
        Case::bare(text, "debian-12").deployed();
    }
}

#[test]
fn every_unit_is_started_or_read_anew_after_a_plain_boot() {
    let mut case = Case::running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        for unit in ["etcd.service", "patroni.service", "haproxy.service"] {
            case.stop(node, unit);
        }
    }
    // Nobody may make a database: they have one.
    assert_eq!(
        titles(&case.plan()),
        ["etcd", "etcd access", "members", "haproxy"]
    );
}
