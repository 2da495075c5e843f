//! What a plan is for.

use std::fmt;

use crate::cluster::NodeName;

/// What a plan is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// The nodes are what the inventory says.
    #[default]
    Converge,
    /// Another member leads.
    Switchover {
        /// Which one; Patroni chooses where none is named.
        candidate: Option<NodeName>,
    },
}

impl Goal {
    /// The command that has this goal.
    pub fn command(&self) -> &'static str {
        match self {
            Goal::Converge => "deploy",
            Goal::Switchover { .. } => "switchover",
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Goal::Converge => f.write_str("converge"),
            Goal::Switchover { candidate: None } => f.write_str("switchover"),
            Goal::Switchover {
                candidate: Some(node),
            } => write!(f, "switchover to {node}"),
        }
    }
}
