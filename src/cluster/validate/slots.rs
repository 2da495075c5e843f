//! Permanent slots, and the cluster that this one follows: what Patroni would pass over in silence.

use super::Context;
use crate::inventory::{Kind, Problems, Value, nearest};

/// Keys of `standby_cluster` (Patroni, "Dynamic configuration settings").
const STANDBY: [&str; 7] = [
    "host",
    "port",
    "primary_slot_name",
    "create_replica_methods",
    "restore_command",
    "archive_cleanup_command",
    "recovery_min_apply_delay",
];

pub(super) fn check(context: &mut Context<'_>) {
    let Some(patroni) = &context.draft.top.patroni else {
        return;
    };
    if let Some(slots) = &patroni.value.slots {
        for entry in slots.value.0.entries() {
            slot(&entry.key, &entry.value, context.problems);
        }
    }
    if let Some(cluster) = &patroni.value.standby_cluster {
        standby(&cluster.value.0, cluster.span, context.problems);
    }
}

fn slot(name: &crate::inventory::Spanned<String>, value: &Value, problems: &mut Problems) {
    let sign = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let text = &name.value;
    if text.is_empty() || text.len() > 63 || !text.chars().all(sign) {
        problems
            .error(name.span, format!("`{text}` cannot be the name of a slot"))
            .hint("lower-case letters, digits and `_`, at most 63");
    }
    if !matches!(value.kind, Kind::Map(_)) {
        problems
            .error(
                value.span,
                format!("the slot `{text}` is a map of `type` and more"),
            )
            .hint("`{ type: physical }`, or `{ type: logical, database: app, plugin: pgoutput }`");
        return;
    }
    let of = |key| match &value.get(key)?.value.kind {
        Kind::Scalar(scalar) => Some(scalar.text.as_str()),
        _ => None,
    };
    match of("type") {
        None | Some("physical") => {}
        Some("logical") => {
            for key in ["database", "plugin"]
                .into_iter()
                .filter(|key| of(key).is_none())
            {
                problems
                    .error(
                        name.span,
                        format!("the logical slot `{text}` has no `{key}`"),
                    )
                    .hint("`{ type: logical, database: app, plugin: pgoutput }`");
            }
        }
        Some(other) => {
            problems
                .error(value.span, format!("`{other}` is no type of a slot"))
                .hint("`physical` or `logical`");
        }
    }
}

fn standby(value: &Value, place: crate::inventory::Span, problems: &mut Problems) {
    for entry in value.entries() {
        let name = entry.key.value.as_str();
        if STANDBY.contains(&name) || crate::inventory::is_secret(name) {
            continue;
        }
        let hint = nearest(name, STANDBY).map_or_else(
            || format!("its keys are {}", STANDBY.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        problems
            .error(
                entry.key.span,
                format!("`{name}` is not a key of `patroni.standby_cluster`"),
            )
            .hint(hint);
    }
    let source = ["host", "port", "restore_command"];
    if !source.iter().any(|key| value.get(key).is_some()) {
        problems
            .error(
                place,
                "`patroni.standby_cluster` names no cluster to follow",
            )
            .hint("`host` and `port` of its leader, or a `restore_command`");
    }
}
