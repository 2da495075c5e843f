//! `mahout unlock`: the lock of a run that is stuck or whose machine is gone.

use std::collections::BTreeMap;
use std::io::Write;

use super::Context;
use super::audit::{Recorded, keep_here};
use super::session::Session;
use super::terminal::{ask, confirm};
use crate::cli;
use crate::cluster::NodeName;
use crate::error::Error;
use crate::execute::{HeldLock, Holder, LockError, locks, unlock as take_away};
use crate::report::{LockView, Outcome, write_locks, write_locks_json};
use crate::transport::{Effect, Fleet, Host, TransportError};

/// Shows who holds the lock, and takes it away from them.
pub(super) async fn unlock(
    context: &Context,
    options: &cli::Unlock,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let session = Session::load_to_look(context)?;
    let effect = if options.dry_run {
        Effect::ReadOnly
    } else {
        Effect::Changes
    };
    let fleet = session.connect(effect).await?;
    let result = on_nodes(&session, &fleet, options, out).await;
    fleet.close().await;
    result
}

async fn on_nodes(
    session: &Session<'_>,
    fleet: &Fleet<Host>,
    options: &cli::Unlock,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let hosts = Session::hosts(fleet);
    if hosts.is_empty() {
        let unreachable: Vec<TransportError> = fleet.unreachable().cloned().collect();
        return Err(Error::Unreachable(unreachable));
    }
    // Their locks expire by themselves.
    session.tell_unreachable(fleet);
    let held = locks(&hosts).await;
    let held = held.map_err(|error| Error::Unreachable(vec![error]))?;
    let me = Holder::this_process("unlock");
    show(session, &held, &me, out)?;
    if held.is_empty() || options.dry_run {
        return Ok(());
    }
    if !agreed(&held, &me, options)? {
        return session.context.tell(Outcome::unchanged(), out);
    }
    let line = Recorded::begin(session, "unlock", None).line(session, Ok(&Vec::new()));
    take_away(&hosts, &held, &line).await?;
    keep_here(session, &line);
    let outcome = Outcome::new("unlocked", "unlocked");
    session.context.tell(outcome, out)
}

fn show(
    session: &Session,
    held: &BTreeMap<NodeName, HeldLock>,
    me: &Holder,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let views: Vec<LockView> = held
        .iter()
        .map(|(node, lock)| LockView {
            node,
            holder: lock.holder.to_string(),
            name: lock.holder.name(),
            held: lock.holder.held,
            silent: lock.holder.silent,
            alive: lock.holder.is_alive(me),
            running: lock.running.as_deref(),
        })
        .collect();
    let written = if session.context.is_json() {
        write_locks_json(out, &views)
    } else {
        write_locks(out, &views)
    };
    written.and_then(|()| out.flush()).map_err(Error::Output)
}

/// Whether it may be taken away: from somebody at work only by their name.
fn agreed(
    held: &BTreeMap<NodeName, HeldLock>,
    me: &Holder,
    options: &cli::Unlock,
) -> Result<bool, Error> {
    for (node, HeldLock { holder, .. }) in held {
        if !holder.is_alive(me) {
            continue;
        }
        let name = holder.name();
        let given = match &options.holder {
            Some(given) => Some(given.clone()),
            None if options.yes => None,
            None => ask(&format!(
                "{holder} is at work; type `{name}` to take the lock away all the same: "
            ))?,
        };
        if given.as_deref() != Some(name.as_str()) {
            return Err(Error::Lock(LockError::Alive {
                node: node.clone(),
                holder: Box::new(holder.clone()),
            }));
        }
    }
    if options.yes || options.holder.is_some() {
        return Ok(true);
    }
    confirm("unlock?", "pass --yes to unlock without a question")
}
