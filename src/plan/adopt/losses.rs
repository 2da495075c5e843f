//! What clients, or the next start of a service, would find gone: refused, as nobody has asked for it.

use std::collections::BTreeMap;

use super::refuse::at;
use super::source::Source;
use crate::cluster::{Node, NodeName, Role};
use crate::facts::NodeFacts;
use crate::plan::preflight::Refusal;
use crate::plan::{Desired, etcd, patroni};
use crate::render::{Purpose, Rendered};
use crate::secret::scram;

/// All of it.
pub(super) fn of(desired: &Desired, sources: &BTreeMap<NodeName, Source>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for node in &desired.cluster.nodes {
        if let Some(facts) = desired.facts.nodes.get(&node.name) {
            let rendered = &desired.rendered[&node.name];
            refusals.extend(owners(node, facts, rendered));
            refusals.extend(ports(node, facts, rendered));
            refusals.extend(tablespaces(node, facts, rendered));
        }
        let source = sources.get(&node.name);
        refusals.extend(source.and_then(|source| encryption(node, source)));
    }
    refusals.extend(users(desired));
    refusals
}

/// Data that the users of our units could not read at their next start.
fn owners(node: &Node, facts: &NodeFacts, rendered: &Rendered) -> Vec<Refusal> {
    let of_etcd = node.has(Role::Etcd).then_some((
        node.etcd_data_dir.as_str(),
        rendered.platform.etcd_user.as_str(),
        etcd::UNIT,
    ));
    let of_postgresql = node.has(Role::Postgresql).then_some((
        rendered.data_dir.as_str(),
        "postgres",
        patroni::UNIT,
    ));
    of_etcd
        .into_iter()
        .chain(of_postgresql)
        .filter_map(|(path, user, unit)| {
            let owner = &facts.directories.get(path)?.owner;
            (owner != user).then(|| {
                at(
                    node,
                    format!("{path} is {owner}'s, and {unit} is to run as {user}"),
                    format!(
                        "have it run as {user} first: stop it, `chown -R {user}: {path}`, `User={user}` \
                         in its unit, start it, one node at a time"
                    ),
                )
            })
        })
        .collect()
}

/// Folders that PostgreSQL could no longer write to once our unit has started it.
fn tablespaces(node: &Node, facts: &NodeFacts, rendered: &Rendered) -> Vec<Refusal> {
    let unit = rendered
        .files
        .iter()
        .find(|file| file.purpose == Purpose::PatroniUnit);
    let writable: Vec<&str> = unit
        .map_or("", |file| file.content.expose())
        .lines()
        .filter_map(|line| line.strip_prefix("ReadWritePaths=-"))
        .collect();
    // A systemd that is too old to shut it in.
    if writable.is_empty() {
        return Vec::new();
    }
    let is_writable = |path: &&String| {
        writable.iter().any(|folder| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let said = facts.postgresql.iter();
    said.flat_map(|said| &said.tablespaces)
        .filter(|path| !is_writable(path))
        .map(|path| {
            at(
                node,
                format!("a tablespace is in {path}, where patroni.service may not write"),
                format!("write `postgresql.writable_paths: [{path}]`"),
            )
        })
        .collect()
}

/// TLS of PostgreSQL's that stands in the settings of a node alone.
fn encryption(node: &Node, source: &Source) -> Option<Refusal> {
    let is_on = |text: &str| ["on", "true", "yes", "1"].contains(&text.to_lowercase().as_str());
    let ssl = source.text("/postgresql/parameters/ssl");
    let kept = node.postgresql.parameters.contains_key("ssl");
    (ssl.is_some_and(|ssl| is_on(&ssl)) && !kept).then(|| {
        at(
            node,
            "PostgreSQL takes connections with TLS here, and by the inventory no longer would"
                .to_owned(),
            "write `ssl`, `ssl_cert_file` and `ssl_key_file` under `postgresql.local_parameters`"
                .to_owned(),
        )
    })
}

/// Ports of HAProxy on which clients would find nobody any more.
fn ports(node: &Node, facts: &NodeFacts, rendered: &Rendered) -> Vec<Refusal> {
    if !node.has(Role::Haproxy) || !facts.is_active(&rendered.platform.haproxy_unit) {
        return Vec::new();
    }
    let config = rendered
        .files
        .iter()
        .find(|file| file.path.ends_with("/haproxy.cfg"));
    let text = config.map_or("", |file| file.content.expose());
    let is_bound = |port: u16| {
        let end = format!(":{port}");
        text.lines()
            .filter(|line| line.trim_start().starts_with("bind "))
            .any(|line| line.split_whitespace().any(|word| word.ends_with(&end)))
    };
    let mut gone: Vec<u16> = facts
        .ports
        .iter()
        .filter(|listening| listening.process.starts_with("haproxy"))
        .map(|listening| listening.port)
        .filter(|port| !is_bound(*port))
        .collect();
    gone.sort_unstable();
    gone.dedup();
    gone.into_iter()
        .map(|port| {
            at(
                node,
                format!("HAProxy listens on port {port} here, and by the inventory no longer would"),
                "set `haproxy.read_write_port`, `read_only_port`, `stats.port`, or bring its section \
                 along in `haproxy.extra`"
                    .to_owned(),
            )
        })
        .collect()
}

/// Roles of the inventory that are there: a deploy would give them the vault's password.
fn users(desired: &Desired) -> Vec<Refusal> {
    let leader = patroni::leader(desired.cluster, desired.facts);
    let Some(said) = leader
        .and_then(|name| desired.facts.nodes.get(&name))
        .and_then(|facts| facts.postgresql.as_ref())
    else {
        return Vec::new();
    };
    let mut refusals = Vec::new();
    for user in &desired.cluster.postgresql.users {
        let Some(secret) = &user.password else {
            continue;
        };
        let Some(Some(verifier)) = said.verifiers.get(&user.name) else {
            continue;
        };
        if !scram::is_of(verifier, desired.secrets.get(secret)) {
            refusals.push(Refusal {
                node: None,
                message: format!(
                    "the role `{}` is there, with another password than `{secret}`, or one that is \
                     kept as md5",
                    user.name
                ),
                hint: Some(format!(
                    "take it out of `postgresql.users`, a role that the inventory does not name is \
                     left alone; or give its password: `mahout secrets set {secret}`"
                )),
            });
        }
    }
    refusals
}
