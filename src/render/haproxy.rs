//! HAProxy: haproxy.cfg, and the names in it that facts and checks look for.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Check, File, MANAGED, Purpose, RenderError, Target};
use crate::cluster::tls::CA_FILE;
use crate::cluster::{Cluster, Node, Role, SecretName, TlsStage};
use crate::template::Templates;

const CONFIG: &str = "/etc/haproxy/haproxy.cfg";
const KEEP_STATE: &str = "/etc/haproxy/keep-state.sh";
/// Where a reload leaves what HAProxy knows of its servers.
const STATE_FILE: &str = "/run/haproxy.servers";
/// So many failed checks in a row, one a second, are no reason to give a server up while TLS is
/// turned on: its Patroni restarts, and its REST API changes over before HAProxy's checks do.
const PATIENCE: u32 = 3600;

/// The listener of the statistics page, as `pxname` shows it.
pub const STATS_LISTENER: &str = "stats";

/// The listener that leads to the leader, as `pxname` shows it.
pub fn read_write_listener(cluster: &Cluster) -> String {
    listener(&cluster.scope, "read_write")
}

/// The listener that leads to the replicas, as `pxname` shows it.
pub fn read_only_listener(cluster: &Cluster) -> String {
    listener(&cluster.scope, "read_only")
}

/// haproxy.cfg, and what the package's unit lacks for it.
pub(super) fn files(target: &Target, templates: &Templates) -> Result<Vec<File>, RenderError> {
    let mut files = vec![drop_in(target, templates)?];
    files.extend(keep_state(target, templates)?);
    files.push(file(target, templates)?);
    Ok(files)
}

fn drop_in(target: &Target, templates: &Templates) -> Result<File, RenderError> {
    let wanted = target.node.system.limit_nofile.unwrap_or_default();
    let limits = &json!({
        "managed": MANAGED,
        // Two for each connection, some for checks, listeners and logs.
        "systemd": target.versions.systemd,
        "state_file": state_file(target),
        "keep_state": KEEP_STATE,
        "config": CONFIG,
        "conf_d": target.platform.haproxy_folder(),
        "limit_nofile": wanted.max(u64::from(target.cluster.haproxy.maxconn) * 2 + 4096),
    });
    let content = templates.render("haproxy/haproxy.service.conf.tera", limits)?;
    let path = "/etc/systemd/system/haproxy.service.d/mahout.conf";
    Ok(File::new(Purpose::HaproxyConfig, path, content))
}

/// What a reload does first.
fn keep_state(target: &Target, templates: &Templates) -> Result<Option<File>, RenderError> {
    let Some(state_file) = state_file(target) else {
        return Ok(None);
    };
    let content = templates.render(
        "haproxy/keep-state.sh.tera",
        &json!({
            "managed": MANAGED,
            "state_file": state_file,
            "socket": target.platform.haproxy_socket(),
            "config": CONFIG,
        }),
    )?;
    Ok(Some(File::new(Purpose::HaproxyConfig, KEEP_STATE, content)))
}

/// With the seamless reload; the unit of older versions is another one.
fn state_file(target: &Target) -> Option<&'static str> {
    let seamless = target.versions.haproxy.at_least(&[1, 8]);
    seamless.then_some(STATE_FILE)
}

fn file(target: &Target, templates: &Templates) -> Result<File, RenderError> {
    let (cluster, node, spec) = (target.cluster, target.node, &target.cluster.haproxy);
    let version = &target.versions.haproxy;
    let timings = &cluster.timings;

    let mut listeners = vec![json!({
        "name": read_write_listener(cluster),
        "read_only": false,
        "path": "/primary",
        "binds": binds(&node.haproxy.listen, node.haproxy.read_write_port),
    })];
    if let Some(port) = node.haproxy.read_only_port {
        listeners.push(json!({
            "name": read_only_listener(cluster),
            "read_only": true,
            "path": match spec.replica_max_lag {
                Some(bytes) => format!("/replica?lag={bytes}"),
                None => "/replica".to_owned(),
            },
            "binds": binds(&node.haproxy.listen, port),
        }));
    }
    let settings = json!({
        "managed": MANAGED,
        "maxconn": spec.maxconn,
        "log": target.platform.haproxy_log(version),
        "socket": target.platform.haproxy_socket(),
        // 1.8 brought the seamless reload, 2.2 the check's own line, 3.1 the first state.
        "expose_fd": version.at_least(&[1, 8]),
        "state_file": state_file(target),
        "http_check_send": version.at_least(&[2, 2]),
        "init_state": version.at_least(&[3, 1]),
        "extra_global": spec.extra_global,
        "retries": spec.retries,
        "timeout_connect": time(spec.timeout_connect),
        "timeout_check": time(spec.timeout_check),
        "timeout_session": time(spec.timeout_session),
        "stats": {
            "name": STATS_LISTENER,
            "uri": spec.stats_uri,
            "login": spec.stats_username.as_ref().map(|username| json!({
                "username": username,
                "password": target.secrets.get(&SecretName::HaproxyStats).expose(),
            })),
            // The node itself asks for its health without a password.
            "own_address": node.address,
            "binds": binds(
                std::slice::from_ref(&node.haproxy.stats_listen),
                node.haproxy.stats_port,
            ),
        },
        "listeners": listeners,
        "sources": sources(cluster),
        "inter": time(timings.inter),
        "fastinter": time(timings.fastinter),
        "downinter": time(timings.downinter),
        "fall": if cluster.tls.is_under_way() { PATIENCE } else { timings.fall },
        "rise": timings.rise,
        "extra": spec.extra.as_deref().map(str::trim_end),
    });
    let variables = Variables {
        settings,
        servers: servers(cluster),
    };
    let content = templates.render("haproxy/haproxy.cfg.tera", &variables)?;
    let file = File::new(Purpose::HaproxyConfig, CONFIG, content).checked(Check::Haproxy);
    Ok(match spec.stats_username {
        // HAProxy reads it before it gives up root.
        Some(_) => File {
            sensitive: true,
            mode: 0o600,
            ..file
        },
        None => file,
    })
}

/// A proxy's name takes letters, digits and `-_.:`; anything else of the scope becomes `_`.
fn listener(scope: &str, suffix: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let scope: String = scope
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .collect();
    format!("{scope}_{suffix}")
}

/// What the template sees. The servers are no JSON value: with many nodes each has many of them.
#[derive(Serialize)]
struct Variables<'a> {
    #[serde(flatten)]
    settings: Value,
    servers: Vec<Server<'a>>,
}

#[derive(Serialize)]
struct Server<'a> {
    name: &'a str,
    address: String,
    maxconn: u32,
    check: String,
}

fn servers(cluster: &Cluster) -> Vec<Server<'_>> {
    let nodes = cluster.with_role(Role::Postgresql);
    nodes.map(|node| server(cluster, node)).collect()
}

fn server<'a>(cluster: &Cluster, node: &'a Node) -> Server<'a> {
    let mut check = format!("port {}", cluster.patroni.port);
    if cluster.tls.has(TlsStage::Whole) {
        // Only names in a certificate are compared, never addresses (`ssl_sock_srv_hostcheck`).
        check += &format!(
            " check-ssl verify required ca-file {CA_FILE} verifyhost {}",
            node.name
        );
    }
    Server {
        name: node.name.as_str(),
        address: endpoint(&node.address.to_string(), node.postgresql.port),
        maxconn: cluster.haproxy.server_maxconn,
        check,
    }
}

/// From where clients may come: PostgreSQL sees HAProxy's address, so that it is HAProxy that must
/// tell them apart. `None`: from everywhere, which only a cluster without TLS and without
/// `clients` allows. Each is the words of one line, which takes 64 (`MAX_LINE_ARGS`).
fn sources(cluster: &Cluster) -> Option<Vec<String>> {
    if !cluster.tls.has(TlsStage::Whole) && cluster.clients.is_empty() {
        return None;
    }
    let clients = cluster.clients.iter().map(ToString::to_string);
    let nodes = cluster.nodes.iter().map(|node| node.address.to_string());
    let loopback = ["127.0.0.0/8", "::1"].map(str::to_owned);
    // What the node that holds the virtual address sends to it comes from it.
    let vip = cluster.vip_address().map(|address| address.to_string());
    let sources: Vec<String> = loopback
        .into_iter()
        .chain(nodes)
        .chain(vip)
        .chain(clients)
        .collect();
    Some(sources.chunks(16).map(|words| words.join(" ")).collect())
}

fn binds(addresses: &[String], port: u16) -> Vec<String> {
    addresses
        .iter()
        .map(|address| endpoint(address, port))
        .collect()
}

/// `address:port`; an IPv6 address carries its family, which every version reads.
fn endpoint(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("ipv6@{}:{port}", address.trim_matches(['[', ']']))
    } else {
        format!("{address}:{port}")
    }
}

/// A time as HAProxy reads it, in the largest unit that is exact.
fn time(duration: Duration) -> String {
    match duration.as_millis() {
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::{endpoint, listener, time};
    use std::time::Duration;

    #[test]
    fn names_and_addresses_are_written_so_that_haproxy_reads_them() {
        assert_eq!(
            listener("region_one", "read_write"),
            "region_one_read_write"
        );
        assert_eq!(listener("my scope/é", "read_only"), "my_scope___read_only");
        assert_eq!(endpoint("*", 5000), "*:5000");
        assert_eq!(endpoint("10.0.0.1", 5000), "10.0.0.1:5000");
        assert_eq!(endpoint("fd00::1", 5000), "ipv6@fd00::1:5000");
        assert_eq!(endpoint("[fd00::1]", 5000), "ipv6@fd00::1:5000");
    }

    #[test]
    fn times_are_exact() {
        for (ms, text) in [
            (1_800_000, "30m"),
            (3_000, "3s"),
            (1_500, "1500ms"),
            (90_000, "90s"),
        ] {
            assert_eq!(time(Duration::from_millis(ms)), text);
        }
    }
}
