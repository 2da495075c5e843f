//! Judges fresh facts against the cluster: pure checks, each with a name.

use serde::{Deserialize, Serialize};

use crate::cluster::NodeName;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The check holds.
    Ok,
    /// To be looked at.
    Warning,
    /// The cluster is not what the inventory says, or not safe.
    Error,
}

/// The result of one check on one node, or on the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The group: `etcd`, `patroni`, `postgresql`, `haproxy`, `system`.
    pub group: &'static str,
    /// The check's stable name: `etcd.one_leader`.
    pub check: &'static str,
    /// Whom it is about; `None` for the cluster.
    pub node: Option<NodeName>,
    /// What was found, in words.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}
