//! Replicas: whether they stream, on which timeline, how far behind.

use super::view::{Judge, View, has_tag};
use super::words::{bytes, count, list};
use crate::cluster::{Node, Role};
use crate::facts::PatroniFacts;

/// Patroni's own default of `maximum_lag_on_failover`, in bytes.
const MAXIMUM_LAG: u64 = 1 << 20;

/// The replicas: the members besides the leader that answer.
fn replicas<'a>(view: &View<'a>) -> Vec<(&'a Node, &'a PatroniFacts)> {
    let leader = view.leader();
    view.patroni()
        .into_iter()
        .filter(|(node, _)| leader.is_none_or(|leader| leader.name != node.name))
        .collect()
}

/// The leader's own view of who streams from it.
fn senders<'a>(view: &View<'a>) -> &'a [crate::facts::postgresql::ReplicationFacts] {
    view.leader()
        .and_then(|leader| view.facts.nodes.get(&leader.name)?.postgresql.as_ref())
        .map(|postgresql| postgresql.replication.as_slice())
        .unwrap_or_default()
}

/// What `/cluster` says of a member, the leader's word first.
fn as_member<'a>(view: &View<'a>, node: &Node) -> Option<&'a crate::facts::patroni::PatroniMember> {
    let leader = view.leader().map(|leader| &leader.name);
    let mut answers = view.patroni();
    answers.sort_by_key(|(node, _)| Some(&node.name) != leader);
    answers
        .into_iter()
        .flat_map(|(_, said)| &said.members)
        .find(|member| member.name == node.name.as_str())
}

/// Every replica streams, on the leader's timeline. A replica of a replica (`replicatefrom`) is
/// not among those that stream from the leader: there Patroni's own word counts.
pub(super) fn replicas_streaming(view: &View, judge: &mut Judge) {
    if view.cluster.with_role(Role::Postgresql).count() < 2 {
        return;
    }
    let Some(leader) = view.leader() else {
        judge.error(None, "without a leader there is nothing to stream from");
        return;
    };
    let timeline = view
        .facts
        .nodes
        .get(&leader.name)
        .and_then(|facts| facts.patroni.as_ref())
        .and_then(|patroni| patroni.timeline)
        .or_else(|| as_member(view, leader)?.timeline);
    let mut streaming = 0;
    for (node, said) in replicas(view) {
        let sender = senders(view)
            .iter()
            .find(|row| row.application_name == node.name.as_str());
        let state = as_member(view, node).map(|member| member.state.as_str());
        let streams = sender.is_some_and(|row| row.state == "streaming")
            || said.replication_state.as_deref() == Some("streaming")
            || state == Some("streaming");
        // `nostream` (Patroni 4.0): this replica reads the archive, as it was told to.
        let archive = has_tag(node, "nostream")
            && said.replication_state.as_deref() == Some("in archive recovery");
        if !streams && !archive {
            let state = sender
                .map(|row| row.state.as_str())
                .or(said.replication_state.as_deref())
                .or(state)
                .unwrap_or("unknown");
            judge
                .error(&node.name, format!("does not stream from the leader (state `{state}`)"))
                .hint("PostgreSQL's log on the node says why: pg_hba, password, a missing slot or WAL");
            continue;
        }
        match (said.timeline, timeline) {
            (Some(own), Some(wanted)) if own != wanted => {
                judge.error(
                    &node.name,
                    format!(
                        "is on timeline {own}, the leader {} on {wanted}",
                        leader.name
                    ),
                );
            }
            _ => streaming += 1,
        }
    }
    if streaming > 0 {
        let on = timeline.map_or_else(String::new, |timeline| format!(" on timeline {timeline}"));
        judge.holds(format!("{}{on}", count(streaming, "replica")));
    } else if judge.findings.is_empty() {
        judge.error(
            None,
            "no replica answers: there is no copy of the data that could take over",
        );
    }
}

/// No replica is so far behind that Patroni would not promote it.
pub(super) fn lag(view: &View, judge: &mut Judge) {
    let limit = view
        .cluster
        .patroni
        .dynamic
        .get("maximum_lag_on_failover")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(MAXIMUM_LAG);
    let mut largest = None;
    for (node, _) in replicas(view) {
        let lag = senders(view)
            .iter()
            .find(|row| row.application_name == node.name.as_str())
            .and_then(|row| row.lag_bytes)
            .or_else(|| as_member(view, node)?.lag_bytes);
        match lag {
            Some(lag) if lag > limit => {
                let message = format!(
                    "{} behind, more than maximum_lag_on_failover ({}): it would not be promoted",
                    bytes(lag),
                    bytes(limit)
                );
                judge.warning(&node.name, message);
            }
            Some(lag) => largest = largest.max(Some(lag)),
            None => {
                judge.warning(&node.name, "its lag is not known");
            }
        }
    }
    if let Some(largest) = largest {
        judge.holds(format!("{} at most", bytes(largest)));
    }
}

/// In synchronous mode a standby confirms what the leader commits. While none does, Patroni lets
/// nobody take over, lest a commit is lost ("Replication modes").
pub(super) fn synchronous(view: &View, judge: &mut Judge) {
    if view.cluster.with_role(Role::Postgresql).count() < 2 {
        return;
    }
    let leader = view.leader();
    let patroni = leader.and_then(|leader| view.facts.nodes.get(&leader.name)?.patroni.as_ref());
    let Some(said) = patroni else {
        return;
    };
    if !said.is_synchronous() {
        judge.holds("off, as the dynamic configuration says");
        return;
    }
    let standbys = said.members.iter().filter(|member| member.is_synchronous());
    let names = list(standbys.map(|member| &member.name));
    if names.is_empty() {
        judge
            .error(
                None,
                "synchronous mode is on and no standby is synchronous: nobody could take over",
            )
            .hint("a replica that streams becomes one within two rounds of Patroni");
    } else {
        judge.holds(format!("{names} confirm what is committed"));
    }
}
