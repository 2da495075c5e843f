//! One machine of the inventory, with every default filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::haproxy::NodeHaproxy;
use super::patroni::NodePatroni;
use super::postgresql::NodePostgresql;
use super::system::{PackagesSpec, SystemSpec};

/// The name of a node: its key in the inventory, Patroni's and etcd's member name, its name in
/// the hosts file. A lower-case DNS label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeName(pub String);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for NodeName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// What a node is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An etcd member.
    Etcd,
    /// PostgreSQL under Patroni.
    Postgresql,
    /// An HAProxy that routes to the leader and the replicas.
    Haproxy,
}

impl Role {
    /// Every role, in the order in which a deploy reaches them.
    pub const ALL: [Role; 3] = [Role::Etcd, Role::Postgresql, Role::Haproxy];

    /// The word for it in the inventory.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Etcd => "etcd",
            Role::Postgresql => "postgresql",
            Role::Haproxy => "haproxy",
        }
    }
}

/// A machine of the inventory.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// The address under which the other nodes reach it.
    pub address: IpAddr,
    /// What it is for; never empty.
    pub roles: BTreeSet<Role>,
    /// How we reach it.
    pub ssh: SshSpec,
    /// What is set in its operating system.
    pub system: SystemSpec,
    /// Where its packages come from.
    pub packages: PackagesSpec,
    /// Its part of Patroni's settings.
    pub patroni: NodePatroni,
    /// Its part of PostgreSQL's settings.
    pub postgresql: NodePostgresql,
    /// Its HAProxy.
    pub haproxy: NodeHaproxy,
    /// Its etcd member's data directory.
    pub etcd_data_dir: String,
    /// Further `ETCD_*` settings of this member, by name without the prefix.
    pub etcd_extra: BTreeMap<String, String>,
}

impl Node {
    /// Whether the node has `role`.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// `address:port`, with brackets around an IPv6 address.
    pub fn endpoint(&self, port: u16) -> String {
        std::net::SocketAddr::new(self.address, port).to_string()
    }

    /// The address for a URL or a listen directive, with brackets around IPv6.
    pub fn host(&self) -> String {
        match self.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        }
    }
}

/// How we reach a node: what the inventory says on top of the user's own `~/.ssh/config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshSpec {
    /// What `ssh` is given as destination: an alias of `~/.ssh/config`, a name or an address.
    pub destination: String,
    /// The login user, if the inventory names one.
    pub user: Option<String>,
    /// The port, if the inventory names one.
    pub port: Option<u16>,
    /// A private key file, if the inventory names one; `~` is expanded.
    pub identity_file: Option<PathBuf>,
    /// A configuration file instead of the user's own (`ssh -F`).
    pub config_file: Option<PathBuf>,
    /// A known_hosts file instead of the user's own.
    pub known_hosts_file: Option<PathBuf>,
    /// A jump host (`ssh -J`).
    pub proxy_jump: Option<String>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long an unused connection outlives the run; zero for not at all.
    pub persist: Duration,
}
