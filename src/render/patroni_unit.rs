//! Patroni's unit: what Patroni, and PostgreSQL under it, may do on the node.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{MANAGED, RenderError, Target, is_beneath};
use crate::platform::PATRONI_CONFIG;
use crate::template::Templates;

/// The unit's text.
pub(super) fn render(target: &Target, templates: &Templates) -> Result<String, RenderError> {
    let spec = &target.cluster.patroni;
    let writable = writable(target);
    let anywhere = |folders: &[&str]| {
        let mut all = writable
            .iter()
            .chain(target.node.postgresql.data_dir.iter());
        all.any(|path| is_beneath(path, folders)) || sockets_are_beneath(target, folders)
    };
    let watchdog = target.node.system.watchdog || target.node.patroni.watchdog != "off";
    let text = templates.render(
        "patroni/patroni.service.tera",
        &json!({
            "managed": MANAGED,
            "binary": target.platform.patroni_binary,
            "config": PATRONI_CONFIG,
            "restart": spec.restart,
            "stop_timeout": spec.stop_timeout.as_secs(),
            "limit_nofile": target.node.system.limit_nofile,
            "load_softdog": target.node.system.watchdog,
            "watchdog": watchdog,
            "systemd": target.versions.systemd,
            "writable": writable,
            "private_tmp": !anywhere(&["/tmp", "/var/tmp"]),
            "protect_home": !anywhere(&["/home", "/root", "/run/user"]),
        }),
    )?;
    Ok(text)
}

/// The folders that Patroni and PostgreSQL write to.
fn writable(target: &Target) -> BTreeSet<String> {
    let mut paths = BTreeSet::from([
        target.platform.postgres_home().to_owned(),
        "/run/postgresql".to_owned(),
        "/var/log/postgresql".to_owned(),
        // A data directory that cannot be used is moved aside.
        folder_of(&target.data_dir()),
        target.data_dir(),
    ]);
    let postgresql = &target.node.postgresql;
    paths.extend(postgresql.writable_paths.iter().cloned());
    paths.extend(postgresql.pgpass.as_deref().map(folder_of));
    let initdb = &target.cluster.patroni.initdb;
    paths.extend(
        initdb
            .iter()
            .filter_map(|option| path(option.get("waldir")?)),
    );
    paths.extend(setting(target, "log_directory").and_then(path));
    // Its parent, if the data directory stands at the root.
    paths.remove("/");
    paths
}

/// The folder of a file, or above another one.
fn folder_of(path: &str) -> String {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    }
}

fn path(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    text.starts_with('/').then(|| text.to_owned())
}

fn sockets_are_beneath(target: &Target, folders: &[&str]) -> bool {
    let directories = setting(target, "unix_socket_directories").and_then(Value::as_str);
    directories
        .into_iter()
        .flat_map(|list| list.split(','))
        .any(|path| is_beneath(path.trim(), folders))
}

/// A setting of PostgreSQL's: the node's own, else the one that all members share.
fn setting<'a>(target: &Target<'a>, name: &str) -> Option<&'a Value> {
    let own = target.node.postgresql.parameters.get(name);
    let dynamic = &target.cluster.patroni.dynamic;
    own.or_else(|| dynamic.get("postgresql")?.get("parameters")?.get(name))
}
