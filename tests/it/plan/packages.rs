//! Packages and the operating system.

use mahout::facts::{PackageFacts, UnitFacts};
use mahout::plan::{Action, PackageChange, Plan, UnitOperation};

use super::case::{Case, THREE, operations, steps, titles};

fn changes(plan: &Plan, node: &str) -> Vec<PackageChange> {
    let works = plan.phases.iter().flat_map(|phase| &phase.work);
    works
        .filter(|work| work.node.as_str() == node)
        .flat_map(|work| &work.steps)
        .find_map(|step| match &step.action {
            Action::InstallPackages { packages, .. } => Some(packages.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

fn refreshes(plan: &Plan, node: &str) -> bool {
    steps(plan).contains(&format!("packages/{node}: refresh the package lists"))
}

#[test]
fn with_lists_the_versions_are_known_and_without_they_are_refreshed_first() {
    let mut case = Case::bare(THREE, "debian-12");
    let plan = case.plan();
    assert!(!refreshes(&plan, "pg-1"));
    let etcd = &changes(&plan, "pg-1")[2];
    assert_eq!(etcd.title(), "etcd-server 3.4.23-4");

    case.node("pg-1").packages.clear();
    case.node("pg-1").system.package_lists = false;
    let plan = case.plan();
    assert!(refreshes(&plan, "pg-1"));
    assert!(!refreshes(&plan, "pg-2"));
    assert!(
        changes(&plan, "pg-1")
            .iter()
            .all(|change| change.title().ends_with("(newest)"))
    );
}

#[test]
fn what_is_installed_is_left_alone() {
    let mut case = Case::running();
    let there = PackageFacts {
        installed: Some("3.0.1".to_owned()),
        candidate: Some("9.9".to_owned()),
    };
    case.node("pg-1")
        .packages
        .insert("patroni".to_owned(), there);
    assert!(case.plan().is_empty());
}

#[test]
fn a_pin_holds_for_the_program_alone_and_changes_nothing_that_is_installed() {
    let text = format!("{THREE}etcd: {{ version: 3.4.20-1 }}\n");
    let mut case = Case::bare(&text, "debian-12");
    let all = changes(&case.plan(), "pg-1");
    let pinned: Vec<String> = all
        .iter()
        .filter(|change| change.pinned)
        .map(PackageChange::title)
        .collect();
    assert_eq!(pinned, ["etcd-server 3.4.20-1"]);

    let there = PackageFacts {
        installed: Some("3.4.23-4".to_owned()),
        candidate: None,
    };
    case.node("pg-1")
        .packages
        .insert("etcd-server".to_owned(), there);
    assert!(case.notes().contains(
        "pg-1: etcd-server is 3.4.23-4, pinned to 3.4.20-1; a deploy changes no installed version"
    ));
    let names: Vec<String> = changes(&case.plan(), "pg-1")
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert!(!names.contains(&"etcd-server".to_owned()), "{names:?}");
}

#[test]
fn a_time_service_comes_only_where_there_is_none() {
    let mut case = Case::bare(THREE, "debian-12");
    let chrony = ("pg-1".to_owned(), UnitOperation::Start);
    assert!(operations(&case.plan(), "chrony.service").contains(&chrony));
    case.node("pg-1").system.time_service = Some("ntpsec".to_owned());
    assert!(!operations(&case.plan(), "chrony.service").contains(&chrony));
    // A container has its host's clock.
    case.node("pg-1").system.time_service = None;
    case.node("pg-1").system.virtualization = "lxc".to_owned();
    assert!(!operations(&case.plan(), "chrony.service").contains(&chrony));
}

#[test]
fn the_distributions_own_postgresql_never_starts() {
    let off = |plan: &Plan, unit| operations(plan, unit).len();
    assert_eq!(
        off(&Case::bare(THREE, "debian-12").plan(), "postgresql.service"),
        3
    );
    assert_eq!(
        off(
            &Case::bare(THREE, "rocky-9.4").plan(),
            "postgresql-16.service"
        ),
        3
    );

    let mut case = Case::running();
    let unit = UnitFacts {
        load: "loaded".to_owned(),
        active: "active".to_owned(),
        enabled: "enabled-runtime".to_owned(),
        ..UnitFacts::default()
    };
    case.node("pg-2")
        .units
        .insert("postgresql@15-main.service".to_owned(), unit);
    assert_eq!(
        steps(&case.plan()),
        ["system/pg-2: disable postgresql@15-main.service"]
    );
    // Installed, and the unit is not there: nothing can start.
    let mut case = Case::running();
    "not-found".clone_into(&mut case.unit("pg-2", "postgresql.service").load);
    assert!(case.plan().is_empty());
}

#[test]
fn kernel_settings_are_set_where_they_exist_and_differ() {
    let mut case = Case::running();
    let swappiness = "vm.swappiness";
    let live = case.node("pg-1").sysctl.get_mut(swappiness).expect("it");
    let wanted = live.value.clone();
    live.value = "60".to_owned();
    assert_eq!(
        steps(&case.plan()),
        [format!("system/pg-1: set {swappiness}={wanted}")]
    );

    let live = case.node("pg-1").sysctl.get_mut(swappiness).expect("it");
    live.writable = false;
    case.node("pg-1").system.virtualization = "systemd-nspawn".to_owned();
    let plan = case.plan();
    assert!(plan.is_empty(), "{:?}", steps(&plan));
    let note = format!(
        "pg-1: the kernel belongs to the machine that hosts this container: set {swappiness} (is \
         60, wanted {wanted}) there"
    );
    assert!(case.notes().contains(&note), "{}", case.notes());

    // A key that this kernel does not have is not in the file either.
    case.node("pg-1").sysctl.remove(swappiness);
    assert_eq!(
        steps(&case.plan()),
        ["system/pg-1: update /etc/sysctl.d/60-mahout.conf"]
    );
}

#[test]
fn huge_pages_are_switched_off_where_that_is_possible() {
    let mut case = Case::running();
    case.node("pg-1").system.transparent_huge_pages = Some("always".to_owned());
    assert_eq!(
        steps(&case.plan()),
        ["system/pg-1: restart mahout-thp.service"]
    );
    case.node("pg-1").system.transparent_huge_pages_writable = false;
    assert!(case.plan().is_empty());
    assert!(case.notes().contains("transparent huge pages are `always`"));
}

#[test]
fn the_watchdog_is_loaded_once_and_then_only_spoken_of() {
    let text = format!("{THREE}system: {{ watchdog: true }}\n");
    let mut case = Case::bare(&text, "debian-12");
    assert!(steps(&case.plan()).contains(&"system/pg-1: load softdog".to_owned()));
    case.node("pg-1").system.virtualization = "lxc".to_owned();
    assert!(!steps(&case.plan()).contains(&"system/pg-1: load softdog".to_owned()));
    assert!(
        case.notes()
            .contains("pg-1: there is no watchdog device in this container")
    );

    let mut case = Case::bare(&text, "debian-12").deployed();
    case.node("pg-1").system.watchdog_device = false;
    assert!(
        case.plan().is_empty(),
        "a kernel without softdog would be asked for ever"
    );
    assert!(case.notes().contains("pg-1: there is no /dev/watchdog"));
}

#[test]
fn a_link_or_another_owner_is_not_the_file() {
    let path = "/etc/sysctl.d/60-mahout.conf";
    let change: [fn(&mut mahout::facts::FileFacts); 4] = [
        |file| file.link = Some("/elsewhere".to_owned()),
        |file| file.owner = "postgres".to_owned(),
        |file| file.group = "postgres".to_owned(),
        |file| file.mode = "666".to_owned(),
    ];
    for change in change {
        let mut case = Case::running();
        change(case.node("pg-1").files.get_mut(path).expect("the file"));
        let plan = case.plan();
        assert_eq!(steps(&plan), [format!("system/pg-1: update {path}")]);
        assert_eq!(titles(&plan), ["system"]);
    }
}
