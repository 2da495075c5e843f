//! Inventories that become clusters: the ones that are shipped, and what each setting becomes.

use std::path::PathBuf;

use mahout::cluster::{Cluster, Role, SecretName, SecretSource, Timings};
use mahout::inventory::Style;
use serde_json::json;

use super::{checked, file};

/// The cluster, without a word of doubt.
pub(super) fn clean(text: &str) -> Cluster {
    let checked = checked(text);
    assert!(
        checked.problems.is_empty(),
        "{}",
        checked.render(Style::Plain)
    );
    checked.cluster.expect("a cluster")
}

pub(super) const NODES: &str = "scope: main
clients: [10.0.9.0/24]
nodes:
  pg-1: { address: 10.0.0.11 }
  pg-2: { address: 10.0.0.12 }
  pg-3: { address: 10.0.0.13 }
";

#[test]
fn three_nodes_are_enough_and_get_defaults_that_are_right_for_production() {
    let cluster = clean(&file("inventories/minimal.yml"));
    assert_eq!(cluster.dcs_path(), "/service/main/");
    assert_eq!(cluster.nodes.len(), 3);
    for role in Role::ALL {
        assert_eq!(cluster.with_role(role).count(), 3);
    }
    assert_eq!(cluster.timings, Timings::NORMAL);
    assert_eq!(
        serde_json::Value::Object(cluster.patroni.dynamic.clone()),
        json!({
            "ttl": 30,
            "loop_wait": 10,
            "retry_timeout": 10,
            "maximum_lag_on_failover": 1_048_576,
            "failsafe_mode": true,
            "synchronous_mode": false,
            "postgresql": {
                "use_pg_rewind": true,
                "use_slots": true,
                "parameters": {
                    "max_connections": 200,
                    "max_wal_senders": 10,
                    "max_replication_slots": 10,
                    "password_encryption": "scram-sha-256",
                },
            },
        })
    );
    assert_eq!(
        cluster.postgresql.pg_hba,
        [
            "local all postgres peer",
            "local replication replicator scram-sha-256",
            "local all all scram-sha-256",
            "hostssl all,replication postgres,replicator,rewind_user 10.0.0.11/32 scram-sha-256 clientcert=verify-ca",
            "hostssl all,replication postgres,replicator,rewind_user 10.0.0.12/32 scram-sha-256 clientcert=verify-ca",
            "hostssl all,replication postgres,replicator,rewind_user 10.0.0.13/32 scram-sha-256 clientcert=verify-ca",
            "host all,replication postgres,replicator,rewind_user all reject",
            "hostssl all all 127.0.0.1/32 scram-sha-256",
            "hostssl all all ::1/128 scram-sha-256",
            "hostssl all all 10.0.0.11/32 scram-sha-256",
            "hostssl all all 10.0.0.12/32 scram-sha-256",
            "hostssl all all 10.0.0.13/32 scram-sha-256",
            "hostssl all all 10.0.2.0/24 scram-sha-256",
        ]
    );
    for name in [
        SecretName::Superuser,
        SecretName::Replication,
        SecretName::Rewind,
        SecretName::RestApi,
    ] {
        assert_eq!(cluster.secrets.get(&name), Some(&SecretSource::Generated));
    }
    assert_eq!(
        cluster.secrets.get(&SecretName::Probe),
        Some(&SecretSource::Generated)
    );
    assert_eq!(cluster.secrets.len(), 7);
    let node = &cluster.nodes[0];
    assert_eq!(node.postgresql.listen, ["10.0.0.11", "127.0.0.1"]);
    assert_eq!(node.patroni.listen, "10.0.0.11");
    assert_eq!(node.haproxy.stats_listen, "127.0.0.1");
    assert_eq!(node.ssh.destination, "10.0.0.11");
    assert_eq!(node.postgresql.parameters["shared_buffers"], "auto");
    assert_eq!(node.system.sysctl["vm.swappiness"], "1");
}

#[test]
fn with_tls_only_members_with_a_certificate_come_in_as_the_clusters_own_users() {
    let text = format!("{NODES}tls: on\n");
    let own = "all,replication postgres,replicator,rewind_user";
    let mut expected = vec![
        "local all postgres peer".to_owned(),
        "local replication replicator scram-sha-256".to_owned(),
        "local all all scram-sha-256".to_owned(),
    ];
    for address in ["10.0.0.11/32", "10.0.0.12/32", "10.0.0.13/32"] {
        expected.push(format!(
            "hostssl {own} {address} scram-sha-256 clientcert=verify-ca"
        ));
    }
    expected.push(format!("host {own} all reject"));
    for address in [
        "127.0.0.1/32",
        "::1/128",
        "10.0.0.11/32",
        "10.0.0.12/32",
        "10.0.0.13/32",
        "10.0.9.0/24",
    ] {
        expected.push(format!("hostssl all all {address} scram-sha-256"));
    }
    assert_eq!(clean(&text).postgresql.pg_hba, expected);
    // They keep nobody out who is needed.
    clean(&format!("{text}postgresql: {{ pg_hba: [default] }}\n"));
}

#[test]
fn the_starter_passes_as_it_is_and_so_does_all_that_is_commented_out() {
    let starter = mahout::inventory::starter();
    let cluster = clean(starter);
    let minimal = clean(&file("inventories/minimal.yml"));
    assert_eq!(cluster, minimal);
    clean(&super::reference::uncommented(starter));
}

#[test]
fn dedicated_nodes_have_the_roles_of_their_groups() {
    let cluster = clean(&file("inventories/dedicated.yml"));
    let names = |role| {
        cluster
            .with_role(role)
            .map(|node| node.name.0.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(Role::Etcd), ["etcd-1", "etcd-2", "etcd-3"]);
    assert_eq!(names(Role::Postgresql), ["pg-1", "pg-2", "pg-3"]);
    assert_eq!(names(Role::Haproxy), ["proxy-1", "proxy-2"]);
    assert_eq!(cluster.haproxy.server_maxconn, 390);
    // Clients come with the proxies' addresses.
    let hba = &cluster.postgresql.pg_hba;
    assert!(hba.contains(&"hostssl all all 10.0.0.31/32 scram-sha-256".to_owned()));
    assert!(hba.contains(&"hostssl all all 10.0.2.0/24 scram-sha-256".to_owned()));
    assert!(!hba.iter().any(|line| line.contains("10.0.0.21")));
}

#[test]
fn every_setting_of_the_article_can_be_said() {
    let checked = checked(&file("inventories/article.yml"));
    let cluster = checked.cluster.expect("a cluster");
    insta::assert_snapshot!(cluster.warnings.join("\n"), @"
    inventory.yml:37:12: PostgreSQL 13 has had no security fixes since 2025-11-13 (deploy a supported version; an upgrade later costs a maintenance window)
    inventory.yml:41:13: `data_dir` does not name the major version, and the next one needs a folder beside it (for example /var/lib/pgsql/data/postgresql0/13)
    ");
    assert_eq!(cluster.dcs_path(), "/patroni_test/region_one/");
    let names: Vec<&str> = cluster
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names, ["patroni01", "patroni02", "patroni03"]);
    let node = &cluster.nodes[2];
    assert_eq!(node.ssh.user.as_deref(), Some("centos"));
    assert_eq!(
        node.ssh.identity_file,
        Some(PathBuf::from("/home/ops/.ssh/id_ed25519"))
    );
    assert_eq!(node.postgresql.port, 6432);
    assert_eq!(
        node.postgresql.data_dir.as_deref(),
        Some("/var/lib/pgsql/data/postgresql0")
    );
    assert_eq!(
        node.postgresql.bin_dir.as_deref(),
        Some("/usr/pgsql-13/bin")
    );
    assert_eq!(node.haproxy.read_write_port, 5432);
    assert_eq!(
        (node.haproxy.stats_listen.as_str(), node.haproxy.stats_port),
        ("*", 7000)
    );
    assert_eq!(cluster.haproxy.stats_uri, "/");
    assert_eq!(cluster.haproxy.stats_username.as_deref(), Some("admin"));
    assert_eq!(
        cluster.secrets[&SecretName::HaproxyStats],
        SecretSource::Generated
    );
    assert_eq!(cluster.haproxy.server_maxconn, 80);
    assert!(cluster.patroni.connect_by_name);
    assert_eq!(
        cluster.patroni.initdb,
        [json!({"encoding": "UTF8"}), json!("data-checksums")]
    );
    assert_eq!(cluster.postgresql.version, Some(13));
}

#[test]
fn a_cluster_without_tls_is_told_so_before_any_node_is_asked() {
    let of = |tls: &str| {
        let text = format!(
            "scope: main\ntls: {tls}\nclients: [10.0.9.0/24]\nnodes:\n  pg-1: {{ address: 10.0.0.11 }}\n"
        );
        checked(&text).render(Style::Plain)
    };
    assert!(of("off").contains("tls is off: passwords and data"));
    assert!(!of("on").contains("tls is off"));
}

#[test]
fn a_node_wins_over_its_group_and_a_group_over_the_top_level() {
    let cluster = clean(
        "scope: main
clients: [10.0.9.0/24]
postgresql: { port: 5433, local_parameters: { work_mem: 8MB, huge_pages: off } }
system: { sysctl: { vm.swappiness: 10 } }
patroni: { extra: { log: { level: INFO, dir: /var/log/patroni } } }
groups:
  large:
    nodes: [pg-1, pg-2]
    postgresql: { local_parameters: { work_mem: 64MB } }
    patroni: { extra: { log: { level: DEBUG } } }
nodes:
  pg-1: { address: 10.0.0.11 }
  pg-2: { address: 10.0.0.12, postgresql: { port: 5434, local_parameters: { work_mem: 1GB } } }
  pg-3: { address: 10.0.0.13, system: { sysctl: off } }
",
    );
    let [one, two, three] = cluster.nodes.as_slice() else {
        panic!("three nodes")
    };
    assert_eq!((one.postgresql.port, two.postgresql.port), (5433, 5434));
    assert_eq!(one.postgresql.parameters["work_mem"], "64MB");
    assert_eq!(two.postgresql.parameters["work_mem"], "1GB");
    assert_eq!(three.postgresql.parameters["work_mem"], "8MB");
    assert_eq!(two.postgresql.parameters["huge_pages"], "off");
    assert_eq!(
        one.patroni.extra["log"],
        json!({"level": "DEBUG", "dir": "/var/log/patroni"})
    );
    assert_eq!(three.patroni.extra["log"]["level"], "INFO");
    assert_eq!(one.system.sysctl["vm.swappiness"], "10");
    assert_eq!(one.system.sysctl["vm.zone_reclaim_mode"], "0");
    assert!(three.system.sysctl.is_empty());
}

#[test]
fn settings_reach_patroni_typed_as_it_keeps_them() {
    let cluster = clean(&format!(
        "{NODES}timings: {{ base: fast, ttl: 1min }}
patroni:
  maximum_lag_on_failover: 16MB
  synchronous_mode: quorum
  synchronous_node_count: 1
  primary_start_timeout: 5min
  slots: {{ warehouse: {{ type: logical, database: app, plugin: pgoutput }} }}
  dynamic: {{ postgresql: {{ recovery_conf: {{ restore_command: 'cp %f %p' }} }}, member_limit: 3 }}
postgresql:
  parameters: {{ max_connections: 500, wal_compression: on, jit: off, random_page_cost: 1.1, shared_buffers: 4GB, maintenance_work_mem: auto, shared_preload_libraries: [pg_stat_statements, auto_explain] }}
"
    ));
    let dynamic = &cluster.patroni.dynamic;
    assert_eq!(
        (&dynamic["ttl"], &dynamic["loop_wait"]),
        (&json!(60), &json!(5))
    );
    assert_eq!(dynamic["maximum_lag_on_failover"], json!(16 << 20));
    assert_eq!(dynamic["synchronous_mode"], "quorum");
    assert_eq!(dynamic["primary_start_timeout"], 300);
    assert_eq!(dynamic["slots"]["warehouse"]["plugin"], "pgoutput");
    assert_eq!(dynamic["member_limit"], 3);
    assert_eq!(
        dynamic["postgresql"]["recovery_conf"]["restore_command"],
        "cp %f %p"
    );
    let parameters = &dynamic["postgresql"]["parameters"];
    assert_eq!(parameters["wal_compression"], "on");
    assert_eq!(parameters["jit"], "off");
    assert_eq!(parameters["random_page_cost"], json!(1.1));
    assert_eq!(parameters["shared_buffers"], "4GB");
    assert_eq!(
        parameters["shared_preload_libraries"],
        "pg_stat_statements, auto_explain"
    );
    assert_eq!(parameters.get("maintenance_work_mem"), None);
    let local = &cluster.nodes[0].postgresql.parameters;
    assert_eq!(local.get("shared_buffers"), None);
    assert_eq!(local["maintenance_work_mem"], "auto");
    assert_eq!(cluster.haproxy.server_maxconn, 490);
}

#[test]
fn null_unsets_a_parameter_and_a_forgotten_value_does_not() {
    let with = |parameters: &str| {
        format!("{NODES}postgresql:\n  parameters:\n    {parameters}\n    work_mem: 8MB\n")
    };
    for null in ["null", "~"] {
        let cluster = clean(&with(&format!("max_connections: {null}")));
        let parameters = &cluster.patroni.dynamic["postgresql"]["parameters"];
        let as_map = parameters.as_object().expect("a map");
        assert_eq!(as_map.get("max_connections"), Some(&json!(null)));
        assert_eq!(parameters["work_mem"], json!("8MB"));
    }
    for (text, problem) in [
        (
            "max_connections:",
            "`postgresql.parameters.max_connections` has no value",
        ),
        (
            "max_conections: null",
            "PostgreSQL has no parameter `max_conections`",
        ),
    ] {
        let said = checked(&with(text)).render(Style::Plain);
        assert!(said.contains(problem), "{said}");
    }
    let refused = format!("{NODES}patroni: {{ dynamic: {{ failsafe_mode: null }} }}\n");
    let said = checked(&refused).render(Style::Plain);
    assert!(
        said.contains("`failsafe_mode` has a key of its own"),
        "{said}"
    );
}

#[test]
fn a_superuser_of_another_name_still_logs_in_over_the_socket() {
    let cluster = clean(&format!(
        "{NODES}postgresql: {{ superuser: {{ username: dba }} }}\n"
    ));
    assert_eq!(
        cluster.postgresql.pg_hba[0],
        "local all dba peer map=mahout"
    );
    assert_eq!(
        cluster.patroni.extra["postgresql"]["pg_ident"],
        json!(["mahout postgres dba"])
    );
}
