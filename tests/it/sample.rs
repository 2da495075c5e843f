//! A healthy cluster of three nodes with every role, as the nodes would tell it, for tests of the
//! pure parts. Tests break one thing and look what is said.

pub(crate) mod certificates;
mod cluster;
mod facts;
mod files;

use std::collections::BTreeMap;
use std::time::Duration;

use mahout::cluster::{Cluster, Node, NodeName, SecretName, Secrets, VipSpec};
use mahout::facts::etcd::EtcdAccess;
use mahout::facts::{
    EtcdFacts, Facts, FileFacts, HaproxyFacts, NodeFacts, PatroniFacts, PostgresqlFacts, UnitFacts,
};
use mahout::platform::Platform;
use mahout::render::Rendered;
use mahout::secret::Secret;
use mahout::verify::doors::{self, Door, Knock, Outcome};
use mahout::verify::paths::{self, Reach, Walk};
use mahout::verify::probe::{Landing, ProbeKind, ProbeResult};
use mahout::verify::{Finding, verify};
use serde_json::{Map, Value};

pub(crate) use cluster::cluster;
use facts::node_facts;
pub(crate) use facts::unit_facts;
pub(crate) use files::{haproxy_cfg, on_node, patroni_yml};

pub(crate) const IDENTIFIER: &str = "7412000000000000001";
pub(crate) const DATA_DIR: &str = "/var/lib/postgresql/15/patroni";

/// Everything that is judged and shown.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) cluster: Cluster,
    pub(crate) facts: Facts,
    pub(crate) rendered: BTreeMap<NodeName, Rendered>,
    pub(crate) probes: Vec<ProbeResult>,
    pub(crate) doors: Vec<Knock>,
    pub(crate) walks: Vec<Walk>,
    pub(crate) secrets: Secrets,
    /// In seconds since the epoch.
    pub(crate) now: i64,
}

impl Sample {
    /// pg-1 leads, pg-2 and pg-3 follow; pg-2 holds the virtual address.
    pub(crate) fn healthy() -> Self {
        let mut cluster = cluster(3);
        cluster.vip = Some(VipSpec {
            address: [10, 0, 0, 100].into(),
            interface: None,
            router: 100,
            advert: Duration::from_secs(1),
        });
        let mut sample = Self {
            facts: Facts::default(),
            rendered: BTreeMap::new(),
            probes: Vec::new(),
            doors: Vec::new(),
            walks: Vec::new(),
            secrets: secrets(),
            now: certificates::MADE,
            cluster,
        };
        for node in &sample.cluster.nodes {
            let mut facts = node_facts(&sample.cluster, node);
            if node.name == name(2) {
                facts.system.addresses.push("10.0.0.100".to_owned());
            }
            let certificates = certificates::files(&sample.cluster, node);
            for file in &certificates {
                facts.files.insert(file.path.clone(), on_node(file));
            }
            let platform = Platform::detect(&facts.system.os).expect("Debian");
            let rendered = Rendered {
                versions: platform.versions(&facts),
                platform,
                postgresql: 15,
                data_dir: DATA_DIR.to_owned(),
                bin_dir: "/usr/lib/postgresql/15/bin".to_owned(),
                kernel_settings: node.system.sysctl.clone(),
                files: [patroni_yml(node, "    ttl: 30"), haproxy_cfg()]
                    .into_iter()
                    .chain(certificates)
                    .collect(),
            };
            sample.facts.nodes.insert(node.name.clone(), facts);
            sample.rendered.insert(node.name.clone(), rendered);
            if node.name == name(1) {
                sample.probes.push(ProbeResult {
                    haproxy: node.name.clone(),
                    kind: ProbeKind::Vip,
                    outcome: Ok(Landing {
                        address: "10.0.0.11".to_owned(),
                        in_recovery: false,
                    }),
                });
            }
            for (kind, address, in_recovery) in [
                (ProbeKind::Write, "10.0.0.11", false),
                (ProbeKind::Read, "10.0.0.12", true),
            ] {
                sample.probes.push(ProbeResult {
                    haproxy: node.name.clone(),
                    kind,
                    outcome: Ok(Landing {
                        address: address.to_owned(),
                        in_recovery,
                    }),
                });
            }
        }
        let nodes: Vec<&Node> = sample.cluster.nodes.iter().collect();
        for (from, nodes) in doors::visits(&sample.cluster, &nodes) {
            // What is not told of is not known; each is found closed below.
            sample
                .doors
                .extend(doors::parse(&sample.cluster, from, &nodes, ""));
        }
        for node in &sample.cluster.nodes {
            let paths = paths::paths(&sample.cluster, &sample.facts, node);
            sample.walks.extend(paths::parse(&paths, ""));
        }
        for walk in &mut sample.walks {
            walk.reach = Reach::Open;
        }
        for knock in &mut sample.doors {
            knock.outcome = Outcome::Closed;
        }
        sample
    }

    /// The door of that node is as told.
    pub(crate) fn door(&mut self, number: usize, door: Door, outcome: Outcome) {
        let mut doors = self.doors.iter_mut();
        let knock = doors
            .find(|knock| knock.node == name(number) && knock.door == door)
            .expect("a door");
        knock.outcome = outcome;
    }

    pub(crate) fn verify(&self) -> Vec<Finding> {
        verify(
            &self.cluster,
            &self.facts,
            &self.rendered,
            &self.probes,
            &self.doors,
            &self.walks,
            self.now,
        )
    }

    pub(crate) fn node(&mut self, number: usize) -> &mut NodeFacts {
        let name = name(number);
        self.facts.nodes.get_mut(&name).expect("a reachable node")
    }

    pub(crate) fn file(&mut self, number: usize, path: &str) -> &mut FileFacts {
        let files = &mut self.node(number).files;
        files.get_mut(path).expect("a file")
    }

    pub(crate) fn etcd(&mut self, number: usize) -> &mut EtcdFacts {
        self.node(number).etcd.as_mut().expect("etcd answers")
    }

    pub(crate) fn access(&mut self, number: usize) -> &mut EtcdAccess {
        self.etcd(number).access.as_mut().expect("it says it")
    }

    pub(crate) fn patroni(&mut self, number: usize) -> &mut PatroniFacts {
        self.node(number).patroni.as_mut().expect("Patroni answers")
    }

    pub(crate) fn postgresql(&mut self, number: usize) -> &mut PostgresqlFacts {
        self.node(number)
            .postgresql
            .as_mut()
            .expect("PostgreSQL answers")
    }

    pub(crate) fn haproxy(&mut self, number: usize) -> &mut HaproxyFacts {
        self.node(number).haproxy.as_mut().expect("HAProxy answers")
    }

    pub(crate) fn unit(&mut self, number: usize, unit: &str) -> &mut UnitFacts {
        self.node(number).units.entry(unit.to_owned()).or_default()
    }

    /// The node goes away without a word.
    pub(crate) fn lose(&mut self, number: usize) {
        self.facts.nodes.remove(&name(number));
        let cause = "connection timed out after 10 s".to_owned();
        self.facts.unreachable.insert(name(number), cause);
    }

    /// The probe of that kind through that node comes out otherwise.
    pub(crate) fn probe(
        &mut self,
        number: usize,
        kind: ProbeKind,
        outcome: Result<(&str, bool), &str>,
    ) {
        let probe = self
            .probes
            .iter_mut()
            .find(|probe| probe.haproxy == name(number) && probe.kind == kind)
            .expect("a probe");
        probe.outcome = outcome
            .map(|(address, in_recovery)| Landing {
                address: address.to_owned(),
                in_recovery,
            })
            .map_err(str::to_owned);
    }
}

pub(crate) fn name(number: usize) -> NodeName {
    NodeName(format!("pg-{number}"))
}

pub(crate) fn map(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

pub(crate) fn secrets() -> Secrets {
    let of = |name, text: &str| (name, Secret::new(text));
    Secrets::from(BTreeMap::from([
        of(SecretName::Superuser, "s3cret-superuser"),
        of(SecretName::Replication, "s3cret-replication"),
        of(SecretName::RestApi, "s3cret-restapi"),
    ]))
}
