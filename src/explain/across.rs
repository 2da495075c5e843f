//! What only the records of all nodes together say.

use std::collections::BTreeMap;

use super::{Evidence, Names, NodeExplanation, judge};
use crate::cluster::NodeName;

/// Clocks that are further apart than this are skewed, in milliseconds.
const SKEW: i64 = 2000;

/// The causes on every node, each judged beside the others.
pub fn judge_all(mut nodes: BTreeMap<NodeName, Evidence>, names: &Names) -> Vec<NodeExplanation> {
    compare_clocks(&mut nodes);
    // The cluster is being made: whoever waits for it waits rightly.
    let is_made = nodes
        .values()
        .any(|evidence| evidence.says("trying to bootstrap a new cluster"));
    nodes
        .into_iter()
        .map(|(node, evidence)| {
            let mut causes = judge(&node, &evidence, names);
            causes.retain(|cause| !(is_made && cause.signature == "patroni-stale-initialize"));
            NodeExplanation {
                node,
                causes,
                evidence,
            }
        })
        .collect()
}

/// Adds to the clock of each node how far it is from the one in the middle, if that is too far and
/// no doubt.
fn compare_clocks(nodes: &mut BTreeMap<NodeName, Evidence>) {
    let mut clocks: Vec<(i64, i64, NodeName)> = nodes
        .iter()
        .filter_map(|(node, evidence)| {
            let (offset, doubt) = evidence.clock?;
            Some((offset, doubt, node.clone()))
        })
        .collect();
    clocks.sort();
    let Some((middle, doubt, other)) = clocks.get(clocks.len() / 2).cloned() else {
        return;
    };
    for (node, evidence) in nodes {
        let Some((offset, own)) = evidence.clock else {
            continue;
        };
        let apart = offset - middle;
        if apart.abs() - own - doubt > SKEW {
            let seconds = apart.unsigned_abs() as f64 / 1000.0;
            let side = if apart > 0 { "ahead of" } else { "behind" };
            evidence.add(
                "clock",
                format!("skewed: {node} is {seconds:.1} s {side} {other}"),
            );
        }
    }
}
