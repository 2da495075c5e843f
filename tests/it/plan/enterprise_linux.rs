//! The RHEL family: where packages come from, release by release.

use std::path::Path;

use mahout::cluster::{self, Secrets};
use mahout::facts::{Ask, DirectoryFacts, NodeFacts, PackageFacts, RepositoryFacts, parse::parse};
use mahout::plan::{Action, Plan};
use mahout::platform::{Repository, Sources};

use super::case::{Case, THREE, phase, steps};

/// The facts of a fixture, for the first node.
fn fixture(release: &str) -> NodeFacts {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/facts");
    let cluster = cluster::load(&folder.join(format!("el{release}.yml")));
    let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
    let printed = std::fs::read_to_string(folder.join(format!("el{release}-bare.txt")));
    let ask = Ask::of(&cluster, &cluster.nodes[0], &Secrets::default());
    parse(&ask, &printed.expect("a fixture")).expect("whole")
}

/// Three nodes that say what the fixture says, each with its own name and address.
fn nodes_of(text: &str, release: &str) -> Case {
    let mut case = Case::bare(text, &format!("rocky-{release}"));
    for node in case.cluster.nodes.clone() {
        let mut facts = fixture(release);
        facts.system.hostname = node.name.to_string();
        facts.system.machine_id = format!("machine-{}", node.name);
        facts.system.addresses = vec![node.address.to_string()];
        *case.node(node.name.as_str()) = facts;
    }
    case
}

fn sources(plan: &Plan) -> Sources {
    let steps = phase(plan, "packages").work[0].steps.iter();
    let mut found = steps.filter_map(|step| match &step.action {
        Action::InstallPackages { sources, .. } => Some(sources.clone()),
        _ => None,
    });
    found.next().expect("an installation")
}

fn packages_of(plan: &Plan) -> Vec<String> {
    let all = steps(plan);
    let own = all
        .iter()
        .filter_map(|step| step.strip_prefix("packages/pg-1: "));
    own.map(str::to_owned).collect()
}

#[test]
fn each_release_is_planned_from_what_its_nodes_say() {
    for (release, text) in [
        ("7", format!("{THREE}{OWN}")),
        ("8", THREE.to_owned()),
        ("9", THREE.to_owned()),
        ("10", THREE.to_owned()),
    ] {
        let case = nodes_of(&text, release);
        let plan = case.plan();
        let mut shown: Vec<String> = steps(&plan);
        shown.retain(|step| step.contains("/pg-1: "));
        shown.push(format!("{:#?}", sources(&plan)));
        shown.push(case.notes());
        insta::assert_snapshot!(format!("el-{release}-bare"), shown.join("\n"));
    }
}

const OWN: &str = "repositories:\n\
    - { name: base, baseurl: 'https://mirror.example.net/7/os', gpgkey: 'file:///etc/pki/k' }\n\
    - { name: pgdg15, baseurl: 'https://mirror.example.net/pgdg', gpgkey: 'file:///etc/pki/p' }\n";

#[test]
fn what_is_deployed_is_not_planned_again() {
    for (version, more) in [(15, ""), (15, OWN), (13, "")] {
        let text = format!("{THREE}postgresql: {{ version: {version} }}\n{more}");
        let (plan, facts) = Case::bare(&text, "rocky-9.4").project();
        assert!(!packages_of(&plan).is_empty());
        let mut case = Case::bare(&text, "rocky-9.4");
        for (name, facts) in facts.nodes {
            let there = case.node(name.as_str());
            (there.packages, there.files) = (facts.packages, facts.files);
            there.system.disabled_modules = facts.system.disabled_modules;
        }
        assert!(
            packages_of(&case.plan()).is_empty(),
            "{:?}",
            packages_of(&case.plan())
        );
    }
}

#[test]
fn the_empty_data_directory_of_the_package_is_taken_as_it_is() {
    let mut case = Case::bare(THREE, "rocky-9.4");
    let path = "/var/lib/pgsql/16/data";
    let there = DirectoryFacts {
        owner: "postgres".to_owned(),
        group: "postgres".to_owned(),
        mode: "700".to_owned(),
        empty: true,
    };
    case.node("pg-1").directories.insert(path.to_owned(), there);
    let all = steps(&case.plan()).join("\n");
    assert!(!all.contains(&format!("pg-1: directory {path}")), "{all}");
    assert!(all.contains(&format!("pg-2: directory {path}")), "{all}");
    assert!(all.contains("pg-1: disable postgresql-16.service"), "{all}");
}

#[test]
fn the_archive_serves_what_pgdg_has_moved_and_nothing_else() {
    let text = format!("{THREE}postgresql: {{ version: 13 }}\n");
    let case = Case::bare(&text, "rocky-9.4");
    let plan = case.plan();
    let all = packages_of(&plan);
    assert_eq!(all[0], "create /etc/yum.repos.d/mahout.repo");
    assert_eq!(all[1], "add PGDG's repository");
    assert_eq!(all[2], "disable the dnf module postgresql");
    let archive = ("mahout-pgdg13".to_owned(), vec!["postgresql13*".to_owned()]);
    assert!(sources(&plan).with.contains(&archive), "{plan:?}");
    let file = case.rendered()[&"pg-1".into()]
        .files
        .iter()
        .find(|file| file.path == "/etc/yum.repos.d/mahout.repo")
        .cloned()
        .expect("the file");
    insta::assert_snapshot!("archive.repo", file.content.expose());

    let mut plain = Case::bare(THREE, "rocky-9.4");
    let there = file_facts(&file);
    plain.node("pg-1").files.insert(file.path.clone(), there);
    assert!(packages_of(&plain.plan()).contains(&format!("remove {}", file.path)));
}

fn file_facts(file: &mahout::render::File) -> mahout::facts::FileFacts {
    mahout::facts::FileFacts {
        owner: "root".to_owned(),
        group: "root".to_owned(),
        mode: "644".to_owned(),
        sha256: file.sha256(),
        ..mahout::facts::FileFacts::default()
    }
}

#[test]
fn repositories_of_the_inventory_replace_all_others() {
    let text = format!("{THREE}{OWN}- {{ name: appstream }}\n");
    let case = Case::bare(&text, "rocky-9.4");
    let plan = case.plan();
    assert_eq!(sources(&plan).only, ["base", "pgdg15", "appstream"]);
    assert!(sources(&plan).with.is_empty());
    let all = packages_of(&plan);
    assert!(
        !all.contains(&"add PGDG's repository".to_owned()),
        "{all:?}"
    );
    let files = &case.rendered()[&"pg-1".into()].files;
    let file = files
        .iter()
        .find(|file| file.path.ends_with("/mahout.repo"));
    insta::assert_snapshot!("own.repo", file.expect("the file").content.expose());

    let debian = Case::bare(&text, "debian-12").refusal();
    assert!(
        debian.contains("`repositories` is for the RHEL family"),
        "{debian}"
    );
}

#[test]
fn what_is_to_be_there_already_is_never_installed() {
    let text = format!("{THREE}packages: preinstalled\n");
    let mut case = Case::bare(&text, "rocky-9.4");
    let refusal = case.refusal();
    let words = "pg-2: `packages: preinstalled`, but not installed here: curl, etcd, \
                 postgresql16-server, postgresql16-contrib, patroni, patroni-etcd, haproxy, chrony";
    assert!(refusal.contains(words), "{refusal}");
    for name in ["pg-1", "pg-2", "pg-3"] {
        let names = words.split_once("here: ").expect("names").1.split(", ");
        for package in names {
            install(&mut case, name, package, "1-1");
        }
    }
    assert!(packages_of(&case.plan()).is_empty());
}

fn install(case: &mut Case, node: &str, package: &str, version: &str) {
    let there = PackageFacts {
        installed: Some(version.to_owned()),
        candidate: None,
    };
    case.node(node).packages.insert(package.to_owned(), there);
}

#[test]
fn a_release_without_mirrors_is_told_once_with_the_way_out() {
    for distribution in ["centos-7", "rhel-7.9", "centos-8"] {
        let refusal = Case::bare(THREE, distribution).refusal();
        assert_eq!(refusal.matches("end of life").count(), 1, "{refusal}");
        assert!(refusal.contains("pg-1, pg-2, pg-3"), "{refusal}");
        assert!(refusal.contains("repositories: [{ name: "), "{refusal}");
        assert!(refusal.contains("packages: preinstalled"), "{refusal}");
    }
    assert!(!Case::bare(THREE, "almalinux-8.10").plan().is_empty());
}

#[test]
fn a_stale_section_is_named_and_left_out() {
    let mut case = Case::bare(THREE, "rocky-9.4");
    let stale = RepositoryFacts {
        section: "pgdg13".to_owned(),
        file: "/etc/yum.repos.d/pgdg-redhat-all.repo".to_owned(),
        enabled: true,
        url: "https://download.postgresql.org/pub/repos/yum/13/redhat/rhel-9-x86_64".to_owned(),
    };
    case.node("pg-1").repositories.push(stale);
    assert_eq!(sources(&case.plan()).without, ["pgdg13"]);
    let notes = case.notes();
    assert!(
        notes.contains("pg-1: the section [pgdg13] of /etc/yum.repos.d/"),
        "{notes}"
    );
    assert!(notes.contains("--set-disabled pgdg13"), "{notes}");
}

#[test]
fn epel_comes_where_patroni_needs_it_for_that_alone() {
    let repository = |plan: &Plan| {
        let steps = phase(plan, "packages").work[0].steps.iter();
        let of = steps.filter_map(|step| match &step.action {
            Action::AddRepository { repository } => Some(repository.clone()),
            _ => None,
        });
        of.collect::<Vec<_>>()
    };
    let plan = Case::bare(THREE, "rhel-10.0").plan();
    let epel = |packaged| Repository::Epel {
        release: 10,
        packaged,
    };
    assert!(repository(&plan).contains(&epel(false)));
    let click = ("epel".to_owned(), vec!["python3-click".to_owned()]);
    assert!(sources(&plan).with.contains(&click));
    let plan = Case::bare(THREE, "rocky-10.0").plan();
    assert!(repository(&plan).contains(&epel(true)));
    assert_eq!(repository(&Case::bare(THREE, "rhel-9.6").plan()).len(), 1);
}

#[test]
fn packages_of_one_program_come_in_one_version_and_a_pin_needs_no_release() {
    let text = format!("{THREE}patroni: {{ version: 4.0.6 }}\n");
    let mut case = Case::bare(&text, "rocky-9.4");
    let installs = |case: &Case| packages_of(&case.plan()).pop().expect("an installation");
    let both = "patroni 4.0.6, patroni-etcd 4.0.6";
    assert!(installs(&case).contains(both), "{}", installs(&case));

    // What is there is never changed, and what is missing goes with it.
    install(&mut case, "pg-1", "patroni", "4.0.6-1PGDG.rhel9");
    let installed = installs(&case);
    assert!(
        installed.contains("patroni-etcd 4.0.6-1PGDG.rhel9"),
        "{installed}"
    );
    assert!(!case.notes().contains("patroni is "), "{}", case.notes());
    install(&mut case, "pg-1", "patroni", "4.1.0-3PGDG.rhel9");
    let notes = case.notes();
    assert!(
        notes.contains("pg-1: patroni is 4.1.0-3PGDG.rhel9, pinned to 4.0.6"),
        "{notes}"
    );
}

#[test]
fn the_small_curl_of_release_9_is_curl_enough() {
    let mut case = Case::bare(THREE, "rocky-9.4");
    install(&mut case, "pg-1", "curl-minimal", "7.76.1-31.el9");
    let all = packages_of(&case.plan()).join("\n");
    assert!(
        all.contains("etcd (newest)") && !all.contains("curl"),
        "{all}"
    );
}

#[test]
fn an_unknown_derivative_is_what_the_inventory_says() {
    let text = format!("{THREE}system: {{ platform: el-9 }}\n");
    let mut case = Case::bare(&text, "amzn-2023");
    let plan = case.plan();
    assert!(packages_of(&plan).contains(&"add PGDG's repository".to_owned()));
    assert_eq!(sources(&plan).with[0].0, "pgdg-rhel9-extras");
    case.node("pg-1").system.architecture = "aarch64".to_owned();
    assert!(format!("{:?}", case.plan()).contains("aarch64"));
}

#[test]
fn nodes_that_differ_are_noted_with_their_names() {
    let mut case = Case::bare(THREE, "rocky-9.4");
    case.node("pg-3").system.libc = "2.28".to_owned();
    install(&mut case, "pg-2", "patroni", "3.3.2-1PGDG.rhel9");
    install(&mut case, "pg-2", "etcd", "3.4.30-1PGDG.rhel9");
    let notes = case.notes();
    for words in [
        "the nodes differ in glibc (and so the order of text): 2.28 on pg-3; 2.36 on pg-1, pg-2",
        "the nodes differ in Patroni: 3.3.2 on pg-2; 4.1.0 on pg-1, pg-3",
        "the nodes differ in etcd: 3.4.30 on pg-2; 3.5 on pg-1, pg-3",
    ] {
        assert!(notes.contains(words), "{notes}");
    }
    case.node("pg-3").system.os.version_id = "7".to_owned();
    let refusal = case.refusal();
    assert!(
        refusal.contains("the nodes differ in PostgreSQL: 15 on pg-3; 16 on "),
        "{refusal}"
    );
}
