//! `haproxy`, as far as it is the same on all nodes.

use std::time::Duration;

use super::{Draft, dynamic, value};
use crate::cluster::HaproxySpec;

/// Connections that HAProxy leaves to Patroni, replication and people with a psql.
const RESERVED: u32 = 10;

pub(super) fn haproxy(draft: &Draft) -> HaproxySpec {
    let section = draft.haproxy();
    let timeouts = section
        .timeouts
        .map(|timeouts| timeouts.value)
        .unwrap_or_default();
    let stats = section.stats.map(|stats| stats.value).unwrap_or_default();
    let most = dynamic::max_connections(&draft.postgresql());
    HaproxySpec {
        version: section.version.map(|version| version.value),
        maxconn: value(&section.maxconn, 5_000),
        server_maxconn: value(
            &section.server_maxconn,
            most.saturating_sub(RESERVED).max(1),
        ),
        // A pool keeps idle connections all night; that a peer is gone shows by TCP's keepalives
        // and by the health check, not by silence.
        timeout_session: value(&timeouts.session, Duration::from_secs(24 * 3600)),
        timeout_connect: value(&timeouts.connect, Duration::from_secs(4)),
        timeout_check: value(&timeouts.check, Duration::from_secs(5)),
        retries: value(&section.retries, 2),
        replica_max_lag: section.replica_max_lag.map(|lag| lag.value.0),
        stats_uri: value(&stats.uri, "/".to_owned()),
        stats_username: stats.username.map(|name| name.value),
        extra_global: section
            .extra_global
            .map(|lines| lines.value.0.into_iter().map(|line| line.value).collect())
            .unwrap_or_default(),
        extra: section.extra.map(|extra| extra.value.0),
    }
}
