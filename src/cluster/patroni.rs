//! Patroni: what every member shares, and what each node has for itself.

use std::time::Duration;

use serde_json::{Map, Value};

/// Patroni, as far as it is the same on all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct PatroniSpec {
    /// The dynamic configuration exactly as `/config` is to show it: `ttl`, `loop_wait`,
    /// `retry_timeout`, `maximum_lag_on_failover`, `synchronous_mode`, `failsafe_mode`,
    /// `postgresql.use_pg_rewind`, `postgresql.parameters` and whatever was passed through.
    pub dynamic: Map<String, Value>,
    /// Where the REST API listens.
    pub port: u16,
    /// The user of the REST API's unsafe verbs; the password is [`super::SecretName::RestApi`].
    pub rest_username: String,
    /// Whether `connect_address` and the etcd hosts are node names (found through the hosts
    /// entries) instead of addresses.
    pub connect_by_name: bool,
    /// Further keys of patroni.yml, merged over ours (the one place for what we do not name).
    pub extra: Map<String, Value>,
    /// `bootstrap.initdb`.
    pub initdb: Vec<Value>,
    /// The unit's `Restart=`: `on-failure`, or `no` as in the article.
    pub restart: String,
    /// The unit's `TimeoutStopSec=`.
    pub stop_timeout: Duration,
    /// A pinned package version.
    pub version: Option<String>,
}

/// Patroni on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePatroni {
    /// The address that the REST API listens on.
    pub listen: String,
    /// `tags`.
    pub tags: Map<String, Value>,
    /// `watchdog.mode`: `off`, `automatic`, `required`.
    pub watchdog: String,
    /// Further keys of this node's patroni.yml, merged over the cluster's.
    pub extra: Map<String, Value>,
}
