//! etcd: members that are not running start side by side; running ones whose settings changed
//! restart one at a time, followers before the leader, each only while the others have a quorum.

use std::collections::BTreeSet;
use std::time::Duration;

use super::draft::{Draft, directory, systemd, write_file};
use super::tls;
use super::{Action, Condition, Data, Desired, Gate, Guard, Rollout, Step, UnitOperation};
use crate::cluster::tls::other_scheme;
use crate::cluster::{Cluster, Node, NodeName, Role, TlsStage};
use crate::facts::NodeFacts;
use crate::render::Purpose;

/// The unit, ours on every platform.
pub const UNIT: &str = "etcd.service";

/// A member answers within a second or two once all have started; a slow disk needs longer.
pub(super) const GATE_DEADLINE: Duration = Duration::from_secs(90);

/// What is said of a member that is not restarted.
const WAITS: &str = "etcd.service runs on with the settings that it was started with; `mahout deploy` \
                     restarts it for its new ones, one member at a time";

/// Adds the phases.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    let mut start = Vec::new();
    let mut restart = Vec::new();
    for node in cluster.with_role(Role::Etcd) {
        let facts = draft.facts(&node.name);
        let running = facts.is_active(UNIT);
        let (mut steps, changed) = configure(desired, node, facts);
        if !running {
            // One that waits for the others with its old settings must read the new ones.
            let waits = facts
                .units
                .get(UNIT)
                .is_some_and(|unit| unit.active == "activating");
            let operation = if waits && (changed || is_stale(desired, node, facts)) {
                UnitOperation::Restart
            } else {
                UnitOperation::Start
            };
            steps.push(systemd(UNIT, operation).into());
            start.push((node.name.clone(), steps));
        } else if changed
            || is_stale(desired, node, facts)
            || peer_url(desired, node, facts).is_some()
        {
            if draft.spares() {
                draft.note(Some(&node.name), WAITS);
                start.push((node.name.clone(), steps));
            } else {
                restart.push((node.name.clone(), steps));
            }
        } else {
            start.push((node.name.clone(), steps));
        }
    }
    restart.sort_by_key(|(name, _)| leads(&draft.all()[name]));
    let mut restarted = BTreeSet::new();
    for (name, steps) in &mut restart {
        let Some(node) = cluster.node(name) else {
            continue;
        };
        let guard = quorum_without(draft, cluster, node, &restarted);
        let guarded = |action| Step {
            action,
            guard: Some(guard.clone()),
        };
        steps.extend(peer_url(desired, node, draft.facts(name)).map(guarded));
        steps.push(guarded(systemd(UNIT, UnitOperation::Restart)));
        restarted.insert(name.clone());
    }
    draft.phase("etcd", Rollout::Parallel, start, |_| Some(gate(cluster)));
    draft.phase("etcd settings", Rollout::Rolling, restart, |_| {
        Some(gate(cluster))
    });
}

/// Directories, unit and settings; whether something changed that a running member must be
/// restarted for.
pub(super) fn configure(desired: &Desired, node: &Node, facts: &NodeFacts) -> (Vec<Step>, bool) {
    let rendered = &desired.rendered[&node.name];
    let user = rendered.platform.etcd_user.as_str();
    let mut steps: Vec<Step> = Vec::new();
    steps.extend(directory(facts, &node.etcd_data_dir, user, user, 0o700).map(Step::from));
    let mut unit_changed = false;
    let mut changed = false;
    for file in &rendered.files {
        if !matches!(file.purpose, Purpose::EtcdUnit | Purpose::EtcdConfig) {
            continue;
        }
        if let Some(action) = write_file(facts, file) {
            unit_changed |= file.is_unit();
            changed = true;
            steps.push(action.into());
        }
    }
    let unit = facts.units.get(UNIT);
    if unit_changed || unit.is_some_and(|unit| unit.needs_daemon_reload) {
        steps.push(Action::ReloadSystemd.into());
    }
    if unit.is_none_or(|unit| unit.enabled != "enabled") {
        steps.push(systemd(UNIT, UnitOperation::Enable).into());
    }
    (steps, changed)
}

/// The steps after which a member that is about to join has nothing, and is configured: its data, if
/// there is any, is moved aside.
pub(super) fn emptied(
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
    label: &'static str,
) -> Vec<Step> {
    let etcd = facts.etcd.as_ref();
    let mut moved = facts.clone();
    let mut steps: Vec<Step> = Vec::new();
    if etcd.is_some_and(|etcd| etcd.data_dir_has_member) {
        let action = Action::MoveAside {
            path: node.etcd_data_dir.clone(),
            label,
            data: Data::Etcd,
        };
        moved.project(&action);
        steps.push(action.into());
    }
    steps.extend(configure(desired, node, &moved).0);
    steps
}

/// Whether the member was started before its settings were last written (a run that was
/// interrupted between the two), or the authorities that it trusts, which it reads once. Its
/// certificates it reads at each handshake.
fn is_stale(desired: &Desired, node: &Node, facts: &NodeFacts) -> bool {
    let since = facts.units.get(UNIT).and_then(|unit| unit.active_since);
    let mut read_once = vec![Purpose::EtcdUnit, Purpose::EtcdConfig];
    if desired.cluster.tls.has(TlsStage::Certificates) {
        read_once.push(Purpose::Authorities);
    }
    tls::is_newer(desired, &node.name, facts, since, &read_once)
}

fn leads(facts: &NodeFacts) -> bool {
    facts
        .etcd
        .as_ref()
        .is_some_and(|etcd| !etcd.leader_id.is_empty() && etcd.leader_id == etcd.member_id)
}

/// The step after which the other members look for that of `node` where it will listen.
fn peer_url(desired: &Desired, node: &Node, facts: &NodeFacts) -> Option<Action> {
    let etcd = facts.etcd.as_ref().filter(|etcd| !etcd.url.is_empty())?;
    let member = etcd
        .members
        .iter()
        .find(|member| member.id == etcd.member_id)?;
    let wanted = desired.cluster.etcd_peer_url(node);
    // By another name than ours is somebody's own choice; with another scheme nobody gets through.
    let other = other_scheme(&wanted);
    member
        .peer_urls
        .contains(&other)
        .then(|| Action::EtcdPeerUrl {
            url: etcd.url.clone(),
            member: member.id.clone(),
            peer_url: wanted,
        })
}

/// Members that were not restarted yet answer where they answered.
fn quorum_without(
    draft: &Draft,
    cluster: &Cluster,
    node: &Node,
    restarted: &BTreeSet<NodeName>,
) -> Guard {
    let url = |other: &Node| {
        let etcd = draft.facts(&other.name).etcd.as_ref();
        etcd.map(|etcd| etcd.url.clone())
            .filter(|url| !url.is_empty() && !restarted.contains(&other.name))
            .unwrap_or_else(|| cluster.etcd_client_url(other))
    };
    let others: Vec<(NodeName, String)> = cluster
        .with_role(Role::Etcd)
        .filter(|other| other.name != node.name)
        .map(|other| (other.name.clone(), url(other)))
        .collect();
    // One member, or two, have no quorum without it: its restart is the outage that was asked for.
    let members = others.len() + 1;
    let quorum = members / 2 + 1;
    Guard::EtcdQuorumWithout {
        node: node.name.clone(),
        needed: quorum.min(others.len()),
        others,
    }
}

pub(super) fn gate(cluster: &Cluster) -> Gate {
    let members = cluster.with_role(Role::Etcd).count();
    let conditions: Vec<(NodeName, Condition)> = cluster
        .with_role(Role::Etcd)
        .map(|node| {
            let url = cluster.etcd_client_url(node);
            (node.name.clone(), Condition::EtcdMember { url, members })
        })
        .collect();
    Gate {
        title: "every etcd member is healthy".to_owned(),
        conditions,
        deadline: GATE_DEADLINE,
        concerns: cluster
            .with_role(Role::Etcd)
            .map(|node| node.name.clone())
            .collect(),
    }
}
