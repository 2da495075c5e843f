//! Clusters that differ from the sample in what changes the files, and what changes in them.

use mahout::cluster::{Cluster, ExternalEtcd, Role, SecretName};
use mahout::render::{
    HOSTS_PATH, Purpose, RenderError, Target, files, read_only_listener, read_write_listener,
    sysctl_values,
};
use mahout::template::Templates;
use serde_json::{Value, json};

use super::sample::{cluster, content, map, platform, rendered, secrets, target};

const YML: &str = "/etc/patroni/patroni.yml";

/// Every kind of cluster, by name.
pub(super) fn variants() -> Vec<(&'static str, Cluster)> {
    vec![
        ("sample", cluster()),
        ("by address", by_address()),
        ("dedicated", dedicated()),
        ("external etcd", external_etcd()),
        ("IPv6", ipv6()),
        ("extra", extra()),
        ("statistics with a login", statistics_with_a_login()),
        ("encrypted", super::encrypted::encrypted()),
    ]
}

fn statistics_with_a_login() -> Cluster {
    let mut cluster = cluster();
    cluster.haproxy.stats_uri = "/stats".to_owned();
    cluster.haproxy.stats_username = Some("monitor".to_owned());
    for node in &mut cluster.nodes {
        node.haproxy.stats_listen = "*".to_owned();
    }
    cluster
}

fn by_address() -> Cluster {
    let mut cluster = cluster();
    cluster.patroni.connect_by_name = false;
    cluster.haproxy.replica_max_lag = None;
    cluster.nodes[2].haproxy.read_only_port = None;
    cluster
}

/// etcd, PostgreSQL and HAProxy on a node each.
fn dedicated() -> Cluster {
    let mut cluster = cluster();
    for (node, role) in cluster.nodes.iter_mut().zip(Role::ALL) {
        node.roles = [role].into();
    }
    cluster
}

pub(super) fn external_etcd() -> Cluster {
    let mut cluster = cluster();
    for node in &mut cluster.nodes {
        node.roles = [Role::Postgresql, Role::Haproxy].into();
    }
    cluster.etcd.external = Some(ExternalEtcd {
        endpoints: vec!["etcd.example:2379".to_owned(), "10.1.0.1:2379".to_owned()],
        protocol: "https".to_owned(),
        ca_file: Some("/etc/ssl/etcd.pem".to_owned()),
        cert_file: Some("/etc/ssl/private/etcd-client.pem".to_owned()),
        key_file: None,
        username: Some("patroni".to_owned()),
    });
    cluster
}

pub(super) fn ipv6() -> Cluster {
    let mut cluster = by_address();
    for (node, number) in cluster.nodes.iter_mut().zip(1..) {
        node.address = [0xfd00, 0, 0, 0, 0, 0, 0, number].into();
        node.patroni.listen = "::".to_owned();
        node.postgresql.listen = vec!["127.0.0.1".to_owned(), "fd00::1".to_owned()];
        node.haproxy.listen = vec!["::".to_owned(), "127.0.0.1".to_owned()];
        node.haproxy.stats_listen = "::1".to_owned();
    }
    cluster
}

fn extra() -> Cluster {
    let mut cluster = cluster();
    cluster.patroni.restart = "no".to_owned();
    cluster.patroni.extra = map(json!({"log": {"level": "DEBUG"}, "ctl": {"insecure": false}}));
    cluster.haproxy.extra_global = vec!["spread-checks 5".to_owned(), "nbthread 2".to_owned()];
    cluster.haproxy.extra = Some("listen mine\n    bind 127.0.0.1:9999\n\n".to_owned());
    for node in &mut cluster.nodes {
        node.patroni.extra = map(json!({"log": null, "watchdog": {"safety_margin": -1}}));
        node.etcd_extra = [("SNAPSHOT_COUNT", "10000"), ("HEARTBEAT_INTERVAL", "250")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        node.system.watchdog = false;
        node.system.limit_nofile = None;
        node.system.strict_overcommit = false;
        node.system.sysctl.clear();
        node.system.disable_transparent_huge_pages = false;
        node.system.hosts_entries = false;
    }
    cluster
}

fn yml(cluster: &Cluster, index: usize) -> Value {
    let files = rendered(cluster, index, &platform("debian", "12"));
    serde_saphyr::from_str(content(&files, YML)).expect("YAML")
}

#[test]
fn each_role_has_its_own_files() {
    let cluster = dedicated();
    let purposes = |index| {
        let files = rendered(&cluster, index, &platform("debian", "12"));
        let mut purposes: Vec<Purpose> = files.iter().map(|file| file.purpose).collect();
        assert!(purposes.is_sorted(), "in the order of a deploy");
        purposes.dedup();
        purposes
    };
    use Purpose::{
        BeforePackages, EtcdConfig, EtcdUnit, HaproxyConfig, PatroniConfig, PatroniUnit, System,
    };
    assert_eq!(purposes(0), [System, EtcdUnit, EtcdConfig]);
    assert_eq!(
        purposes(1),
        [BeforePackages, System, PatroniUnit, PatroniConfig]
    );
    assert_eq!(purposes(2), [System, HaproxyConfig]);
}

#[test]
fn only_sensitive_files_hold_secrets() {
    for (variant, cluster) in variants() {
        for index in 0..cluster.nodes.len() {
            for file in rendered(&cluster, index, &platform("rocky", "9.4")) {
                let holds = file.content.expose().contains("hunter2");
                assert_eq!(holds, file.sensitive, "{variant}: {}", file.path);
                assert_eq!(
                    file.mode,
                    if holds { 0o600 } else { 0o644 },
                    "{}",
                    file.path
                );
                assert!(file.content.expose().ends_with('\n'), "{}", file.path);
                assert!(
                    file.content.expose().contains("managed by mahout"),
                    "{}",
                    file.path
                );
            }
        }
    }
}

#[test]
fn statistics_with_a_login_are_open_to_the_node_itself_alone() {
    let cluster = statistics_with_a_login();
    let files = rendered(&cluster, 0, &platform("debian", "12"));
    let path = "/etc/haproxy/haproxy.cfg";
    let file = files.iter().find(|file| file.path == path).expect("a file");
    assert!(file.sensitive);
    assert_eq!((file.mode, file.owner), (0o600, "root"));
    let text = content(&files, path);
    for line in [
        "userlist statistics\n    user monitor insecure-password hunter2-haproxy_stats\n",
        "\n    bind *:7000\n    stats enable\n    stats uri /stats\n    stats http-request auth \
         unless { src 127.0.0.0/8 ::1 10.0.0.11 } or { http_auth(statistics) }\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(
        cluster.stats_url(&cluster.nodes[0]),
        "http://127.0.0.1:7000/stats;csv"
    );
    let open = rendered(&super::sample::cluster(), 0, &platform("debian", "12"));
    let file = open.iter().find(|file| file.path == path).expect("a file");
    assert_eq!((file.sensitive, file.mode), (false, 0o644));
}

#[test]
fn an_external_etcd_is_asked_with_its_user() {
    let expected = json!({
        "hosts": ["etcd.example:2379", "10.1.0.1:2379"],
        "protocol": "https",
        "cacert": "/etc/ssl/etcd.pem",
        "cert": "/etc/ssl/private/etcd-client.pem",
        "username": "patroni",
        "password": secrets().get(&SecretName::Etcd).expose(),
    });
    assert_eq!(yml(&external_etcd(), 0)["etcd3"], expected);
}

#[test]
fn a_node_reaches_its_own_etcd_by_address() {
    let hosts = json!(["pg-1:2379", "10.0.0.12:2379", "pg-3:2379"]);
    assert_eq!(yml(&cluster(), 1)["etcd3"]["hosts"], hosts);
}

#[test]
fn addresses_stand_where_names_are_not_wanted() {
    let document = yml(&by_address(), 1);
    assert_eq!(document["restapi"]["connect_address"], "10.0.0.12:8008");
    assert_eq!(document["etcd3"]["hosts"][2], "10.0.0.13:2379");
    let document = yml(&ipv6(), 1);
    assert_eq!(document["restapi"]["listen"], "[::]:8008");
    assert_eq!(document["postgresql"]["listen"], "127.0.0.1,[fd00::1]:5432");
    assert_eq!(document["postgresql"]["connect_address"], "[fd00::2]:5432");
}

#[test]
fn further_settings_reach_every_file() {
    let (cluster, debian) = (extra(), platform("debian", "13"));
    let document = yml(&cluster, 0);
    assert_eq!(
        document.get("log"),
        None,
        "the node takes away what the cluster adds"
    );
    assert_eq!(document["ctl"], json!({"insecure": false}));
    assert_eq!(
        document["watchdog"],
        json!({"mode": "automatic", "safety_margin": -1})
    );
    let files = rendered(&cluster, 0, &debian);
    let etcd = content(&files, "/etc/default/etcd");
    assert!(etcd.contains("ETCD_HEARTBEAT_INTERVAL=\"250\""), "{etcd}");
    assert!(
        etcd.ends_with("# Further settings of the inventory.\nETCD_SNAPSHOT_COUNT=\"10000\"\n")
    );
    let haproxy = content(&files, "/etc/haproxy/haproxy.cfg");
    assert!(haproxy.contains("\n    nbthread 2\n"), "{haproxy}");
    assert!(
        haproxy.ends_with("\nlisten mine\n    bind 127.0.0.1:9999\n"),
        "{haproxy}"
    );
    let unit = content(&files, "/etc/systemd/system/patroni.service");
    assert!(
        unit.contains("\nRestart=no\n") && !unit.contains("RestartSec"),
        "{unit}"
    );
    assert!(
        !unit.contains("softdog") && !unit.contains("LimitNOFILE"),
        "{unit}"
    );
    let system = files.iter().filter(|file| file.purpose == Purpose::System);
    assert_eq!(system.count(), 0, "every tweak can be switched off");
}

#[test]
fn the_hosts_file_is_rendered_where_its_content_is_known() {
    let (mut cluster, secrets, debian) = (cluster(), secrets(), platform("debian", "12"));
    let hosts = |cluster: &Cluster, present: Option<String>| {
        let target = Target {
            hosts_file: present,
            ..target(cluster, &cluster.nodes[0], &secrets, &debian)
        };
        let files = files(&target, &Templates::builtin().expect("ours")).expect("files");
        let file = files.into_iter().find(|file| file.path == HOSTS_PATH);
        file.map(|file| file.content.expose().to_owned())
    };
    let once = hosts(&cluster, Some("::1 localhost".to_owned())).expect("a hosts file");
    assert!(once.ends_with("# END mahout\n::1 localhost"), "{once}");
    assert_eq!(hosts(&cluster, Some(once.clone())), Some(once.clone()));
    assert_eq!(hosts(&cluster, None), None);
    for node in &mut cluster.nodes {
        node.system.hosts_entries = false;
    }
    assert_eq!(
        hosts(&cluster, Some(once)),
        Some("::1 localhost".to_owned())
    );
    assert_eq!(hosts(&cluster, Some("::1 localhost".to_owned())), None);
}

#[test]
fn only_kernel_settings_that_exist_are_set() {
    let (cluster, secrets, debian) = (cluster(), secrets(), platform("debian", "12"));
    let mut target = target(&cluster, &cluster.nodes[0], &secrets, &debian);
    assert_eq!(sysctl_values(&target).len(), 4);
    target.kernel_settings = Some(["vm.swappiness".to_owned()].into());
    assert_eq!(
        sysctl_values(&target),
        [("vm.swappiness".to_owned(), "1".to_owned())].into()
    );
    target.kernel_settings = None;
    target.memory_bytes = None;
    assert_eq!(
        sysctl_values(&target).len(),
        2,
        "no ratio without the memory"
    );
}

#[test]
fn auto_is_computed_or_refused() {
    let (mut cluster, secrets, debian) = (cluster(), secrets(), platform("debian", "12"));
    let templates = Templates::builtin().expect("ours");
    cluster.nodes[0].postgresql.parameters = map(json!({"work_mem": "auto"}));
    let document = yml(&cluster, 0);
    assert_eq!(document["postgresql"]["parameters"]["work_mem"], "30MB");
    let unknown = Target {
        memory_bytes: None,
        ..target(&cluster, &cluster.nodes[0], &secrets, &debian)
    };
    let files_without = files(&unknown, &templates).expect("files");
    assert!(!content(&files_without, YML).contains("work_mem"));
    cluster.nodes[0].postgresql.parameters =
        map(json!({"huge_pages": "auto", "wal_keep_size": "auto"}));
    let refused = files(
        &target(&cluster, &cluster.nodes[0], &secrets, &debian),
        &templates,
    );
    let error = refused.expect_err("nothing is computed for it");
    assert!(matches!(error, RenderError::Auto { .. }), "{error}");
}

#[test]
fn others_find_haproxys_listeners_and_page() {
    let cluster = ipv6();
    assert_eq!(
        cluster.stats_url(&cluster.nodes[0]),
        "http://[::1]:7000/;csv"
    );
    let files = rendered(&cluster, 0, &platform("debian", "12"));
    let text = content(&files, "/etc/haproxy/haproxy.cfg");
    for name in [read_write_listener(&cluster), read_only_listener(&cluster)] {
        assert!(text.contains(&format!("\nlisten {name}\n")), "{text}");
    }
}
