//! What is wrong with a sick cluster.

use std::collections::BTreeMap;
use std::io::Write;

use super::Context;
use super::session::Session;
use crate::cluster::{Cluster, Node, NodeName, Role};
use crate::error::Error;
use crate::execute;
use crate::explain::{Cause, Evidence, Names, NodeExplanation, judge_all};
use crate::platform::vip::KEEPALIVED_UNIT;
use crate::report::{write_explanations, write_explanations_json};
use crate::transport::Effect;

/// Collects evidence on the nodes that can be reached, and says what it means.
pub(super) async fn explain(
    context: &Context,
    only: &[String],
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut session = Session::load_to_look(context)?;
    if let Some(unknown) = only.iter().find(|name| {
        session
            .cluster
            .node(&NodeName::from(name.as_str()))
            .is_none()
    }) {
        let names: Vec<&str> = session
            .cluster
            .nodes
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        return Err(Error::Usage {
            message: format!("`{unknown}` is no node of the inventory"),
            hint: Some(format!("its nodes are {}", names.join(", "))),
        });
    }
    let names = Names::of(&session.cluster);
    let is_wanted = |node: &NodeName| only.is_empty() || only.iter().any(|it| it == node.as_str());
    session.cluster.nodes.retain(|node| is_wanted(&node.name));

    let fleet = session.connect(Effect::ReadOnly).await?;
    let mut explained: Vec<NodeExplanation> = fleet
        .unreachable()
        .map(|error| unreachable(&error.node, &error.cause, error.hint.as_deref()))
        .collect();
    let hosts = Session::hosts(&fleet);
    let nodes = session.cluster.nodes.iter();
    let units = nodes
        .map(|node| (node.name.clone(), units(&session.cluster, node)))
        .collect();
    let what = "collecting evidence".to_owned();
    let collected = session
        .timed(what, execute::explain(&hosts, &units, &session.secrets))
        .await;
    fleet.close().await;
    let mut evidence: BTreeMap<NodeName, Evidence> = BTreeMap::new();
    for (node, collected) in collected {
        match collected {
            Ok(collected) => {
                evidence.insert(node, collected);
            }
            Err(cause) => explained.push(unreachable(&node, &cause, None)),
        }
    }
    explained.extend(judge_all(evidence, &names));
    explained.sort_by(|one, other| one.node.cmp(&other.node));

    let written = if context.is_json() {
        write_explanations_json(out, &explained)
    } else {
        write_explanations(out, &explained, context.global.verbose > 0)
    };
    written.and_then(|()| out.flush()).map_err(Error::Output)?;
    match explained.iter().all(|it| it.causes.is_empty()) {
        true => Ok(()),
        false => Err(Error::Reported(4)),
    }
}

/// The services of the node's roles.
fn units(cluster: &Cluster, node: &Node) -> Vec<&'static str> {
    let of_roles = [
        (Role::Etcd, "etcd.service"),
        (Role::Postgresql, "patroni.service"),
        (Role::Haproxy, "haproxy.service"),
    ];
    let has = of_roles.into_iter().filter(|(role, _)| node.has(*role));
    let keepalived = cluster.can_hold_vip(node).then_some(KEEPALIVED_UNIT);
    has.map(|(_, unit)| unit).chain(keepalived).collect()
}

/// That a node does not answer is a cause, too.
fn unreachable(node: &NodeName, cause: &str, hint: Option<&str>) -> NodeExplanation {
    let remedy = hint.unwrap_or("see that the machine runs and that `ssh` reaches it");
    NodeExplanation {
        node: node.clone(),
        causes: vec![Cause {
            signature: "node-unreachable",
            cause: format!("the node is not reached: {cause}"),
            remedy: remedy.to_owned(),
            evidence: Vec::new(),
        }],
        evidence: Evidence::default(),
    }
}
