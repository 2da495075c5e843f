//! Passwords that differ from the vault's, and what is reloaded when a certificate is newer.

use mahout::cluster::Role;
use mahout::plan::{Action, Condition, Guard};
use mahout::secret::{Secret, scram};

use super::case::{Case, STARTED, THREE, phase, steps, titles};

/// A running cluster whose leader told its verifiers, all as the vault has the passwords.
fn told() -> Case {
    let text = format!("{THREE}postgresql: {{ users: [{{ name: app }}] }}\n");
    let mut case = Case::bare(&text, "debian-12").deployed();
    for (role, secret) in case.cluster.passwords() {
        let verifier = scram::verifier(case.secrets.get(&secret), b"salt", 2);
        let verifiers = &mut case.postgresql("pg-1").verifiers;
        verifiers.insert(role, Some(verifier));
    }
    case
}

#[test]
fn passwords_as_in_the_vault_stay() {
    let mut case = told();
    assert!(case.plan().is_empty());
    // A record of facts holds none.
    case.postgresql("pg-1").verifiers.clear();
    assert!(case.plan().is_empty());
}

#[test]
fn passwords_that_differ_are_set_on_the_leader_before_any_member_reads_them() {
    let mut case = told();
    let verifiers = &mut case.postgresql("pg-1").verifiers;
    let other = scram::verifier(&Secret::new("another one"), b"salt", 2);
    verifiers.insert("replicator".to_owned(), Some(other));
    verifiers.insert("app".to_owned(), Some(Secret::new("md50123")));
    verifiers.insert("mahout_probe".to_owned(), None);
    // A rotation writes the files, too.
    for node in ["pg-1", "pg-2", "pg-3"] {
        case.drift(node, "/etc/patroni/patroni.yml");
    }
    let plan = case.plan();
    assert_eq!(titles(&plan), ["passwords", "patroni configuration"]);
    assert_eq!(
        steps(&plan)[..3],
        [
            "passwords/pg-1: set the password of role replicator",
            "passwords/pg-1: set the password of role mahout_probe",
            "passwords/pg-1: set the password of role app",
        ]
    );
    for step in &phase(&plan, "passwords").work[0].steps {
        assert!(matches!(step.action, Action::SetPassword { .. }));
        assert!(
            matches!(&step.guard, Some(Guard::LeaderIs { node, .. }) if node.as_str() == "pg-1"),
            "{step:?}"
        );
    }
    assert!(!format!("{plan:?}").contains("hunter2"));

    // Nobody but the leader is asked: a replica may lag behind.
    let mut case = told();
    let verifiers = &mut case.postgresql("pg-2").verifiers;
    verifiers.insert("replicator".to_owned(), None);
    assert!(case.plan().is_empty());
}

#[test]
fn a_password_that_clients_prepare_in_their_own_way_is_refused() {
    let mut case = told();
    let password = Secret::new("gr\u{fc}n-und-lang");
    let name = mahout::cluster::SecretName::User("app".to_owned());
    case.secrets.values.insert(name, password);
    let said = case.refusal();
    assert!(said.starts_with("the password of role `app` has characters beyond ASCII"));
    assert!(!said.contains("lang"), "{said}");
}

#[test]
fn what_names_a_newer_certificate_is_reloaded_and_awaited() {
    for (path, units) in [
        ("/etc/mahout/patroni.pem", &["patroni.service"][..]),
        ("/etc/mahout/postgresql.pem", &["patroni.service"]),
        (
            "/etc/mahout/ca.crt",
            &["patroni.service", "haproxy.service"],
        ),
    ] {
        let mut case = encrypted();
        let file = case.node("pg-2").files.get_mut(path).expect("the file");
        file.modified = STARTED + 5;
        let plan = case.plan();
        for unit in units {
            let reload = format!("pg-2: reload {unit}");
            let found = steps(&plan).iter().any(|step| step.ends_with(&reload));
            assert!(found, "{path}: {unit} in {:?}", steps(&plan));
        }
        let gate = phase(&plan, "patroni configuration").gate.as_ref();
        let condition = &gate.expect("a gate").conditions[0].1;
        assert!(
            matches!(condition, Condition::PatroniReloaded { .. }),
            "{condition:?}"
        );
        for unit in ["patroni.service", "haproxy.service"] {
            case.unit("pg-2", unit).reloaded_at = Some(STARTED + 5);
        }
        let left: Vec<String> = steps(&case.plan())
            .into_iter()
            .filter(|step| !step.contains("etcd"))
            .collect();
        assert!(left.is_empty(), "{path}: {left:?}");
    }
}

/// A running cluster with TLS, and certificates of some kind.
fn encrypted() -> Case {
    let text = format!("tls: on\nclients: [10.0.1.0/24]\n{THREE}");
    let mut case = Case::bare(&text, "debian-12");
    for spec in case.cluster.certificates() {
        let pem = Secret::new(format!("PEM of {}", spec.name));
        case.secrets.certificates.insert(spec.name, pem);
    }
    case.secrets.ca_bundle = "PEM of the authority".to_owned();
    assert_eq!(case.cluster.with_role(Role::Postgresql).count(), 3);
    case.deployed()
}
