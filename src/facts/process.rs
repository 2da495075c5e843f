//! How the main process of a unit was started.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// A process that runs: what it is, and what it was told when it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// Its program: of a script the script's path, not its interpreter's.
    pub program: String,
    /// Its words. In no record.
    #[serde(skip)]
    pub words: Vec<String>,
    /// The file of settings that is its last word, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<String>,
    /// What stands in that file. In no record.
    #[serde(skip)]
    pub config: Option<Secret>,
    /// When that was last changed, in seconds since the epoch by the node's clock.
    #[serde(default)]
    pub config_modified: i64,
    /// `PATRONI_…` and `ETCD_…` of its environment. In no record.
    #[serde(skip)]
    pub variables: BTreeMap<String, Secret>,
}
