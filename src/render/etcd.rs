//! etcd: its unit and its settings.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Check, File, MANAGED, Purpose, RenderError, Target, is_beneath};
use crate::cluster::tls::CA_FILE;
use crate::cluster::{CertificatePurpose, Role, TlsStage};
use crate::platform::Version;
use crate::template::Templates;

/// What an etcd member opens at most where the inventory says nothing; its packages say the same.
const LIMIT_NOFILE: u64 = 65_536;

/// How dear a guess of a password is made, as a power of two; the least that bcrypt knows. It
/// protects passwords that people choose; ours are random, and longer than can be guessed. Each
/// login of Patroni's and of ours costs the member a hash, at etcd's own 10 some 50 ms.
const BCRYPT_COST: u8 = 4;

/// The unit and the settings of the node's member.
pub(super) fn files(target: &Target, templates: &Templates) -> Result<Vec<File>, RenderError> {
    let platform = target.platform;
    let data_dir = &target.node.etcd_data_dir;
    let unit = templates.render(
        "etcd/etcd.service.tera",
        &json!({
            "managed": MANAGED,
            "user": platform.etcd_user,
            "config": platform.etcd_config,
            "binary": platform.etcd_binary,
            "options_file": platform.options_file("etcd"),
            "limit_nofile": target.node.system.limit_nofile.unwrap_or(LIMIT_NOFILE),
            "systemd": target.versions.systemd,
            "data_dir": target.node.etcd_data_dir,
            "protect_home": !is_beneath(data_dir, &["/home", "/root", "/run/user"]),
            "private_tmp": !is_beneath(data_dir, &["/tmp", "/var/tmp"]),
        }),
    )?;
    let mut settings = settings(target);
    let mut extra = Vec::new();
    for (name, value) in &target.node.etcd_extra {
        match settings.get_mut(name.as_str()) {
            Some(ours) => *ours = value.clone(),
            None => extra.push(json!({"name": name, "value": value})),
        }
    }
    let config = templates.render(
        "etcd/etcd.env.tera",
        &json!({
            "managed": MANAGED,
            "settings": settings,
            "tls": tls(target),
            "corrupt_check": corrupt_check(&target.versions.etcd),
            "extra": extra,
        }),
    )?;
    Ok(vec![
        File::new(Purpose::EtcdUnit, "/etc/systemd/system/etcd.service", unit).checked(Check::Unit),
        File::new(Purpose::EtcdConfig, &platform.etcd_config, config),
    ])
}

/// The settings that have a place in the template, by name without `ETCD_`.
fn settings(target: &Target) -> BTreeMap<&'static str, String> {
    let (node, spec) = (target.node, &target.cluster.etcd);
    let cluster = target.cluster;
    let peer_url = cluster.etcd_peer_url(node);
    let client_url = cluster.etcd_client_url(node);
    // A running member does not look at the others' addresses here: it has no part in their change
    // from one scheme to the other.
    let scheme = cluster.etcd_scheme(node);
    let members: Vec<String> = cluster
        .with_role(Role::Etcd)
        .map(|member| {
            let peer = member.endpoint(spec.peer_port);
            format!("{}={scheme}://{peer}", member.name)
        })
        .collect();
    let listen = if node.address.is_loopback() {
        client_url.clone()
    } else {
        format!(
            "{client_url},{}://127.0.0.1:{}",
            cluster.etcd_scheme(node),
            spec.client_port
        )
    };
    BTreeMap::from([
        ("NAME", node.name.to_string()),
        ("DATA_DIR", node.etcd_data_dir.clone()),
        ("LISTEN_PEER_URLS", peer_url.clone()),
        ("LISTEN_CLIENT_URLS", listen),
        ("INITIAL_ADVERTISE_PEER_URLS", peer_url),
        ("ADVERTISE_CLIENT_URLS", client_url),
        ("INITIAL_CLUSTER", members.join(",")),
        ("INITIAL_CLUSTER_TOKEN", spec.initial_cluster_token.clone()),
        ("INITIAL_CLUSTER_STATE", "new".to_owned()),
        (
            "HEARTBEAT_INTERVAL",
            spec.heartbeat_interval.as_millis().to_string(),
        ),
        (
            "ELECTION_TIMEOUT",
            spec.election_timeout.as_millis().to_string(),
        ),
        ("QUOTA_BACKEND_BYTES", spec.quota_bytes.to_string()),
        ("AUTO_COMPACTION_MODE", "periodic".to_owned()),
        (
            "AUTO_COMPACTION_RETENTION",
            retention(spec.auto_compaction_retention),
        ),
        ("ENABLE_GRPC_GATEWAY", "true".to_owned()),
    ])
}

/// Where certificates, keys and the trusted authorities are; `None` in clear text.
fn tls(target: &Target) -> Option<Value> {
    target.cluster.tls.has(TlsStage::Certificates).then(|| {
        json!({
            "authorities": CA_FILE,
            "server": CertificatePurpose::EtcdServer.path(),
            "peer": CertificatePurpose::EtcdPeer.path(),
            "bcrypt_cost": target.versions.etcd.at_least(&[3, 4]).then_some(BCRYPT_COST),
        })
    })
}

/// A time as etcd reads it, in the largest unit that is exact.
fn retention(duration: Duration) -> String {
    match duration.as_secs() {
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// How this version is told to compare its data with the others' before it serves, which the
/// project advises since the corruption of 3.5.0.
fn corrupt_check(version: &Version) -> Option<Value> {
    if version.at_least(&[3, 6]) {
        Some(json!({"name": "FEATURE_GATES", "value": "InitialCorruptCheck=true"}))
    } else if version.at_least(&[3, 5]) {
        Some(json!({"name": "EXPERIMENTAL_INITIAL_CORRUPT_CHECK", "value": "true"}))
    } else {
        None
    }
}
