//! The names of the secrets, where each comes from, and their values once resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::CertificateName;
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
    /// etcd's user for this cluster; in an external etcd the user that the inventory names.
    Etcd,
    /// etcd's user `root`, in an etcd of ours.
    EtcdRoot,
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
            SecretName::EtcdRoot => f.write_str("etcd_root"),
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

/// Passwords that are tried first: those of guides, of other deployment tools and of lists.
const WELL_KNOWN: [&str; 48] = [
    "postgres",
    "postgresql",
    "pgsql",
    "psql",
    "pg",
    "admin",
    "administrator",
    "root",
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "pass",
    "passwd",
    "secret",
    "changeme",
    "change_me",
    "changeit",
    "default",
    "test",
    "test123",
    "qwerty",
    "letmein",
    "welcome",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "1234567890",
    "111111",
    "abc123",
    "qaz123",
    "admin123",
    "replicator",
    "replication",
    "repl",
    "rep-pass",
    "zalando",
    "rewind",
    "rewind_user",
    "rewind_password",
    "patroni",
    "patroni.api",
    "etcd",
    "etcd.root",
    "dbuser.dba",
    "dbuser.replicator",
];

/// The few of them that are tried on a login role before all others, beside the role's own name.
const TRIED_FIRST: [&str; 7] = [
    "postgres",
    "password",
    "admin",
    "changeme",
    "replicator",
    "rep-pass",
    "zalando",
];

/// The passwords that are tried first on `role`.
pub fn tried_first(role: &str) -> impl Iterator<Item = &str> {
    let others = TRIED_FIRST.into_iter().filter(move |word| *word != role);
    std::iter::once(role).chain(others)
}

/// Whether anybody would try this password early: an empty one, one of a guide or a list, one of
/// fewer than eight characters, or one letter over and over. Letter case does not matter. The
/// vault refuses such a secret, wherever it comes from.
pub fn is_well_known(password: &str) -> bool {
    let folded = password.trim().to_lowercase();
    let first = folded.chars().next();
    folded.chars().count() < 8
        || WELL_KNOWN.contains(&folded.as_str())
        || folded.chars().all(|c| Some(c) == first)
}

/// The values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// By name.
    pub values: BTreeMap<SecretName, Secret>,
    /// What the value was before a rotation that is not finished: what still opens a door whose
    /// lock was not changed yet.
    pub previous: BTreeMap<SecretName, Secret>,
    /// Certificate and key of each node and purpose, PEM, as they are to stand in their files.
    pub certificates: BTreeMap<CertificateName, Secret>,
    /// The certificates of the authorities that are trusted, PEM; empty without TLS.
    pub ca_bundle: String,
    /// The content of [`super::tls::STAMP_FILE`].
    pub stamp: String,
    /// The tags of the vault's generations that led to the stamp's.
    pub lineage: Vec<String>,
}

impl From<BTreeMap<SecretName, Secret>> for Secrets {
    fn from(values: BTreeMap<SecretName, Secret>) -> Self {
        Self {
            values,
            ..Self::default()
        }
    }
}

impl Secrets {
    /// The value of `name`. The vault resolves every name that the cluster has before anything
    /// is rendered, so that a missing one is a programming error.
    ///
    /// # Panics
    /// If `name` is not a secret of the cluster.
    pub fn get(&self, name: &SecretName) -> &Secret {
        match self.values.get(name) {
            Some(secret) => secret,
            None => panic!("secret `{name}` was not resolved"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TRIED_FIRST, is_well_known, tried_first};

    #[test]
    fn what_is_tried_first_is_well_known() {
        for password in [
            "",
            "  ",
            "postgres",
            "PostgreSQL",
            "p@ssw0rd",
            "aaaaaaaaaaaa",
            "DBUser.DBA",
            "short",
        ] {
            assert!(is_well_known(password), "{password}");
        }
        for password in [
            "correct horse battery staple",
            "jV2qP0x9",
            "postgres-but-longer",
        ] {
            assert!(!is_well_known(password), "{password}");
        }
    }

    #[test]
    fn a_role_s_own_name_is_tried_before_the_well_known_ones() {
        assert!(TRIED_FIRST.into_iter().all(is_well_known));
        assert_eq!(tried_first("app").count(), 1 + TRIED_FIRST.len());
        assert_eq!(tried_first("postgres").count(), TRIED_FIRST.len());
        assert_eq!(tried_first("app").next(), Some("app"));
    }
}
