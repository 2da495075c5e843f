//! The actual state: what the nodes say, gathered in one round trip a node.
//!
//! Everything in here is plain data that can be recorded (`mahout facts --record`) and planned
//! from (`deploy --dry-run --facts FILE`). A record never holds a secret: the content of a
//! sensitive file is left out, its hash stays.

pub mod ask;
pub mod etcd;
pub mod firewall;
pub mod gather;
pub mod haproxy;
pub mod parse;
pub mod patroni;
pub mod postgresql;
pub mod process;
pub mod record;
pub mod script;
mod section;
pub mod selinux;
pub mod system;
pub mod vip;
mod wal;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use ask::Ask;
pub use etcd::EtcdFacts;
pub use firewall::FirewallFacts;
pub use gather::{FactsError, gather_node};
pub use haproxy::HaproxyFacts;
pub use patroni::PatroniFacts;
pub use postgresql::PostgresqlFacts;
pub use process::ProcessFacts;
pub use selinux::SelinuxFacts;
pub use system::{
    DirectoryFacts, DiskFacts, FileFacts, ListeningPort, OsRelease, PackageFacts, RepositoryFacts,
    SysctlFacts, SystemFacts, UnitFacts,
};
pub use vip::VipFacts;

use crate::cluster::NodeName;

/// What all nodes say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// By node. A node that could not be reached is not in here.
    pub nodes: BTreeMap<NodeName, NodeFacts>,
    /// Why a node could not be reached, by node (`verify` and `status` judge the others).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreachable: BTreeMap<NodeName, String>,
}

/// What one node says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// Operating system, hardware, clock.
    pub system: SystemFacts,
    /// By package name, the packages that were asked for.
    pub packages: BTreeMap<String, PackageFacts>,
    /// The repositories of dnf or yum, as far as they are enabled or can be ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<RepositoryFacts>,
    /// The users that were asked for and exist.
    pub users: Vec<String>,
    /// By key, the kernel settings that were asked for and exist.
    pub sysctl: BTreeMap<String, SysctlFacts>,
    /// By path, the files that were asked for and exist.
    pub files: BTreeMap<String, FileFacts>,
    /// By path, the directories that were asked for and exist.
    pub directories: BTreeMap<String, DirectoryFacts>,
    /// By name with suffix (`patroni.service`), the units that were asked for and any
    /// `postgresql*` unit; one that does not exist has `load` = `not-found`.
    pub units: BTreeMap<String, UnitFacts>,
    /// By unit, the main processes of Patroni and etcd.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub processes: BTreeMap<String, ProcessFacts>,
    /// Everything that listens on TCP.
    pub ports: Vec<ListeningPort>,
    /// The file systems beneath the data directories, `/` and `/var`.
    pub disks: Vec<DiskFacts>,
    /// etcd as seen from this node: its own member on nodes with the role, else, on nodes with
    /// PostgreSQL, the first of its endpoints that answers. `None` on other nodes.
    pub etcd: Option<EtcdFacts>,
    /// Patroni as this node's REST API shows it; `None` where it does not answer.
    pub patroni: Option<PatroniFacts>,
    /// PostgreSQL's data directory and server on this node.
    pub postgresql: Option<PostgresqlFacts>,
    /// HAProxy's own view of its servers; `None` where its statistics page does not answer.
    pub haproxy: Option<HaproxyFacts>,
    /// Firewalls; `None` in an old record.
    #[serde(default)]
    pub firewall: Option<FirewallFacts>,
    /// SELinux; `None` where there is none.
    #[serde(default)]
    pub selinux: Option<SelinuxFacts>,
    /// Whether a run of mahout holds the lock here, or has died with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// What the node knows of the virtual address; `None` where it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<VipFacts>,
}

impl NodeFacts {
    /// Whether `package` is installed.
    pub fn has_package(&self, package: &str) -> bool {
        self.packages
            .get(package)
            .is_some_and(|facts| facts.installed.is_some())
    }

    /// Whether `unit` is active.
    pub fn is_active(&self, unit: &str) -> bool {
        self.units
            .get(unit)
            .is_some_and(|facts| facts.active == "active")
    }
}
