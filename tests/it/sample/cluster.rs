//! What the inventory of the sample says.

use std::collections::BTreeMap;
use std::time::Duration;

use mahout::cluster::{
    Cluster, EtcdSpec, HaproxySpec, Node, NodeHaproxy, NodePatroni, NodePostgresql, PackagesSpec,
    PatroniSpec, PostgresqlSpec, Role, SshSpec, SystemSpec, Timings,
};
use serde_json::{Map, json};

use super::{map, name};

/// `count` nodes pg-1, pg-2, … with every role.
pub(crate) fn cluster(count: usize) -> Cluster {
    Cluster {
        scope: "demo".to_owned(),
        namespace: "/service/".to_owned(),
        nodes: (1..=count).map(node).collect(),
        timings: Timings::NORMAL,
        tls: mahout::cluster::TlsSpec {
            stage: mahout::cluster::TlsStage::Whole,
            enabled: true,
            lifetime: Duration::from_secs(365 * 86_400),
            ca_lifetime: Duration::from_secs(3650 * 86_400),
            brought: None,
            endpoints: Vec::new(),
        },
        vault: mahout::cluster::VaultSpec::default(),
        clients: Vec::new(),
        etcd: EtcdSpec {
            external: None,
            client_port: 2379,
            peer_port: 2380,
            initial_cluster_token: "demo".to_owned(),
            heartbeat_interval: Duration::from_millis(100),
            election_timeout: Duration::from_secs(1),
            quota_bytes: 2 << 30,
            auto_compaction_retention: Duration::from_secs(3600),
            version: None,
        },
        patroni: PatroniSpec {
            dynamic: map(json!({
                "ttl": 30, "loop_wait": 10, "maximum_lag_on_failover": 1_048_576,
                "postgresql": {"use_pg_rewind": true, "parameters": {"max_connections": 100}},
            })),
            port: 8008,
            rest_username: "patroni".to_owned(),
            connect_by_name: false,
            extra: Map::new(),
            initdb: Vec::new(),
            restart: "on-failure".to_owned(),
            stop_timeout: Duration::from_secs(60),
            version: None,
        },
        postgresql: PostgresqlSpec {
            pg_hba_in_clear: Vec::new(),
            version: Some(15),
            package_version: None,
            superuser: "postgres".to_owned(),
            replication: "replicator".to_owned(),
            rewind: "rewind".to_owned(),
            pg_hba: [
                "local all postgres peer",
                "hostssl all,replication postgres,replicator 10.0.0.0/24 scram-sha-256 clientcert=verify-ca",
            ]
            .map(str::to_owned)
            .to_vec(),
            users: Vec::new(),
        },
        haproxy: HaproxySpec {
            stats_uri: "/".to_owned(),
            stats_username: None,
            version: None,
            maxconn: 1000,
            server_maxconn: 100,
            timeout_session: Duration::from_secs(1800),
            timeout_connect: Duration::from_secs(4),
            timeout_check: Duration::from_secs(2),
            retries: 2,
            replica_max_lag: None,
            extra_global: Vec::new(),
            extra: None,
        },
        vip: None,
        secrets: BTreeMap::new(),
        warnings: Vec::new(),
    }
}

fn node(number: usize) -> Node {
    let address = format!("10.0.0.{}", 10 + number);
    Node {
        name: name(number),
        address: address.parse().expect("an address"),
        roles: Role::ALL.into(),
        ssh: SshSpec {
            destination: address,
            user: None,
            port: None,
            identity_file: None,
            config_file: None,
            known_hosts_file: None,
            proxy_jump: None,
            connect_timeout: Duration::from_secs(10),
            persist: Duration::ZERO,
        },
        packages: PackagesSpec::default(),
        system: SystemSpec {
            platform: None,
            hosts_entries: true,
            check_hostname: false,
            sysctl: BTreeMap::from([("vm.swappiness".to_owned(), "1".to_owned())]),
            disable_transparent_huge_pages: true,
            limit_nofile: Some(65_536),
            time_sync: true,
            watchdog: true,
            strict_overcommit: false,
            disable_distribution_postgresql: true,
            firewall: mahout::cluster::FirewallUse::Auto,
            selinux_permissive: false,
        },
        patroni: NodePatroni {
            listen: "*".to_owned(),
            tags: Map::new(),
            watchdog: "automatic".to_owned(),
            extra: Map::new(),
        },
        postgresql: NodePostgresql {
            port: 5432,
            listen: vec!["*".to_owned()],
            data_dir: None,
            bin_dir: None,
            pgpass: None,
            writable_paths: Vec::new(),
            parameters: Map::new(),
        },
        haproxy: NodeHaproxy {
            listen: vec!["*".to_owned()],
            read_write_port: 5000,
            read_only_port: Some(5001),
            stats_listen: "127.0.0.1".to_owned(),
            stats_port: 7000,
        },
        etcd_data_dir: "/var/lib/etcd".to_owned(),
        etcd_extra: BTreeMap::new(),
    }
}
