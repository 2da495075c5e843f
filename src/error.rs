//! What can end a run, one variant a stage, with its exit code.

use std::path::PathBuf;

use crate::cluster::NodeName;
use crate::execute::{ExecuteError, LockError};
use crate::facts::FactsError;
use crate::inventory::InventoryError;
use crate::lab::LabError;
use crate::plan::PlanError;
use crate::render::RenderError;
use crate::transport::TransportError;
use crate::vault::VaultError;

/// The end of a run that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The inventory cannot be read or no cluster can be made of it.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
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
    /// A node did not tell its facts.
    #[error(transparent)]
    Facts(#[from] FactsError),
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
    #[error(transparent)]
    Execute(#[from] ExecuteError),
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
    /// `--dry-run --exit-code`, and there are changes; not an error to print.
    #[error("there are changes")]
    Changes,
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
            Error::Inventory(_) | Error::Usage { .. } | Error::Vault(_) | Error::Render(_) => 2,
            Error::File { .. } => 2,
            Error::Unreachable(_) | Error::Facts(_) | Error::Plan(_) | Error::Lock(_) => 3,
            Error::OutOfDate | Error::NotConverged { .. } | Error::Lab(_) => 1,
            Error::Execute(error) => error.exit_code(),
            Error::Verification(_) => 4,
            Error::Changes => 5,
            Error::Output(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => 141,
            Error::Output(_) => 1,
        }
    }

    /// What to do next, where there is one thing to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Usage { hint, .. } => hint.clone(),
            Error::OutOfDate => Some("run deploy again to see the new one".to_owned()),
            Error::NotConverged { .. } => {
                Some("`mahout diff` shows them; this is worth a bug report".to_owned())
            }
            Error::Verification(_) => Some("`mahout verify` shows every check".to_owned()),
            _ => None,
        }
    }
}

fn unreachable(errors: &[TransportError]) -> String {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| match &error.hint {
            Some(hint) => format!("{error}\n  hint: {hint}"),
            None => error.to_string(),
        })
        .collect();
    lines.join("\n")
}

fn list(nodes: &[NodeName]) -> String {
    let names: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
    names.join(", ")
}
