//! What the nodes of the sample say.

use std::collections::BTreeMap;

use mahout::cluster::{Cluster, Node, NodeName};
use mahout::facts::etcd::{EtcdAccess, EtcdLogin, EtcdMember, EtcdPermission};
use mahout::facts::haproxy::HaproxyServer;
use mahout::facts::patroni::PatroniMember;
use mahout::facts::postgresql::ReplicationFacts;
use mahout::facts::{
    DiskFacts, EtcdFacts, HaproxyFacts, NodeFacts, OsRelease, PackageFacts, PatroniFacts,
    PostgresqlFacts, SysctlFacts, UnitFacts,
};
use mahout::render::{read_only_listener, read_write_listener};
use mahout::secret::Secret;
use serde_json::json;

use super::{DATA_DIR, IDENTIFIER, haproxy_cfg, map, name, on_node, patroni_yml};

pub(super) fn node_facts(cluster: &Cluster, node: &Node) -> NodeFacts {
    let leads = node.name == name(1);
    let mut facts = NodeFacts {
        etcd: Some(etcd_facts(cluster, node)),
        patroni: Some(patroni_facts(cluster, leads)),
        postgresql: Some(postgresql_facts(leads)),
        haproxy: Some(haproxy_facts(cluster)),
        disks: vec![DiskFacts {
            path: DATA_DIR.to_owned(),
            mount: "/".to_owned(),
            size_bytes: 100 << 30,
            free_bytes: 60 << 30,
            free_inodes: Some(1_000_000),
        }],
        ..NodeFacts::default()
    };
    let system = &mut facts.system;
    system.os = OsRelease {
        id: "debian".to_owned(),
        version_id: "12".to_owned(),
        ..OsRelease::default()
    };
    system.hostname = node.name.to_string();
    system.machine_id = format!("machine-{}", node.name);
    system.virtualization = "kvm".to_owned();
    system.libc = "2.36".to_owned();
    system.addresses = vec![node.address.to_string(), "127.0.0.1".to_owned()];
    system.clock_offset = Some(0.01);
    system.clock_uncertainty = Some(0.02);
    system.clock_synchronized = Some(true);
    system.time_service = Some("chronyd".to_owned());
    system.transparent_huge_pages = Some("never".to_owned());
    system.transparent_huge_pages_writable = true;
    system.watchdog_device = true;
    for other in &cluster.nodes {
        system
            .resolves
            .insert(other.name.to_string(), other.address.to_string());
    }
    for (package, version) in [
        ("etcd-server", "3.4.23-4"),
        ("patroni", "3.0.2-1"),
        ("haproxy", "2.6.12-1"),
    ] {
        let package_facts = PackageFacts {
            installed: Some(version.to_owned()),
            candidate: None,
        };
        facts.packages.insert(package.to_owned(), package_facts);
    }
    let live = SysctlFacts {
        value: "1".to_owned(),
        writable: true,
    };
    facts.sysctl.insert("vm.swappiness".to_owned(), live);
    for file in [patroni_yml(node, "    ttl: 30"), haproxy_cfg()] {
        facts.files.insert(file.path.clone(), on_node(&file));
    }
    let services = ["etcd.service", "patroni.service", "haproxy.service"];
    for unit in services.into_iter().chain(["keepalived.service"]) {
        facts
            .units
            .insert(unit.to_owned(), unit_facts("active", "running", "enabled"));
    }
    facts.units.insert(
        "postgresql.service".to_owned(),
        unit_facts("inactive", "dead", "disabled"),
    );
    facts
}

pub(crate) fn unit_facts(active: &str, sub: &str, enabled: &str) -> UnitFacts {
    UnitFacts {
        load: "loaded".to_owned(),
        active: active.to_owned(),
        sub: sub.to_owned(),
        enabled: enabled.to_owned(),
        result: "success".to_owned(),
        limit_nofile: Some(65_536),
        ..UnitFacts::default()
    }
}

fn etcd_facts(cluster: &Cluster, node: &Node) -> EtcdFacts {
    let member = |node: &Node| EtcdMember {
        id: format!("id-{}", node.name),
        name: node.name.to_string(),
        peer_urls: vec![format!("http://{}", node.endpoint(2380))],
        client_urls: vec![format!("http://{}", node.endpoint(2379))],
        is_learner: false,
    };
    EtcdFacts {
        url: format!("http://{}", node.endpoint(2379)),
        healthy: true,
        server_version: "3.4.23".to_owned(),
        cluster_version: "3.4.0".to_owned(),
        cluster_id: "c1".to_owned(),
        member_id: format!("id-{}", node.name),
        leader_id: "id-pg-2".to_owned(),
        raft_term: 4,
        raft_index: 900,
        raft_applied_index: 900,
        db_size_bytes: 20 << 10,
        db_in_use_bytes: 16 << 10,
        members: cluster.nodes.iter().map(member).collect(),
        initialize: Some(IDENTIFIER.to_owned()),
        data_dir_has_member: true,
        access: Some(EtcdAccess {
            login: EtcdLogin::Current,
            users: BTreeMap::from([
                ("root".to_owned(), vec!["root".to_owned()]),
                ("mahout-demo-0a1b2c3d".to_owned(), vec![cluster.etcd_role()]),
            ]),
            permissions: Some(vec![EtcdPermission {
                kind: "READWRITE".to_owned(),
                key: cluster.dcs_path(),
                range_end: "/service/demo0".to_owned(),
            }]),
        }),
        ..EtcdFacts::default()
    }
}

fn patroni_facts(cluster: &Cluster, leads: bool) -> PatroniFacts {
    let member = |node: &Node| {
        let leads = node.name == name(1);
        PatroniMember {
            name: node.name.to_string(),
            role: if leads { "leader" } else { "replica" }.to_owned(),
            state: "running".to_owned(),
            host: node.address.to_string(),
            port: 5432,
            timeline: Some(1),
            lag_bytes: (!leads).then_some(0),
            ..PatroniMember::default()
        }
    };
    PatroniFacts {
        version: "3.0.2".to_owned(),
        scope: "demo".to_owned(),
        role: if leads { "master" } else { "replica" }.to_owned(),
        state: "running".to_owned(),
        timeline: Some(1),
        system_identifier: Some(IDENTIFIER.to_owned()),
        primary_status: if leads { 200 } else { 503 },
        replica_status: if leads { 503 } else { 200 },
        members: cluster.nodes.iter().map(member).collect(),
        config: map(json!({
            "ttl": 30, "loop_wait": 10, "maximum_lag_on_failover": 1_048_576, "retry_timeout": 10,
            "postgresql": {"use_pg_rewind": true, "parameters": {"max_connections": "100"}},
        })),
        ..PatroniFacts::default()
    }
}

fn postgresql_facts(leads: bool) -> PostgresqlFacts {
    let row = |name: NodeName| ReplicationFacts {
        application_name: name.to_string(),
        state: "streaming".to_owned(),
        sync_state: "async".to_owned(),
        lag_bytes: Some(0),
        encrypted: Some(true),
    };
    let settings = ["fsync", "full_page_writes", "ssl", "synchronous_commit"];
    PostgresqlFacts {
        data_dir: DATA_DIR.to_owned(),
        data_version: Some("15".to_owned()),
        data_dir_in_use: true,
        system_identifier: Some(IDENTIFIER.to_owned()),
        control_state: Some("in production".to_owned()),
        answers: true,
        in_recovery: Some(!leads),
        server_version: Some(150_014),
        settings: settings
            .map(|name| (name.to_owned(), "on".to_owned()))
            .into(),
        replication: if leads {
            vec![row(name(2)), row(name(3))]
        } else {
            Vec::new()
        },
        hba_rules: vec![
            "local all postgres peer".to_owned(),
            "hostssl all,replication postgres,replicator 10.0.0.0 255.255.255.0 scram-sha-256 \
             clientcert=verify-ca"
                .to_owned(),
        ],
        verifiers: BTreeMap::from([(
            "postgres".to_owned(),
            Some(Secret::new("SCRAM-SHA-256$1:c2FsdA==$AAAA:AAAA")),
        )]),
        postmasters: BTreeMap::from([(DATA_DIR.to_owned(), 4711)]),
        ..PostgresqlFacts::default()
    }
}

fn haproxy_facts(cluster: &Cluster) -> HaproxyFacts {
    let server = |proxy: &str, node: &Node, up: bool| HaproxyServer {
        proxy: proxy.to_owned(),
        server: node.name.to_string(),
        status: if up { "UP" } else { "DOWN" }.to_owned(),
        check: if up { "L7OK" } else { "L7STS/503" }.to_owned(),
    };
    let (write, read) = (read_write_listener(cluster), read_only_listener(cluster));
    HaproxyFacts {
        servers: cluster
            .nodes
            .iter()
            .flat_map(|node| {
                let leads = node.name == name(1);
                [server(&write, node, leads), server(&read, node, !leads)]
            })
            .collect(),
    }
}
