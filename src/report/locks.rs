//! The lock: who holds it, on which nodes, since when.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use super::clean;
use crate::cluster::NodeName;

/// The lock of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockView<'a> {
    /// The node.
    pub node: &'a NodeName,
    /// Who holds it, in words.
    pub holder: String,
    /// Its name: `ada@control`.
    pub name: String,
    /// For how long.
    pub held: Duration,
    /// How long ago it showed a sign of life.
    pub silent: Duration,
    /// Whether it is taken to be at work.
    pub alive: bool,
    /// The step that runs.
    pub running: Option<&'a str>,
}

/// Writes the locks.
///
/// # Errors
/// What `out` says.
pub fn write_locks(out: &mut dyn Write, locks: &[LockView]) -> io::Result<()> {
    for lock in locks {
        let state = if lock.alive { "at work" } else { "gone" };
        let line = format!(
            "{}: locked by {}; {state}, the last sign of life was {} s ago",
            lock.node,
            lock.holder,
            lock.silent.as_secs()
        );
        writeln!(out, "{}", clean(&line))?;
        if let Some(step) = lock.running {
            writeln!(out, "  runs: {}", clean(step))?;
        }
    }
    if locks.is_empty() {
        writeln!(out, "no node is locked")?;
    }
    Ok(())
}

/// Writes the locks as JSON.
///
/// # Errors
/// What `out` says.
pub fn write_locks_json(out: &mut dyn Write, locks: &[LockView]) -> io::Result<()> {
    for lock in locks {
        let object = json!({
            "type": "lock",
            "node": lock.node,
            "holder": lock.name,
            "held_seconds": lock.held.as_secs(),
            "silent_seconds": lock.silent.as_secs(),
            "alive": lock.alive,
            "running": lock.running,
        });
        writeln!(out, "{object}")?;
    }
    Ok(())
}
