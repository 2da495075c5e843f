//! Patroni's dynamic configuration: what differs, by one PATCH.

use serde_json::{Map, Value};

use super::draft::Draft;
use super::switchover::rest_url;
use super::{Action, Desired, Rollout};
use crate::cluster::{Node, NodeName, Role, SecretName, dynamic};
use crate::inventory::guc;
use crate::platform::PATRONI_CONFIG;

/// The key that stands beside `pause` for as long as mahout has paused the cluster to restart a
/// Patroni alone: where the node of that one loses its power meanwhile, it tells the next run
/// that no person wants the pause. Patroni passes over keys that it does not know.
pub const PAUSED_BY_US: &str = "mahout_pause";

/// Adds the phase that ends such a pause, before anything waits for a member: a PostgreSQL that is
/// down stays so in a paused cluster.
pub(super) fn end_pause(draft: &mut Draft, desired: &Desired) {
    let cluster = desired.cluster;
    let asked = cluster.with_role(Role::Postgresql).find_map(|node| {
        let patroni = draft.facts(&node.name).patroni.as_ref()?;
        (!patroni.config.is_empty()).then(|| (node, patroni.config.clone()))
    });
    let Some((node, before)) = asked.filter(|(_, config)| config.contains_key(PAUSED_BY_US)) else {
        return;
    };
    let keys = ["pause", PAUSED_BY_US].map(str::to_owned);
    let action = Action::PatchDynamicConfiguration {
        url: rest_url(desired, node),
        username: cluster.patroni.rest_username.clone(),
        password: desired.secrets.get(&SecretName::RestApi).clone(),
        before,
        patch: Map::from_iter(keys.map(|key| (key, Value::Null))),
    };
    let work = vec![(node.name.clone(), vec![action.into()])];
    draft.phase("pause", Rollout::Parallel, work, |_| None);
}

/// What the inventory names and the cluster has otherwise. Keys that the inventory does not name
/// are left alone: they may be another tool's (`pause`, `slots`). What `first`, whose DCS was lost,
/// will have put there is not known: all of it is sent.
pub(super) fn plan(
    draft: &mut Draft,
    desired: &Desired,
    leader: Option<&NodeName>,
    first: Option<&Node>,
) {
    let cluster = desired.cluster;
    if let Some(node) = first {
        let patch = cluster.patroni.dynamic.clone();
        draft.phase(
            "dynamic configuration",
            Rollout::Parallel,
            vec![(
                node.name.clone(),
                vec![send(desired, node, Map::new(), patch).into()],
            )],
            |_| None,
        );
        return;
    }
    let asked = leader
        .into_iter()
        .chain(cluster.with_role(Role::Postgresql).map(|node| &node.name))
        .find_map(|name| {
            let patroni = draft.facts(name).patroni.as_ref()?;
            (!patroni.config.is_empty()).then(|| (name.clone(), patroni.config.clone()))
        });
    let Some((name, before)) = asked else {
        return;
    };
    let Some(node) = cluster.node(&name) else {
        return;
    };
    if let Some(note) = unnamed_note(&before, &cluster.patroni.dynamic) {
        draft.note(None, note);
    }
    let patch = difference(&before, &cluster.patroni.dynamic);
    if patch.is_empty() {
        return;
    }
    if let Some(note) = restart_note(desired, node, &patch) {
        draft.note(None, note);
    }
    let work = vec![(name, vec![send(desired, node, before, patch).into()])];
    draft.phase("dynamic configuration", Rollout::Parallel, work, |_| None);
}

fn send(
    desired: &Desired,
    node: &Node,
    before: Map<String, Value>,
    patch: Map<String, Value>,
) -> Action {
    let cluster = desired.cluster;
    Action::PatchDynamicConfiguration {
        url: cluster.rest_url(node),
        username: cluster.patroni.rest_username.clone(),
        password: desired.secrets.get(&SecretName::RestApi).clone(),
        before,
        patch,
    }
}

/// Which of the parameters that change PostgreSQL takes only when it starts. Patroni says so, too,
/// but only once it has looked, when a deploy may be over.
fn restart_note(desired: &Desired, node: &Node, patch: &Map<String, Value>) -> Option<String> {
    let version = desired.rendered[&node.name].postgresql;
    let parameters = patch.get("postgresql")?.get("parameters")?.as_object()?;
    let names: Vec<&str> = parameters
        .keys()
        .map(String::as_str)
        .filter(|name| guc::needs_restart(name, version))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}: PostgreSQL takes the new value only when it starts, and no deploy restarts it; \
             afterwards: patronictl -c {PATRONI_CONFIG} restart {}",
            names.join(", "),
            desired.cluster.scope
        )
    })
}

/// Parameters that the cluster has and the inventory does not name: somebody else's, or what was
/// taken out of the inventory.
fn unnamed_note(present: &Map<String, Value>, wanted: &Map<String, Value>) -> Option<String> {
    let parameters = |config: &Map<String, Value>| {
        let parameters = config.get("postgresql").map(|it| &it["parameters"]);
        let names = parameters.and_then(Value::as_object);
        names.map(|names| names.keys().cloned().collect::<Vec<String>>())
    };
    let (present, named) = (parameters(present)?, parameters(wanted).unwrap_or_default());
    let unnamed = present.into_iter().filter(|name| !named.contains(name));
    let unnamed: Vec<String> = unnamed.collect();
    (!unnamed.is_empty()).then(|| {
        format!(
            "the dynamic configuration has {}, which the inventory does not name: it is left alone; \
             under `postgresql.parameters` a value keeps it in step, and `null` takes it out",
            unnamed.join(", ")
        )
    })
}

/// What must be sent so that every key of `wanted` holds: nested maps key by key, everything else
/// as a whole; `null` deletes. PostgreSQL's settings are compared as Patroni compares them:
/// `on`, `true` and `"on"` are one value, and so are `100` and `"100"`.
pub fn difference(present: &Map<String, Value>, wanted: &Map<String, Value>) -> Map<String, Value> {
    let empty = Map::new();
    let mut patch = Map::new();
    for (key, wanted) in wanted {
        let inner = match (present.get(key), wanted) {
            (None, Value::Null) => continue,
            (None, Value::Object(wanted)) => difference(&empty, wanted),
            (Some(Value::Object(present)), Value::Object(wanted)) => difference(present, wanted),
            (Some(present), wanted) if dynamic::same(present, wanted) => continue,
            _ => {
                patch.insert(key.clone(), wanted.clone());
                continue;
            }
        };
        if !inner.is_empty() {
            patch.insert(key.clone(), Value::Object(inner));
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
