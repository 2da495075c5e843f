//! Patroni and PostgreSQL: files and reloads, roles, what waits for a restart.

use std::collections::BTreeSet;
use std::time::Duration;

use super::draft::{Draft, directory, systemd, write_file};
use super::{
    Action, Condition, Desired, Gate, LocalConnection, Rollout, Step, UnitOperation, another_file,
    dynamic, members, roles, tls,
};
use crate::cluster::{CertificatePurpose, Cluster, Node, NodeName, Role, SecretName, TlsStage};
use crate::facts::{Facts, NodeFacts};
use crate::platform::PATRONI_CONFIG;
use crate::render::Purpose;

/// The unit, ours on every platform.
pub const UNIT: &str = "patroni.service";

/// initdb and the first start take a few seconds; recovery after a crash can take minutes.
pub(super) const LEADER_DEADLINE: Duration = Duration::from_secs(180);

/// Adds the phases; returns whether somebody leads after them, or nobody is to. With `first`, whoever
/// that is leads before anybody else may.
pub(super) fn plan(draft: &mut Draft, desired: &Desired, first: Option<&Node>) -> bool {
    let cluster = desired.cluster;
    if cluster.with_role(Role::Postgresql).next().is_none() {
        return true;
    }
    dynamic::end_pause(draft, desired);
    let leader = leader(cluster, desired.facts);
    roles::passwords(draft, desired, leader.as_ref());
    members::stop_without_directory(draft, desired, leader.as_ref());
    configure(draft, desired, leader.as_ref());

    let leader = members::plan(draft, desired, leader, first);
    dynamic::plan(draft, desired, leader.as_ref(), first);
    roles::create(draft, desired, leader.as_ref());
    pending_restarts(draft, desired);
    leader.is_some()
}

/// The files of every member; those that run reload them, replicas first.
fn configure(draft: &mut Draft, desired: &Desired, leader: Option<&NodeName>) {
    let mut prepare = Vec::new();
    let mut reload = Vec::new();
    let mut stale_units = Vec::new();
    let mut reloaded = BTreeSet::new();
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
        if running && restarts(desired) {
            if config_changed || is_older_than_its_file(desired, node, facts) {
                steps.push(restart(desired, node));
            }
        } else if let Some(process) = facts
            .processes
            .get(UNIT)
            .filter(|process| running && another_file::is_read(process))
        {
            if draft.spares() {
                let write = another_file::write(process, rendered);
                if write.is_some() || another_file::is_stale(process, unit) {
                    steps.extend(write.map(Step::from));
                    steps.push(reload_step(desired, node, facts));
                    reloaded.insert(&node.name);
                }
            } else {
                steps.push(restart(desired, node));
                steps.extend(another_file::removal(process).map(Step::from));
            }
        } else if running && (config_changed || is_stale(desired, node, facts)) {
            steps.push(reload_step(desired, node, facts));
            reloaded.insert(&node.name);
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
                let connection = connection(desired, node);
                let condition = if reloaded.contains(&node.name) {
                    Condition::PatroniReloaded { url, connection }
                } else {
                    Condition::PatroniMember { url }
                };
                (node.name.clone(), condition)
            })
            .collect();
        Some(Gate {
            title: "every member runs and has read its files".to_owned(),
            conditions,
            deadline: LEADER_DEADLINE,
            concerns: leader.into_iter().cloned().collect(),
        })
    });
}

/// Whether Patroni must restart to read what has changed: with which certificates it speaks to
/// etcd it reads when it starts, everything else whenever it is told to (`reload_config` of its
/// `dcs/etcd.py` takes user and password alone).
fn restarts(desired: &Desired) -> bool {
    let tls = &desired.cluster.tls;
    tls.enabled && tls.stage == TlsStage::Patroni && desired.cluster.etcd.external.is_none()
}

fn reload_step(desired: &Desired, node: &Node, facts: &NodeFacts) -> Step {
    let cluster = desired.cluster;
    let config = facts.patroni.iter().map(|patroni| &patroni.config);
    // What the inventory wants is not to be brought before its turn.
    let setting = config.filter_map(|config| config.get_key_value("loop_wait"));
    Action::ReloadPatroni {
        url: cluster.rest_url(node),
        username: cluster.patroni.rest_username.clone(),
        password: desired.secrets.get(&SecretName::RestApi).clone(),
        setting: setting
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    }
    .into()
}

fn restart(desired: &Desired, node: &Node) -> Step {
    let cluster = desired.cluster;
    Action::RestartPatroni {
        url: cluster.rest_url(node),
        username: cluster.patroni.rest_username.clone(),
        password: desired.secrets.get(&SecretName::RestApi).clone(),
    }
    .into()
}

fn is_older_than_its_file(desired: &Desired, node: &Node, facts: &NodeFacts) -> bool {
    let since = facts.units.get(UNIT).and_then(|unit| unit.active_since);
    tls::is_newer(desired, &node.name, facts, since, &[Purpose::PatroniConfig])
}

/// Whether patroni.yml, or what it names of TLS, was written after Patroni last read it: by this
/// plan, or by a run that was interrupted between the two. PostgreSQL reads its certificate and
/// the authorities again when Patroni does.
fn is_stale(desired: &Desired, node: &Node, facts: &NodeFacts) -> bool {
    let Some(unit) = facts.units.get(UNIT) else {
        return false;
    };
    let read = unit.active_since.max(unit.reloaded_at);
    let mut purposes = vec![Purpose::PatroniConfig];
    if desired.cluster.tls.has(TlsStage::Patroni) {
        purposes.extend([
            Purpose::Authorities,
            Purpose::Certificate(CertificatePurpose::Patroni),
            Purpose::Certificate(CertificatePurpose::Postgresql),
        ]);
    }
    tls::is_newer(desired, &node.name, facts, read, &purposes)
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
