//! Tweaks that are switched off: their files go, and what is not ours stays.

use mahout::secret::Secret;

use super::case::{Case, THREE, steps};

const ON: &str = "system:\n  watchdog: true\n";
const OFF: &str = "system:\n  watchdog: false\n  sysctl: off\n  transparent_huge_pages: keep\n  \
    limit_nofile: off\n";

/// Nodes that were deployed with every tweak, under an inventory that wants none.
fn switched_off() -> Case {
    let before = Case::bare(&format!("{THREE}{ON}"), "debian-12").deployed();
    let mut case = Case::bare(&format!("{THREE}{OFF}"), "debian-12");
    case.facts = before.facts;
    case
}

#[test]
fn what_a_tweak_brought_goes_with_it() {
    let mut case = switched_off();
    let plan = case.plan();
    let of_first: Vec<String> = steps(&plan)
        .into_iter()
        .filter_map(|step| step.strip_prefix("system/pg-1: ").map(str::to_owned))
        .collect();
    assert_eq!(
        of_first,
        [
            "remove /etc/modules-load.d/mahout-watchdog.conf",
            "remove /etc/security/limits.d/60-mahout.conf",
            "remove /etc/sysctl.d/60-mahout.conf",
            "disable mahout-thp.service",
            "remove /etc/systemd/system/mahout-thp.service",
            "remove /etc/udev/rules.d/60-mahout-watchdog.rules",
            "reload systemd's units",
        ]
    );
    let notes = case.notes();
    assert!(
        notes.contains(
            "pg-2: /etc/sysctl.d/60-mahout.conf is no longer asked for and goes; kernel settings \
             keep their live values until the node boots"
        ),
        "{notes}"
    );
    case.facts = case.project().1;
    let rest = steps(&case.plan());
    assert!(rest.is_empty(), "{rest:?}");
}

#[test]
fn what_somebody_else_put_there_stays() {
    let mut case = switched_off();
    for node in ["pg-1", "pg-2", "pg-3"] {
        let files = &mut case.node(node).files;
        let mut file = |path: &str| files.get_mut(path).expect("the file").clone();
        let mut other = file("/etc/sysctl.d/60-mahout.conf");
        other.content = Some(Secret::new("vm.swappiness = 5\n"));
        let mut link = file("/etc/security/limits.d/60-mahout.conf");
        link.link = Some("/srv/limits.conf".to_owned());
        let mut unknown = file("/etc/systemd/system/mahout-thp.service");
        unknown.content = None;
        files.insert("/etc/sysctl.d/60-mahout.conf".to_owned(), other);
        files.insert("/etc/security/limits.d/60-mahout.conf".to_owned(), link);
        files.insert("/etc/systemd/system/mahout-thp.service".to_owned(), unknown);
    }
    let steps = steps(&case.plan());
    let removed: Vec<&String> = steps
        .iter()
        .filter(|step| step.contains("remove"))
        .collect();
    assert_eq!(removed.len(), 6, "{steps:?}");
    assert!(
        removed.iter().all(|step| step.contains("watchdog")),
        "{steps:?}"
    );
    assert!(!steps.iter().any(|step| step.contains("thp")), "{steps:?}");
}
