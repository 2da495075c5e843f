//! `mahout trust`: host keys are shown, then recorded.

use std::io::Write;

use super::Context;
use super::session::Session;
use super::terminal::confirm;
use crate::error::Error;
use crate::transport::host_keys::{Known, record, scan};

/// Shows the host key of every node, and records those that are not known yet.
pub(super) async fn trust(context: &Context, yes: bool, out: &mut dyn Write) -> Result<(), Error> {
    let session = Session::load(context)?;
    let mut new = Vec::new();
    let mut errors = Vec::new();
    for node in &session.cluster.nodes {
        match scan(node).await {
            Ok(key) => {
                let state = match &key.known {
                    Known::Known => "known".to_owned(),
                    Known::New => "new".to_owned(),
                    Known::Changed(place) => format!("CHANGED, another is recorded in {place}"),
                };
                let line = format!(
                    "{}  {} {}  {state}",
                    node.name, key.algorithm, key.fingerprint
                );
                writeln!(out, "{line}").map_err(Error::Output)?;
                match key.known {
                    Known::Known => {}
                    Known::New => new.push((node, key)),
                    // Never replaced by us: the error says what a person must do.
                    Known::Changed(_) => errors.extend(record(node, &key).await.err()),
                }
            }
            Err(error) => errors.push(error),
        }
    }
    let question = format!("record {} new host keys?", new.len());
    let consent = new.is_empty()
        || yes
        || confirm(
            &question,
            "compare the fingerprints with the nodes' own, then pass --yes",
        )?;
    if consent {
        for (node, key) in &new {
            if let Err(error) = record(node, key).await {
                errors.push(error);
            }
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Error::Unreachable(errors))
    }
}
