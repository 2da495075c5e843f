//! Patroni's settings: tags, watchdog, unit, initdb.

use serde_json::Value as Json;

use super::Context;
use crate::cluster::Role;
use crate::inventory::free::Setting;
use crate::inventory::patroni::{Patroni, Restart, Watchdog};
use crate::inventory::quantity::show_duration;
use crate::inventory::{Kind, Spanned, nearest};

pub(super) fn check(context: &mut Context<'_>) {
    for node in &context.draft.nodes {
        let Some(section) = node.entry.patroni.as_ref().map(|patroni| &patroni.value) else {
            continue;
        };
        for (name, tag) in section.tags.iter().flat_map(|tags| tags.value.iter()) {
            self::tag(context, name, tag, node.name.as_str());
        }
        contradicting_tags(context, section);
        let device = node
            .entry
            .system
            .as_ref()
            .and_then(|system| system.value.watchdog.as_ref())
            .is_some_and(|watchdog| watchdog.value);
        if let Some(mode) = &section.watchdog
            && mode.value == Watchdog::Required
            && !device
        {
            context
                .problems
                .warning(mode.span, "a required watchdog, whose device is not set up here: without it there is no leader")
                .hint("set `system.watchdog: true`, or see to /dev/watchdog yourself");
        }
    }
    somebody_can_lead(context);
    replication_sources(context);
    let Some(section) = context
        .draft
        .top
        .patroni
        .as_ref()
        .map(|patroni| &patroni.value)
    else {
        return;
    };
    unit(context, section);
    initdb(context, section);
    seconds(context, section);
    names_resolve(context, section);
    if let Some(user) = &section.rest_username
        && (user.value.contains(':') || !user.value.chars().all(|c| c.is_ascii_graphic()))
    {
        context
            .problems
            .error(
                user.span,
                "`patroni.rest_username` is one word without a colon",
            )
            .hint("HTTP's basic authentication puts a colon behind it");
    }
}

const BOOLEAN: [&str; 5] = [
    "nofailover",
    "noloadbalance",
    "clonefrom",
    "nosync",
    "nostream",
];
const NUMERIC: [&str; 2] = ["failover_priority", "sync_priority"];

fn tag(context: &mut Context<'_>, name: &Spanned<String>, tag: &Spanned<Setting>, node: &str) {
    let known = BOOLEAN
        .iter()
        .chain(&NUMERIC)
        .copied()
        .chain(["replicatefrom"]);
    let text = name.value.as_str();
    let json = &tag.value.json;
    if BOOLEAN.contains(&text) {
        if !json.is_boolean() {
            context
                .problems
                .error(tag.span, format!("the tag `{text}` is `true` or `false`"))
                .hint("one of these two words, without quotes");
        }
    } else if NUMERIC.contains(&text) {
        if !json.is_u64() {
            context
                .problems
                .error(tag.span, format!("the tag `{text}` is a whole number"))
                .hint("0 is the same as `nofailover` or `nosync`; the highest goes first");
        }
    } else if text == "replicatefrom" {
        let target = tag.value.text.as_str();
        if target == node {
            context
                .problems
                .error(tag.span, format!("`{node}` cannot replicate from itself"))
                .hint("name another node, or remove the tag to replicate from the leader");
        } else if !context.draft.names.iter().any(|name| name.value == target) {
            let names = context.draft.names.iter().map(|name| name.value.as_str());
            let near = nearest(target, names);
            let problem = context
                .problems
                .error(tag.span, format!("there is no node `{target}`"));
            match near {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem.hint("`replicatefrom` is the name of a node"),
            };
        }
    } else if let Some(near) = nearest(text, known) {
        context
            .problems
            .warning(name.span, format!("Patroni knows no tag `{text}`"))
            .hint(format!("did you mean `{near}`?"));
    }
}

fn contradicting_tags(context: &mut Context<'_>, section: &Patroni) {
    let Some(tags) = &section.tags else { return };
    for (flag, priority) in [
        ("nofailover", "failover_priority"),
        ("nosync", "sync_priority"),
    ] {
        let (Some(flagged), Some(number)) = (tags.value.get(flag), tags.value.get(priority)) else {
            continue;
        };
        let (Some(no), Some(number_given)) =
            (flagged.value.json.as_bool(), number.value.json.as_u64())
        else {
            continue;
        };
        let some = number_given > 0;
        if no == some {
            context
                .problems
                .error(
                    flagged.span,
                    format!("`{flag}` and `{priority}` contradict each other"),
                )
                .hint(format!("Patroni follows `{flag}`; remove one of the two"))
                .also(number.span, "the other one");
        }
    }
}

fn is_true(section: Option<&Patroni>, tag: &str) -> bool {
    section
        .and_then(|section| section.tags.as_ref()?.value.get(tag))
        .is_some_and(|tag| tag.value.json == Json::Bool(true))
}

fn somebody_can_lead(context: &mut Context<'_>) {
    let members = || {
        context
            .draft
            .nodes
            .iter()
            .filter(|node| node.roles.contains(&Role::Postgresql))
    };
    let section = |node: &super::DraftNode| {
        node.entry
            .patroni
            .as_ref()
            .map(|patroni| patroni.value.clone())
    };
    let able = members()
        .filter(|node| !is_true(section(node).as_ref(), "nofailover"))
        .count();
    let all = members().count();
    let place = members().find_map(|node| {
        section(node)?
            .tags?
            .value
            .get("nofailover")
            .map(|tag| tag.span)
    });
    match able {
        0 if all > 0 => {
            context
                .problems
                .error(place, "every node has the tag nofailover: none could lead")
                .hint("remove it from those that may lead");
        }
        1 if all > 1 => {
            context
                .problems
                .warning(
                    place,
                    "only one node may lead, the others have the tag nofailover",
                )
                .hint("when it is lost, writes stop until it is back");
        }
        _ => {}
    }
}

/// A chain of `replicatefrom` must end at the leader, not run in a circle.
fn replication_sources(context: &mut Context<'_>) {
    let source = |name: &str| {
        let node = context
            .draft
            .nodes
            .iter()
            .find(|node| node.name.as_str() == name)?;
        let tags = node.entry.patroni.as_ref()?.value.tags.as_ref()?;
        tags.value.get("replicatefrom").cloned()
    };
    let mut found = None;
    'nodes: for node in &context.draft.nodes {
        let mut at = node.name.as_str().to_owned();
        for step in 0..context.draft.nodes.len() {
            let Some(next) = source(&at) else {
                continue 'nodes;
            };
            at = next.value.text;
            if at == node.name.as_str() {
                // A single step is a node that replicates from itself, which has been said.
                if step > 0 {
                    found = source(node.name.as_str()).map(|tag| tag.span);
                }
                break 'nodes;
            }
        }
    }
    if let Some(place) = found {
        context
            .problems
            .error(place, "the tags `replicatefrom` run in a circle")
            .hint("one of the nodes has to replicate from the leader");
    }
}

fn unit(context: &mut Context<'_>, section: &Patroni) {
    let Some(service) = section.service.as_ref().map(|service| &service.value) else {
        return;
    };
    if let Some(restart) = &service.restart
        && restart.value == Restart::No
    {
        context
            .problems
            .warning(
                restart.span,
                "after a crash of Patroni nobody renews or gives up the leader's lease",
            )
            .hint("`on-failure` starts it again; PostgreSQL is not touched by that");
    }
    if let Some(timeout) = &service.stop_timeout {
        let least = 2 * context.cluster.timings.loop_wait;
        if timeout.value < least {
            context
                .problems
                .warning(timeout.span, format!(
                    "systemd would kill Patroni before it can stop PostgreSQL: {} is below twice `loop_wait`",
                    show_duration(timeout.value)
                ))
                .hint("the last checkpoint of a large server takes minutes: 5min");
        }
    }
}

/// Options that Patroni sets itself and refuses (`bootstrap.py`, `not_allowed_options`).
const INITDB: [&str; 6] = [
    "pgdata",
    "nosync",
    "pwfile",
    "sync-only",
    "version",
    "username",
];

fn initdb(context: &mut Context<'_>, section: &Patroni) {
    let Some(options) = &section.initdb else {
        return;
    };
    let mut checksums = false;
    for option in &options.value.0 {
        let name = match &option.kind {
            Kind::Scalar(scalar) => Some(scalar.text.as_str()),
            Kind::Map(entries) => match entries.as_slice() {
                [entry] if matches!(entry.value.kind, Kind::Scalar(_)) => {
                    Some(entry.key.value.as_str())
                }
                _ => None,
            },
            _ => None,
        };
        let Some(name) = name else {
            context
                .problems
                .error(
                    option.span,
                    "an option of initdb is a word or one `name: value`",
                )
                .hint("`[{ encoding: UTF8 }, data-checksums]`");
            continue;
        };
        checksums |= matches!(name, "data-checksums" | "k");
        if INITDB.contains(&name) {
            context
                .problems
                .error(
                    option.span,
                    format!("Patroni does not take the option `{name}` of initdb"),
                )
                .hint("it sets it itself");
        } else if name.starts_with('-') {
            context
                .problems
                .error(
                    option.span,
                    format!("`{name}`: an option of initdb stands here without its dashes"),
                )
                .hint(format!("`{}`", name.trim_start_matches('-')));
        }
    }
    let rewind = section
        .use_pg_rewind
        .as_ref()
        .is_none_or(|rewind| rewind.value);
    let parameters = context.draft.postgresql().parameters;
    let hints = parameters
        .as_ref()
        .and_then(|table| table.value.set.get("wal_log_hints"));
    if let Some(hints) =
        hints.filter(|hints| rewind && !checksums && hints.value.json == Json::Bool(false))
    {
        context
            .problems
            .error(
                hints.span,
                "pg_rewind needs data checksums or `wal_log_hints`, and both are off",
            )
            .hint("add `data-checksums` to `patroni.initdb`")
            .also(options.span, "no data-checksums here");
    }
}

fn seconds(context: &mut Context<'_>, section: &Patroni) {
    for (name, key) in [
        ("primary_start_timeout", &section.primary_start_timeout),
        ("primary_stop_timeout", &section.primary_stop_timeout),
        ("member_slots_ttl", &section.member_slots_ttl),
    ] {
        if let Some(time) = key.as_ref().filter(|time| time.value.subsec_nanos() != 0) {
            context
                .problems
                .error(time.span, format!("`{name}` must be whole seconds"))
                .hint("Patroni counts it in seconds");
        }
    }
}

fn names_resolve(context: &mut Context<'_>, section: &Patroni) {
    use crate::inventory::patroni::ConnectBy;
    let Some(by) = section
        .connect_by
        .as_ref()
        .filter(|by| by.value == ConnectBy::Name)
    else {
        return;
    };
    let without = context
        .cluster
        .nodes
        .iter()
        .find(|node| !node.system.hosts_entries);
    if let Some(node) = without {
        context
            .problems
            .warning(
                by.span,
                format!(
                    "`{}` gets no hosts entries, and finds the other nodes by DNS only",
                    node.name
                ),
            )
            .hint("set `system.hosts_entries: true`, or connect by address");
    }
}
