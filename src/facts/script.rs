//! The one script that gathers a node's facts: the parts beneath `script/`, with what is asked as
//! shell variables in front.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::ask::{Ask, EtcdAsk, PostgresqlAsk};
use crate::secret::Secret;

/// Of a file of this size or more, in bytes, only the hash is fetched.
pub(super) const CONTENT_LIMIT: u64 = 256 * 1024;

/// What every node is asked. The end runs the functions that the others define.
const BEGIN: &str = include_str!("script/begin.sh");
const SYSTEM: [&str; 6] = [
    include_str!("script/system.sh"),
    include_str!("script/packages.sh"),
    include_str!("script/files.sh"),
    include_str!("script/units.sh"),
    include_str!("script/firewall.sh"),
    include_str!("script/selinux.sh"),
];
const END: &str = include_str!("script/end.sh");

/// What is sent only to nodes that have to do with it.
const ETCD: &str = include_str!("script/etcd.sh");
const PATRONI: &str = include_str!("script/patroni.sh");
const POSTGRESQL: &str = include_str!("script/postgresql.sh");
const HAPROXY: &str = include_str!("script/haproxy.sh");
const VIP: &str = include_str!("script/vip.sh");

/// The script that answers `ask`. It is secret because etcd's password can be in it.
pub fn script(ask: &Ask) -> Secret {
    let mut script = String::with_capacity(48 * 1024);
    let mut set = |name: &str, value: &str| {
        script.push_str(name);
        script.push('=');
        script.push_str(&quote(value));
        script.push('\n');
    };
    set("content_limit", &CONTENT_LIMIT.to_string());
    set("etcd_log_bytes", &super::wal::BYTES.to_string());
    set("files", &ask.files.join("\n"));
    set("directories", &ask.directories.join("\n"));
    set("disks", &ask.disks.join("\n"));
    set("platform_family", ask.family().unwrap_or_default());
    for (family, packages) in [("debian", &ask.debian), ("el", &ask.enterprise_linux)] {
        let groups: Vec<String> = packages
            .one_of
            .iter()
            .map(|group| group.join(" "))
            .collect();
        set(&format!("{family}_packages"), &packages.each.join("\n"));
        set(&format!("{family}_groups"), &groups.join("\n"));
        set(&format!("{family}_pinned"), &packages.pinned.join("\n"));
    }
    set("users", &ask.users.join("\n"));
    let kernel_files: Vec<String> = ask.sysctl.iter().map(|key| kernel_file(key)).collect();
    set("kernel_files", &kernel_files.join("\n"));
    set("units", &ask.units.join("\n"));
    set("names", &ask.names.join("\n"));
    set("patroni_urls", &ask.patroni.join("\n"));
    set(
        "firewalld_policy",
        crate::platform::firewall::FIREWALLD_POLICY,
    );
    set("labels", &ask.labels.join("\n"));
    set("selinux_boolean", crate::cluster::selinux::HAPROXY_BOOLEAN);
    set("haproxy_url", ask.haproxy.as_deref().unwrap_or_default());
    let vip = ask.vip.map(|address| address.to_string());
    set("vip_address", &vip.unwrap_or_default());
    if let Some(ask) = &ask.etcd {
        for (name, value) in etcd(ask) {
            set(name, &value);
        }
    }
    if let Some(ask) = &ask.postgresql {
        for (name, value) in postgresql(ask) {
            set(name, &value);
        }
    }
    let services = services(ask);
    let names: Vec<&str> = services.iter().map(|(name, _)| *name).collect();
    set("services", &names.join("\n"));
    let parts = [BEGIN]
        .into_iter()
        .chain(SYSTEM)
        .chain(services.into_iter().map(|(_, part)| part))
        .chain(ask.haproxy.as_ref().map(|_| HAPROXY))
        .chain(ask.vip.map(|_| VIP))
        .chain([END]);
    script.extend(parts.flat_map(without_comments));
    Secret::new(script)
}

/// A fifth of each part is for those who read it here.
fn without_comments(part: &str) -> impl Iterator<Item = &str> {
    part.split_inclusive('\n')
        .filter(|line| !line.trim_start().starts_with('#'))
}

/// The services that are asked beside all else, each by the function that its part defines: of a
/// role that the node does not have there is nothing to send, nor a process to start.
fn services(ask: &Ask) -> Vec<(&'static str, &'static str)> {
    [
        ("etcd", ETCD, ask.etcd.is_some()),
        ("patroni", PATRONI, !ask.patroni.is_empty()),
        ("postgresql", POSTGRESQL, ask.postgresql.is_some()),
    ]
    .into_iter()
    .filter(|(_, _, asked)| *asked)
    .map(|(name, part, _)| (name, part))
    .collect()
}

fn postgresql(ask: &PostgresqlAsk) -> [(&'static str, String); 6] {
    let roles: Vec<String> = ask.roles.iter().map(|role| sql_literal(role)).collect();
    let queries = include_str!("script/postgresql.sql");
    let major = ask.version.map(|version| version.to_string());
    [
        ("postgresql_data_dirs", ask.data_dirs.join("\n")),
        (
            "postgresql_bin_dir",
            ask.bin_dir.clone().unwrap_or_default(),
        ),
        ("postgresql_major", major.unwrap_or_default()),
        ("postgresql_port", ask.port.to_string()),
        ("postgresql_superuser", ask.superuser.clone()),
        (
            "postgresql_queries",
            queries.replace("(:roles)", &format!("({})", roles.join(", "))),
        ),
    ]
}

fn etcd(ask: &EtcdAsk) -> [(&'static str, String); 8] {
    let files = &ask.files;
    let tls: Vec<String> = [
        ("--cacert", &files.ca_file),
        ("--cert", &files.cert_file),
        ("--key", &files.key_file),
    ]
    .into_iter()
    .filter_map(|(option, path)| Some(format!("{option}\n{}", path.as_ref()?)))
    .collect();
    let logins: Vec<String> = ask
        .logins
        .iter()
        .map(|(name, password)| {
            curl_word(&json!({ "name": name, "password": password.expose() }).to_string())
        })
        .collect();
    let role = ask.role.as_ref();
    let role = role.map(|role| curl_word(&json!({ "role": role }).to_string()));
    [
        ("etcd_urls", ask.urls.join("\n")),
        ("etcd_data_dir", ask.data_dir.clone().unwrap_or_default()),
        ("etcd_tls", tls.join("\n")),
        ("etcd_logins", logins.join("\n")),
        ("etcd_role", role.unwrap_or_default()),
        ("etcd_users", ask.users.join("\n")),
        ("etcd_keys", curl_word(&keys_request(&ask.path, false))),
        ("etcd_keys_stale", curl_word(&keys_request(&ask.path, true))),
    ]
}

/// What stands between the quotation marks of curl's configuration.
fn curl_word(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// One transaction that reads the names of all keys beneath `path`, and the value of
/// `initialize`. A stale read is what a member without quorum can still answer.
fn keys_request(path: &str, stale: bool) -> String {
    let key = |text: &str| STANDARD.encode(text);
    // The first key that is no longer beneath the path: `0` follows `/`.
    let end = format!("{}0", path.trim_end_matches('/'));
    json!({ "success": [
        { "requestRange": {
            "key": key(path), "range_end": key(&end), "keys_only": true, "serializable": stale,
        } },
        { "requestRange": { "key": key(&format!("{path}initialize")), "serializable": stale } },
    ] })
    .to_string()
}

/// The file of a kernel setting. A dot in a part of the key, as in an interface's name, is
/// written as a slash (sysctl.d(5)).
pub(super) fn kernel_file(key: &str) -> String {
    let swapped: String = key
        .chars()
        .map(|c| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect();
    format!("/proc/sys/{swapped}")
}

/// `text` as a literal of SQL, whatever `standard_conforming_strings` is.
fn sql_literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// `text` as one word of sh.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
