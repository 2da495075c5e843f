//! The lock as others see it: who holds it, and taking it away from them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Holder;
use super::concurrent::join_all;
use super::lock::{LockError, last_line};
use super::quote::sh;
use super::script::{ACQUIRE, Line, Script};
use crate::cluster::NodeName;
use crate::transport::{Effect, Transport, TransportError};

/// A lock that is held on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLock {
    /// By whom.
    pub holder: Holder,
    /// The step that runs there, if one does.
    pub running: Option<String>,
}

/// Who holds the lock, on every node where somebody does. Changes nothing.
///
/// # Errors
/// If a node cannot be asked.
pub async fn locks<T: Transport>(
    hosts: &BTreeMap<NodeName, T>,
) -> Result<BTreeMap<NodeName, HeldLock>, TransportError> {
    let asked = join_all(hosts.iter().map(|(node, host)| async move {
        let mut script = Script::new();
        script.with(&ACQUIRE).line("look_at_lock");
        let title = "look at the lock".to_owned();
        let command = script.command(title, Effect::ReadOnly, Duration::from_secs(30));
        let output = host.exec(&command, &mut |_| {}).await?;
        let running = output
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("running="));
        Ok(running.map(|running| {
            let held = HeldLock {
                holder: Holder::from_lines(output.stdout.lines()),
                running: Some(running.to_owned()).filter(|step| !step.is_empty()),
            };
            (node.clone(), held)
        }))
    }))
    .await;
    asked.into_iter().filter_map(Result::transpose).collect()
}

/// Takes those very locks away, the first node's last: until then no run gets it. `line` goes to
/// the nodes' log of runs.
///
/// # Errors
/// If a lock is somebody else's by now, or cannot be taken away. Others may be gone then.
pub async fn unlock<T: Transport>(
    hosts: &BTreeMap<NodeName, T>,
    locks: &BTreeMap<NodeName, HeldLock>,
    line: &str,
) -> Result<(), LockError> {
    let mut nodes = locks.iter();
    let first = nodes.next();
    let others = nodes.map(|(node, lock)| unlock_one(hosts, node, lock, line));
    let taken: Result<(), LockError> = join_all(others).await.into_iter().collect();
    taken?;
    match first {
        Some((node, lock)) => unlock_one(hosts, node, lock, line).await,
        None => Ok(()),
    }
}

async fn unlock_one<T: Transport>(
    hosts: &BTreeMap<NodeName, T>,
    node: &NodeName,
    lock: &HeldLock,
    line: &str,
) -> Result<(), LockError> {
    let Some(host) = hosts.get(node) else {
        return Ok(());
    };
    let mut script = Script::new();
    let call = format!("break_lock {} {}", sh(&lock.holder.token), sh(line));
    script.with(&ACQUIRE).line(&call);
    let marks = script.marks();
    let title = "take the lock away".to_owned();
    let command = script.command(title, Effect::Changes, Duration::from_secs(60));
    let output = host.exec(&command, &mut |_| {}).await?;
    match output.code {
        0 => Ok(()),
        14 => {
            let lines = output.stdout.lines();
            let told = lines.filter(|line| matches!(marks.read(line), Line::Output(_)));
            Err(LockError::Held {
                node: node.clone(),
                holder: Box::new(Holder::from_lines(told)),
            })
        }
        _ => Err(LockError::Failed {
            node: node.clone(),
            reason: last_line(&output.stdout, &output.stderr),
        }),
    }
}

/// The last `count` lines of every node's log of runs. Changes nothing.
///
/// # Errors
/// If a node cannot be asked.
pub async fn recorded<T: Transport>(
    hosts: &BTreeMap<NodeName, T>,
    count: usize,
) -> Result<BTreeMap<NodeName, Vec<String>>, TransportError> {
    let asked = join_all(hosts.iter().map(|(node, host)| async move {
        let mut script = Script::new();
        script.line(&format!(
            "[ ! -e /var/log/mahout/audit.log ] || tail -n {count} /var/log/mahout/audit.log"
        ));
        let title = "read the log of runs".to_owned();
        let command = script.command(title, Effect::ReadOnly, Duration::from_secs(30));
        let output = host.exec(&command, &mut |_| {}).await?;
        let lines = output.stdout.lines().map(str::to_owned).collect();
        Ok((node.clone(), lines))
    }))
    .await;
    asked.into_iter().collect()
}
