//! PostgreSQL's parameters: known, at the right level, within Patroni's bounds.

use super::Context;
use crate::cluster::build::{AUTO, DYNAMIC_NAMED};
use crate::inventory::free::Setting;
use crate::inventory::guc::{self, Guc, SHARED};
use crate::inventory::{Problems, Spanned};

/// What Patroni sets itself: the key that sets it here, or the reason.
const CONTROLLED: [(&str, &str); 16] = [
    ("listen_addresses", "set `postgresql.listen`"),
    ("port", "set `postgresql.port`"),
    ("cluster_name", "it is `scope`"),
    ("hot_standby", "replicas are always readable"),
    ("data_directory", "set `postgresql.data_dir`"),
    ("config_file", "Patroni writes the file"),
    ("hba_file", "set the lines under `postgresql.pg_hba`"),
    (
        "ident_file",
        "set the lines under `patroni.extra`: `postgresql: { pg_ident: […] }`",
    ),
    (
        "primary_conninfo",
        "Patroni sets it for the leader of the moment",
    ),
    (
        "primary_slot_name",
        "Patroni sets it; `patroni.use_slots` decides",
    ),
    ("promote_trigger_file", "Patroni promotes by itself"),
    (
        "recovery_target_timeline",
        "replicas follow the newest timeline",
    ),
    (
        "archive_cleanup_command",
        "set it under `patroni.extra`: `postgresql: { recovery_conf: … }`",
    ),
    ("bonjour", "nodes are found by their addresses"),
    ("external_pid_file", "Patroni watches the process itself"),
    (
        "exit_on_error",
        "a failing statement of one session would end all",
    ),
];

/// Below these Patroni replaces the value by its default (`CMDLINE_OPTIONS`).
const MINIMA: [(&str, u64); 6] = [
    ("max_connections", 25),
    ("max_wal_senders", 3),
    ("max_replication_slots", 4),
    ("max_worker_processes", 2),
    ("max_locks_per_transaction", 32),
    ("wal_keep_segments", 1),
];

/// Settings of Patroni that people take for parameters.
const PATRONIS: [&str; 2] = ["watchdog", "nofailover"];

/// Off, they trade the data for speed.
const DURABILITY: [(&str, &str); 4] = [
    ("fsync", "a crash of the machine destroys the data"),
    (
        "full_page_writes",
        "a crash of the machine can destroy pages",
    ),
    (
        "synchronous_commit",
        "a crash loses transactions that were reported as committed",
    ),
    (
        "autovacuum",
        "tables bloat, and in the end transaction ids run out",
    ),
];

pub(super) fn check(context: &mut Context<'_>) {
    let section = context.draft.postgresql();
    let version = section.version.as_ref().map(|version| version.value);
    for (name, setting) in section
        .parameters
        .iter()
        .flat_map(|parameters| parameters.value.set.iter())
    {
        known(name, version, context.problems);
        each(name, setting, context.problems);
        minimum(name, setting, context.problems);
    }
    let unset = section.parameters.iter();
    for name in unset.flat_map(|parameters| &parameters.value.unset) {
        // What the version no longer has may well be what is taken out.
        known(name, None, context.problems);
    }
    for node in &context.draft.nodes {
        let local = node
            .entry
            .postgresql
            .as_ref()
            .and_then(|section| section.value.local_parameters.as_ref());
        for (name, setting) in local.iter().flat_map(|table| table.value.iter()) {
            known(name, version, context.problems);
            each(name, setting, context.problems);
            if SHARED.contains(&name.value.as_str()) {
                context
                    .problems
                    .error(
                        name.span,
                        format!(
                            "`{}` is the same on all members; Patroni ignores a local value",
                            name.value
                        ),
                    )
                    .hint("set it under `postgresql.parameters`");
            }
        }
    }
    together(context);
}

fn known(name: &Spanned<String>, version: Option<u32>, problems: &mut Problems) {
    let text = name.value.as_str();
    // Those of extensions have a dot; only the extension knows them.
    if text.contains('.') || CONTROLLED.iter().any(|(controlled, _)| *controlled == text) {
        return;
    }
    if DYNAMIC_NAMED.contains(&text) || PATRONIS.contains(&text) {
        let place = match text {
            "ttl" | "loop_wait" | "retry_timeout" => "timings",
            "nofailover" => "patroni.tags",
            _ => "patroni",
        };
        problems
            .error(
                name.span,
                format!("`{text}` is a setting of Patroni, not a parameter of PostgreSQL"),
            )
            .hint(format!("set it under `{place}`"));
        return;
    }
    match (guc::find(text), version) {
        (Some(Guc { from, .. }), Some(version)) if version < from => {
            problems
                .error(
                    name.span,
                    format!("PostgreSQL {version} has no `{text}`; it came with {from}"),
                )
                .hint("remove it: Patroni would silently leave it out");
        }
        (
            Some(Guc {
                till: Some(till), ..
            }),
            Some(version),
        ) if version >= till => {
            problems
                .error(
                    name.span,
                    format!("PostgreSQL {version} has no `{text}`; it went with {till}"),
                )
                .hint(match text {
                    "wal_keep_segments" => "its successor is `wal_keep_size`",
                    "promote_trigger_file" => "Patroni promotes by itself",
                    "force_parallel_mode" => "its successor is `debug_parallel_query`",
                    _ => "remove it: Patroni would silently leave it out",
                });
        }
        (Some(_), _) => {}
        (None, version) => unknown(name, version, problems),
    }
}

fn unknown(name: &Spanned<String>, version: Option<u32>, problems: &mut Problems) {
    let text = name.value.as_str();
    let message = format!("PostgreSQL has no parameter `{text}`");
    match guc::near(text) {
        Some(near) => {
            problems
                .error(name.span, message)
                .hint(format!("did you mean `{near}`?"));
        }
        // Of a version newer than the list it may have one.
        None if version.is_some_and(|version| version > guc::NEWEST) => {}
        None => {
            problems.warning(name.span, message).hint(
                "Patroni leaves out what it does not know; those of extensions have a dot in them",
            );
        }
    }
}

fn each(name: &Spanned<String>, setting: &Spanned<Setting>, problems: &mut Problems) {
    let text = name.value.as_str();
    if let Some((_, instead)) = CONTROLLED
        .iter()
        .find(|(controlled, _)| *controlled == text)
    {
        problems
            .error(name.span, format!("`{text}` is controlled by Patroni"))
            .hint(*instead);
    }
    // `auto` is a value of few parameters; of a size it is one that is to be computed.
    if setting.value.text == "auto" && is_size(text) && !AUTO.contains(&text) {
        problems
            .error(setting.span, format!("`{text}` cannot be computed"))
            .hint(format!("`auto` is for {}", AUTO.join(", ")));
    }
    let off = setting.value.text == "off" || setting.value.json == serde_json::Value::Bool(false);
    let durable = DURABILITY.iter().find(|(durable, _)| *durable == text);
    if let Some((_, consequence)) = durable.filter(|_| off) {
        problems
            .warning(setting.span, format!("`{text}` is off: {consequence}"))
            .hint("leave it on, except where the data may be lost");
    }
}

fn is_size(name: &str) -> bool {
    [
        "mem",
        "buffers",
        "size",
        "connections",
        "workers",
        "processes",
    ]
    .iter()
    .any(|word| name.ends_with(word))
}

fn minimum(name: &Spanned<String>, setting: &Spanned<Setting>, problems: &mut Problems) {
    let Some((_, least)) = MINIMA.iter().find(|(bounded, _)| *bounded == name.value) else {
        return;
    };
    match setting.value.text.parse::<u64>() {
        Ok(number) if number >= *least => {}
        Ok(number) => {
            problems
                .error(
                    setting.span,
                    format!(
                        "`{}` is {number}, and Patroni takes at least {least}",
                        name.value
                    ),
                )
                .hint("it would replace it by its default without a word");
        }
        Err(_) => {
            problems
                .error(
                    setting.span,
                    format!("`{}` must be a whole number", name.value),
                )
                .hint(format!("at least {least}"));
        }
    }
}

fn together(context: &mut Context<'_>) {
    let section = context.draft.postgresql();
    let Some(parameters) = section.parameters.as_ref().map(|it| &it.value.set) else {
        return;
    };
    let text = |name: &str| {
        parameters
            .get(name)
            .map(|setting| setting.value.text.as_str())
    };
    let on = |name: &str| {
        text(name).is_some_and(|text| matches!(text, "on" | "true" | "yes" | "always"))
    };
    if let Some(mode) = parameters
        .get("archive_mode")
        .filter(|_| on("archive_mode"))
        && text("archive_command").is_none()
        && text("archive_library").is_none()
    {
        context
            .problems
            .warning(
                mode.span,
                "WAL is kept for an archive that nothing copies it to: the disk fills",
            )
            .hint("set `archive_command`, too");
    }
    if let Some(level) = parameters
        .get("wal_level")
        .filter(|level| level.value.text == "minimal")
    {
        context
            .problems
            .error(
                level.span,
                "`wal_level` minimal leaves nothing for replicas",
            )
            .hint("`replica` or `logical`");
    }
    let members = context.count(crate::cluster::Role::Postgresql);
    for name in ["max_wal_senders", "max_replication_slots"] {
        let Some(setting) = parameters.get(name) else {
            continue;
        };
        if setting
            .value
            .text
            .parse::<usize>()
            .is_ok_and(|number| number < members)
        {
            context
                .problems
                .error(
                    setting.span,
                    format!("`{name}` is too small for {members} members"),
                )
                .hint("every replica takes one, its first copy two more");
        }
    }
    let patroni = context
        .draft
        .top
        .patroni
        .as_ref()
        .map(|patroni| &patroni.value);
    let synchronous = patroni.and_then(|patroni| patroni.synchronous_mode.as_ref());
    if let (Some(names), Some(mode)) = (parameters.get("synchronous_standby_names"), synchronous)
        && mode.value != crate::inventory::patroni::SynchronousMode::Off
    {
        context
            .problems
            .error(
                names.span,
                "`synchronous_standby_names` is controlled by Patroni in synchronous mode",
            )
            .hint("remove it")
            .also(mode.span, "synchronous mode");
    }
}
