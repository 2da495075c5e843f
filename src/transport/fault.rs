//! A failure before it is known which node it concerns.

use super::TransportError;
use crate::cluster::NodeName;

/// A cause in words, and what helps against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) cause: String,
    pub(super) hint: Option<String>,
    /// Trying once more may help.
    pub(super) passes: bool,
}

impl Fault {
    pub(super) fn new(cause: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            hint: None,
            passes: false,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The failure of `node`.
    pub(super) fn at(self, node: &NodeName) -> TransportError {
        TransportError {
            node: node.clone(),
            cause: self.cause,
            hint: self.hint,
        }
    }
}
