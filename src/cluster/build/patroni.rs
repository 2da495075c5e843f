//! `patroni`, as far as it is the same on all nodes.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Draft, dynamic, value};
use crate::cluster::{PatroniSpec, Role, Timings};
use crate::inventory::patroni::{ConnectBy, Restart, SynchronousMode};
use crate::inventory::quantity::Size;
use crate::inventory::scalar::Port;

/// Keys of the dynamic configuration that have a name of their own in the inventory.
pub(crate) const NAMED: [&str; 19] = [
    "ttl",
    "loop_wait",
    "retry_timeout",
    "maximum_lag_on_failover",
    "maximum_lag_on_syncnode",
    "synchronous_mode",
    "synchronous_mode_strict",
    "synchronous_node_count",
    "failsafe_mode",
    "check_timeline",
    "primary_start_timeout",
    "primary_stop_timeout",
    "member_slots_ttl",
    "max_timelines_history",
    "slots",
    "ignore_slots",
    "standby_cluster",
    "use_pg_rewind",
    "use_slots",
];

/// Those of [`NAMED`] that the dynamic configuration need not have.
pub(crate) const OPTIONAL: [&str; 9] = [
    "maximum_lag_on_syncnode",
    "check_timeline",
    "primary_start_timeout",
    "primary_stop_timeout",
    "member_slots_ttl",
    "max_timelines_history",
    "slots",
    "ignore_slots",
    "standby_cluster",
];

pub(super) fn patroni(draft: &Draft, timings: Timings) -> PatroniSpec {
    let section = draft.patroni();
    let service = section
        .service
        .clone()
        .map(|service| service.value)
        .unwrap_or_default();
    PatroniSpec {
        dynamic: dynamic(draft, timings),
        port: value(&section.port, Port(8008)).0,
        rest_username: value(&section.rest_username, "patroni".to_owned()),
        connect_by_name: value(&section.connect_by, ConnectBy::Address) == ConnectBy::Name,
        extra: ident_map(draft),
        initdb: match &section.initdb {
            Some(options) => options
                .value
                .0
                .iter()
                .map(crate::inventory::Value::to_json)
                .collect(),
            // Checksums find what a disk got wrong, and pg_rewind needs them (or wal_log_hints).
            // The C locale sorts alike on every operating system, so that no index breaks with an
            // upgrade of glibc.
            None => vec![
                json!({"encoding": "UTF8"}),
                json!({"locale": "C.UTF-8"}),
                json!("data-checksums"),
            ],
        },
        restart: value(&service.restart, Restart::OnFailure)
            .as_str()
            .to_owned(),
        // Patroni ends when PostgreSQL has; systemd must not kill it before the last checkpoint.
        stop_timeout: value(&service.stop_timeout, Duration::from_secs(300)),
        version: section.version.map(|version| version.value),
    }
}

fn dynamic(draft: &Draft, timings: Timings) -> Map<String, Value> {
    let section = draft.patroni();
    let members = draft
        .nodes
        .iter()
        .filter(|node| node.roles.contains(&Role::Postgresql))
        .count();
    let mut out = Map::new();
    let mut set = |key: &str, value: Value| out.insert(key.to_owned(), value);
    set("ttl", timings.ttl.as_secs().into());
    set("loop_wait", timings.loop_wait.as_secs().into());
    set("retry_timeout", timings.retry_timeout.as_secs().into());
    // Patroni's own default, said aloud because it decides what a failover may lose.
    set(
        "maximum_lag_on_failover",
        value(&section.maximum_lag_on_failover, Size(1 << 20))
            .0
            .into(),
    );
    // etcd may be lost for a while (an upgrade, full disks) without the leader stepping down.
    set("failsafe_mode", value(&section.failsafe_mode, true).into());
    let synchronous = value(&section.synchronous_mode, SynchronousMode::Off);
    set(
        "synchronous_mode",
        match synchronous {
            SynchronousMode::Off => false.into(),
            SynchronousMode::On => true.into(),
            SynchronousMode::Quorum => "quorum".into(),
        },
    );
    if synchronous != SynchronousMode::Off {
        set(
            "synchronous_mode_strict",
            value(&section.synchronous_mode_strict, false).into(),
        );
        set(
            "synchronous_node_count",
            value(&section.synchronous_node_count, 1).into(),
        );
    }
    let seconds = |duration: Duration| Value::from(duration.as_secs());
    let optional = [
        (
            "maximum_lag_on_syncnode",
            section
                .maximum_lag_on_syncnode
                .map(|size| size.value.0.into()),
        ),
        (
            "check_timeline",
            section.check_timeline.map(|check| check.value.into()),
        ),
        (
            "primary_start_timeout",
            section
                .primary_start_timeout
                .map(|time| seconds(time.value)),
        ),
        (
            "primary_stop_timeout",
            section.primary_stop_timeout.map(|time| seconds(time.value)),
        ),
        (
            "member_slots_ttl",
            section.member_slots_ttl.map(|time| seconds(time.value)),
        ),
        (
            "max_timelines_history",
            section
                .max_timelines_history
                .map(|count| count.value.into()),
        ),
        ("slots", section.slots.map(|slots| slots.value.0.to_json())),
        (
            "ignore_slots",
            section.ignore_slots.map(|slots| {
                slots
                    .value
                    .0
                    .iter()
                    .map(crate::inventory::Value::to_json)
                    .collect::<Vec<_>>()
                    .into()
            }),
        ),
        (
            "standby_cluster",
            section
                .standby_cluster
                .map(|cluster| cluster.value.0.to_json()),
        ),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            set(key, value);
        }
    }
    set(
        "postgresql",
        json!({
            "use_pg_rewind": value(&section.use_pg_rewind, true),
            "use_slots": value(&section.use_slots, true),
            "parameters": dynamic::shared_parameters(&draft.postgresql(), members),
        }),
    );
    if let Some(Value::Object(more)) = section.dynamic.map(|dynamic| dynamic.value.0.to_json()) {
        merge(&mut out, more);
    }
    out
}

/// Lays `upper` over `base`, map by map.
fn merge(base: &mut Map<String, Value>, upper: Map<String, Value>) {
    for (key, value) in upper {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(upper)) => merge(base, upper),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// A superuser of another name than the operating system's `postgres` logs in over the socket
/// by a map; the default pg_hba.conf names it.
fn ident_map(draft: &Draft) -> Map<String, Value> {
    let superuser = super::postgresql::superuser(&draft.postgresql());
    if superuser == "postgres" || draft.postgresql().pg_hba.is_some() {
        return Map::new();
    }
    let line = format!("{} postgres {superuser}", super::hba::IDENT_MAP);
    Map::from_iter([("postgresql".to_owned(), json!({ "pg_ident": [line] }))])
}
