//! What can be wrong between the nodes and about SELinux, and what is said of it.

use std::collections::BTreeSet;

use mahout::cluster::{FirewallUse, Role};
use mahout::facts::firewall::{FirewallFacts, FirewallRule, NftablesChain, UfwFacts};
use mahout::facts::selinux::{Denial, LabelFacts, SelinuxFacts};
use mahout::facts::{Facts, FileFacts, ListeningPort};
use mahout::verify::Severity;
use mahout::verify::paths::{self, Path, Reach, Walk};

use super::broken::Break;
use crate::sample::{Sample, cluster, name, unit_facts};

const POLICY: &str = "/etc/firewalld/policies/mahout.xml";

#[rustfmt::skip] // one line a case
/// The check, how bad, a word of what is said, and what is broken.
pub(super) const FENCED: &[(&str, Severity, &str, Break)] = &[
    ("system.paths", Severity::Error, "the REST API, 8008, cannot be reached from pg-1, pg-3: no route to host", |s| {
        for from in [1, 3] { walk(s, from, 2, 8008, Reach::Blocked("no route to host".to_owned())); }
    }),
    ("system.paths", Severity::Error, "etcd's peer port, 2380, cannot be reached from pg-2: connection refused", |s| {
        s.node(1).ports.push(ListeningPort { address: "127.0.0.1".to_owned(), port: 2380, ..ListeningPort::default() });
        walk(s, 2, 1, 2380, Reach::Refused);
    }),
    ("system.paths", Severity::Warning, "6 paths from here could not be tried: no bash", |s| {
        for port in [2379, 2380, 8008, 5432, 5000, 5001] { walk(s, 1, 2, port, Reach::Unknown("no bash".to_owned())); }
    }),
    ("system.firewall", Severity::Error, "firewalld has not read", |s| {
        firewalld(s);
        let policy = FileFacts { modified: 500, ..FileFacts::default() };
        s.node(2).files.insert(POLICY.to_owned(), policy);
    }),
    ("system.firewall", Severity::Error, "firewalld does not let in, although its policy says so: 2379 from 10.0.0.11, 2380 from 10.0.0.11", |s| {
        firewalld(s);
        s.node(2).firewall = Some(FirewallFacts { live: Some(BTreeSet::new()), ..FirewallFacts::default() });
    }),
    ("system.firewall", Severity::Warning, "its firewall lets pg-1 through to port 61000", |s| {
        firewalld(s);
        s.walks.push(Walk {
            path: Path { from: name(1), to: name(2), address: "10.0.0.12".to_owned(), port: 61_000, service: None },
            reach: Reach::Refused,
        });
    }),
    ("system.firewall", Severity::Error, "ufw has no rule for ports 2379,2380,5000,5001,5432,8008 from 10.0.0.13", |s| ufw(s)),
    ("system.firewall", Severity::Warning, "ufw opens ports 5432 to 10.0.0.99, as once was needed", |s| ufw(s)),
    ("system.firewall", Severity::Error, "neither firewalld nor ufw runs", |s| s.cluster.nodes[0].system.firewall = FirewallUse::On),
    ("system.firewall", Severity::Warning, "nftables' chain inet filter input drops", |s| {
        let chain = NftablesChain { name: "inet filter input".to_owned(), ports: BTreeSet::from([22]), vrrp: false };
        s.node(1).firewall = Some(FirewallFacts { nftables: vec![chain], ..FirewallFacts::default() });
    }),
    ("system.selinux", Severity::Error, "haproxy_connect_any is off", |s| selinux(s).haproxy_connect_any = Some(false)),
    ("system.selinux", Severity::Warning, "SELinux denied haproxy name_connect on tcp_socket, port 5432, postgresql_port_t, 2 times", |s| {
        let denial = || Denial {
            at: 1, program: "haproxy".to_owned(), permission: "name_connect".to_owned(),
            target: "tcp_socket, port 5432, postgresql_port_t".to_owned(), permissive: false,
        };
        selinux(s).denials = vec![denial(), denial()];
    }),
    ("system.selinux", Severity::Warning, "it denies nothing", |s| { selinux(s); s.node(1).system.selinux = Some("Permissive".to_owned()); }),
    ("system.selinux", Severity::Warning, "`system.selinux` says permissive", |s| { selinux(s); s.cluster.nodes[0].system.selinux_permissive = true; }),
    ("system.selinux", Severity::Error, "/data/pg is labelled default_t, not postgresql_db_t", |s| {
        s.cluster.nodes[0].postgresql.data_dir = Some("/data/pg".to_owned());
        let label = LabelFacts { policy: None, present: Some("default_t".to_owned()) };
        selinux(s).labels.insert("/data/pg".to_owned(), label);
    }),
];

fn walk(sample: &mut Sample, from: usize, to: usize, port: u16, reach: Reach) {
    let mut walks = sample.walks.iter_mut();
    let walk = walks
        .find(|Walk { path, .. }| {
            (&path.from, &path.to, path.port) == (&name(from), &name(to), port)
        })
        .expect("a path");
    walk.reach = reach;
}

/// It runs on pg-2, since 100.
fn firewalld(sample: &mut Sample) {
    let mut unit = unit_facts("active", "running", "enabled");
    unit.active_since = Some(100);
    *sample.unit(2, "firewalld.service") = unit;
}

/// pg-1 has it, with one rule that is wanted and one that is not.
fn ufw(sample: &mut Sample) {
    let rule = |source: &str, ports: &str| FirewallRule {
        source: source.to_owned(),
        ports: ports.to_owned(),
    };
    let ufw = UfwFacts {
        vrrp: true,
        enabled: true,
        input: "DROP".to_owned(),
        rules: BTreeSet::from([
            rule("10.0.0.12", "2379,2380,5000,5001,5432,8008"),
            rule("10.0.0.99", "5432"),
        ]),
    };
    sample.node(1).firewall = Some(FirewallFacts {
        ufw: Some(ufw),
        ..FirewallFacts::default()
    });
}

/// pg-1 has it, and nothing is wrong.
fn selinux(sample: &mut Sample) -> &mut SelinuxFacts {
    let facts = sample.node(1);
    facts.system.selinux = Some("Enforcing".to_owned());
    facts.selinux.get_or_insert_with(|| SelinuxFacts {
        config: Some("enforcing".to_owned()),
        haproxy_connect_any: Some(true),
        ..SelinuxFacts::default()
    })
}

#[test]
fn many_haproxies_are_tried_from_some_nodes_and_what_they_need_by_each() {
    let mut cluster = cluster(50);
    for node in &mut cluster.nodes[3..] {
        node.roles = [Role::Haproxy].into();
    }
    let facts = Facts::default();
    let nodes = cluster.nodes.iter();
    let paths: Vec<Path> = nodes
        .flat_map(|node| paths::paths(&cluster, &facts, node))
        .collect();
    let from = |to: usize, port: u16| {
        let tried = |path: &&Path| (&path.to, path.port) == (&name(to), port);
        paths.iter().filter(tried).count()
    };
    for to in 1..=50 {
        assert_eq!((from(to, 5000), from(to, 5001)), (3, 3), "pg-{to}");
    }
    for to in 1..=3 {
        let ports = [2379, 2380, 8008, 5432];
        assert_eq!(ports.map(|port| from(to, port)), [2, 2, 49, 49], "pg-{to}");
    }
}
