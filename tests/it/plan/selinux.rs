//! SELinux: told what it needs to know where it is on, left alone where it is not.

use mahout::facts::SelinuxFacts;
use mahout::facts::selinux::LabelFacts;

use super::case::{Case, THREE, steps, titles};

/// What the cases settle with.
const MAJOR: &str = "postgresql: { version: 15 }\n";
const CUSTOM: &str =
    "postgresql: { version: 15, data_dir: /data/pg }\netcd: { data_dir: /data/etcd }\n";

fn enforcing(text: &str) -> Case {
    let mut case = Case::bare(text, "rocky-9.4");
    for node in ["pg-1", "pg-2", "pg-3"] {
        let facts = case.node(node);
        facts.system.selinux = Some("Enforcing".to_owned());
        facts.selinux = Some(SelinuxFacts {
            config: Some("enforcing".to_owned()),
            haproxy_connect_any: Some(false),
            ..SelinuxFacts::default()
        });
    }
    case
}

fn of_node(case: &Case) -> Vec<String> {
    let plan = case.plan();
    let mine = steps(&plan).into_iter();
    mine.filter_map(|step| step.strip_prefix("selinux/pg-1: ").map(str::to_owned))
        .collect()
}

#[test]
fn haproxy_may_connect_and_it_goes_on_enforcing() {
    let case = enforcing(&format!("{THREE}{MAJOR}"));
    assert_eq!(of_node(&case), ["SELinux: turn haproxy_connect_any on"]);
    let mut case = case.deployed();
    assert_eq!(
        case.node("pg-1").system.selinux.as_deref(),
        Some("Enforcing")
    );
    // A node without HAProxy needs nothing, nor does a policy that has no such boolean.
    let roles = THREE.replace("10.0.0.11 }", "10.0.0.11, roles: [etcd, postgresql] }");
    assert!(of_node(&enforcing(&roles)).is_empty());
    let mut case = enforcing(THREE);
    let said = case.node("pg-1").selinux.as_mut().expect("it");
    said.haproxy_connect_any = None;
    assert!(of_node(&case).is_empty());
}

#[test]
fn data_directories_that_the_policy_does_not_know_are_labelled_before_they_are_made() {
    let text = format!("{THREE}{CUSTOM}");
    let case = enforcing(&text);
    assert_eq!(
        of_node(&case),
        [
            "SELinux: turn haproxy_connect_any on",
            "SELinux: label /data/pg postgresql_db_t",
            "SELinux: label /data/etcd var_lib_t"
        ]
    );
    let titles = titles(&case.plan());
    let at = |title| titles.iter().position(|one| *one == title).expect("it");
    assert!(at("packages") < at("selinux") && at("selinux") < at("etcd"));
    let install = steps(&case.plan()).join("\n");
    assert!(
        install.contains("policycoreutils-python-utils"),
        "{install}"
    );
    let plain = steps(&enforcing(THREE).plan()).join("\n");
    assert!(!plain.contains("policycoreutils"), "{plain}");

    // The policy knows, but what is there came from elsewhere.
    let mut case = case.deployed();
    let said = case.node("pg-1").selinux.as_mut().expect("it");
    let label = LabelFacts {
        policy: Some("postgresql_db_t".to_owned()),
        present: Some("default_t".to_owned()),
    };
    said.labels.insert("/data/pg".to_owned(), label);
    assert_eq!(
        steps(&case.plan()),
        ["selinux/pg-1: SELinux: label /data/pg postgresql_db_t"]
    );
}

#[test]
fn permissive_is_said_aloud_and_off_stays_off() {
    let text = format!("{THREE}{MAJOR}system: {{ selinux: permissive }}\n");
    let case = enforcing(&text);
    assert_eq!(
        of_node(&case)[0],
        "SELinux: permissive, it denies nothing any more"
    );
    assert!(case.notes().contains("pg-1: SELinux is made permissive"));
    let mut case = case.deployed();
    assert_eq!(
        case.node("pg-1").system.selinux.as_deref(),
        Some("Permissive")
    );
    assert!(!case.notes().contains("permissive"));

    for text in [text, format!("{THREE}{CUSTOM}")] {
        let mut case = Case::bare(&text, "rocky-9.4");
        let facts = case.node("pg-1");
        facts.system.selinux = Some("Disabled".to_owned());
        facts.selinux = Some(SelinuxFacts {
            config: Some("disabled".to_owned()),
            ..SelinuxFacts::default()
        });
        assert!(of_node(&case).is_empty());
    }
}
