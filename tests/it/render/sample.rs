//! A cluster made by hand, and targets of it on four distributions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mahout::cluster::{
    Cluster, EtcdSpec, HaproxySpec, Node, NodeHaproxy, NodePatroni, NodePostgresql, PatroniSpec,
    PostgresqlSpec, Role, SecretName, Secrets, SshSpec, SystemSpec, Timings,
};
use mahout::facts::OsRelease;
use mahout::platform::Platform;
use mahout::render::{File, Target, files};
use mahout::secret::Secret;
use mahout::template::Templates;
use serde_json::{Map, Value, json};

const GIB: u64 = 1 << 30;

/// A map of a `json!` literal.
pub(super) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no map"),
    }
}

pub(super) fn platform(id: &str, version: &str) -> Platform {
    Platform::detect(&OsRelease {
        id: id.to_owned(),
        version_id: version.to_owned(),
        pretty_name: format!("{id} {version}"),
        ..OsRelease::default()
    })
    .expect("a known distribution")
}

/// Every distribution that the tests render for, with its name in snapshots.
pub(super) fn platforms() -> [(&'static str, Platform); 4] {
    [
        ("debian-12", platform("debian", "12")),
        ("debian-13", platform("debian", "13")),
        ("el-9", platform("rocky", "9.4")),
        ("el-7", platform("centos", "7")),
    ]
}

/// Three nodes with every role.
pub(super) fn cluster() -> Cluster {
    let timings = Timings::NORMAL;
    let mut nodes: Vec<Node> = (1..=3).map(node).collect();
    nodes[2].patroni.tags = map(json!({"nofailover": true}));
    Cluster {
        scope: "region_one".to_owned(),
        namespace: "/service/".to_owned(),
        nodes,
        timings,
        tls: mahout::cluster::TlsSpec {
            stage: mahout::cluster::TlsStage::Whole,
            enabled: false,
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
            initial_cluster_token: "region_one".to_owned(),
            heartbeat_interval: Duration::from_millis(100),
            election_timeout: Duration::from_secs(1),
            quota_bytes: 2 * GIB,
            auto_compaction_retention: Duration::from_secs(3600),
            version: None,
        },
        patroni: PatroniSpec {
            dynamic: map(json!({
                "ttl": timings.ttl.as_secs(),
                "loop_wait": timings.loop_wait.as_secs(),
                "retry_timeout": timings.retry_timeout.as_secs(),
                "maximum_lag_on_failover": 1_048_576,
                "postgresql": {
                    "use_pg_rewind": true,
                    "parameters": {"max_connections": 200, "wal_log_hints": "on"},
                },
            })),
            port: 8008,
            rest_username: "patroni".to_owned(),
            connect_by_name: true,
            extra: Map::new(),
            initdb: vec![json!({"encoding": "UTF8"}), json!("data-checksums")],
            restart: "on-failure".to_owned(),
            stop_timeout: Duration::from_secs(60),
            version: None,
        },
        postgresql: PostgresqlSpec {
            pg_hba_in_clear: Vec::new(),
            version: None,
            package_version: None,
            superuser: "postgres".to_owned(),
            replication: "replicator".to_owned(),
            rewind: "rewind_user".to_owned(),
            pg_hba: [
                "local all all peer",
                "host all all 127.0.0.1/32 scram-sha-256",
                "host replication replicator 10.0.0.0/24 scram-sha-256",
                "host all all 10.0.0.0/24 scram-sha-256",
            ]
            .map(str::to_owned)
            .to_vec(),
            users: Vec::new(),
        },
        haproxy: HaproxySpec {
            stats_uri: "/".to_owned(),
            stats_username: None,
            version: None,
            maxconn: 400,
            server_maxconn: 180,
            timeout_session: Duration::from_secs(1800),
            timeout_connect: Duration::from_secs(4),
            timeout_check: Duration::from_secs(2),
            retries: 2,
            replica_max_lag: Some(10 << 20),
            extra_global: Vec::new(),
            extra: None,
        },
        secrets: BTreeMap::new(),
        warnings: Vec::new(),
    }
}

fn node(number: u8) -> Node {
    Node {
        name: format!("pg-{number}").as_str().into(),
        address: [10, 0, 0, 10 + number].into(),
        roles: BTreeSet::from(Role::ALL),
        ssh: SshSpec {
            destination: format!("pg-{number}"),
            user: None,
            port: None,
            identity_file: None,
            config_file: None,
            known_hosts_file: None,
            proxy_jump: None,
            connect_timeout: Duration::from_secs(10),
            persist: Duration::ZERO,
        },
        system: SystemSpec {
            hosts_entries: true,
            check_hostname: true,
            sysctl: [("vm.swappiness", "1"), ("net.core.somaxconn", "1024")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            disable_transparent_huge_pages: true,
            limit_nofile: Some(65_536),
            time_sync: true,
            watchdog: true,
            strict_overcommit: true,
            disable_distribution_postgresql: true,
        },
        patroni: NodePatroni {
            listen: "0.0.0.0".to_owned(),
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
            parameters: map(json!({"shared_buffers": "auto", "effective_cache_size": "auto"})),
        },
        haproxy: NodeHaproxy {
            listen: vec!["*".to_owned()],
            read_write_port: 5000,
            read_only_port: Some(5001),
            stats_listen: "127.0.0.1".to_owned(),
            stats_port: 7000,
        },
        etcd_data_dir: "/var/lib/etcd/region_one".to_owned(),
        etcd_extra: BTreeMap::new(),
    }
}

/// One recognisable value for each secret.
pub(super) fn secrets() -> Secrets {
    let names = [
        SecretName::Superuser,
        SecretName::Replication,
        SecretName::Rewind,
        SecretName::RestApi,
        SecretName::Etcd,
        SecretName::HaproxyStats,
    ];
    let secret = |name: SecretName| (name.clone(), Secret::new(format!("hunter2-{name}")));
    Secrets::from(std::collections::BTreeMap::from(names.map(secret)))
}

/// What the node answered: 16 GiB of memory, 4 GiB of swap, Debian's hosts file.
pub(super) fn target<'a>(
    cluster: &'a Cluster,
    node: &'a Node,
    secrets: &'a Secrets,
    platform: &'a Platform,
) -> Target<'a> {
    Target {
        memory_bytes: Some(16 * GIB),
        swap_bytes: 4 * GIB,
        hosts_file: Some(format!("127.0.0.1 localhost\n127.0.1.1 {}\n", node.name)),
        ..Target::of_platform(cluster, node, secrets, platform)
    }
}

/// Every file of the `index`th node.
pub(super) fn rendered(cluster: &Cluster, index: usize, platform: &Platform) -> Vec<File> {
    let templates = Templates::builtin().expect("our templates");
    let secrets = secrets();
    let target = target(cluster, &cluster.nodes[index], &secrets, platform);
    files(&target, &templates).expect("files")
}

/// The content of the file at `path`.
pub(super) fn content<'a>(files: &'a [File], path: &str) -> &'a str {
    let file = files.iter().find(|file| file.path == path);
    file.unwrap_or_else(|| panic!("{path} is not rendered"))
        .content
        .expose()
}
