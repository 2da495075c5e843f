//! What a plan is for.

use std::fmt;

use crate::cluster::NodeName;

/// What a plan is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// The nodes are what the inventory says.
    #[default]
    Converge,
    /// A cluster that was made by other means is mahout's, and nothing of it was restarted.
    Adopt,
    /// Another member leads.
    Switchover {
        /// Which one; Patroni chooses where none is named.
        candidate: Option<NodeName>,
    },
    /// The data of a replica is a copy of the leader's.
    Reinitialize {
        /// Which one.
        node: NodeName,
    },
    /// A node that came back with nothing is what the inventory says.
    Replace {
        /// Which one.
        node: NodeName,
    },
    /// etcd has a majority again, and Patroni's keys.
    RestoreDcs {
        /// The member of etcd whose data counts, where several have theirs.
        from: Option<NodeName>,
        /// Whose database is the newest, where that cannot be seen.
        leader: Option<NodeName>,
    },
    /// Nothing of the cluster runs any more.
    Destroy,
}

impl Goal {
    /// The command that has this goal.
    pub fn command(&self) -> &'static str {
        match self {
            Goal::Converge => "deploy",
            Goal::Adopt => "adopt",
            Goal::Switchover { .. } => "switchover",
            Goal::Reinitialize { .. } => "reinit",
            Goal::Replace { .. } => "replace",
            Goal::RestoreDcs { .. } => "restore-dcs",
            Goal::Destroy => "destroy",
        }
    }

    /// Whether every node is what the inventory says once it is reached, as far as no restart is
    /// left out. Else what the inventory
    /// has changed since the last deploy is none of its business.
    pub fn converges(&self) -> bool {
        matches!(
            self,
            Goal::Converge | Goal::Adopt | Goal::Replace { .. } | Goal::RestoreDcs { .. }
        )
    }

    /// Whether it is agreed to by the cluster's name alone, typed out.
    pub fn is_agreed_by_name(&self) -> bool {
        matches!(self, Goal::Destroy | Goal::RestoreDcs { .. })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::Converge => f.write_str("converge"),
            Goal::Adopt => f.write_str("adopt"),
            Goal::Switchover { candidate: None } => f.write_str("switchover"),
            Goal::Switchover {
                candidate: Some(node),
            } => write!(f, "switchover to {node}"),
            Goal::Reinitialize { node } => write!(f, "reinit {node}"),
            Goal::Replace { node } => write!(f, "replace {node}"),
            Goal::RestoreDcs { .. } => f.write_str("restore-dcs"),
            Goal::Destroy => f.write_str("destroy"),
        }
    }
}
