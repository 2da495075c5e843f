//! Plans and actions for the unit tests of this folder.

use crate::plan::{Action, LocalConnection, NodeWork, Phase, Plan, Rollout, Step};
use crate::render::{File, Purpose};
use crate::secret::Secret;

/// A plan of one phase in which one node does `actions`.
pub(super) fn plan_of(actions: Vec<Action>) -> Plan {
    Plan {
        phases: vec![Phase {
            title: "system",
            rollout: Rollout::Parallel,
            work: vec![NodeWork {
                node: "pg-1".into(),
                steps: actions.into_iter().map(Step::from).collect(),
            }],
            gate: None,
        }],
        notes: Vec::new(),
    }
}

/// Writes a plain file of root's.
pub(super) fn write_file(path: &str, content: &str) -> Action {
    Action::WriteFile {
        before: None,
        file: File {
            path: path.to_owned(),
            content: Secret::new(content),
            owner: "root",
            group: "root",
            mode: 0o644,
            sensitive: false,
            check: None,
            purpose: Purpose::System,
        },
    }
}

/// A connection over the socket.
pub(super) fn connection() -> LocalConnection {
    LocalConnection {
        bin_dir: "/usr/lib/postgresql/15/bin".to_owned(),
        port: 5432,
        superuser: "postgres".to_owned(),
    }
}
