//! etcd's own settings.

use std::time::Duration;

use super::{Context, span};
use crate::cluster::tls::EXTERNAL_IN_CLEAR;
use crate::inventory::etcd::{ExternalEtcd, Protocol};
use crate::inventory::quantity::show_duration;

/// Settings that follow from the inventory. `ENABLE_V2` keeps etcd 3.6 from starting.
const OURS: [&str; 13] = [
    "NAME",
    "DATA_DIR",
    "LISTEN_PEER_URLS",
    "LISTEN_CLIENT_URLS",
    "INITIAL_ADVERTISE_PEER_URLS",
    "ADVERTISE_CLIENT_URLS",
    "INITIAL_CLUSTER",
    "INITIAL_CLUSTER_TOKEN",
    "INITIAL_CLUSTER_STATE",
    "HEARTBEAT_INTERVAL",
    "ELECTION_TIMEOUT",
    "QUOTA_BACKEND_BYTES",
    "AUTO_COMPACTION_RETENTION",
];

/// Settings that follow from `tls`.
const OF_TLS: [&str; 11] = [
    "AUTO_TLS",
    "CERT_FILE",
    "CLIENT_CERT_AUTH",
    "KEY_FILE",
    "PEER_AUTO_TLS",
    "PEER_CERT_FILE",
    "PEER_CLIENT_CERT_AUTH",
    "PEER_KEY_FILE",
    "PEER_TRUSTED_CA_FILE",
    "TRUSTED_CA_FILE",
    "BCRYPT_COST",
];

pub(super) fn check(context: &mut Context<'_>) {
    settings(context);
    let Some(section) = context.draft.top.etcd.as_ref().map(|etcd| &etcd.value) else {
        return;
    };
    if let Some(external) = &section.external {
        self::external(context, &external.value);
    }
    if let Some(token) = &section.token
        && !token
            .value
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\'))
    {
        context
            .problems
            .error(token.span, "`etcd.token` is one word without quotes")
            .hint("letters, digits, `_`, `-` and `.`");
    }
    times(context);
    if let Some(quota) = &section.quota {
        if quota.value.0 < 64 << 20 {
            context
                .problems
                .error(
                    quota.span,
                    "`etcd.quota` is so small that etcd would soon refuse writes",
                )
                .hint("etcd's own default is 2GB");
        } else if quota.value.0 > 8 << 30 {
            context
                .problems
                .warning(
                    quota.span,
                    "`etcd.quota` is larger than the 8GB that etcd suggests at most",
                )
                .hint("Patroni needs a few megabytes");
        }
    }
    if let Some(retention) = &section.auto_compaction_retention
        && retention.value.is_zero()
    {
        context
            .problems
            .warning(
                retention.span,
                "without compaction Patroni's history fills the quota",
            )
            .hint("at the quota etcd refuses writes, and the leader steps down; 1h is enough");
    }
}

/// etcd refuses to start if the time-out is below five heartbeats or above 50 s.
fn times(context: &mut Context<'_>) {
    let Some(section) = context.draft.top.etcd.as_ref().map(|etcd| &etcd.value) else {
        return;
    };
    let spec = &context.cluster.etcd;
    let place = span(&section.election_timeout).or(span(&section.heartbeat_interval));
    let Some(place) = place else { return };
    let election = show_duration(spec.election_timeout);
    if spec.heartbeat_interval.is_zero() || spec.election_timeout < 5 * spec.heartbeat_interval {
        context
            .problems
            .error(place, format!(
                "`etcd.election_timeout`, {election}, is below five heartbeats of {}, and etcd does not start",
                show_duration(spec.heartbeat_interval)
            ))
            .hint("ten heartbeats are right");
    } else if spec.election_timeout > Duration::from_secs(50) {
        context
            .problems
            .error(
                place,
                format!("`etcd.election_timeout` is {election}, and etcd takes at most 50s"),
            )
            .hint("ten times the largest round trip between members");
    } else if spec.election_timeout < 10 * spec.heartbeat_interval {
        context
            .problems
            .warning(
                place,
                format!("`etcd.election_timeout`, {election}, is below ten heartbeats"),
            )
            .hint("a single late heartbeat then costs an election");
    }
    let retry = context.cluster.timings.retry_timeout;
    if 2 * spec.election_timeout > retry {
        context
            .problems
            .warning(place, format!(
                "an election of etcd can take {}, and after {} (`retry_timeout`) the leader steps down",
                show_duration(2 * spec.election_timeout),
                show_duration(retry)
            ))
            .hint("raise `timings.retry_timeout`, or lower `etcd.election_timeout`");
    }
}

fn settings(context: &mut Context<'_>) {
    for node in &context.draft.nodes {
        let etcd = node.entry.etcd.as_ref().map(|etcd| &etcd.value);
        let Some(settings) = etcd.and_then(|etcd| etcd.settings.as_ref()) else {
            continue;
        };
        for (name, _) in settings.value.iter() {
            let bare = name.value.strip_prefix("ETCD_").unwrap_or(&name.value);
            if bare == "ENABLE_V2" {
                context
                    .problems
                    .error(name.span, "Patroni uses version 3 of etcd's API, and etcd 3.6 does not start with version 2")
                    .hint("remove it");
            } else if OURS.contains(&bare) {
                context
                    .problems
                    .error(
                        name.span,
                        format!("`{}` follows from the inventory", name.value),
                    )
                    .hint("the keys of `etcd` set it");
            } else if OF_TLS.contains(&bare) {
                context
                    .problems
                    .error(name.span, format!("`{}` follows from `tls`", name.value))
                    .hint("`tls: on` encrypts etcd, and has it ask for certificates and logins");
            } else if bare.is_empty()
                || !bare
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            {
                context
                    .problems
                    .error(
                        name.span,
                        format!("`{}` is not a setting of etcd", name.value),
                    )
                    .hint(
                        "its environment variable, with or without `ETCD_`: `ETCD_SNAPSHOT_COUNT`",
                    );
            }
        }
    }
}

fn external(context: &mut Context<'_>, external: &ExternalEtcd) {
    for endpoint in external
        .endpoints
        .iter()
        .flat_map(|endpoints| &endpoints.value.0)
    {
        let text = endpoint.value.as_str();
        let valid = text.rsplit_once(':').is_some_and(|(host, port)| {
            let inner = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            let host_valid = match inner {
                Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
                None => crate::inventory::scalar::is_host_name(host),
            };
            host_valid && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !valid {
            let problem = context
                .problems
                .error(endpoint.span, format!("`{text}` is not `host:port`"));
            if text.contains("://") {
                problem.hint("without the scheme, which is `protocol`: `10.0.0.21:2379`");
            } else {
                problem.hint("the port is part of it: `10.0.0.21:2379`");
            }
        }
    }
    if external
        .endpoints
        .as_ref()
        .is_some_and(|endpoints| endpoints.value.0.is_empty())
    {
        context
            .problems
            .error(
                span(&external.endpoints),
                "an external etcd has at least one endpoint",
            )
            .hint("`endpoints: [10.0.0.21:2379, 10.0.0.22:2379, 10.0.0.23:2379]`");
    }
    let https = external
        .protocol
        .as_ref()
        .is_some_and(|protocol| protocol.value == Protocol::Https);
    if !https && let Some(ca_file) = &external.ca_file {
        context
            .problems
            .error(
                ca_file.span,
                "a CA certificate has no meaning in clear text",
            )
            .hint("set `protocol: https`, or remove it");
    }
    let says_nothing = span(&external.protocol).or(span(&external.endpoints));
    if !https && external.username.is_none() && says_nothing.is_some() {
        context
            .problems
            .warning(says_nothing, EXTERNAL_IN_CLEAR)
            .hint("set `protocol: https` and `ca_file`");
    }
    if !https && let Some(username) = &external.username {
        context
            .problems
            .warning(
                username.span,
                "the user's password goes to the external etcd in clear text",
            )
            .hint("set `protocol: https` and `ca_file`");
    }
    if external.username.is_none()
        && let Some(password) = &external.password
    {
        context
            .problems
            .error(password.span, "a password without a user")
            .hint("set `username`, too");
    }
}
