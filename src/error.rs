//! What can end a run, one variant a stage, with its exit code.

use std::path::PathBuf;

use crate::cluster::InvalidCluster;
use crate::cluster::NodeName;
use crate::execute::{ExecuteError, LockError};
use crate::facts::record::RecordError;
use crate::inventory::InventoryError;
use crate::lab::LabError;
use crate::plan::{Goal, PlanError};
use crate::render::RenderError;
use crate::transport::TransportError;
use crate::vault::VaultError;

/// The end of a run that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inventory cannot be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// No cluster can be made of the inventory.
    #[error(transparent)]
    Cluster(#[from] InvalidCluster),
    /// A record of facts cannot be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Generated secrets of a cluster that exists are missing.
    #[error(
        "the cluster exists, but {} lacks its secrets ({})", vault.display(), missing.join(", ")
    )]
    LostVault {
        /// The vault.
        vault: PathBuf,
        /// The names of what it lacks.
        missing: Vec<String>,
    },
    /// Everything was said already; only the exit code is left.
    #[error("")]
    Reported(u8),
    /// A secret cannot be had.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A template fails.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Something about the command line that clap cannot know.
    #[error("{message}")]
    Usage {
        /// The cause.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Nodes could not be reached.
    #[error("{}", unreachable(.0))]
    Unreachable(Vec<TransportError>),
    /// Preflight refused.
    #[error("the nodes are not as they must be; nothing was changed\n{0}")]
    Plan(#[from] PlanError),
    /// Somebody else is at work.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The nodes changed between the plan that was shown and the lock.
    #[error("the plan is out of date: the nodes are no longer what they were when it was shown")]
    OutOfDate,
    /// A step, a gate or a guard failed, or the run was interrupted.
    #[error("{1}")]
    Execute(Goal, ExecuteError),
    /// After a deploy there was still something to change.
    #[error("the deploy went through, but {steps} steps on {} would be done again", list(.nodes))]
    NotConverged {
        /// How many.
        steps: usize,
        /// Where.
        nodes: Vec<NodeName>,
    },
    /// Verification found errors.
    #[error("{0}")]
    Verification(String),
    /// The lab.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A local file.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        cause: std::io::Error,
    },
    /// Stdout or stderr.
    #[error("cannot write the answer: {0}")]
    Output(std::io::Error),
}

impl Error {
    /// The exit code of the process; the README has the table.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Render(RenderError::Platform { .. })
            | Error::Vault(VaultError::Locked { .. } | VaultError::Changed { .. }) => 3,
            Error::Inventory(_)
            | Error::Cluster(_)
            | Error::Record(_)
            | Error::Usage { .. }
            | Error::Vault(_)
            | Error::Render(_)
            | Error::File { .. } => 2,
            Error::Reported(code) => *code,
            Error::Unreachable(_) | Error::Plan(_) | Error::LostVault { .. } => 3,
            Error::Lock(error) => error.exit_code(),
            Error::OutOfDate | Error::NotConverged { .. } => 1,
            Error::Lab(error) => error.exit_code(),
            Error::Execute(_, error) => error.exit_code(),
            Error::Verification(_) => 4,
            Error::Output(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => 141,
            Error::Output(_) => 1,
        }
    }

    /// What to do next, where there is one thing to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Usage { hint, .. } => hint.clone(),
            Error::Inventory(error) => error.hint().map(str::to_owned),
            Error::Cluster(error) => error.hint().map(str::to_owned),
            Error::Vault(error) => error.hint(),
            Error::Lab(error) => error.hint(),
            Error::LostVault { .. } => Some(
                "bring the file back from where you keep it; mahout never makes new secrets for a \
                 cluster that has old ones. Of a cluster that was made by other means, `mahout adopt` \
                 reads them from the nodes"
                    .to_owned(),
            ),
            Error::Render(RenderError::Platform { .. }) => Some(
                "mahout knows Debian, Ubuntu and the RHEL family, and what names one of them in \
                 ID_LIKE of /etc/os-release; nothing was changed"
                    .to_owned(),
            ),
            Error::Execute(goal, error) => {
                let next = match goal {
                    Goal::Converge => "run deploy again to continue",
                    Goal::Adopt => "run adopt again to continue",
                    // A second one would hand over once more.
                    Goal::Switchover { .. } => "`mahout status` shows who leads now",
                    Goal::Reinitialize { .. } => "run reinit again to continue",
                    Goal::Replace { .. } => "run replace again to continue",
                    Goal::RestoreDcs { .. } => {
                        "run restore-dcs again to continue, with --leader as its plan said it"
                    }
                    Goal::Destroy => "run destroy again to continue",
                };
                Some(match error.remedy() {
                    Some(remedy) => format!("{remedy}; then {next}"),
                    None => next.to_owned(),
                })
            }
            Error::Lock(error) => error.hint(),
            Error::OutOfDate => Some("run it again to see the new one".to_owned()),
            Error::NotConverged { .. } => {
                Some("`mahout diff` shows them; this is worth a bug report".to_owned())
            }
            Error::Verification(_) => Some("`mahout verify` shows every check".to_owned()),
            _ => None,
        }
    }
}

/// A line a node; a hint that is the next one's, too, is given once, below both.
fn unreachable(errors: &[TransportError]) -> String {
    let mut lines = Vec::new();
    for same in errors.chunk_by(|one, next| one.hint == next.hint) {
        lines.extend(same.iter().map(ToString::to_string));
        let hint = same.first().and_then(|error| error.hint.as_ref());
        lines.extend(hint.map(|hint| format!("  hint: {hint}")));
    }
    lines.join("\n")
}

fn list(nodes: &[NodeName]) -> String {
    let names: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_that_nodes_have_in_common_is_given_once() {
        let error = |node: &str, hint: Option<&str>| TransportError {
            node: node.into(),
            cause: "no".to_owned(),
            hint: hint.map(str::to_owned),
        };
        let errors = [
            error("pg-1", Some("wait")),
            error("pg-2", Some("wait")),
            error("pg-3", None),
            error("pg-4", Some("run")),
        ];
        assert_eq!(
            unreachable(&errors),
            "pg-1: no\npg-2: no\n  hint: wait\npg-3: no\npg-4: no\n  hint: run"
        );
    }
}
