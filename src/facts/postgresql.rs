//! PostgreSQL's data directory and server on one node.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the data directory and the local server say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PostgresqlFacts {
    /// The data directory that was looked at.
    pub data_dir: String,
    /// `PG_VERSION`; `None` if there is no database in it.
    pub data_version: Option<String>,
    /// Whether the directory exists and something is in it.
    pub data_dir_in_use: bool,
    /// `Database system identifier` of `pg_controldata`.
    pub system_identifier: Option<String>,
    /// `Database cluster state` of `pg_controldata`.
    pub control_state: Option<String>,
    /// Whether the server answered a query over its socket.
    pub answers: bool,
    /// `pg_is_in_recovery()`.
    pub in_recovery: Option<bool>,
    /// `server_version_num`.
    pub server_version: Option<u32>,
    /// The settings that `verify` judges: `fsync`, `full_page_writes`, `synchronous_commit`, …
    pub settings: BTreeMap<String, String>,
    /// Settings that wait for a restart (`pg_settings.pending_restart`).
    pub pending_restart: Vec<String>,
    /// The roles that can log in or were asked for; only on a server that answers.
    pub roles: Vec<String>,
    /// On the primary: who streams from it.
    pub replication: Vec<ReplicationFacts>,
    /// Rows of `pg_hba_file_rules` that have an error.
    pub hba_errors: Vec<String>,
    /// Every postmaster on this node by its data directory, with the pid: more than ours is a
    /// stray PostgreSQL outside Patroni.
    pub postmasters: BTreeMap<String, u32>,
}

/// A row of `pg_stat_replication`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationFacts {
    /// `application_name`: Patroni sets the member's name.
    pub application_name: String,
    /// `state`: `streaming`, `catchup`, …
    pub state: String,
    /// `sync_state`.
    pub sync_state: String,
    /// `pg_current_wal_lsn() - replay_lsn` in bytes.
    pub lag_bytes: Option<u64>,
}
