//! A cluster made by hand, and targets of it on four distributions.

use mahout::cluster::{Cluster, Node, SecretName, Secrets};
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

/// The cluster of all tests, with more of what files are made of.
pub(super) fn cluster() -> Cluster {
    let mut cluster = crate::sample::cluster(3);
    cluster.scope = "region_one".to_owned();
    cluster.tls.enabled = false;
    cluster.etcd.initial_cluster_token = "region_one".to_owned();
    let timings = &cluster.timings;
    cluster.patroni.dynamic = map(json!({
        "ttl": timings.ttl.as_secs(),
        "loop_wait": timings.loop_wait.as_secs(),
        "retry_timeout": timings.retry_timeout.as_secs(),
        "maximum_lag_on_failover": 1_048_576,
        "postgresql": {
            "use_pg_rewind": true,
            "parameters": {"max_connections": 200, "wal_log_hints": "on"},
        },
    }));
    cluster.patroni.connect_by_name = true;
    cluster.patroni.initdb = vec![json!({"encoding": "UTF8"}), json!("data-checksums")];
    cluster.postgresql.version = None;
    cluster.postgresql.rewind = "rewind_user".to_owned();
    cluster.postgresql.pg_hba = [
        "local all all peer",
        "host all all 127.0.0.1/32 scram-sha-256",
        "host replication replicator 10.0.0.0/24 scram-sha-256",
        "host all all 10.0.0.0/24 scram-sha-256",
    ]
    .map(str::to_owned)
    .to_vec();
    cluster.haproxy.maxconn = 400;
    cluster.haproxy.server_maxconn = 180;
    cluster.haproxy.replica_max_lag = Some(10 << 20);
    for node in &mut cluster.nodes {
        node.ssh.destination = node.name.to_string();
        node.system.check_hostname = true;
        node.system.sysctl = [("vm.swappiness", "1"), ("net.core.somaxconn", "1024")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        node.system.strict_overcommit = true;
        node.patroni.listen = "0.0.0.0".to_owned();
        node.postgresql.parameters =
            map(json!({"shared_buffers": "auto", "effective_cache_size": "auto"}));
        node.etcd_data_dir = "/var/lib/etcd/region_one".to_owned();
    }
    cluster.nodes[2].patroni.tags = map(json!({"nofailover": true}));
    cluster
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
