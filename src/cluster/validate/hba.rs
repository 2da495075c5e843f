//! pg_hba.conf: what PostgreSQL rejects, what keeps the cluster's own users out, what lets too
//! many in.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Context;
use crate::cluster::Role;
use crate::cluster::hba::{Address, Connection, Rule, parse};
use crate::inventory::{Problems, Span};

pub(super) fn check(context: &mut Context<'_>) {
    let section = context.draft.postgresql();
    let Some(lines) = section.pg_hba else { return };
    let tls = context.cluster.tls.enabled;
    let ssl = tls
        || section
            .parameters
            .as_ref()
            .and_then(|table| table.value.set.get("ssl"))
            .is_some_and(|ssl| matches!(ssl.value.text.as_str(), "on" | "true" | "yes"));
    let mut rules = Vec::new();
    let mut complete = true;
    for line in &lines.value.0 {
        if line.value.trim() == "default" {
            let defaults = crate::cluster::build::default_lines(context.draft);
            rules.extend(
                defaults
                    .iter()
                    .filter_map(|line| parse(line).ok().flatten()),
            );
            continue;
        }
        match parse(&line.value) {
            Ok(Some(rule)) => {
                secrets(&line.value, line.span, context.problems);
                dangers(&rule, line.span, ssl, context.problems);
                if tls {
                    clear_text(&rule, line.span, context.problems);
                }
                rules.push(rule);
            }
            // An include can let in anybody.
            Ok(None) => complete &= line.value.trim_start().starts_with('#'),
            Err(reason) => {
                complete = false;
                context
                    .problems
                    .error(line.span, format!("PostgreSQL rejects this line of pg_hba.conf: {reason}"))
                    .hint("TYPE DATABASE USER ADDRESS METHOD, for example `host all all 10.0.0.0/24 scram-sha-256`");
            }
        }
    }
    if complete {
        own_users(context, &rules, lines.span, ssl);
        if tls {
            own_socket(context, &rules, lines.span);
        }
    }
}

/// The first rule that fits decides. `None`: it depends on what is not known here. With TLS the
/// cluster's own connections have it.
fn admitted(rules: &[Rule], connection: &Connection<'_>, ssl: bool) -> Option<bool> {
    for rule in rules {
        match rule.kind.as_str() {
            "hostssl" if !ssl => continue,
            "hostnossl" if ssl => continue,
            "hostgssenc" => continue,
            _ => {}
        }
        match rule.decides(connection) {
            Some(false) => {}
            Some(true) => return Some(rule.method != "reject"),
            None => return None,
        }
    }
    Some(false)
}

/// The cluster's own users must get in from every node, else it comes up and breaks later.
fn own_users(context: &mut Context<'_>, rules: &[Rule], place: Span, ssl: bool) {
    let cluster = context.cluster;
    let spec = &cluster.postgresql;
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let nodes = || {
        cluster
            .with_role(Role::Postgresql)
            .map(|node| (node.name.to_string(), node.address))
    };
    // With TLS Patroni is content with the socket.
    let by_socket = cluster.tls.enabled;
    let own = (!by_socket).then(|| ("127.0.0.1".to_owned(), loopback));
    let everybody: Vec<(String, IpAddr)> = nodes().chain(own).collect();
    let nodes: Vec<(String, IpAddr)> = nodes().collect();
    let users = [
        (&spec.replication, None, &nodes, "replicas could not stream"),
        (
            &spec.superuser,
            Some("postgres"),
            &everybody,
            "Patroni could not reach PostgreSQL",
        ),
        (
            &spec.rewind,
            Some("postgres"),
            &nodes,
            "an old primary could not be rewound",
        ),
    ];
    for (user, database, from, consequence) in users {
        let out: Vec<&(String, IpAddr)> = from
            .iter()
            .filter(|(_, from)| {
                let connection = Connection {
                    database,
                    user,
                    from: *from,
                };
                admitted(rules, &connection, ssl) == Some(false)
            })
            .collect();
        let Some((_, first)) = out.first() else {
            continue;
        };
        let names: Vec<String> = out.iter().map(|(name, _)| format!("`{name}`")).collect();
        let kind = if database.is_none() {
            "replication"
        } else {
            "all"
        };
        context
            .problems
            .error(place, format!("pg_hba keeps `{user}` out from {}: {consequence}", names.join(", ")))
            .hint(format!(
                "`{} {kind} {user} {} scram-sha-256` lets it in from the first; `default` stands for all lines that the cluster needs",
                if by_socket { "hostssl" } else { "host" },
                IpNet::from(*first)
            ));
    }
}

/// With TLS Patroni asks the server beside it over the socket.
fn own_socket(context: &mut Context<'_>, rules: &[Rule], place: Span) {
    let spec = &context.cluster.postgresql;
    let local: Vec<Rule> = rules
        .iter()
        .filter(|rule| rule.kind == "local")
        .map(|rule| Rule {
            address: Some(Address::All),
            ..rule.clone()
        })
        .collect();
    for (user, database, line) in [
        (&spec.superuser, Some("postgres"), "all {} peer"),
        (&spec.replication, None, "replication {} scram-sha-256"),
    ] {
        let connection = Connection {
            database,
            user,
            from: IpAddr::from([127, 0, 0, 1]),
        };
        if admitted(&local, &connection, true) == Some(false) {
            context
                .problems
                .error(
                    place,
                    format!("pg_hba keeps `{user}` out from the socket: Patroni could not ask PostgreSQL beside it"),
                )
                .hint(format!(
                    "`local {}`; `default` stands for all lines that the cluster needs",
                    line.replace("{}", user)
                ));
        }
    }
}

/// What lets a password, and all that follows it, go over the network as clear text.
fn clear_text(rule: &Rule, place: Span, problems: &mut Problems) {
    if matches!(rule.kind.as_str(), "host" | "hostnossl" | "hostnogssenc")
        && rule.method != "reject"
        && rule
            .address
            .as_ref()
            .is_none_or(|address| !is_loopback(address))
    {
        problems
            .warning(
                place,
                format!("a `{}` line lets clients in without TLS", rule.kind),
            )
            .hint("`hostssl`; `tls: off` is the word for a cluster without it");
    }
}

/// Options whose value is a secret, which stands in no inventory, and in no answer of Patroni's.
fn secrets(line: &str, place: Span, problems: &mut Problems) {
    for option in ["ldapbindpasswd", "radiussecrets"] {
        if line.contains(&format!("{option}=")) {
            problems
                .error(place, format!("`{option}` is a secret, and an inventory holds none"))
                .hint(
                    "put the line into a file on the nodes that PostgreSQL alone can read, and name that here: `include FILE` (PostgreSQL 16 and later)",
                );
        }
    }
}

fn is_loopback(address: &Address) -> bool {
    match address {
        Address::Net(net) => net.network().is_loopback(),
        Address::Name(name) => name == "localhost",
        _ => false,
    }
}

fn dangers(rule: &Rule, place: Span, ssl: bool, problems: &mut Problems) {
    if rule.kind == "hostssl" && !ssl {
        problems
            .warning(place, "a `hostssl` line without TLS: no connection fits it")
            .hint(
                "set `ssl: on` and the certificates under `postgresql.parameters`, or write `host`",
            );
    }
    let Some(address) = &rule.address else {
        if rule.method == "trust" {
            problems
                .warning(place, "`trust` on the socket: every user of the machine is every user of the database")
                .hint("`peer` for the user postgres, `scram-sha-256` for the others");
        }
        return;
    };
    let loopback = is_loopback(address);
    match rule.method.as_str() {
        "trust" if everywhere(address) => {
            problems
                .error(
                    place,
                    "`trust` for every address: whoever reaches the port is superuser",
                )
                .hint("`scram-sha-256`, and the networks of your clients only");
        }
        "trust" => {
            let whom = if loopback {
                "every user of the machine"
            } else {
                "whoever is in that network"
            };
            problems
                .warning(
                    place,
                    format!("`trust`: {whom} logs in as anybody, without a password"),
                )
                .hint("`scram-sha-256`");
        }
        "md5" => {
            problems
                .warning(
                    place,
                    "`md5` is a broken hash, and PostgreSQL 18 calls it deprecated",
                )
                .hint("`scram-sha-256`; our passwords are stored so");
        }
        "password" => {
            problems
                .warning(place, "`password` sends it in clear text")
                .hint("`scram-sha-256`");
        }
        _ => {}
    }
    if everywhere(address) && !matches!(rule.method.as_str(), "reject" | "trust" | "cert") {
        problems
            .warning(place, "every address may try passwords here")
            .hint("name the networks of your clients, best under `clients`");
    }
}

fn everywhere(address: &Address) -> bool {
    match address {
        Address::All => true,
        Address::Net(net) => net.prefix_len() == 0,
        Address::Same | Address::Name(_) => false,
    }
}
