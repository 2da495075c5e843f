//! HAProxy: the way in.

use std::time::Duration;

/// HAProxy, as far as it is the same on all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct HaproxySpec {
    /// A pinned package version.
    pub version: Option<String>,
    /// `maxconn` of the process.
    pub maxconn: u32,
    /// `maxconn` of each server.
    pub server_maxconn: u32,
    /// `timeout client` and `timeout server`.
    pub timeout_session: Duration,
    /// `timeout connect`.
    pub timeout_connect: Duration,
    /// `timeout check`.
    pub timeout_check: Duration,
    /// `retries`.
    pub retries: u32,
    /// `maximum_lag` of replicas that serve reads (`/replica?lag=`), in bytes.
    pub replica_max_lag: Option<u64>,
    /// The path of the statistics page.
    pub stats_uri: String,
    /// The user that the statistics page asks for, if it asks for one; the password is
    /// [`super::SecretName::HaproxyStats`].
    pub stats_username: Option<String>,
    /// Further lines of the global section.
    pub extra_global: Vec<String>,
    /// Further sections, appended as they are.
    pub extra: Option<String>,
}

/// HAProxy on one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeHaproxy {
    /// The addresses that the front ends bind to; `*` is all.
    pub listen: Vec<String>,
    /// The port that leads to the leader.
    pub read_write_port: u16,
    /// The port that leads to the replicas; `None` is no such listener.
    pub read_only_port: Option<u16>,
    /// The statistics page.
    pub stats_listen: String,
    /// Its port.
    pub stats_port: u16,
}
