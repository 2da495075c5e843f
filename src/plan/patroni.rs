//! Patroni and PostgreSQL: files and reloads, the first leader, the replicas, the dynamic
//! configuration, roles.

use std::time::Duration;

use serde_json::{Map, Value};

use super::draft::{Draft, directory, systemd, write_file};
use super::{
    Action, Condition, Desired, Gate, Guard, LocalConnection, Rollout, Step, UnitOperation,
};
use crate::cluster::postgresql::PROBE_ROLE;
use crate::cluster::{Cluster, Node, NodeName, Role, SecretName, UserSpec, dynamic};
use crate::facts::{Facts, NodeFacts};
use crate::platform::PATRONI_CONFIG;
use crate::render::Purpose;

/// The unit, ours on every platform.
pub const UNIT: &str = "patroni.service";

/// initdb and the first start take a few seconds; recovery after a crash can take minutes.
const LEADER_DEADLINE: Duration = Duration::from_secs(180);
/// A replica copies the whole database first.
const REPLICA_DEADLINE: Duration = Duration::from_secs(3600);

/// Adds the phases.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    if cluster.with_role(Role::Postgresql).next().is_none() {
        return;
    }
    let leader = leader(cluster, &desired.facts);
    configure(draft, desired, leader.as_ref());

    let idle: Vec<&Node> = cluster
        .with_role(Role::Postgresql)
        .filter(|node| !draft.facts(&node.name).is_active(UNIT))
        .collect();
    let first = match &leader {
        Some(_) => None,
        // Nobody leads and the DCS knows a cluster: its members, all of them, will elect.
        None if initialized(&desired.facts) => None,
        None => idle.first().copied(),
    };
    if let Some(first) = first {
        start_leader(draft, desired, first);
    }
    let leader = leader.or_else(|| first.map(|node| node.name.clone()));
    let others: Vec<&Node> = idle
        .into_iter()
        .filter(|node| first.is_none_or(|first| first.name != node.name))
        .collect();
    start_members(draft, desired, &others, leader.as_ref());
    dynamic_configuration(draft, desired, leader.as_ref());
    roles(draft, desired, leader.as_ref());
    pending_restarts(draft, desired);
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
                let url = rest_url(desired.cluster, node);
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

fn start_leader(draft: &mut Draft, desired: &Desired, node: &Node) {
    let cluster = desired.cluster;
    let step = Step {
        action: systemd(UNIT, UnitOperation::Start),
        guard: Some(Guard::DataDirectoryEmpty {
            path: desired.rendered[&node.name].data_dir.clone(),
        }),
    };
    let work = vec![(node.name.clone(), vec![step])];
    draft.phase("leader", Rollout::Parallel, work, |_| {
        let url = rest_url(cluster, node);
        Some(Gate {
            title: format!("{} leads", node.name),
            conditions: vec![(node.name.clone(), Condition::PatroniLeader { url })],
            deadline: LEADER_DEADLINE,
        })
    });
}

/// Replicas side by side; where no leader is known yet, all members, of which one will lead.
fn start_members(draft: &mut Draft, desired: &Desired, nodes: &[&Node], leader: Option<&NodeName>) {
    let cluster = desired.cluster;
    let work = nodes
        .iter()
        .map(|node| {
            let start = systemd(UNIT, UnitOperation::Start);
            (node.name.clone(), vec![Step::from(start)])
        })
        .collect();
    let Some(leader) = leader.and_then(|name| cluster.node(name)) else {
        draft.phase("members", Rollout::Parallel, work, |_| {
            let awaited = nodes.iter().map(|node| {
                let url = rest_url(cluster, node);
                (node.name.clone(), Condition::PatroniMember { url })
            });
            Some(Gate {
                title: "every member runs".to_owned(),
                conditions: awaited.collect(),
                deadline: REPLICA_DEADLINE,
            })
        });
        return;
    };
    draft.phase("replicas", Rollout::Parallel, work, |_| None);
    let loop_wait = cluster.patroni.dynamic.get_key_value("loop_wait");
    let wake = Step {
        action: Action::WakeLeader {
            url: rest_url(cluster, leader),
            username: cluster.patroni.rest_username.clone(),
            password: desired.secrets.get(&SecretName::RestApi).clone(),
            members: nodes.iter().map(|node| node.name.clone()).collect(),
            setting: loop_wait
                .map(|(key, value)| (key.clone(), value.clone()))
                .into_iter()
                .collect(),
        },
        guard: Some(Guard::LeaderIs {
            node: leader.name.clone(),
            url: rest_url(cluster, leader),
        }),
    };
    let steps = if nodes.is_empty() {
        Vec::new()
    } else {
        vec![wake]
    };
    let work = vec![(leader.name.clone(), steps)];
    draft.phase("replication", Rollout::Parallel, work, |_| {
        let awaited = nodes.iter().map(|node| {
            let url = rest_url(cluster, node);
            let connection = connection(desired, node);
            (
                node.name.clone(),
                Condition::PatroniReplica { url, connection },
            )
        });
        Some(Gate {
            title: "every replica streams".to_owned(),
            conditions: awaited.collect(),
            deadline: REPLICA_DEADLINE,
        })
    });
}

/// What the inventory names and the cluster has otherwise, by one PATCH. Keys that the inventory
/// does not name are left alone: they may be another tool's (`pause`, `slots`).
fn dynamic_configuration(draft: &mut Draft, desired: &Desired, leader: Option<&NodeName>) {
    let cluster = desired.cluster;
    let asked = leader
        .into_iter()
        .chain(cluster.with_role(Role::Postgresql).map(|node| &node.name))
        .find(|name| {
            draft
                .facts(name)
                .patroni
                .as_ref()
                .is_some_and(|patroni| !patroni.config.is_empty())
        })
        .cloned();
    let Some(node) = asked.as_ref().and_then(|name| cluster.node(name)) else {
        return;
    };
    let before = draft
        .facts(&node.name)
        .patroni
        .as_ref()
        .map(|patroni| patroni.config.clone())
        .unwrap_or_default();
    let patch = difference(&before, &cluster.patroni.dynamic);
    if patch.is_empty() {
        return;
    }
    let action = Action::PatchDynamicConfiguration {
        url: rest_url(cluster, node),
        username: cluster.patroni.rest_username.clone(),
        password: desired.secrets.get(&SecretName::RestApi).clone(),
        before,
        patch,
    };
    let work = vec![(node.name.clone(), vec![action.into()])];
    draft.phase("dynamic configuration", Rollout::Parallel, work, |_| None);
}

/// Roles of the inventory that the leader does not have. By SQL, since Patroni 4.0 has no
/// `bootstrap.users` any more and before it read them once.
fn roles(draft: &mut Draft, desired: &Desired, leader: Option<&NodeName>) {
    let cluster = desired.cluster;
    let Some(node) = leader.and_then(|name| cluster.node(name)) else {
        return;
    };
    let known = draft
        .facts(&node.name)
        .postgresql
        .as_ref()
        .filter(|postgresql| postgresql.answers)
        .map(|postgresql| postgresql.roles.clone())
        .unwrap_or_default();
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
                url: rest_url(cluster, node),
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
                .is_some_and(|patroni| patroni.primary_status == 200)
        })
        .map(|node| node.name.clone())
}

/// Whether the DCS knows a PostgreSQL cluster under our scope.
pub fn initialized(facts: &Facts) -> bool {
    facts
        .nodes
        .values()
        .filter_map(|facts| facts.etcd.as_ref())
        .any(|etcd| etcd.initialize.as_ref().is_some_and(|id| !id.is_empty()))
}

/// The REST API of the member of `node`.
pub fn rest_url(cluster: &Cluster, node: &Node) -> String {
    format!("http://{}", node.endpoint(cluster.patroni.port))
}

fn connection(desired: &Desired, node: &Node) -> LocalConnection {
    LocalConnection {
        bin_dir: desired.rendered[&node.name].bin_dir.clone(),
        port: node.postgresql.port,
        superuser: desired.cluster.postgresql.superuser.clone(),
    }
}

/// What must be sent so that every key of `wanted` holds: nested maps key by key, everything else
/// as a whole; `null` deletes. PostgreSQL's settings are compared as Patroni compares them:
/// `on`, `true` and `"on"` are one value, and so are `100` and `"100"`.
pub fn difference(present: &Map<String, Value>, wanted: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, wanted) in wanted {
        match (present.get(key), wanted) {
            (None, Value::Null) => {}
            (Some(Value::Object(present)), Value::Object(wanted)) => {
                let inner = difference(present, wanted);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (Some(present), wanted) if dynamic::same(present, wanted) => {}
            _ => {
                patch.insert(key.clone(), wanted.clone());
            }
        }
    }
    patch
}

/// What Patroni makes of a PATCH: nested maps are merged, `null` deletes.
pub fn apply_patch(config: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match (config.get_mut(key), value) {
            (_, Value::Null) => {
                config.remove(key);
            }
            (Some(Value::Object(inner)), Value::Object(patch)) => apply_patch(inner, patch),
            _ => {
                config.insert(key.clone(), value.clone());
            }
        }
    }
}
