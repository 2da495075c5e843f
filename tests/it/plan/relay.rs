//! Who downloads packages for whom.

use super::case::{Case, THREE, phase, steps, titles};

const RELAY: &str = "packages: relay\n";

/// What is planned before the system's settings, without the installations themselves.
fn relayed(case: &Case) -> Vec<String> {
    let all = steps(&case.plan()).into_iter();
    all.filter(|step| step.contains("download")).collect()
}

#[test]
fn one_node_downloads_for_its_likes_before_all_install() {
    let mut case = Case::bare(&format!("{THREE}{RELAY}"), "debian-12");
    assert_eq!(
        relayed(&case),
        [
            "archives/pg-1: download packages, for pg-2, pg-3 too",
            "packages/pg-2: take the packages that pg-1 has downloaded",
            "packages/pg-3: take the packages that pg-1 has downloaded",
        ]
    );
    let plan = case.plan();
    assert_eq!(titles(&plan)[..3], ["archives", "packages", "system"]);
    // Whoever takes them takes them first.
    for work in &phase(&plan, "packages").work {
        let last = work.steps.last().expect("a step").action.title();
        assert!(last.starts_with("install "), "{last}");
        assert!(work.steps.len() <= 2, "{:?}", work.steps.len());
    }
    // Everyone's lists are its own, and are refreshed while the first one downloads.
    for node in ["pg-1", "pg-2"] {
        case.node(node).system.package_lists = false;
    }
    let all = steps(&case.plan());
    let before = all.iter().filter(|step| step.starts_with("archives/"));
    // A file each before the packages; two refresh, one downloads.
    assert_eq!(before.count(), 3 + 2 + 1, "{all:?}");
    assert!(all.contains(&"archives/pg-2: refresh the package lists".to_owned()));
    // Afterwards there is nothing to do.
    Case::bare(&format!("{THREE}{RELAY}"), "debian-12").deployed();
}

#[test]
fn only_those_take_part_that_say_so() {
    let case = Case::bare(THREE, "debian-12");
    assert!(relayed(&case).is_empty());
    assert_eq!(titles(&case.plan())[0], "packages");
    let text = THREE.replace("10.0.0.11", "10.0.0.11, packages: install");
    let case = Case::bare(&format!("{text}{RELAY}"), "debian-12");
    assert_eq!(
        relayed(&case),
        [
            "archives/pg-2: download packages, for pg-3 too",
            "packages/pg-3: take the packages that pg-2 has downloaded",
        ]
    );
    // One alone has nobody to download for.
    let text = text.replace("10.0.0.12", "10.0.0.12, packages: install");
    assert!(relayed(&Case::bare(&format!("{text}{RELAY}"), "debian-12")).is_empty());
}

#[test]
fn whoever_lacks_more_serves_those_that_lack_less_and_no_other_kind_of_node() {
    let text = THREE
        .replace("10.0.0.11", "10.0.0.11, roles: [etcd]")
        .replace("10.0.0.13", "10.0.0.13, roles: [etcd, haproxy]");
    let mut case = Case::bare(&format!("{text}{RELAY}"), "debian-12");
    assert_eq!(
        relayed(&case),
        [
            "archives/pg-2: download packages, for pg-1, pg-3 too",
            "packages/pg-1: take the packages that pg-2 has downloaded",
            "packages/pg-3: take the packages that pg-2 has downloaded",
        ]
    );
    "arm64".clone_into(&mut case.node("pg-2").system.architecture);
    assert_eq!(
        relayed(&case),
        [
            "archives/pg-3: download packages, for pg-1 too",
            "packages/pg-1: take the packages that pg-3 has downloaded",
        ]
    );
    "13".clone_into(&mut case.node("pg-3").system.os.version_id);
    assert!(relayed(&case).is_empty());

    // Neither has all that the other one lacks.
    let text = text.replace("10.0.0.12", "10.0.0.12, roles: [postgresql]");
    let case = Case::bare(&format!("{text}{RELAY}"), "debian-12");
    assert_eq!(
        relayed(&case),
        [
            "archives/pg-3: download packages, for pg-1 too",
            "packages/pg-1: take the packages that pg-3 has downloaded",
        ]
    );
}

#[test]
fn of_the_rhel_family_those_with_dnf_take_part() {
    let text = format!("{THREE}{RELAY}");
    assert_eq!(relayed(&Case::bare(&text, "rocky-9.4")).len(), 3);
    let own = "repositories: [{ name: base }]\n";
    assert!(relayed(&Case::bare(&format!("{text}{own}"), "centos-7")).is_empty());
}
