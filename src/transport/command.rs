//! What is sent to a node: a script, its effect, its deadline.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use crate::secret::Secret;

/// What a command does to the node that runs it. A read-only fleet refuses the others before
/// they reach the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Changes nothing.
    ReadOnly,
    /// One write that leaves no trace (`pg_logical_emit_message`), for `verify`.
    Probe,
    /// Changes the node.
    Changes,
}

/// One execution on one node.
#[derive(Clone, Debug)]
pub struct Command {
    /// What it is for, in words, for errors and `-v`: "gather facts".
    pub title: String,
    /// A POSIX sh script. It is sent on stdin (never argv: it may hold secrets), parsed whole by
    /// the node's shell before its first line runs, and runs as root, with umask 022, LC_ALL=C and
    /// a PATH that holds the folders of the system's own programs.
    pub script: Secret,
    /// What the script finds on stdin, from the file's begin to its end; else that is empty.
    pub input: Option<Arc<File>>,
    /// Whether what it prints is in [`Output`], too. Else its lines are only handed on, however
    /// many they are.
    pub keeps_stdout: bool,
    /// See [`Effect`].
    pub effect: Effect,
    /// After this time the command is given up. A read-only one is ended on the node, too; a
    /// changing one runs to its end there.
    pub timeout: Duration,
}

/// What an execution left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit code of the script.
    pub code: i32,
    /// What it printed, without the login shell's banner.
    pub stdout: String,
    /// What it and the login shell wrote to stderr.
    pub stderr: String,
}
