//! SELinux, beyond the mode it is in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What SELinux has been told and what it denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelinuxFacts {
    /// `SELINUX=` of /etc/selinux/config: what it will be after a boot.
    pub config: Option<String>,
    /// Whether HAProxy may connect to any port; `None` where the policy has no such boolean.
    pub haproxy_connect_any: Option<bool>,
    /// The labels of the data directories that were asked for, by path.
    #[serde(default)]
    pub labels: BTreeMap<String, LabelFacts>,
    /// What was denied to our services, oldest first.
    #[serde(default)]
    pub denials: Vec<Denial>,
}

/// The label of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelFacts {
    /// The type that the policy gives it; `None` if none.
    pub policy: Option<String>,
    /// The type that it has; `None` where it does not exist.
    pub present: Option<String>,
}

/// One denial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// When, in seconds since the epoch by the node's clock.
    pub at: i64,
    /// The program: `haproxy`.
    pub program: String,
    /// What it was not to do: `name_connect`.
    pub permission: String,
    /// To what: `tcp_socket, port 5432, postgresql_port_t`.
    pub target: String,
    /// Whether it was only logged.
    pub permissive: bool,
}
