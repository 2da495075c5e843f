//! `mahout trust`: host keys are shown, then recorded.

use std::io::Write;

use tokio::task::JoinSet;

use super::Context;
use super::session::Session;
use super::terminal::confirm;
use crate::cluster::Node;
use crate::error::Error;
use crate::report::Outcome;
use crate::transport::TransportError;
use crate::transport::host_keys::{HostKey, Known, record, scan};
use crate::verify::words::count;

/// Shows the host key of every node, and records those that are not known yet.
pub(super) async fn trust(
    context: &Context,
    yes: bool,
    dry_run: bool,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let session = Session::load(context)?;
    let nodes = &session.cluster.nodes;
    let what = format!("asking {} for host keys", count(nodes.len(), "node"));
    let mut new = Vec::new();
    let mut errors = Vec::new();
    for (node, shown) in session.timed(what, scan_all(nodes)).await {
        let key = match shown {
            Ok(key) => key,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let (state, said) = match &key.known {
            Known::Known => ("known", "known".to_owned()),
            Known::New => ("new", "new".to_owned()),
            Known::Changed(place) => (
                "changed",
                format!("CHANGED, another is recorded in {place}"),
            ),
        };
        let line = format!(
            "{}  {} {}  {said}",
            node.name, key.algorithm, key.fingerprint
        );
        let outcome = Outcome::new("host_key", line)
            .with("node", node.name.as_str())
            .with("algorithm", key.algorithm.to_string())
            .with("fingerprint", key.fingerprint.to_string())
            .with("state", state);
        context.tell(outcome, out)?;
        match key.known {
            Known::Known => {}
            Known::New => new.push((node, key)),
            // Never replaced by us: the error says what a person must do.
            Known::Changed(_) => errors.extend(record(node, &key).await.err()),
        }
    }
    if !new.is_empty() {
        let keys = count(new.len(), "new host key");
        let instead = "compare the fingerprints with the nodes' own, then pass --yes";
        let outcome = if !dry_run && (yes || confirm(&format!("record {keys}?"), instead)?) {
            let known = errors.len();
            for (node, key) in &new {
                errors.extend(record(node, key).await.err());
            }
            let recorded = new.len() - (errors.len() - known);
            let said = format!("{} recorded", count(recorded, "host key"));
            Outcome::new("trusted", said).with("recorded", recorded)
        } else {
            Outcome::new("not_trusted", format!("{keys}, not recorded")).with("recorded", 0)
        };
        context.tell(outcome, out)?;
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Unreachable(errors))
    }
}

/// Asks all nodes side by side; the answers are in the order of the nodes.
async fn scan_all(nodes: &[Node]) -> Vec<(&Node, Result<HostKey, TransportError>)> {
    let mut work = JoinSet::new();
    for (index, node) in nodes.iter().cloned().enumerate() {
        work.spawn(async move { (index, scan(&node).await) });
    }
    let mut answers = work.join_all().await;
    answers.sort_by_key(|(index, _)| *index);
    let answers = answers.into_iter().map(|(_, answer)| answer);
    nodes.iter().zip(answers).collect()
}
