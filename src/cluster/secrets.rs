//! The names of the secrets, where each comes from, and their values once resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::secret::Secret;

/// A secret of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretName {
    /// PostgreSQL's superuser.
    Superuser,
    /// The replication user.
    Replication,
    /// The pg_rewind user.
    Rewind,
    /// Patroni's REST API.
    RestApi,
    /// An external etcd's user.
    Etcd,
    /// HAProxy's statistics page.
    HaproxyStats,
    /// The role that `verify` writes its probe with; see [`super::postgresql::PROBE_ROLE`].
    Probe,
    /// A role of `users:`.
    User(String),
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretName::Superuser => f.write_str("superuser"),
            SecretName::Replication => f.write_str("replication"),
            SecretName::Rewind => f.write_str("rewind"),
            SecretName::RestApi => f.write_str("restapi"),
            SecretName::Etcd => f.write_str("etcd"),
            SecretName::HaproxyStats => f.write_str("haproxy_stats"),
            SecretName::Probe => f.write_str("probe"),
            SecretName::User(name) => write!(f, "user.{name}"),
        }
    }
}

/// Where a secret comes from. Never the inventory itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// Made on the first deploy and kept in the vault.
    Generated,
    /// `env:NAME`.
    Environment(String),
    /// `file:PATH`, relative to the inventory; surrounding white space is cut.
    File(PathBuf),
    /// `command:LINE`, run by `sh -c` on the control machine; the first line of its stdout.
    Command(String),
}

/// The values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets(pub BTreeMap<SecretName, Secret>);

impl Secrets {
    /// The value of `name`. The vault resolves every name that the cluster has before anything
    /// is rendered, so that a missing one is a programming error.
    ///
    /// # Panics
    /// If `name` is not a secret of the cluster.
    pub fn get(&self, name: &SecretName) -> &Secret {
        match self.0.get(name) {
            Some(secret) => secret,
            None => panic!("secret `{name}` was not resolved"),
        }
    }
}
