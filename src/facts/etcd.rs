//! etcd as one node sees it.

use serde::{Deserialize, Serialize};

/// What this node's member, or the external etcd asked from this node, answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EtcdFacts {
    /// Whether the member answered `/health` with true (a committed proposal).
    pub healthy: bool,
    /// `/version`: `etcdserver`; empty if it does not answer.
    pub server_version: String,
    /// `/version`: `etcdcluster`; `3.0.0` until every initial member has joined.
    pub cluster_version: String,
    /// The cluster's id, hexadecimal; empty if it does not answer.
    pub cluster_id: String,
    /// The id of the member that answered, hexadecimal.
    pub member_id: String,
    /// The id of the leader, hexadecimal; empty if there is none.
    pub leader_id: String,
    /// The raft term.
    pub raft_term: u64,
    /// The raft index.
    pub raft_index: u64,
    /// The raft index that is applied.
    pub raft_applied_index: u64,
    /// The size of the database in bytes.
    pub db_size_bytes: u64,
    /// What of it is in use.
    pub db_in_use_bytes: u64,
    /// The members as this one knows them.
    pub members: Vec<EtcdMember>,
    /// Active alarms: `NOSPACE`, `CORRUPT`, with the member's id.
    pub alarms: Vec<String>,
    /// The names of the keys beneath the cluster's DCS path, without that path:
    /// `initialize`, `config`, `leader`, `members/pg-1`, …
    pub keys: Vec<String>,
    /// The value of the `initialize` key: the system identifier that Patroni knows.
    pub initialize: Option<String>,
    /// The data directory holds a member (`member/` is in it).
    pub data_dir_has_member: bool,
    /// What went wrong, if it did not answer.
    pub error: Option<String>,
}

/// A member as the member list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdMember {
    /// Its id, hexadecimal.
    pub id: String,
    /// Its name; empty until it has started.
    pub name: String,
    /// Its peer URLs.
    pub peer_urls: Vec<String>,
    /// Its client URLs; empty until it has started.
    pub client_urls: Vec<String>,
    /// Whether it is a learner.
    pub is_learner: bool,
}
