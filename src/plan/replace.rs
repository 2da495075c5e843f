//! A node that came back with nothing, under its name and address: etcd still counts on a member
//! there whose data is gone. It is taken out, added again, and joins; one at a time, and only while
//! the others have a quorum. Everything else is what a deploy does.

use super::draft::{Draft, systemd};
use super::etcd::{UNIT, emptied, gate};
use super::preflight::{PlanError, is_of};
use super::stages::stages;
use super::{Action, Desired, Guard, Rollout, Step, UnitOperation};
use crate::cluster::{Cluster, Node, NodeName, Role, SecretName};
use crate::facts::EtcdFacts;

/// A member of etcd that is to be a new one.
pub(super) struct Member<'a> {
    /// Its node.
    pub(super) node: &'a Node,
    /// The node whose member is asked.
    asked: &'a Node,
    /// The client URL of that one.
    url: String,
    /// Its id, if etcd counts on it.
    id: Option<String>,
    /// Whether it was added, and never started.
    added: bool,
    /// The others, each with its client URL.
    others: Vec<(NodeName, String)>,
}

/// The member to replace; none where etcd has lost nothing.
///
/// # Errors
/// If etcd cannot do without it, or cannot be asked.
pub(super) fn member<'a>(
    desired: &Desired<'a>,
    name: &NodeName,
) -> Result<Option<Member<'a>>, PlanError> {
    let cluster = desired.cluster;
    let refuse = |message: String, hint: Option<&str>| {
        let hint = hint.map(str::to_owned);
        Err(PlanError::one(Some(name), message, hint))
    };
    let Some(node) = cluster.node(name) else {
        let names: Vec<&str> = cluster
            .nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect();
        let message = format!("`{name}` is no node of this inventory");
        let hint = format!("there are {}", names.join(", "));
        return Err(PlanError::one(None, message, Some(hint)));
    };
    if stages(cluster, desired.facts).len() > 1 {
        let message = "TLS is still to be turned on in this cluster".to_owned();
        return refuse(
            message,
            Some("`mahout deploy` does it; replace the node then"),
        );
    }
    if cluster.etcd.external.is_some() || !node.has(Role::Etcd) {
        return Ok(None);
    }
    let own = facts_of(desired, node);
    if own.is_some_and(|etcd| etcd.healthy && !etcd.members.is_empty()) {
        return Ok(None);
    }
    let others: Vec<&Node> = cluster
        .with_role(Role::Etcd)
        .filter(|other| other.name != *name)
        .collect();
    if others.is_empty() {
        let message = "etcd has no other member: nothing is left of what it knew".to_owned();
        return refuse(
            message,
            Some("`mahout restore-dcs` has it begin anew, and Patroni go on"),
        );
    }
    let mut answering = others.iter().filter_map(|other| {
        let etcd = facts_of(desired, other)?;
        (etcd.healthy && !etcd.members.is_empty()).then_some((*other, etcd))
    });
    let Some((asked, etcd)) = answering.next() else {
        let existed = others
            .iter()
            .any(|other| facts_of(desired, other).is_some_and(|etcd| etcd.data_dir_has_member));
        if !existed {
            return Ok(None);
        }
        let message = "no other member of etcd is healthy: it cannot be taken out".to_owned();
        return refuse(
            message,
            Some(
                "bring the others back first: `mahout status`; where most have lost their data: \
                 `mahout restore-dcs`",
            ),
        );
    };
    let known = etcd
        .members
        .iter()
        .find(|member| is_of(cluster, node, member));
    Ok(Some(Member {
        node,
        asked,
        url: etcd.url.clone(),
        id: known.map(|member| member.id.clone()),
        added: known.is_some_and(|member| member.client_urls.is_empty())
            && !own.is_some_and(|etcd| etcd.data_dir_has_member),
        others: others
            .iter()
            .map(|other| (other.name.clone(), client_url(desired, other)))
            .collect(),
    }))
}

pub(super) fn facts_of<'a>(desired: &Desired<'a>, node: &Node) -> Option<&'a EtcdFacts> {
    desired.facts.nodes.get(&node.name)?.etcd.as_ref()
}

fn client_url(desired: &Desired, node: &Node) -> String {
    facts_of(desired, node)
        .map(|etcd| etcd.url.clone())
        .filter(|url| !url.is_empty())
        .unwrap_or_else(|| desired.cluster.etcd_client_url(node))
}

/// Adds the phases: out of etcd and in again, then its start.
pub(super) fn plan(draft: &mut Draft, desired: &Desired, member: &Member) {
    let cluster = desired.cluster;
    let node = member.node;
    let guard = Guard::EtcdQuorumWithout {
        node: node.name.clone(),
        needed: quorum(cluster),
        others: member.others.clone(),
    };
    // One that was removed would go on asking to be let in, one that lost its data would crash.
    let facts = draft.facts(&node.name);
    let runs = facts.units.get(UNIT);
    let runs = runs.is_some_and(|unit| unit.active != "inactive" && unit.load != "not-found");
    let stop = runs.then(|| systemd(UNIT, UnitOperation::Stop).into());
    let work = vec![(node.name.clone(), stop.into_iter().collect())];
    draft.phase("etcd member stops", Rollout::Parallel, work, |_| None);

    if !member.added {
        let action = Action::ReplaceEtcdMember {
            url: member.url.clone(),
            root: roots(desired),
            member: member.id.clone(),
            peer_url: cluster.etcd_peer_url(node),
        };
        let step = Step {
            action,
            guard: Some(guard.clone()),
        };
        let work = vec![(member.asked.name.clone(), vec![step])];
        draft.phase("etcd member", Rollout::Parallel, work, |_| None);
    }

    let mut steps = emptied(desired, node, draft.facts(&node.name), "before-replace");
    let data_dir = node.etcd_data_dir.clone();
    steps.push(Step {
        action: Action::JoinEtcd {
            data_dir,
            initial_cluster: None,
        },
        guard: Some(guard),
    });
    let work = vec![(node.name.clone(), steps)];
    draft.phase("etcd member joins", Rollout::Parallel, work, |_| {
        Some(gate(cluster))
    });
}

fn quorum(cluster: &Cluster) -> usize {
    let members = cluster.with_role(Role::Etcd).count();
    (members / 2 + 1).min(members - 1)
}

/// The passwords with which root is let in to etcd.
pub(super) fn roots(desired: &Desired) -> Vec<crate::secret::Secret> {
    if !desired.cluster.etcd_asks_for_login() {
        return Vec::new();
    }
    let secrets = desired.secrets;
    [&secrets.values, &secrets.previous]
        .into_iter()
        .filter_map(|values| values.get(&SecretName::EtcdRoot).cloned())
        .collect()
}
