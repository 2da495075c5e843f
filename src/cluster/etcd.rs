//! The DCS: our own etcd members, or somebody else's.

use std::time::Duration;

/// etcd, as far as it is the same on all members.
#[derive(Clone, Debug, PartialEq)]
pub struct EtcdSpec {
    /// An etcd that we do not run; the nodes then have no etcd role.
    pub external: Option<ExternalEtcd>,
    /// Where clients connect.
    pub client_port: u16,
    /// Where members connect.
    pub peer_port: u16,
    /// `initial_cluster_token`: unique for each etcd cluster.
    pub initial_cluster_token: String,
    /// `heartbeat-interval`: about the largest round trip between members.
    pub heartbeat_interval: Duration,
    /// `election-timeout`: at least 5 (etcd) and better 10 heartbeats.
    pub election_timeout: Duration,
    /// `quota-backend-bytes`: at this size etcd refuses writes.
    pub quota_bytes: u64,
    /// `auto-compaction-retention`, periodic: how much history is kept.
    pub auto_compaction_retention: Duration,
    /// A pinned package version.
    pub version: Option<String>,
}

/// An etcd that exists already and is not ours to configure.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalEtcd {
    /// `host:port` of its client URLs.
    pub endpoints: Vec<String>,
    /// `http` or `https`.
    pub protocol: String,
    /// The path, on the nodes, of the CA certificate that it is checked with.
    pub ca_file: Option<String>,
    /// The user, where it asks for one; the password is [`super::SecretName::Etcd`].
    pub username: Option<String>,
}
