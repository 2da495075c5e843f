//! What the DCS knows of our cluster: on this hangs whether a database may be made.

use crate::cluster::{Cluster, Role};
use crate::facts::{EtcdFacts, Facts, NodeFacts};

/// What stands under our path of the DCS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dcs {
    /// A cluster with this system identifier.
    Knows(String),
    /// A cluster that is being made at this moment: the key is there, without a value.
    InTheMaking,
    /// No cluster: somebody answered, or there is no DCS yet.
    Empty,
    /// Nobody answers, and there is one: what it knows cannot be said.
    Silent,
}

impl Dcs {
    /// What the nodes say of it.
    pub fn of(cluster: &Cluster, facts: &Facts) -> Self {
        let said = || facts.nodes.values().filter_map(|node| node.etcd.as_ref());
        let initialize = || said().filter_map(|etcd| etcd.initialize.as_ref());
        if let Some(identifier) = initialize().find(|identifier| !identifier.is_empty()) {
            return Dcs::Knows(identifier.clone());
        }
        if initialize().next().is_some() {
            return Dcs::InTheMaking;
        }
        let exists = cluster.etcd.external.is_some()
            || said().any(|etcd| etcd.data_dir_has_member)
            || cluster
                .with_role(Role::Etcd)
                .filter_map(|node| facts.nodes.get(&node.name))
                .any(|node| node.is_active(super::etcd::UNIT));
        if exists && !said().any(reads_keys) {
            Dcs::Silent
        } else {
            Dcs::Empty
        }
    }

    /// Whether a cluster exists, and no other may be made: the DCS knows one, or does not answer
    /// while there is a database on a node.
    pub fn has_cluster(&self, facts: &Facts) -> bool {
        match self {
            Dcs::Knows(_) => true,
            Dcs::InTheMaking | Dcs::Empty => false,
            Dcs::Silent => facts.nodes.values().any(holds_database),
        }
    }
}

/// Whether somebody answered.
pub(super) fn answers(etcd: &EtcdFacts) -> bool {
    !etcd.url.is_empty()
}

/// Whether somebody answered what the keys are: without a login there is no reading them.
fn reads_keys(etcd: &EtcdFacts) -> bool {
    answers(etcd) && !etcd.unreadable
}

/// Whether there is a database in the data directory of the node.
pub(super) fn holds_database(facts: &NodeFacts) -> bool {
    facts.postgresql.as_ref().is_some_and(|postgresql| {
        postgresql.system_identifier.is_some() || postgresql.data_version.is_some()
    })
}
