//! The one script that gathers a node's facts: the parts beneath `script/`, with what is asked as
//! shell variables in front.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::ask::{Ask, EtcdAsk};
use crate::secret::Secret;

/// Of a file of this size or more, in bytes, only the hash is fetched.
pub(super) const CONTENT_LIMIT: u64 = 256 * 1024;

/// In this order: the last runs the functions that the others define.
const PARTS: [&str; 13] = [
    include_str!("script/begin.sh"),
    include_str!("script/system.sh"),
    include_str!("script/packages.sh"),
    include_str!("script/files.sh"),
    include_str!("script/units.sh"),
    include_str!("script/etcd.sh"),
    include_str!("script/patroni.sh"),
    include_str!("script/postgresql.sh"),
    include_str!("script/haproxy.sh"),
    include_str!("script/firewall.sh"),
    include_str!("script/selinux.sh"),
    include_str!("script/vip.sh"),
    include_str!("script/end.sh"),
];

/// The script that answers `ask`. It is secret because etcd's password can be in it.
pub fn script(ask: &Ask) -> Secret {
    let mut script = String::with_capacity(32 * 1024);
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
    let postgresql = ask.postgresql.as_ref();
    let of_postgresql =
        |text: fn(&super::ask::PostgresqlAsk) -> String| postgresql.map(text).unwrap_or_default();
    set(
        "postgresql_data_dirs",
        &of_postgresql(|ask| ask.data_dirs.join("\n")),
    );
    set(
        "postgresql_bin_dir",
        &of_postgresql(|ask| ask.bin_dir.clone().unwrap_or_default()),
    );
    set(
        "postgresql_major",
        &of_postgresql(|ask| {
            ask.version
                .map(|version| version.to_string())
                .unwrap_or_default()
        }),
    );
    set(
        "postgresql_port",
        &of_postgresql(|ask| ask.port.to_string()),
    );
    set(
        "postgresql_superuser",
        &of_postgresql(|ask| ask.superuser.clone()),
    );
    let queries = include_str!("script/postgresql.sql");
    let roles: Vec<String> = postgresql
        .iter()
        .flat_map(|ask| ask.roles.iter())
        .map(|role| sql_literal(role))
        .collect();
    set(
        "postgresql_queries",
        &queries.replace("(:roles)", &format!("({})", roles.join(", "))),
    );
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
    for (name, value) in ETCD_VARIABLES.into_iter().zip(etcd(ask.etcd.as_ref())) {
        set(name, &value);
    }
    script.extend(PARTS);
    Secret::new(script)
}

const ETCD_VARIABLES: [&str; 8] = [
    "etcd_urls",
    "etcd_data_dir",
    "etcd_tls",
    "etcd_logins",
    "etcd_role",
    "etcd_users",
    "etcd_keys",
    "etcd_keys_stale",
];

/// The values of [`ETCD_VARIABLES`], all empty if etcd is not asked.
fn etcd(ask: Option<&EtcdAsk>) -> [String; 8] {
    let Some(ask) = ask else {
        return Default::default();
    };
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
    [
        ask.urls.join("\n"),
        ask.data_dir.clone().unwrap_or_default(),
        tls.join("\n"),
        logins.join("\n"),
        role.map(|role| curl_word(&json!({ "role": role }).to_string()))
            .unwrap_or_default(),
        ask.users.join("\n"),
        curl_word(&keys_request(&ask.path, false)),
        curl_word(&keys_request(&ask.path, true)),
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
