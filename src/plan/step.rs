//! What a step consists of beside its action: its guard, and what is done with a unit.

use super::Action;
use crate::cluster::NodeName;

/// What is done with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitOperation {
    /// Start at boot.
    Enable,
    /// Do not start at boot, and stop.
    Disable,
    /// Start; does not wait until it is up, a gate does that.
    Start,
    /// Stop.
    Stop,
    /// Stop and start.
    Restart,
    /// Reload its configuration without an interruption.
    Reload,
}

impl UnitOperation {
    /// The verb for it.
    pub fn as_str(self) -> &'static str {
        match self {
            UnitOperation::Enable => "enable",
            UnitOperation::Disable => "disable",
            UnitOperation::Start => "start",
            UnitOperation::Stop => "stop",
            UnitOperation::Restart => "restart",
            UnitOperation::Reload => "reload",
        }
    }
}

/// A condition under which a step was planned. If it no longer holds, the plan is out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Patroni's leader is this node.
    LeaderIs {
        /// The node.
        node: NodeName,
        /// Its REST API.
        url: String,
    },
    /// Patroni's leader is this node, nobody has paused Patroni, and whoever is to lead follows.
    HandsOver {
        /// The node.
        node: NodeName,
        /// Its REST API.
        url: String,
        /// Who is to lead; with `None` one of the others.
        candidate: Option<NodeName>,
    },
    /// A majority of etcd's members is healthy without this one.
    EtcdQuorumWithout {
        /// The node whose member is about to stop.
        node: NodeName,
        /// The other members, each with its client URL.
        others: Vec<(NodeName, String)>,
        /// How many of them must be healthy.
        needed: usize,
    },
    /// There is no PostgreSQL data in this directory.
    DataDirectoryEmpty {
        /// The path.
        path: String,
    },
}

/// One action on one node, with its guard.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// When it may be done.
    pub guard: Option<Guard>,
}

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        Self {
            action,
            guard: None,
        }
    }
}
