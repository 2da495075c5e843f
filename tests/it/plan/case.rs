//! A cluster of an inventory and the facts of its nodes: bare, or as a deploy leaves them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use mahout::cluster::{self, Cluster, Node, NodeName, Role, Secrets};
use mahout::facts::ask::Ask;
use mahout::facts::{
    DiskFacts, EtcdFacts, Facts, FileFacts, NodeFacts, OsRelease, PackageFacts, PatroniFacts,
    PostgresqlFacts, SysctlFacts, UnitFacts,
};
use mahout::plan::{Action, Desired, Phase, Plan, PlanError, UnitOperation};
use mahout::render::Rendered;
use mahout::secret::Secret;
use mahout::template::Templates;

use super::settle::{settle, settle_etcd};

pub(super) const THREE: &str = "scope: main\nnodes:\n  pg-1: { address: 10.0.0.11 }\n  \
    pg-2: { address: 10.0.0.12 }\n  pg-3: { address: 10.0.0.13 }\n";
pub(super) const IDENTIFIER: &str = "7412000000000000001";
/// When units were started, and before it when files were written.
pub(super) const STARTED: i64 = 1_000;

const PACKAGES: [(&str, &str); 10] = [
    ("curl", "7.88.1-10"),
    ("procps", "2:4.0.2-3"),
    ("etcd-server", "3.4.23-4"),
    ("etcd-client", "3.4.23-4"),
    ("postgresql-15", "15.14-0"),
    ("patroni", "3.0.2-1"),
    ("python3-etcd", "0.4.5-4"),
    ("python3-psycopg2", "2.9.5-1"),
    ("haproxy", "2.6.12-1"),
    ("chrony", "4.3-2"),
];

#[derive(Clone)]
pub(super) struct Case {
    pub(super) cluster: Cluster,
    pub(super) secrets: Secrets,
    pub(super) facts: Facts,
}

impl Case {
    /// Bare nodes of a text.
    pub(super) fn bare(text: &str, distribution: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("inventory.yml");
        std::fs::write(&path, text).expect("written");
        Self::of(&path, distribution)
    }

    /// Bare nodes of an inventory.
    pub(super) fn of(path: &Path, distribution: &str) -> Self {
        let cluster = cluster::load(path).unwrap_or_else(|error| panic!("{error}"));
        let secret = |name: &cluster::SecretName| Secret::new(format!("hunter2-{name}"));
        let mut secrets = Secrets::from(
            cluster
                .secrets
                .keys()
                .map(|name| (name.clone(), secret(name)))
                .collect::<std::collections::BTreeMap<_, _>>(),
        );
        for spec in cluster.certificates() {
            let pem = Secret::new(format!("hunter2-{}", spec.name));
            secrets.certificates.insert(spec.name, pem);
            "the authority's\n".clone_into(&mut secrets.ca_bundle);
        }
        "vault 1, generation 1\n".clone_into(&mut secrets.stamp);
        let mut facts = Facts::default();
        for node in &cluster.nodes {
            let ask = Ask::of(&cluster, node, &secrets);
            facts
                .nodes
                .insert(node.name.clone(), bare(node, &ask, distribution));
        }
        Self {
            cluster,
            secrets,
            facts,
        }
    }

    /// Three nodes of Debian 12 with every role, some time after their deploy; pg-1 leads, and
    /// pg-2 leads etcd.
    pub(super) fn running() -> Self {
        Self::bare(THREE, "debian-12").deployed()
    }

    /// The same nodes some time after a deploy: the first with PostgreSQL leads.
    pub(super) fn deployed(mut self) -> Self {
        let (_, facts) = self.project();
        self.facts = facts;
        let cluster = self.cluster.clone();
        let mut postgresql = cluster.with_role(Role::Postgresql).map(|node| &node.name);
        let leader = postgresql.next().cloned();
        for node in &cluster.nodes {
            let facts = self.facts.nodes.get_mut(&node.name).expect("facts");
            for unit in facts.units.values_mut() {
                unit.active_since = unit.active_since.map(|_| STARTED);
                unit.reloaded_at = None;
            }
            for file in facts.files.values_mut() {
                file.modified = STARTED - 1;
            }
            if node.has(Role::Postgresql) {
                settle(&cluster, node, facts, leader.as_ref() == Some(&node.name));
            }
            if let Some(etcd) = &mut facts.etcd {
                settle_etcd(&cluster, &self.secrets, node, etcd);
            }
        }
        let plan = self.plan();
        assert!(plan.is_empty(), "{:?}", steps(&plan));
        self
    }

    pub(super) fn rendered(&self) -> BTreeMap<NodeName, Rendered> {
        static TEMPLATES: LazyLock<Templates> =
            LazyLock::new(|| Templates::builtin().expect("our templates"));
        Rendered::of_cluster(&self.cluster, &self.secrets, &self.facts, &TEMPLATES)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn try_project(&self) -> Result<(Plan, Facts), PlanError> {
        Plan::project(&Desired {
            cluster: &self.cluster,
            secrets: &self.secrets,
            rendered: &self.rendered(),
            facts: &self.facts,
        })
    }

    #[track_caller]
    pub(super) fn project(&self) -> (Plan, Facts) {
        match self.try_project() {
            Ok(projected) => projected,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    pub(super) fn plan(&self) -> Plan {
        self.project().0
    }

    /// What is refused, in words.
    #[track_caller]
    pub(super) fn refusal(&self) -> String {
        match self.try_project() {
            Ok((plan, _)) => panic!("planned: {:?}", steps(&plan)),
            Err(error) => error.to_string(),
        }
    }

    /// The notes, in words.
    #[track_caller]
    pub(super) fn notes(&self) -> String {
        let notes: Vec<String> = self
            .plan()
            .notes
            .into_iter()
            .map(|note| match note.node {
                Some(node) => format!("{node}: {}", note.message),
                None => note.message,
            })
            .collect();
        notes.join("\n")
    }

    pub(super) fn node(&mut self, name: &str) -> &mut NodeFacts {
        self.facts.nodes.get_mut(&name.into()).expect("facts")
    }

    pub(super) fn etcd(&mut self, name: &str) -> &mut EtcdFacts {
        self.node(name).etcd.as_mut().expect("etcd")
    }

    pub(super) fn patroni(&mut self, name: &str) -> &mut PatroniFacts {
        self.node(name).patroni.as_mut().expect("Patroni")
    }

    pub(super) fn postgresql(&mut self, name: &str) -> &mut PostgresqlFacts {
        self.node(name).postgresql.as_mut().expect("PostgreSQL")
    }

    pub(super) fn unit(&mut self, name: &str, unit: &str) -> &mut UnitFacts {
        self.node(name).units.entry(unit.to_owned()).or_default()
    }

    /// The unit stops.
    pub(super) fn stop(&mut self, name: &str, unit: &str) {
        let facts = self.node(name);
        let there = facts.units.get_mut(unit).expect("the unit");
        "inactive".clone_into(&mut there.active);
        there.active_since = None;
        match unit {
            "patroni.service" => facts.patroni = None,
            "etcd.service" => {
                facts.etcd = Some(EtcdFacts {
                    data_dir_has_member: true,
                    error: Some("Connection refused".to_owned()),
                    ..EtcdFacts::default()
                });
            }
            _ => {}
        }
    }

    /// A file that is no longer what was rendered.
    pub(super) fn drift(&mut self, name: &str, path: &str) {
        let file = self.node(name).files.get_mut(path).expect("the file");
        "drifted".clone_into(&mut file.sha256);
    }

    /// Nobody leads any more.
    pub(super) fn lose_leader(&mut self) {
        for facts in self.facts.nodes.values_mut() {
            if let Some(patroni) = &mut facts.patroni {
                patroni.primary_status = 503;
            }
        }
    }
}

/// `phase/node: step`, in order.
pub(super) fn steps(plan: &Plan) -> Vec<String> {
    plan.phases.iter().flat_map(steps_of).collect()
}

fn steps_of(phase: &Phase) -> Vec<String> {
    phase
        .work
        .iter()
        .flat_map(|work| {
            work.steps
                .iter()
                .map(|step| format!("{}/{}: {}", phase.title, work.node, step.action.title()))
        })
        .collect()
}

pub(super) fn titles(plan: &Plan) -> Vec<&'static str> {
    plan.phases.iter().map(|phase| phase.title).collect()
}

pub(super) fn phase<'a>(plan: &'a Plan, title: &str) -> &'a Phase {
    let found = plan.phases.iter().find(|phase| phase.title == title);
    found.unwrap_or_else(|| panic!("no phase {title} in {:?}", steps(plan)))
}

pub(super) fn nodes(phase: &Phase) -> Vec<&str> {
    phase.work.iter().map(|work| work.node.as_str()).collect()
}

/// What is done with the unit, on which nodes.
pub(super) fn operations(plan: &Plan, unit: &str) -> Vec<(String, UnitOperation)> {
    let mut found = Vec::new();
    for work in plan.phases.iter().flat_map(|phase| &phase.work) {
        for step in &work.steps {
            if let Action::Systemd {
                unit: name,
                operation,
            } = &step.action
                && name == unit
            {
                found.push((work.node.to_string(), *operation));
            }
        }
    }
    found
}

fn bare(node: &Node, ask: &Ask, distribution: &str) -> NodeFacts {
    let (id, version_id) = distribution.split_once('-').expect("a name and a version");
    let mut facts = NodeFacts::default();
    let system = &mut facts.system;
    system.os = OsRelease {
        id: id.to_owned(),
        version_id: version_id.to_owned(),
        pretty_name: distribution.to_owned(),
        ..OsRelease::default()
    };
    system.hostname = node.name.to_string();
    system.machine_id = format!("machine-{}", node.name);
    system.systemd = 252;
    system.virtualization = "kvm".to_owned();
    system.libc = "2.36".to_owned();
    system.memory_bytes = 16 << 30;
    system.addresses = vec![node.address.to_string()];
    system.clock_offset = Some(0.01);
    system.clock_uncertainty = Some(0.02);
    system.transparent_huge_pages = Some("madvise".to_owned());
    system.transparent_huge_pages_writable = true;
    system.package_lists = id == "debian";
    if distribution == "debian-12" {
        for (name, version) in PACKAGES {
            let candidate = Some(version.to_owned());
            let package = PackageFacts {
                installed: None,
                candidate,
            };
            facts.packages.insert(name.to_owned(), package);
        }
    }
    for key in &ask.sysctl {
        let live = SysctlFacts {
            value: "7".to_owned(),
            writable: true,
        };
        facts.sysctl.insert(key.clone(), live);
    }
    let hosts = "127.0.0.1 localhost\n";
    facts.files.insert(
        "/etc/hosts".to_owned(),
        FileFacts {
            owner: "root".to_owned(),
            group: "root".to_owned(),
            mode: "644".to_owned(),
            content: Some(Secret::new(hosts)),
            ..FileFacts::default()
        },
    );
    for unit in &ask.units {
        let none = UnitFacts {
            load: "not-found".to_owned(),
            active: "inactive".to_owned(),
            ..UnitFacts::default()
        };
        facts.units.insert(unit.clone(), none);
    }
    facts.disks = vec![DiskFacts {
        path: "/".to_owned(),
        mount: "/".to_owned(),
        size_bytes: 100 << 30,
        free_bytes: 60 << 30,
        free_inodes: Some(1_000_000),
    }];
    facts.etcd = ask.etcd.as_ref().map(|_| EtcdFacts {
        error: Some("curl is not installed".to_owned()),
        ..EtcdFacts::default()
    });
    facts.postgresql = ask.postgresql.as_ref().map(|_| PostgresqlFacts::default());
    facts
}
