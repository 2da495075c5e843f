//! A cluster that was made by other means: what is taken over, and what is refused.

use mahout::facts::ProcessFacts;
use mahout::plan::adopt::Adopted;
use mahout::plan::{Desired, Plan, PlanError, UnitOperation};
use mahout::secret::Secret;

use super::case::{Case, operations, steps};

pub(super) const NODES: [&str; 3] = ["pg-1", "pg-2", "pg-3"];
const UNIT: &str = "patroni.service";

/// What the vault of a case has.
const PASSWORDS: [&str; 4] = [
    "hunter2-superuser",
    "hunter2-replication",
    "hunter2-rewind",
    "hunter2-restapi",
];

/// Settings in the way of the article, of the member `name`.
pub(super) fn settings(name: &str) -> String {
    let [superuser, replication, rewind, restapi] = PASSWORDS;
    let number = name.rsplit('-').next().expect("a number");
    format!(
        "scope: main\nname: {name}\n\
         restapi: {{ listen: \"10.0.0.1{number}:8008\", connect_address: \"{name}:8008\", \
         authentication: {{ username: patroni, password: {restapi} }} }}\n\
         etcd3: {{ hosts: \"10.0.0.11:2379, 10.0.0.12:2379\" }}\n\
         bootstrap: {{ dcs: {{ ttl: 30 }} }}\n\
         postgresql:\n  listen: \"*:5432\"\n  data_dir: /var/lib/postgresql/15/patroni\n  \
         bin_dir: /usr/lib/postgresql/15/bin/\n  parameters: {{ max_connections: 50, huge_pages: \"off\", work_mem: 8MB }}\n  \
         authentication:\n    superuser: {{ username: postgres, password: {superuser} }}\n    \
         replication: {{ username: replicator, password: {replication} }}\n    \
         rewind: {{ username: rewind_user, password: {rewind} }}\n"
    )
}

/// Three nodes that run as a deploy would have them, with files and units of somebody else's.
pub(super) fn by_hand() -> Case {
    by_hand_with("")
}

fn by_hand_with(more: &str) -> Case {
    let text = format!("{}tls: off\n{more}", super::case::THREE);
    let mut case = Case::bare(&text, "debian-12").deployed();
    for node in NODES {
        for path in [
            "/etc/default/etcd",
            "/etc/patroni/patroni.yml",
            "/etc/systemd/system/etcd.service",
            "/etc/systemd/system/patroni.service",
            "/etc/haproxy/haproxy.cfg",
            "/etc/systemd/system/haproxy.service.d/mahout.conf",
        ] {
            case.drift(node, path);
        }
        case.node(node).files.remove("/etc/mahout/vault");
        let process = ProcessFacts {
            program: "/bin/patroni".to_owned(),
            config_file: Some("/etc/patroni/patroni.yml".to_owned()),
            config: Some(Secret::new(settings(node))),
            ..ProcessFacts::default()
        };
        let processes = &mut case.node(node).processes;
        processes.insert(UNIT.to_owned(), process);
    }
    case
}

pub(super) fn with<T>(case: &Case, ask: impl FnOnce(&Desired) -> T) -> T {
    ask(&Desired {
        cluster: &case.cluster,
        secrets: &case.secrets,
        rendered: &case.rendered(),
        facts: &case.facts,
    })
}

pub(super) fn adopt(case: &Case) -> Result<Plan, PlanError> {
    with(case, Plan::adopt)
}

#[track_caller]
fn refused(case: &Case, words: &str) {
    let error = adopt(case).expect_err("refused").to_string();
    assert!(error.contains(words), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

pub(super) fn process<'a>(case: &'a mut Case, node: &str) -> &'a mut ProcessFacts {
    let processes = &mut case.node(node).processes;
    processes.get_mut(UNIT).expect("a process")
}

/// The settings of a node say otherwise.
fn says(case: &mut Case, node: &str, from: &str, to: &str) {
    let text = settings(node);
    assert!(text.contains(from), "{text}");
    process(case, node).config = Some(Secret::new(text.replace(from, to)));
}

#[test]
fn what_is_mahouts_already_is_told_so() {
    let mut case = by_hand_with("postgresql: { parameters: { ssl: on } }\n");
    for node in NODES {
        let own = settings(node).replace(
            "restapi: {",
            "restapi: { certfile: /etc/mahout/patroni.pem,",
        );
        process(&mut case, node).config = Some(Secret::new(format!("# managed by mahout\n{own}")));
    }
    let error = adopt(&case).expect_err("refused").to_string();
    assert!(
        error.contains("this cluster is mahout's already"),
        "{error}"
    );
    assert!(error.contains("`mahout deploy`"), "{error}");
    assert!(!error.contains("TLS"), "{error}");
    // One of them is somebody else's.
    says(&mut case, "pg-3", "scope: main", "scope: other");
    refused(&case, "`scope` is other on pg-3");
}

#[test]
fn nothing_that_runs_is_restarted() {
    let case = by_hand();
    let plan = adopt(&case).expect("a plan");
    for unit in ["etcd.service", "patroni.service"] {
        assert_eq!(operations(&plan, unit), []);
    }
    let reloads = NODES.map(|node| (node.to_owned(), UnitOperation::Reload));
    assert_eq!(operations(&plan, "haproxy.service"), reloads);
    let steps = steps(&plan);
    assert!(
        !steps.iter().any(|step| step.contains("restart")),
        "{steps:?}"
    );
    for step in [
        "patroni configuration/pg-2: update /etc/patroni/patroni.yml",
        "patroni configuration/pg-2: reload patroni.service",
        "etcd/pg-1: update /etc/default/etcd",
    ] {
        assert!(steps.iter().any(|said| said == step), "{step}: {steps:?}");
    }
    // A deploy does what was left out.
    let plan = case.plan();
    assert_eq!(operations(&plan, "etcd.service").len(), 3);
}

#[test]
fn a_patroni_with_another_file_is_restarted_alone_by_a_deploy() {
    let mut case = by_hand();
    process(&mut case, "pg-3").config_file = Some("/etc/patroni/config.yml".to_owned());
    let of_patroni = |plan: &Plan| -> Vec<String> {
        let steps = steps(plan).into_iter();
        let words = ["restart Patroni alone", "reload patroni", "config.yml"];
        steps
            .filter(|step| words.iter().any(|word| step.contains(word)))
            .collect()
    };
    let reload = |node| format!("patroni configuration/{node}: reload patroni.service");
    let update = "patroni configuration/pg-3: update /etc/patroni/config.yml".to_owned();
    let restart =
        "patroni configuration/pg-3: restart Patroni alone, paused for that time".to_owned();
    assert_eq!(
        of_patroni(&case.plan()),
        [reload("pg-2"), restart.clone(), reload("pg-1")]
    );
    let plan = adopt(&case).expect("a plan");
    assert_eq!(
        of_patroni(&plan),
        [reload("pg-2"), update, reload("pg-3"), reload("pg-1")]
    );
    for phase in &plan.phases {
        case.facts.project(phase);
    }
    assert_eq!(of_patroni(&adopt(&case).expect("a plan")), [""; 0]);
    let removal = "patroni configuration/pg-3: remove /etc/patroni/config.yml".to_owned();
    assert_eq!(of_patroni(&case.plan()), [restart, removal]);
}

#[test]
fn passwords_are_the_nodes_own() {
    let mut case = by_hand();
    let found = with(&case, Adopted::read).expect("read");
    let values: Vec<&str> = found.passwords.values().map(Secret::expose).collect();
    assert_eq!(values, PASSWORDS);

    let other = "hunter2-elsewhere";
    says(&mut case, "pg-2", PASSWORDS[1], other);
    refused(
        &case,
        "the nodes do not have the same password `replication` \
         (postgresql.authentication.replication.password): one on",
    );
    for node in NODES {
        says(&mut case, node, PASSWORDS[1], other);
    }
    refused(
        &case,
        "the password `replication` is another one in the vault than on the nodes",
    );
    // One that nobody has is made.
    let mut case = by_hand();
    for node in NODES {
        let login = format!(
            ", authentication: {{ username: patroni, password: {} }}",
            PASSWORDS[3]
        );
        says(&mut case, node, &login, "");
    }
    adopt(&case).expect("a plan");
}

#[test]
fn what_the_inventory_names_otherwise_is_refused_with_both_names() {
    for (from, to, words) in [
        (
            "name: pg-2",
            "name: patroni02",
            "pg-2: Patroni's member here is called `patroni02`, the inventory calls the node `pg-2`",
        ),
        (
            "scope: main",
            "scope: other",
            "`scope` is other on pg-2, and main by the inventory",
        ),
        (
            "scope: main",
            "namespace: patroni_test\nscope: main",
            "`namespace` is /patroni_test/ on pg-2, and /service/ by the inventory",
        ),
        (
            "*:5432",
            "*:6432",
            "`postgresql.port` is 6432 on pg-2, and 5432 by the inventory",
        ),
        (
            "/var/lib/postgresql/15/patroni",
            "/data",
            "`postgresql.data_dir` is /data on pg-2, and /var/lib/postgresql/15/patroni by",
        ),
        (
            "username: replicator",
            "username: repl",
            "`postgresql.replication.username` is repl on pg-2, and replicator by the inventory",
        ),
        (
            "etcd3:",
            "etcd:",
            "pg-2: Patroni's DCS here is etcd by its v2 API (`etcd:`)",
        ),
        ("etcd3:", "consul:", "pg-2: Patroni's DCS here is Consul"),
        (
            "hosts:",
            "protocol: https, hosts:",
            "pg-2: etcd speaks TLS here",
        ),
        (
            "hosts:",
            "username: u, password: hunter2, hosts:",
            "pg-2: etcd asks for a login here",
        ),
    ] {
        let mut case = by_hand();
        says(&mut case, "pg-2", from, to);
        refused(&case, words);
    }
    let mut case = by_hand();
    let etcd = ProcessFacts {
        words: vec!["etcd".to_owned(), "--data-dir=/srv/etcd".to_owned()],
        ..ProcessFacts::default()
    };
    let processes = &mut case.node("pg-2").processes;
    processes.insert("etcd.service".to_owned(), etcd);
    refused(
        &case,
        "`etcd.data_dir` is /srv/etcd on pg-2, and /var/lib/etcd/main by the inventory",
    );
    let mut case = by_hand();
    process(&mut case, "pg-2").config = Some(Secret::new("a: [hunter2"));
    refused(&case, "pg-2: what Patroni was started with is not known");
}

#[test]
fn only_what_runs_in_clear_as_the_expected_units_is_taken_over() {
    let mut case = by_hand();
    case.stop("pg-3", UNIT);
    refused(&case, "pg-3: patroni.service does not run here");
    let mut case = by_hand();
    case.stop("pg-3", "etcd.service");
    refused(&case, "pg-3: etcd.service does not run here");
    let mut case = Case::running();
    for node in NODES {
        let process = ProcessFacts {
            config_file: Some("/etc/patroni/patroni.yml".to_owned()),
            config: Some(Secret::new(settings(node))),
            ..ProcessFacts::default()
        };
        let processes = &mut case.node(node).processes;
        processes.insert(UNIT.to_owned(), process);
    }
    refused(
        &case,
        "the inventory says `tls: on`, and what is taken over",
    );
}

#[test]
fn what_would_be_cut_off_or_could_not_be_read_is_refused() {
    let mut case = by_hand();
    let listening = |port| mahout::facts::ListeningPort {
        port,
        process: "haproxy".to_owned(),
        ..Default::default()
    };
    case.node("pg-1").ports = vec![listening(5000), listening(5432), listening(7000)];
    refused(
        &case,
        "pg-1: HAProxy listens on port 5432 here, and by the inventory no longer would",
    );
    let mut case = by_hand();
    let directory = mahout::facts::DirectoryFacts {
        owner: "root".to_owned(),
        ..Default::default()
    };
    let directories = &mut case.node("pg-1").directories;
    directories.insert("/var/lib/etcd/main".to_owned(), directory);
    refused(
        &case,
        "pg-1: /var/lib/etcd/main is root's, and etcd.service is to run as etcd",
    );
    let mut case = by_hand();
    case.postgresql("pg-1").tablespaces = vec![
        "/var/lib/postgresql/15/fast".to_owned(),
        "/srv/fast".to_owned(),
    ];
    refused(
        &case,
        "pg-1: a tablespace is in /srv/fast, where patroni.service may not write",
    );
    let mut case = by_hand();
    says(&mut case, "pg-1", "work_mem: 8MB", "ssl: true");
    refused(&case, "pg-1: PostgreSQL takes connections with TLS here");
    let mut case = by_hand_with("postgresql: { users: [{ name: app }] }\n");
    let verifier = Secret::new("SCRAM-SHA-256$1:c2FsdA==$AAAA:AAAA");
    let verifiers = &mut case.postgresql("pg-1").verifiers;
    verifiers.insert("app".to_owned(), Some(verifier));
    refused(
        &case,
        "the role `app` is there, with another password than `user.app`",
    );
}
