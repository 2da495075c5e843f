//! etcd: members, leader, identity, alarms, size.

use std::collections::BTreeSet;

use super::view::{Judge, View, by_value, differ};
use super::words::{bytes, count};
use crate::cluster::{Node, Role};
use crate::facts::etcd::EtcdMember;
use crate::plan::is_of;

/// From here on etcd's database is near its quota, at which it refuses writes and Patroni demotes
/// the leader.
const SIZE_WARNING: f64 = 0.70;
const SIZE_ERROR: f64 = 0.90;
/// etcd refuses requests when a member has this much left to apply
/// (`maxGapBetweenApplyAndCommitIndex`).
const APPLY_GAP_ERROR: u64 = 5000;
const APPLY_GAP_WARNING: u64 = 1000;

/// Every member commits proposals.
pub(super) fn members_healthy(view: &View, judge: &mut Judge) {
    let external = view.cluster.etcd.external.is_some();
    let mut asked = 0;
    for node in view.cluster.with_role(view.etcd_role()) {
        asked += 1;
        let Some(facts) = view.facts.nodes.get(&node.name) else {
            if !external {
                judge.error(
                    &node.name,
                    "its member cannot be asked: the node is not reachable",
                );
            }
            continue;
        };
        match &facts.etcd {
            Some(etcd) if etcd.healthy => {}
            Some(etcd) => {
                let cause = etcd.error.as_deref().unwrap_or("it commits no proposal");
                let what = if external {
                    "the external etcd"
                } else {
                    "its member"
                };
                let finding = judge.error(&node.name, format!("{what} is not healthy: {cause}"));
                if !external {
                    finding.hint("`journalctl -u etcd -n 50` on the node says why");
                }
            }
            None => {
                judge.error(&node.name, "etcd's client is missing: nothing can be asked");
            }
        }
    }
    match (asked, external) {
        (0, _) => {}
        (asked, true) => judge.holds(format!(
            "the external etcd answers {}",
            count(asked, "node")
        )),
        (asked, false) => judge.holds(format!("{asked} of {asked} members healthy")),
    }
}

/// The member list is the inventory's.
pub(super) fn members(view: &View, judge: &mut Judge) {
    if view.cluster.etcd.external.is_some() {
        return;
    }
    let wanted: Vec<&Node> = view.cluster.with_role(Role::Etcd).collect();
    // A member that was made by other means keeps its name until it restarts.
    let is_of = |node: &Node, member: &EtcdMember| {
        member.name == node.name.as_str() || is_of(view.cluster, node, member)
    };
    // Members agree on the list or lag for a moment: one fault is told once.
    let (mut errors, mut warnings) = (BTreeSet::new(), BTreeSet::new());
    for (_, etcd) in view.etcd() {
        for node in &wanted {
            if !etcd.members.iter().any(|member| is_of(node, member)) {
                errors.insert(format!("{} is not a member", node.name));
            }
        }
        for member in &etcd.members {
            if member.name.is_empty() {
                let url = member.peer_urls.join(", ");
                warnings.insert(format!("the member at {url} was added and never started"));
            } else if !wanted.iter().any(|node| is_of(node, member)) {
                errors.insert(format!(
                    "{} is a member and not in the inventory",
                    member.name
                ));
            } else if member.is_learner {
                warnings.insert(format!("{} is a learner: it has no vote yet", member.name));
            }
        }
    }
    for message in errors {
        judge.error(None, message);
    }
    for message in warnings {
        judge.warning(None, message);
    }
    if !view.etcd().is_empty() {
        judge.holds(format!(
            "the {} of the inventory",
            count(wanted.len(), "member")
        ));
    }
}

/// All members know the same leader.
pub(super) fn one_leader(view: &View, judge: &mut Judge) {
    let etcd = view.etcd();
    if view.cluster.with_role(view.etcd_role()).next().is_none() {
        return;
    }
    if etcd.is_empty() {
        judge.error(None, "no member answers, so nobody knows a leader");
        return;
    }
    for (name, _) in etcd.iter().filter(|(_, etcd)| etcd.leader_id.is_empty()) {
        judge
            .error(*name, "its member knows no leader")
            .hint("without a majority there is none: see etcd.members_healthy");
    }
    let leaders = by_value(
        etcd.iter()
            .filter(|(_, etcd)| !etcd.leader_id.is_empty())
            .map(|(name, etcd)| (*name, etcd.leader_id.as_str())),
    );
    if leaders.len() > 1 {
        judge.error(
            None,
            format!("members follow different leaders: {}", differ(&leaders)),
        );
    }
    let Some(id) = leaders.keys().next() else {
        return;
    };
    let members = etcd.iter().flat_map(|(_, etcd)| &etcd.members);
    let name = members
        .filter(|member| member.id == *id)
        .map(|member| member.name.as_str())
        .next()
        .unwrap_or(id);
    judge.holds(format!("leader {name}"));
}

/// All members belong to one cluster: a member that was started alone, before it had its
/// configuration, keeps a cluster of its own for ever.
pub(super) fn one_cluster_id(view: &View, judge: &mut Judge) {
    let ids = by_value(
        view.etcd()
            .into_iter()
            .map(|(name, etcd)| (name, etcd.cluster_id.as_str())),
    );
    if ids.len() > 1 {
        judge
            .error(
                None,
                format!("members belong to different clusters: {}", differ(&ids)),
            )
            .hint(
                "the odd one keeps its old data directory; move it aside and add the member anew",
            );
    }
    if let Some(id) = ids.keys().next() {
        judge.holds(format!("cluster id {id}"));
    }
}

/// No alarm is raised.
pub(super) fn alarms(view: &View, judge: &mut Judge) {
    let etcd = view.etcd();
    let alarms: BTreeSet<&str> = etcd
        .iter()
        .flat_map(|(_, etcd)| etcd.alarms.iter().map(String::as_str))
        .collect();
    for alarm in alarms {
        let finding = judge.error(None, format!("alarm: {alarm}"));
        if alarm.contains("NOSPACE") {
            finding.hint(room(view));
        } else {
            finding.hint("the member's data is damaged: remove the member and add it anew");
        }
    }
    if !etcd.is_empty() {
        judge.holds("none");
    }
}

fn room(view: &View) -> String {
    format!("make room, {}", view.cluster.etcd_room_commands())
}

/// The database is far from its quota.
pub(super) fn database_size(view: &View, judge: &mut Judge) {
    let quota = view.cluster.etcd.quota_bytes;
    if view.cluster.etcd.external.is_some() || quota == 0 {
        return;
    }
    let mut largest = None;
    for (name, etcd) in view.etcd() {
        let size = etcd.db_size_bytes;
        largest = largest.max(Some(size));
        let message = format!(
            "{} of {} used, {} of it in use; at the quota etcd refuses writes",
            bytes(size),
            bytes(quota),
            bytes(etcd.db_in_use_bytes)
        );
        let share = size as f64 / quota as f64;
        if share >= SIZE_ERROR {
            judge.error(name, message).hint(room(view));
        } else if share >= SIZE_WARNING {
            judge.warning(name, message).hint(room(view));
        }
    }
    if let Some(largest) = largest {
        judge.holds(format!("{} of {} at most", bytes(largest), bytes(quota)));
    }
}

/// Every member applies what is committed.
pub(super) fn applied(view: &View, judge: &mut Judge) {
    let etcd = view.etcd();
    for (name, etcd) in &etcd {
        // Before 3.4 it is not told.
        if etcd.raft_applied_index == 0 {
            continue;
        }
        let gap = etcd.raft_index.saturating_sub(etcd.raft_applied_index);
        let message = format!("{gap} committed entries are not applied yet");
        if gap >= APPLY_GAP_ERROR {
            judge
                .error(*name, message)
                .hint("its disk is too slow: look at `wal fsync` in /metrics");
        } else if gap >= APPLY_GAP_WARNING {
            judge.warning(*name, message);
        }
    }
    if !etcd.is_empty() {
        judge.holds("every member has applied what is committed");
    }
}
