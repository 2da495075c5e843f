//! Patroni and PostgreSQL: files and reloads, roles, what waits for a restart.

use std::time::Duration;

use super::draft::{Draft, directory, systemd, write_file};
use super::{
    Action, Condition, Desired, Gate, Guard, LocalConnection, Rollout, Step, UnitOperation,
    dynamic, members,
};
use crate::cluster::postgresql::PROBE_ROLE;
use crate::cluster::{Cluster, Node, NodeName, Role, SecretName, UserSpec};
use crate::facts::{Facts, NodeFacts, PatroniFacts};
use crate::platform::PATRONI_CONFIG;
use crate::render::Purpose;

/// The unit, ours on every platform.
pub const UNIT: &str = "patroni.service";

/// initdb and the first start take a few seconds; recovery after a crash can take minutes.
pub(super) const LEADER_DEADLINE: Duration = Duration::from_secs(180);

/// Adds the phases; returns whether somebody leads after them, or nobody is to.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) -> bool {
    let cluster = desired.cluster;
    if cluster.with_role(Role::Postgresql).next().is_none() {
        return true;
    }
    let leader = leader(cluster, desired.facts);
    configure(draft, desired, leader.as_ref());

    let leader = members::plan(draft, desired, leader);
    dynamic::plan(draft, desired, leader.as_ref());
    roles(draft, desired, leader.as_ref());
    pending_restarts(draft, desired);
    leader.is_some()
}

/// The files of every member; those that run reload them, replicas first.
fn configure(draft: &mut Draft, desired: &Desired, leader: Option<&NodeName>) {
    let mut prepare = Vec::new();
    let mut reload = Vec::new();
    let mut stale_units = Vec::new();
    for node in desired.cluster.with_role(Role::Postgresql) {
        let rendered = &desired.rendered[&node.name];
        let facts = draft.facts(&node.name);
        let unit = facts.units.get(UNIT);
        let running = facts.is_active(UNIT);
        let mut steps: Vec<Step> = Vec::new();
        steps.extend(directory(facts, "/etc/patroni", "root", "root", 0o755).map(Step::from));
        if !running {
            steps.extend(
                directory(facts, &rendered.data_dir, "postgres", "postgres", 0o700).map(Step::from),
            );
        }
        let mut unit_changed = false;
        let mut config_changed = false;
        for file in &rendered.files {
            if !matches!(file.purpose, Purpose::PatroniUnit | Purpose::PatroniConfig) {
                continue;
            }
            if let Some(action) = write_file(facts, file) {
                unit_changed |= file.is_unit();
                config_changed |= file.purpose == Purpose::PatroniConfig;
                steps.push(action.into());
            }
        }
        if unit_changed || unit.is_some_and(|unit| unit.needs_daemon_reload) {
            steps.push(Action::ReloadSystemd.into());
        }
        if unit.is_none_or(|unit| unit.enabled != "enabled") {
            steps.push(systemd(UNIT, UnitOperation::Enable).into());
        }
        if running && (config_changed || is_stale(facts)) {
            steps.push(systemd(UNIT, UnitOperation::Reload).into());
        }
        if running && unit_changed {
            stale_units.push(node.name.clone());
        }
        if running {
            reload.push((node.name.clone(), steps));
        } else {
            prepare.push((node.name.clone(), steps));
        }
    }
    for node in stale_units {
        // A restart of the unit would stop PostgreSQL; a changed stop time-out is not worth that.
        draft.note(
            Some(&node),
            format!("{UNIT} changed; it takes effect when the unit starts next"),
        );
    }
    reload.sort_by_key(|(name, _)| Some(name) == leader);
    draft.phase("patroni files", Rollout::Parallel, prepare, |_| None);
    draft.phase("patroni configuration", Rollout::Rolling, reload, |nodes| {
        let conditions = nodes
            .iter()
            .filter_map(|name| desired.cluster.node(name))
            .map(|node| {
                let url = desired.cluster.rest_url(node);
                (node.name.clone(), Condition::PatroniMember { url })
            })
            .collect();
        Some(Gate {
            title: "every reloaded member runs".to_owned(),
            conditions,
            deadline: LEADER_DEADLINE,
        })
    });
}

/// Whether patroni.yml was written after Patroni last read it (a run that was interrupted between
/// the two).
fn is_stale(facts: &NodeFacts) -> bool {
    let (Some(file), Some(unit)) = (facts.files.get(PATRONI_CONFIG), facts.units.get(UNIT)) else {
        return false;
    };
    let read = unit.active_since.max(unit.reloaded_at);
    read.is_some_and(|read| file.modified > read)
}

/// Roles of the inventory that the leader does not have. By SQL, since Patroni 4.0 has no
/// `bootstrap.users` any more and before it read them once.
fn roles(draft: &mut Draft, desired: &Desired, leader: Option<&NodeName>) {
    let cluster = desired.cluster;
    let Some(node) = leader.and_then(|name| cluster.node(name)) else {
        return;
    };
    let facts = draft.facts(&node.name);
    let takes_writes = |patroni: &PatroniFacts| patroni.primary_status == 200;
    if !facts.patroni.as_ref().is_some_and(takes_writes) {
        return;
    }
    let said = facts.postgresql.as_ref();
    let Some(known) = said
        .filter(|postgresql| postgresql.answers)
        .map(|postgresql| postgresql.roles.clone())
    else {
        draft.note(
            Some(&node.name),
            "PostgreSQL leads but does not answer psql over its socket: which roles it has is not \
             known",
        );
        return;
    };
    let probe = UserSpec {
        name: PROBE_ROLE.to_owned(),
        options: Vec::new(),
        password: Some(SecretName::Probe),
    };
    let steps: Vec<Step> = std::iter::once(&probe)
        .chain(&cluster.postgresql.users)
        .filter(|user| !known.contains(&user.name))
        .map(|user| Step {
            action: Action::CreateRole {
                connection: connection(desired, node),
                name: user.name.clone(),
                options: user.options.clone(),
                password: user
                    .password
                    .as_ref()
                    .map(|name| desired.secrets.get(name).clone()),
            },
            guard: Some(Guard::LeaderIs {
                node: node.name.clone(),
                url: cluster.rest_url(node),
            }),
        })
        .collect();
    let work = vec![(node.name.clone(), steps)];
    draft.phase("roles", Rollout::Parallel, work, |_| None);
}

fn pending_restarts(draft: &mut Draft, desired: &Desired) {
    for (name, facts) in &desired.facts.nodes {
        let pending = facts
            .patroni
            .as_ref()
            .is_some_and(|patroni| patroni.pending_restart);
        if pending {
            let settings = facts
                .postgresql
                .as_ref()
                .map(|postgresql| postgresql.pending_restart.join(", "))
                .filter(|settings| !settings.is_empty())
                .unwrap_or_else(|| "a setting".to_owned());
            draft.note(
                Some(name),
                format!(
                    "PostgreSQL must be restarted before {settings} takes effect: \
                     patronictl -c {PATRONI_CONFIG} restart {} {name}",
                    desired.cluster.scope
                ),
            );
        }
    }
}

/// The node that leads, as the nodes themselves say it.
pub fn leader(cluster: &Cluster, facts: &Facts) -> Option<NodeName> {
    cluster
        .with_role(Role::Postgresql)
        .find(|node| {
            facts
                .nodes
                .get(&node.name)
                .and_then(|facts| facts.patroni.as_ref())
                .is_some_and(|patroni| {
                    patroni.primary_status == 200 || patroni.role == "standby_leader"
                })
        })
        .map(|node| node.name.clone())
}

/// How psql reaches the server of `node`.
pub(super) fn connection(desired: &Desired, node: &Node) -> LocalConnection {
    LocalConnection {
        bin_dir: desired.rendered[&node.name].bin_dir.clone(),
        port: node.postgresql.port,
        superuser: desired.cluster.postgresql.superuser.clone(),
    }
}
