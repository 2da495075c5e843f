//! Who is let in to etcd: from nothing, from any half, and through a change of passwords.

use mahout::cluster::SecretName;
use mahout::facts::etcd::{EtcdAccess, EtcdLogin, EtcdPermission};
use mahout::plan::{Action, EtcdChange, Plan};
use mahout::secret::Secret;

use super::case::{Case, STARTED, THREE, phase, steps, titles};

const UNIT: &str = "etcd.service";
const CA: &str = "/etc/mahout/ca.crt";

fn inventory() -> String {
    format!("tls: on\n{THREE}")
}

fn running() -> Case {
    Case::bare(&inventory(), "debian-12").deployed()
}

/// What every member says of it.
fn says(case: &mut Case, change: impl Fn(&mut EtcdAccess)) {
    for node in ["pg-1", "pg-2", "pg-3"] {
        change(case.etcd(node).access.as_mut().expect("it is said"));
    }
}

fn user(case: &Case) -> String {
    case.cluster.etcd_user(case.secrets.get(&SecretName::Etcd))
}

/// The password becomes another; the old one is kept until that is done.
fn rotate(case: &mut Case, name: SecretName) {
    let old = case
        .secrets
        .values
        .insert(name.clone(), Secret::new("another long password"));
    case.secrets.previous.insert(name, old.expect("a value"));
}

fn changes<'a>(plan: &'a Plan, title: &str) -> Vec<(&'a [Secret], &'a EtcdChange)> {
    let steps = phase(plan, title).work.iter().flat_map(|work| &work.steps);
    steps
        .map(|step| match &step.action {
            Action::EtcdAccess { root, change, .. } => (root.as_slice(), change),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn everything_is_made_once_etcd_runs_and_before_patroni_is_told_of_it() {
    let case = Case::bare(&inventory(), "debian-12");
    let plan = case.plan();
    let user = user(&case);
    let titles = titles(&plan);
    let at = |title| titles.iter().position(|other| *other == title);
    assert!(at("etcd") < at("etcd access") && at("etcd access") < at("patroni files"));
    assert_eq!(
        steps(&plan)
            .into_iter()
            .filter(|step| step.starts_with("etcd access"))
            .collect::<Vec<_>>(),
        [
            "etcd access/pg-1: etcd role mahout-main, for /service/main/".to_owned(),
            format!("etcd access/pg-1: etcd user {user}"),
            "etcd access/pg-1: etcd user root".to_owned(),
            "etcd access/pg-1: have etcd ask for a login".to_owned(),
        ]
    );
}

#[test]
fn without_tls_or_with_somebody_elses_etcd_there_is_nothing_to_let_in() {
    for text in [
        format!("tls: off\n{THREE}"),
        "scope: main\ntls: on\netcd: { external: { endpoints: ['10.0.9.1:2379'], protocol: https } }\n\
         nodes:\n  pg-1: { address: 10.0.0.11 }\n  pg-2: { address: 10.0.0.12 }\n"
            .to_owned(),
    ] {
        let case = Case::bare(&text, "debian-12");
        assert!(!case.secrets.values.contains_key(&SecretName::EtcdRoot));
        assert!(!case.cluster.etcd_asks_for_login());
    }
}

#[test]
fn a_run_that_was_interrupted_is_finished() {
    let mut case = running();
    // Role and user were made; nobody has to log in yet, so that root's password is not known.
    says(&mut case, |access| {
        access.login = EtcdLogin::NotNeeded;
        access.users.remove("root");
    });
    assert_eq!(
        steps(&case.plan()),
        [
            "etcd access/pg-1: etcd user root",
            "etcd access/pg-1: have etcd ask for a login"
        ]
    );
    // The user was made, and its role not given to it.
    let mut case = running();
    let user = user(&case);
    says(&mut case, |access| {
        access.users.insert(user.clone(), Vec::new());
    });
    assert_eq!(
        steps(&case.plan()),
        [format!("etcd access/pg-1: etcd user {user}")]
    );
}

#[test]
fn a_role_that_reaches_further_is_cut_back() {
    let mut case = running();
    let everything = EtcdPermission {
        kind: "READWRITE".to_owned(),
        key: "\0".to_owned(),
        range_end: "\0".to_owned(),
    };
    says(&mut case, |access| {
        let permissions = access.permissions.as_mut().expect("a role");
        permissions.push(everything.clone());
    });
    let plan = case.plan();
    let [(_, EtcdChange::Role { grant, revoke, .. })] = changes(&plan, "etcd access")[..] else {
        panic!("{:?}", steps(&plan));
    };
    assert_eq!(grant.key, "/service/main/");
    assert_eq!(grant.range_end, "/service/main0");
    assert_eq!(revoke, &[everything]);
}

#[test]
fn a_new_password_is_a_new_user_and_the_old_one_goes_last() {
    let mut case = running();
    let old = user(&case);
    rotate(&mut case, SecretName::Etcd);
    let new = user(&case);
    assert_ne!(old, new);
    let plan = case.plan();
    assert_eq!(
        titles(&plan),
        [
            "etcd access",
            "patroni configuration",
            "etcd access, old users"
        ]
    );
    let [(_, EtcdChange::User { name, .. })] = changes(&plan, "etcd access")[..] else {
        panic!("{:?}", steps(&plan));
    };
    assert_eq!(*name, new);
    let [(_, EtcdChange::RemoveUser { name, members, .. })] =
        changes(&plan, "etcd access, old users")[..]
    else {
        panic!("{:?}", steps(&plan));
    };
    assert_eq!(*name, old);
    assert!(
        members.is_empty(),
        "the gate before it has seen each of them reload"
    );
}

#[test]
fn an_old_user_that_was_left_goes_once_every_patroni_has_gone_on() {
    let mut case = running();
    let role = case.cluster.etcd_role();
    says(&mut case, |access| {
        let old = "mahout-main-00000000".to_owned();
        access.users.insert(old, vec![role.clone()]);
        // Not ours: another scope's, and a person's.
        for foreign in ["mahout-main-two-00000000", "alice"] {
            access.users.insert(foreign.to_owned(), vec![role.clone()]);
        }
    });
    case.stop("pg-3", "patroni.service");
    let plan = case.plan();
    let [
        (
            _,
            EtcdChange::RemoveUser {
                name,
                members,
                rounds,
            },
        ),
    ] = changes(&plan, "etcd access, old users")[..]
    else {
        panic!("{:?}", steps(&plan));
    };
    assert_eq!(name, "mahout-main-00000000");
    assert_eq!(
        *members,
        ["https://10.0.0.11:8008", "https://10.0.0.12:8008"],
        "pg-3 is started by this plan, with its new file"
    );
    assert_eq!(rounds.as_secs(), 20, "loop_wait and retry_timeout");
}

#[test]
fn roots_password_is_changed_by_whoever_knows_the_old_one() {
    let mut case = running();
    rotate(&mut case, SecretName::EtcdRoot);
    // The new one opens: nothing is left to do.
    assert!(case.plan().is_empty());
    says(&mut case, |access| access.login = EtcdLogin::Previous);
    let plan = case.plan();
    assert_eq!(
        steps(&plan),
        ["etcd access/pg-1: etcd user root: new password"]
    );
    let [(root, EtcdChange::Password { password, .. })] = changes(&plan, "etcd access")[..] else {
        panic!("{:?}", steps(&plan));
    };
    let words: Vec<&str> = root.iter().map(Secret::expose).collect();
    assert_eq!(words, ["another long password", "hunter2-etcd_root"]);
    assert_eq!(password.expose(), words[0]);
    let (_, after) = case.project();
    let access = after.nodes[&"pg-1".into()]
        .etcd
        .clone()
        .expect("etcd")
        .access;
    assert_eq!(access.expect("said").login, EtcdLogin::Current);
}

#[test]
fn a_password_that_does_not_open_is_refused_and_so_are_versions_that_shut_patroni_out() {
    let mut case = running();
    says(&mut case, |access| access.login = EtcdLogin::Refused);
    assert!(
        case.refusal()
            .contains("refuses the vault's password of `root`")
    );
    for (version, refused) in [("3.5.28-1", true), ("3.6.9-1", true), ("3.6.10-1", false)] {
        let mut case = running();
        for node in ["pg-1", "pg-2", "pg-3"] {
            let package = case.node(node).packages.get_mut("etcd-server");
            package.expect("a package").installed = Some(version.to_owned());
        }
        match case.try_project() {
            Err(error) => {
                assert!(refused, "{version}: {error}");
                assert!(error.to_string().contains("to root alone"), "{error}");
            }
            Ok(_) => assert!(!refused, "{version}"),
        }
    }
}

#[test]
fn without_a_quorum_nothing_is_taken_for_absent() {
    let mut case = running();
    for node in ["pg-1", "pg-2", "pg-3"] {
        let etcd = case.etcd(node);
        etcd.healthy = false;
        etcd.unreadable = true;
        etcd.access = None;
        etcd.initialize = None;
    }
    case.stop("pg-3", "patroni.service");
    case.stop("pg-2", "patroni.service");
    case.stop("pg-1", "patroni.service");
    match case.try_project() {
        // Where there is a database, nobody may make another one.
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok((plan, _)) => {
            assert!(
                !titles(&plan).contains(&"etcd access"),
                "{:?}",
                steps(&plan)
            );
            assert!(case.notes().contains("etcd is not healthy"));
        }
    }
}

#[test]
fn new_authorities_are_read_by_a_rolling_restart_and_certificates_by_none() {
    let mut case = running();
    case.secrets.ca_bundle = "one\n".to_owned();
    let mut case = case.deployed();
    assert!(case.node("pg-1").files.contains_key(CA));
    case.secrets.ca_bundle.push_str("two\n");
    let plan = case.plan();
    let restarts: Vec<String> = steps(&plan)
        .into_iter()
        .filter(|step| step.ends_with(UNIT))
        .collect();
    assert_eq!(
        restarts,
        [
            "etcd settings/pg-1: restart etcd.service",
            "etcd settings/pg-3: restart etcd.service",
            "etcd settings/pg-2: restart etcd.service"
        ],
        "the leader last"
    );
    // A run that was interrupted before the restart.
    let mut case = case.deployed();
    let file = case.node("pg-2").files.get_mut(CA).expect("the file");
    file.modified = STARTED + 1;
    let restart = "etcd settings/pg-2: restart etcd.service".to_owned();
    assert!(steps(&case.plan()).contains(&restart));
}
