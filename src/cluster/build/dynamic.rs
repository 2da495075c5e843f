//! PostgreSQL's parameters: which of them all members share, and which are a node's own.

use serde_json::{Map, Value, json};

use crate::inventory::free::Setting;
use crate::inventory::postgresql::Postgresql;

/// The parameters that `auto` can be computed for, from a node's memory.
pub(crate) const AUTO: [&str; 3] = [
    "shared_buffers",
    "effective_cache_size",
    "maintenance_work_mem",
];

const MAX_CONNECTIONS: u32 = 200;

/// Whether the parameter is to be computed from the node's memory.
pub(super) fn is_auto(name: &str, setting: &Setting) -> bool {
    setting.text == "auto" && AUTO.contains(&name)
}

/// What a node has of its own: a fixed size would be wrong on most machines.
pub(super) fn local_defaults() -> Map<String, Value> {
    AUTO.iter()
        .map(|name| ((*name).to_owned(), Value::from("auto")))
        .collect()
}

/// A parameter as Patroni's configuration holds it. YAML's `on` would become `true`, which
/// PostgreSQL's enumerations do not all take.
pub(super) fn guc_value(setting: &Setting) -> Value {
    match &setting.json {
        Value::Bool(true) => "on".into(),
        Value::Bool(false) => "off".into(),
        Value::Number(number) => Value::Number(number.clone()),
        _ => Value::String(setting.text.clone()),
    }
}

/// `postgresql.parameters` of the dynamic configuration.
pub(super) fn shared_parameters(section: &Postgresql, members: usize) -> Map<String, Value> {
    // Each replica takes a sender and a slot, its first copy two senders more, and whoever
    // looks at the cluster in trouble wants one, too.
    let senders = (2 * members).max(10);
    let defaults = json!({
        // PostgreSQL's own 100 is soon reached by a few pools; each costs some 10 MB when busy.
        "max_connections": MAX_CONNECTIONS,
        "max_wal_senders": senders,
        "max_replication_slots": senders,
        // The default only from 14 on, and pg_hba.conf asks for nothing else.
        "password_encryption": "scram-sha-256",
    });
    let mut parameters = match defaults {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    };
    for (name, setting) in section
        .parameters
        .iter()
        .flat_map(|parameters| parameters.value.set.iter())
    {
        if !is_auto(&name.value, &setting.value) {
            parameters.insert(name.value.clone(), guc_value(&setting.value));
        }
    }
    for name in unset(section) {
        parameters.insert(name.clone(), Value::Null);
    }
    parameters
}

/// The parameters that are to be set no longer.
fn unset(section: &Postgresql) -> impl Iterator<Item = &String> {
    let parameters = section.parameters.iter();
    parameters.flat_map(|parameters| parameters.value.unset.iter().map(|name| &name.value))
}

/// The parameter `max_connections`.
pub(super) fn max_connections(section: &Postgresql) -> u32 {
    /// Patroni's own default.
    const UNSET: u32 = 100;
    if unset(section).any(|name| name == "max_connections") {
        return UNSET;
    }
    section
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.value.set.get("max_connections"))
        .and_then(|setting| setting.value.text.parse().ok())
        .unwrap_or(MAX_CONNECTIONS)
}
