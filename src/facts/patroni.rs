//! Patroni as one node's REST API shows it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The answers of `/patroni`, `/cluster`, `/config` and the health checks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PatroniFacts {
    /// `patroni.version`.
    pub version: String,
    /// `patroni.scope`.
    pub scope: String,
    /// `role` as it says it: `primary` (`master` before 4.0), `replica`, `standby_leader`.
    pub role: String,
    /// `state`: `running`, `starting`, `stopped`, …
    pub state: String,
    /// `timeline`.
    pub timeline: Option<u64>,
    /// `database_system_identifier`.
    pub system_identifier: Option<String>,
    /// `pending_restart`.
    pub pending_restart: bool,
    /// `pause`.
    pub paused: bool,
    /// `replication_state`: `streaming`, `in archive recovery`; `None` on the leader.
    pub replication_state: Option<String>,
    /// `dcs_last_seen`, in seconds before the gathering; `None` where it is not told.
    pub dcs_last_seen_ago: Option<i64>,
    /// The status code of `GET /primary`.
    pub primary_status: u16,
    /// The status code of `GET /replica`.
    pub replica_status: u16,
    /// The members that `/cluster` shows.
    pub members: Vec<PatroniMember>,
    /// The dynamic configuration, `/config`.
    pub config: Map<String, Value>,
}

/// A member as `/cluster` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PatroniMember {
    /// Its name.
    pub name: String,
    /// `leader`, `replica`, `sync_standby`, `quorum_standby`, `standby_leader`.
    pub role: String,
    /// `running`, `streaming`, `stopped`, …
    pub state: String,
    /// PostgreSQL's address.
    pub host: String,
    /// PostgreSQL's port.
    pub port: u16,
    /// Its timeline.
    pub timeline: Option<u64>,
    /// Its lag in bytes; `None` if unknown, and on the leader.
    pub lag_bytes: Option<u64>,
    /// Whether it waits for a restart.
    pub pending_restart: bool,
    /// Its tags.
    pub tags: Map<String, Value>,
}
