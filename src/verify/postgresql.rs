//! PostgreSQL: servers, durability, identity, what runs beside Patroni.

use std::collections::BTreeMap;

use super::view::{Judge, View};
use crate::cluster::{NodeName, Role};

/// Every server answers over its socket.
pub(super) fn answers(view: &View, judge: &mut Judge) {
    let all = view.cluster.with_role(Role::Postgresql).count();
    for (node, facts) in view.with_role(Role::Postgresql) {
        if !facts
            .postgresql
            .as_ref()
            .is_some_and(|postgresql| postgresql.answers)
        {
            let state = facts
                .postgresql
                .as_ref()
                .and_then(|postgresql| postgresql.control_state.as_ref())
                .map_or_else(String::new, |state| {
                    format!(" (its data directory says `{state}`)")
                });
            judge.error(&node.name, format!("the server does not answer{state}"));
        }
    }
    if all > 0 {
        judge.holds(format!(
            "{} of {all} servers answer",
            view.postgresql().len()
        ));
    }
}

/// Nobody but the leader takes writes, and the leader does.
pub(super) fn one_writable(view: &View, judge: &mut Judge) {
    let leader = view.leader();
    let mut writable = None;
    for (node, said) in view.postgresql() {
        let leads = leader.is_some_and(|leader| leader.name == node.name);
        let standby_cluster = view.facts.nodes[&node.name]
            .patroni
            .as_ref()
            .is_some_and(|patroni| patroni.role == "standby_leader");
        match said.in_recovery {
            Some(false) if !leads => {
                judge
                    .error(
                        &node.name,
                        "takes writes and is not the leader: two histories of the data",
                    )
                    .hint("stop it at once; what was written to it alone must be saved by hand");
            }
            Some(true) if leads && !standby_cluster => {
                judge.error(&node.name, "is the leader and takes no writes");
            }
            Some(false) => writable = Some(&node.name),
            _ => {}
        }
    }
    match writable {
        Some(node) => judge.holds(format!("{node} alone")),
        None if !view.postgresql().is_empty() => judge.holds("nobody that was asked"),
        None => {}
    }
}

/// What PostgreSQL has confirmed survives a loss of power. A power cut in a lab proves nothing
/// here: the page cache stays. So each setting is an error of its own.
pub(super) fn durability(view: &View, judge: &mut Judge) {
    const SETTINGS: [(&str, &str); 3] = [
        ("fsync", "a crash of the machine corrupts the data"),
        (
            "full_page_writes",
            "a torn page after a crash corrupts the data",
        ),
        (
            "synchronous_commit",
            "confirmed transactions are lost in a crash",
        ),
    ];
    let mut asked = false;
    for (node, said) in view.postgresql() {
        asked |= said.answers;
        for (setting, meaning) in SETTINGS {
            if said
                .settings
                .get(setting)
                .is_some_and(|value| value == "off")
            {
                judge.error(&node.name, format!("{setting} is off: {meaning}"));
            }
        }
    }
    if asked {
        judge.holds("fsync, full_page_writes, synchronous_commit are not off");
    }
}

/// One database: every data directory, every Patroni and the DCS name the same system identifier.
pub(super) fn system_identifier(view: &View, judge: &mut Judge) {
    let known = view
        .etcd()
        .into_iter()
        .find_map(|(_, etcd)| etcd.initialize.clone())
        .filter(|id| !id.is_empty());
    let mut said: BTreeMap<&NodeName, &str> = BTreeMap::new();
    for (node, facts) in view.with_role(Role::Postgresql) {
        let data = facts
            .postgresql
            .as_ref()
            .and_then(|postgresql| postgresql.system_identifier.as_deref());
        let patroni = facts
            .patroni
            .as_ref()
            .and_then(|patroni| patroni.system_identifier.as_deref());
        if let (Some(data), Some(patroni)) = (data, patroni)
            && data != patroni
        {
            judge.error(
                &node.name,
                format!("its data directory is of {data}, its Patroni serves {patroni}"),
            );
        }
        if let Some(id) = data.or(patroni) {
            said.insert(&node.name, id);
        }
    }
    let leader = view
        .leader()
        .and_then(|leader| said.get(&leader.name).copied());
    let Some(first) = said.values().next().copied() else {
        return;
    };
    let (wanted, source) = match (&known, leader) {
        (Some(known), _) => (known.as_str(), "the DCS knows"),
        (None, Some(leader)) => (leader, "the leader has"),
        (None, None) => (first, "another node has"),
    };
    for (node, id) in &said {
        if *id != wanted {
            judge
                .error(*node, format!("its data is of another cluster: {id}, {source} {wanted}"))
                .hint("its data directory comes from elsewhere; save what it holds before it is replaced");
        }
    }
    if known.is_none() && !view.etcd().is_empty() {
        judge.error(
            None,
            format!("the DCS knows no system identifier, the nodes have {first}"),
        );
    }
    judge.holds(wanted);
}

/// No server runs on a data directory that is not Patroni's.
pub(super) fn stray(view: &View, judge: &mut Judge) {
    let servers = view.postgresql();
    for (node, said) in &servers {
        let is_ours =
            |path: &str| path.trim_end_matches('/') == said.data_dir.trim_end_matches('/');
        // Where the data directory is reached through a symbolic link, the postmaster's own path
        // is another one. The only postmaster is ours if the server says that it is.
        let says_so = said
            .settings
            .get("data_directory")
            .is_some_and(|path| is_ours(path));
        if said.postmasters.len() == 1 && says_so {
            continue;
        }
        for (path, pid) in &said.postmasters {
            if !is_ours(path) {
                judge
                    .error(
                        &node.name,
                        format!("a PostgreSQL runs outside Patroni: pid {pid} on {path}"),
                    )
                    .hint("stop and disable it, or give it a machine of its own");
            }
        }
    }
    if !servers.is_empty() {
        judge.holds("no PostgreSQL runs outside Patroni");
    }
}

/// pg_hba.conf has no line that the server could not read.
pub(super) fn hba(view: &View, judge: &mut Judge) {
    let mut asked = false;
    for (node, said) in view.postgresql() {
        asked |= said.answers;
        for fault in &said.hba_errors {
            judge
                .error(&node.name, format!("pg_hba.conf: {fault}"))
                .hint("until it is mended the server keeps the rules that it read last");
        }
    }
    if asked {
        judge.holds("every line of pg_hba.conf was read");
    }
}

/// The distribution's own units do not start a second PostgreSQL on Patroni's data.
pub(super) fn distribution_units(view: &View, judge: &mut Judge) {
    let mut asked = false;
    for (node, facts) in view.with_role(Role::Postgresql) {
        if !node.system.disable_distribution_postgresql {
            continue;
        }
        asked = true;
        for (name, unit) in &facts.units {
            // `postgresql@.service` is a template, which nothing starts; what a generator made of
            // a cluster (`enabled-runtime`) hangs on postgresql.service.
            if !name.starts_with("postgresql") || name.contains("@.") {
                continue;
            }
            let state = match (unit.active.as_str(), unit.enabled.as_str()) {
                ("active", _) if unit.sub == "running" => "runs",
                (_, "enabled") => "starts at boot",
                _ => continue,
            };
            judge
                .error(&node.name, format!("{name} {state} beside Patroni"))
                .hint(format!(
                    "`systemctl disable --now {name}`, or `mahout deploy`"
                ));
        }
    }
    if asked {
        judge.holds("disabled");
    }
}
