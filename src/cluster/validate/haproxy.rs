//! HAProxy's settings.

use std::time::Duration;

use super::{Context, span};
use crate::cluster::Role;
use crate::inventory::haproxy::{Haproxy, Stats};
use crate::inventory::quantity::show_duration;
use crate::inventory::scalar::Listen;

pub(super) fn check(context: &mut Context<'_>) {
    if context.count(Role::Haproxy) == 0 {
        return;
    }
    for node in context
        .draft
        .nodes
        .iter()
        .filter(|node| node.roles.contains(&Role::Haproxy))
    {
        let Some(section) = node.entry.haproxy.as_ref().map(|haproxy| &haproxy.value) else {
            continue;
        };
        if let Some(listen) = section
            .listen
            .as_ref()
            .filter(|listen| listen.value.0.is_empty())
        {
            context
                .problems
                .error(listen.span, "HAProxy has to listen somewhere")
                .hint("`*` is all addresses");
        }
        if let Some(stats) = section.stats.as_ref() {
            self::stats(context, &stats.value);
        }
    }
    let Some(section) = context
        .draft
        .top
        .haproxy
        .as_ref()
        .map(|haproxy| &haproxy.value)
    else {
        return;
    };
    connections(context, section);
    timeouts(context, section);
    for line in section.extra_global.iter().flat_map(|lines| &lines.value.0) {
        let word = line.value.split_whitespace().next().unwrap_or_default();
        if matches!(
            word,
            "global" | "defaults" | "listen" | "frontend" | "backend"
        ) {
            context
                .problems
                .error(
                    line.span,
                    format!("`{word}` begins a section, and these are lines of the global one"),
                )
                .hint("whole sections stand under `haproxy.extra`");
        } else if word == "maxconn" {
            context
                .problems
                .error(line.span, "`maxconn` has a key of its own")
                .hint("set `haproxy.maxconn`");
        }
    }
}

fn stats(context: &mut Context<'_>, stats: &Stats) {
    if let Some(uri) = &stats.uri
        && (!uri.value.starts_with('/') || uri.value.contains(char::is_whitespace))
    {
        context
            .problems
            .error(uri.span, "`haproxy.stats.uri` is a path")
            .hint("it begins with `/`");
    }
    let local = match stats.listen.as_ref().map(|listen| &listen.value) {
        None => true,
        Some(Listen::At(at)) => {
            at == "localhost"
                || at
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        Some(Listen::All | Listen::Own) => false,
    };
    if !local && stats.username.is_none() {
        context
            .problems
            .warning(
                span(&stats.listen),
                "the statistics page shows the cluster to everybody who reaches it",
            )
            .hint("set `haproxy.stats.username`; its password is generated");
    }
    if let Some(user) = &stats.username
        && (user.value.contains(':') || !user.value.chars().all(|c| c.is_ascii_graphic()))
    {
        context
            .problems
            .error(
                user.span,
                "`haproxy.stats.username` is one word without a colon",
            )
            .hint("HTTP's basic authentication puts a colon behind it");
    }
    if let Some(password) = stats.password.as_ref().filter(|_| stats.username.is_none()) {
        context
            .problems
            .error(password.span, "a password without a user")
            .hint("set `username`, too");
    }
}

fn connections(context: &mut Context<'_>, section: &Haproxy) {
    let spec = &context.cluster.haproxy;
    for (name, key) in [
        ("maxconn", &section.maxconn),
        ("server_maxconn", &section.server_maxconn),
    ] {
        if let Some(key) = key.as_ref().filter(|key| key.value == 0) {
            context
                .problems
                .error(key.span, format!("`haproxy.{name}` must be at least 1"))
                .hint("it counts connections");
            return;
        }
    }
    // The leader's listener has one server at a time, the replicas' one all the others.
    let servers = u32::try_from(context.count(Role::Postgresql)).unwrap_or(u32::MAX);
    let wanted = spec.server_maxconn.saturating_mul(servers);
    if spec.maxconn < wanted {
        context
            .problems
            .warning(
                span(&section.maxconn).or(span(&section.server_maxconn)),
                format!(
                    "`haproxy.maxconn`, {}, is less than {servers} servers of {} connections: clients wait unseen",
                    spec.maxconn, spec.server_maxconn
                ),
            )
            .hint(format!("set `haproxy.maxconn` to {wanted} or more; memory is all it costs"));
    }
    let parameters = context
        .cluster
        .patroni
        .dynamic
        .get("postgresql")
        .and_then(|postgresql| {
            let value = postgresql.get("parameters")?.get("max_connections")?;
            value.as_u64().or_else(|| value.as_str()?.parse().ok())
        });
    if let (Some(key), Some(most)) = (&section.server_maxconn, parameters)
        && u64::from(key.value) >= most
    {
        context
            .problems
            .warning(key.span, format!(
                "HAProxy lets {} connections through, and PostgreSQL takes {most} (`max_connections`)",
                key.value
            ))
            .hint("leave ten for Patroni, replication and yourself");
    }
}

fn timeouts(context: &mut Context<'_>, section: &Haproxy) {
    let Some(keys) = section.timeouts.as_ref().map(|timeouts| &timeouts.value) else {
        return;
    };
    for (name, key) in [
        ("session", &keys.session),
        ("connect", &keys.connect),
        ("check", &keys.check),
    ] {
        if let Some(key) = key.as_ref().filter(|key| key.value.is_zero()) {
            context
                .problems
                .error(
                    key.span,
                    format!("`haproxy.timeouts.{name}` must be more than nothing"),
                )
                .hint("HAProxy takes 0 for no time-out at all");
        }
    }
    if let Some(session) = keys
        .session
        .as_ref()
        .filter(|session| session.value < Duration::from_secs(3600))
    {
        context
            .problems
            .warning(
                session.span,
                format!(
                    "sessions that are silent for {} are cut, also those of pools and long queries",
                    show_duration(session.value)
                ),
            )
            .hint("a lost peer is found by keepalives and health checks; 24h is the default");
    }
    let timings = &context.cluster.timings;
    if let Some(check) = keys
        .check
        .as_ref()
        .filter(|check| check.value >= timings.inter * timings.fall)
    {
        context
            .problems
            .warning(
                check.span,
                format!(
                    "one check may take {}, and {} checks of {} are to tell that a server is down",
                    show_duration(check.value),
                    timings.fall,
                    show_duration(timings.inter)
                ),
            )
            .hint("keep it below `inter` * `fall`");
    }
}
