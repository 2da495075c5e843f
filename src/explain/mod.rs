//! What the records of nodes say about a failure, turned into cause and remedy. Pure: evidence in,
//! causes out. What is known stands in a table of [`Signature`]s.

mod across;
mod evidence;
mod measured;
mod names;
mod signatures;

pub use across::judge_all;
pub use evidence::{Evidence, Section};
pub use names::Names;
pub use signatures::Signature;

use crate::cluster::NodeName;

/// So many lines are shown for a cause.
const SHOWN: usize = 3;

/// A cause that was found on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The signature's stable name.
    pub signature: &'static str,
    /// In words, without the node's name.
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// The last lines that say so, each with the record that it stands in.
    pub evidence: Vec<(String, String)>,
}

/// What was found out about one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeExplanation {
    /// The node.
    pub node: NodeName,
    /// The causes, the surest first.
    pub causes: Vec<Cause>,
    /// Everything that was looked at; nothing, if the node was not reached.
    pub evidence: Evidence,
}

/// The causes that the evidence of one node holds.
pub fn judge(node: &NodeName, evidence: &Evidence, names: &Names) -> Vec<Cause> {
    let mut causes: Vec<Cause> = signatures::all()
        .filter_map(|signature| {
            let lines = evidence.lines_of(signature, names);
            let (_, last) = lines.last()?;
            let mut cause = signature.cause.to_owned();
            if let Some(owner) = evidence.port_owner(last) {
                cause.push_str(&format!(", held by {owner}"));
            }
            let skipped = lines.len().saturating_sub(SHOWN);
            Some(Cause {
                signature: signature.name,
                cause,
                remedy: names.remedy(signature.remedy, node),
                evidence: lines[skipped..].to_vec(),
            })
        })
        .collect();
    // That a service has failed is no news beside the reason.
    if causes.len() > 1 {
        causes.retain(|cause| cause.signature != signatures::LAST_RESORT);
    }
    causes
}

#[cfg(test)]
mod tests;
