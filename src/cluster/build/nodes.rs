//! One node: what holds for it, with addresses and paths resolved.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Draft, DraftNode, dynamic, system, value};
use crate::cluster::{Node, NodeHaproxy, NodePatroni, NodePostgresql, SshSpec};
use crate::inventory::nodes::Ssh;
use crate::inventory::patroni::Watchdog;
use crate::inventory::scalar::{Listen, NodePath, Port};
use crate::inventory::{List, OrOff, Problems, Spanned};

pub(super) fn node(draft: &Draft, node: &DraftNode, scope: &str, problems: &mut Problems) -> Node {
    let address = node.address.value;
    let system = system::system(node.entry.system.as_ref().map(|system| &system.value));
    let etcd = node
        .entry
        .etcd
        .clone()
        .map(|etcd| etcd.value)
        .unwrap_or_default();
    Node {
        name: node.name.clone(),
        address,
        roles: node.roles.clone(),
        ssh: ssh(draft, node, problems),
        patroni: patroni(node, system.watchdog),
        postgresql: postgresql(draft, node),
        haproxy: haproxy(node),
        system,
        packages: system::packages(&node.entry),
        etcd_data_dir: value(&etcd.data_dir, NodePath(format!("/var/lib/etcd/{scope}"))).0,
        etcd_extra: etcd
            .settings
            .map(|settings| etcd_settings(&settings.value))
            .unwrap_or_default(),
    }
}

fn etcd_settings(
    settings: &crate::inventory::Table<crate::inventory::free::Setting>,
) -> BTreeMap<String, String> {
    settings
        .iter()
        .map(|(name, setting)| {
            let name = name.value.strip_prefix("ETCD_").unwrap_or(&name.value);
            (name.to_owned(), setting.value.text.clone())
        })
        .collect()
}

fn ssh(draft: &Draft, node: &DraftNode, problems: &mut Problems) -> SshSpec {
    let section = node
        .entry
        .ssh
        .clone()
        .map(|ssh| ssh.value)
        .unwrap_or_default();
    let Ssh {
        destination,
        user,
        port,
        identity_file,
        config_file,
        known_hosts_file,
        proxy_jump,
        connect_timeout,
        persist,
    } = section;
    let mut path = |file: Option<Spanned<String>>| -> Option<PathBuf> {
        let file = file?;
        let text = &file.value;
        if text.starts_with('~') && !(text.starts_with("~/") && draft.source.home.is_some()) {
            problems
                .error(
                    file.span,
                    format!("`{text}`: whose home folder this is cannot be told"),
                )
                .hint("write the whole path");
        }
        Some(draft.source.local_path(text))
    };
    SshSpec {
        destination: value(&destination, node.address.value.to_string()),
        user: user.map(|user| user.value),
        port: port.map(|port| port.value.0),
        identity_file: path(identity_file),
        config_file: path(config_file),
        known_hosts_file: path(known_hosts_file),
        proxy_jump: proxy_jump.map(|jump| jump.value),
        connect_timeout: value(&connect_timeout, Duration::from_secs(10)),
        persist: value(&persist, Duration::from_secs(60)),
    }
}

fn patroni(node: &DraftNode, watchdog_device: bool) -> NodePatroni {
    let section = node
        .entry
        .patroni
        .clone()
        .map(|patroni| patroni.value)
        .unwrap_or_default();
    // Where we set the device up, Patroni is to use it.
    let watchdog = if watchdog_device {
        Watchdog::Automatic
    } else {
        Watchdog::Off
    };
    NodePatroni {
        listen: match value(&section.listen, Listen::Own) {
            Listen::All if node.address.value.is_ipv6() => "::".to_owned(),
            Listen::All => "0.0.0.0".to_owned(),
            listen => listen_text(&listen, node.address.value),
        },
        tags: section
            .tags
            .map(|tags| {
                tags.value
                    .iter()
                    .map(|(name, tag)| (name.value.clone(), tag.value.json.clone()))
                    .collect()
            })
            .unwrap_or_default(),
        watchdog: value(&section.watchdog, watchdog).as_str().to_owned(),
        extra: match section.extra.map(|extra| extra.value.0.to_json()) {
            Some(Value::Object(extra)) => extra,
            _ => Map::new(),
        },
    }
}

fn postgresql(draft: &Draft, node: &DraftNode) -> NodePostgresql {
    let section = node
        .entry
        .postgresql
        .clone()
        .map(|section| section.value)
        .unwrap_or_default();
    let mut parameters = dynamic::local_defaults();
    // `auto` needs a node's memory, so it is never part of what all members share.
    for (name, setting) in draft
        .postgresql()
        .parameters
        .iter()
        .flat_map(|parameters| parameters.value.set.iter())
    {
        if dynamic::is_auto(&name.value, &setting.value) {
            parameters.insert(name.value.clone(), Value::from("auto"));
        } else {
            parameters.remove(&name.value);
        }
    }
    for (name, setting) in section
        .local_parameters
        .iter()
        .flat_map(|table| table.value.iter())
    {
        parameters.insert(name.value.clone(), dynamic::guc_value(&setting.value));
    }
    NodePostgresql {
        port: value(&section.port, Port(5432)).0,
        listen: match section.listen {
            Some(listen) => listen_all(&listen.value, node.address.value),
            None => vec![node.address.value.to_string(), "127.0.0.1".to_owned()],
        },
        data_dir: section.data_dir.map(|path| path.value.0),
        bin_dir: section.bin_dir.map(|path| path.value.0),
        pgpass: section.pgpass.map(|path| path.value.0),
        writable_paths: section
            .writable_paths
            .map(|paths| {
                let paths = paths.value.0.into_iter();
                paths.map(|path| path.value.0).collect()
            })
            .unwrap_or_default(),
        parameters,
    }
}

fn haproxy(node: &DraftNode) -> NodeHaproxy {
    let section = node
        .entry
        .haproxy
        .clone()
        .map(|section| section.value)
        .unwrap_or_default();
    let stats = section.stats.map(|stats| stats.value).unwrap_or_default();
    let address = node.address.value;
    NodeHaproxy {
        listen: match section.listen {
            Some(listen) => listen_all(&listen.value, address),
            None => vec!["*".to_owned()],
        },
        read_write_port: value(&section.read_write_port, Port(5000)).0,
        read_only_port: match value(&section.read_only_port, OrOff::On(Port(5001))) {
            OrOff::Off => None,
            OrOff::On(port) => Some(port.0),
        },
        stats_listen: match &stats.listen {
            Some(listen) => listen_text(&listen.value, address),
            None => "127.0.0.1".to_owned(),
        },
        stats_port: value(&stats.port, Port(7000)).0,
    }
}

fn listen_all(listen: &List<Listen>, address: IpAddr) -> Vec<String> {
    listen
        .0
        .iter()
        .map(|listen| listen_text(&listen.value, address))
        .collect()
}

fn listen_text(listen: &Listen, address: IpAddr) -> String {
    match listen {
        Listen::All => "*".to_owned(),
        Listen::Own => address.to_string(),
        Listen::At(at) => at.clone(),
    }
}
