//! `etcd`.

use std::time::Duration;

use super::{Draft, value};
use crate::cluster::{EtcdSpec, ExternalEtcd};
use crate::inventory::etcd::Protocol;
use crate::inventory::quantity::Size;
use crate::inventory::scalar::Port;

pub(super) fn etcd(draft: &Draft, scope: &str) -> EtcdSpec {
    let section = draft.etcd();
    EtcdSpec {
        external: section.external.map(|external| ExternalEtcd {
            endpoints: external
                .value
                .endpoints
                .map(|list| {
                    list.value
                        .0
                        .into_iter()
                        .map(|endpoint| endpoint.value)
                        .collect()
                })
                .unwrap_or_default(),
            protocol: value(&external.value.protocol, Protocol::Http)
                .as_str()
                .to_owned(),
            ca_file: external.value.ca_file.map(|path| path.value.0),
            cert_file: external.value.cert_file.map(|path| path.value.0),
            key_file: external.value.key_file.map(|path| path.value.0),
            username: external.value.username.map(|name| name.value),
        }),
        client_port: value(&section.client_port, Port(2379)).0,
        peer_port: value(&section.peer_port, Port(2380)).0,
        initial_cluster_token: value(&section.token, scope.to_owned()),
        // etcd's own defaults, right up to some 100 ms between the members.
        heartbeat_interval: value(&section.heartbeat_interval, Duration::from_millis(100)),
        election_timeout: value(&section.election_timeout, Duration::from_secs(1)),
        quota_bytes: value(&section.quota, Size(2 << 30)).0,
        // Patroni writes the same few keys for ever; without compaction their history fills the
        // quota, and then etcd refuses writes.
        auto_compaction_retention: value(
            &section.auto_compaction_retention,
            Duration::from_secs(3600),
        ),
        version: section.version.map(|version| version.value),
    }
}
