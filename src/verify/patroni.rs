//! Patroni: the REST API, the leader, the members, the dynamic configuration.

use std::collections::BTreeSet;

use super::view::{Judge, View, by_value, differ, leaders_seen, leads};
use super::words::{count, list};
use crate::cluster::{Role, dynamic};
use crate::platform::PATRONI_CONFIG;
use crate::secret::Mask;

/// Every member's REST API answers.
pub(super) fn answers(view: &View, judge: &mut Judge) {
    let all = view.cluster.with_role(Role::Postgresql).count();
    for (node, facts) in view.with_role(Role::Postgresql) {
        if facts.patroni.is_none() {
            let port = view.cluster.patroni.port;
            judge
                .error(
                    &node.name,
                    format!("no answer on the REST API, port {port}"),
                )
                .hint("`journalctl -u patroni -n 50` on the node says why");
        }
    }
    if all > 0 {
        judge.holds(format!(
            "{} of {all} REST APIs answer",
            view.patroni().len()
        ));
    }
}

/// Exactly one member leads, and everybody knows it as the leader.
pub(super) fn one_leader(view: &View, judge: &mut Judge) {
    let patroni = view.patroni();
    if view.cluster.with_role(Role::Postgresql).next().is_none() {
        return;
    }
    let leaders: Vec<_> = patroni.iter().filter(|(_, said)| leads(said)).collect();
    if leaders.len() > 1 {
        let names = list(leaders.iter().map(|(node, _)| &node.name));
        judge
            .error(None, format!("more than one member leads: {names}"))
            .hint("stop writes at once; the one that `patronictl list` does not show as leader must go");
    }
    for (node, said) in &patroni {
        if matches!(said.role.as_str(), "primary" | "master") && !leads(said) {
            judge.error(
                &node.name,
                "runs as primary and does not hold the leader key",
            );
        }
    }
    let seen = by_value(patroni.iter().flat_map(|(node, said)| {
        leaders_seen(said)
            .into_iter()
            .map(|leader| (&node.name, leader))
    }));
    if seen.len() > 1 {
        judge.error(
            None,
            format!("members name different leaders: {}", differ(&seen)),
        );
    }
    match view.leader() {
        Some(leader) => judge.holds(format!("leader {}", leader.name)),
        None if leaders.is_empty() => {
            judge
                .error(None, "no member leads: there is nowhere to write to")
                .hint("look at etcd first, then at `journalctl -u patroni` of the member that led last");
        }
        None => {}
    }
}

/// The members are the inventory's, of the inventory's scope.
pub(super) fn members(view: &View, judge: &mut Judge) {
    let patroni = view.patroni();
    let wanted: BTreeSet<&str> = view
        .cluster
        .with_role(Role::Postgresql)
        .map(|node| node.name.as_str())
        .collect();
    let mut faults = BTreeSet::new();
    for (node, said) in &patroni {
        if !said.scope.is_empty() && said.scope != view.cluster.scope {
            judge.error(
                &node.name,
                format!(
                    "its Patroni serves the scope `{}`, not `{}`",
                    said.scope, view.cluster.scope
                ),
            );
            continue;
        }
        let names: BTreeSet<&str> = said
            .members
            .iter()
            .map(|member| member.name.as_str())
            .collect();
        for missing in wanted.difference(&names) {
            faults.insert(format!("{missing} is not a member"));
        }
        for foreign in names.difference(&wanted) {
            faults.insert(format!("{foreign} is a member and not in the inventory"));
        }
    }
    for fault in faults {
        judge.error(None, fault);
    }
    if !patroni.is_empty() {
        judge.holds(format!(
            "the {} of the inventory",
            count(wanted.len(), "member")
        ));
    }
}

/// PostgreSQL runs under every Patroni.
pub(super) fn running(view: &View, judge: &mut Judge) {
    let patroni = view.patroni();
    for (node, said) in &patroni {
        if !matches!(
            said.state.as_str(),
            "running" | "streaming" | "in archive recovery"
        ) {
            judge.error(&node.name, format!("PostgreSQL is `{}`", said.state));
        }
    }
    if !patroni.is_empty() {
        judge.holds(format!(
            "PostgreSQL runs on {}",
            count(patroni.len(), "node")
        ));
    }
}

/// No setting waits for a restart.
pub(super) fn pending_restart(view: &View, judge: &mut Judge) {
    let patroni = view.patroni();
    for (node, said) in &patroni {
        let settings = view.facts.nodes[&node.name]
            .postgresql
            .as_ref()
            .map(|postgresql| postgresql.pending_restart.as_slice())
            .unwrap_or_default();
        if said.pending_restart || !settings.is_empty() {
            let what = match settings {
                [] => "a setting waits".to_owned(),
                settings => format!("{} wait", list(settings)),
            };
            judge
                .warning(&node.name, format!("{what} for a restart of PostgreSQL"))
                .hint(format!(
                    "patronictl -c {PATRONI_CONFIG} restart {} {}",
                    view.cluster.scope, node.name
                ));
        }
    }
    if !patroni.is_empty() {
        judge.holds("no setting waits for a restart");
    }
}

/// Patroni is on duty.
pub(super) fn paused(view: &View, judge: &mut Judge) {
    let patroni = view.patroni();
    if patroni.iter().any(|(_, said)| said.paused) {
        judge
            .warning(None, "Patroni is paused: there is no automatic failover")
            .hint(format!(
                "patronictl -c {PATRONI_CONFIG} resume {}",
                view.cluster.scope
            ));
    }
    if !patroni.is_empty() {
        judge.holds("failover is automatic");
    }
}

/// What the inventory names in the dynamic configuration is what `/config` shows.
pub(super) fn dynamic_configuration(view: &View, judge: &mut Judge) {
    let patroni = view.patroni();
    let Some((_, said)) = patroni.iter().find(|(_, said)| !said.config.is_empty()) else {
        if !patroni.is_empty() {
            judge.error(None, "no member shows its dynamic configuration");
        }
        return;
    };
    // A value may be a command with a password in it.
    let mask = Mask::default();
    for difference in dynamic::differences(&view.cluster.patroni.dynamic, &said.config) {
        let present = match &difference.present {
            Some(value) => format!("is {value}"),
            None => "is not set".to_owned(),
        };
        let message = format!(
            "{}: {present}, wanted {}",
            difference.path, difference.wanted
        );
        judge
            .error(None, mask.text(&message))
            .hint("`mahout deploy` sets it");
    }
    judge.holds("as in the inventory");
}
