//! PostgreSQL: what every member shares, and what each node has for itself.

use serde_json::{Map, Value};

use super::{Cluster, Role, SecretName};

/// The login role without any right that `verify` connects through HAProxy with.
pub const PROBE_ROLE: &str = "mahout_probe";

/// PostgreSQL, as far as it is the same on all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct PostgresqlSpec {
    /// The major version; `None` is the distribution's.
    pub version: Option<u16>,
    /// A pinned package version.
    pub package_version: Option<String>,
    /// The superuser; its password is [`SecretName::Superuser`].
    pub superuser: String,
    /// The replication user; its password is [`SecretName::Replication`].
    pub replication: String,
    /// The pg_rewind user; its password is [`SecretName::Rewind`].
    pub rewind: String,
    /// The lines of pg_hba.conf, complete and in order.
    pub pg_hba: Vec<String>,
    /// The same as long as not everybody speaks TLS; as the inventory says, if it does.
    pub pg_hba_in_clear: Vec<String>,
    /// Login roles that a deploy creates on the leader.
    pub users: Vec<UserSpec>,
}

/// A role to create.
#[derive(Clone, Debug, PartialEq)]
pub struct UserSpec {
    /// Its name.
    pub name: String,
    /// Its options as `CREATE ROLE` takes them: `CREATEDB`, `CREATEROLE`, …
    pub options: Vec<String>,
    /// Where its password comes from; `None` is a role without one.
    pub password: Option<SecretName>,
}

/// PostgreSQL on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePostgresql {
    /// The port.
    pub port: u16,
    /// `listen_addresses`.
    pub listen: Vec<String>,
    /// The data directory; `None` is the platform's.
    pub data_dir: Option<String>,
    /// Where the server's binaries are; `None` is the platform's.
    pub bin_dir: Option<String>,
    /// Patroni's own password file; `None` is `.pgpass_patroni` beside the platform's data.
    pub pgpass: Option<String>,
    /// Folders that PostgreSQL, and what it runs, may write to besides its own.
    pub writable_paths: Vec<String>,
    /// Settings of this node alone. `auto` values are computed from its memory.
    pub parameters: Map<String, Value>,
}

impl Cluster {
    /// The roles whose passwords are ours, each with its password's name.
    pub fn passwords(&self) -> Vec<(String, SecretName)> {
        if self.with_role(Role::Postgresql).next().is_none() {
            return Vec::new();
        }
        let spec = &self.postgresql;
        let own = [
            (&spec.superuser, SecretName::Superuser),
            (&spec.replication, SecretName::Replication),
            (&spec.rewind, SecretName::Rewind),
        ];
        let users = spec.users.iter();
        own.into_iter()
            .map(|(name, secret)| (name.clone(), secret))
            .chain([(PROBE_ROLE.to_owned(), SecretName::Probe)])
            .chain(users.filter_map(|user| Some((user.name.clone(), user.password.clone()?))))
            .collect()
    }
}
