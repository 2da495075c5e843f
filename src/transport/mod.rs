//! How a command reaches a node: one OpenSSH connection a node, one script an execution.

mod answer;
pub mod command;
mod conversation;
mod explain;
mod fault;
pub mod fleet;
mod folder;
pub mod host;
pub mod host_keys;
mod jump;
mod keys;
mod master;
mod name;
mod refusal;
mod sessions;
mod ssh;
mod wire;

use std::future::Future;

pub use command::{Command, Effect, Output};
pub use fleet::{ConnectOptions, Fleet, Greet, Watch};
pub use host::Host;
pub use host_keys::{HostKey, Known};

use crate::cluster::NodeName;

/// Why a command did not reach a node or its end could not be learned.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{node}: {cause}")]
pub struct TransportError {
    /// The node.
    pub node: NodeName,
    /// In words, without the node's name.
    pub cause: String,
    /// What to do next, where that is known.
    pub hint: Option<String>,
}

/// The single funnel to one node. Implemented by `Host` over OpenSSH and by the strict fake of
/// the unit tests.
pub trait Transport: Send + Sync {
    /// Runs `command` on the node and returns what it printed and its exit code. Each line of its
    /// stdout is handed to `on_line` as it arrives (progress), and is in the output, too, where it
    /// is kept.
    ///
    /// # Errors
    /// Only when the command could not be carried to the node or its end could not be learned; a
    /// command that ends with a non-zero code is an `Ok` with that code.
    fn exec(
        &self,
        command: &Command,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> impl Future<Output = Result<Output, TransportError>> + Send;
}

impl<T: Transport> Transport for std::sync::Arc<T> {
    async fn exec(
        &self,
        command: &Command,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Output, TransportError> {
        T::exec(self, command, on_line).await
    }
}
