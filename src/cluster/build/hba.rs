//! The default pg_hba.conf: nobody but the nodes themselves and the networks of `clients`.

use ipnet::IpNet;

use super::{Draft, postgresql, tls};
use crate::cluster::Role;

/// The map of pg_ident.conf for a superuser that is not called `postgres`.
pub(super) const IDENT_MAP: &str = "mahout";

/// The lines of pg_hba.conf that hold when the inventory gives none.
pub(crate) fn default_lines(draft: &Draft) -> Vec<String> {
    if tls::tls(draft).enabled {
        encrypted(draft)
    } else {
        clear(draft)
    }
}

/// With TLS: no connection without it, and as the cluster's own users only with a certificate.
fn encrypted(draft: &Draft) -> Vec<String> {
    let section = draft.postgresql();
    let replication = postgresql::replication(&section);
    let own = [
        postgresql::superuser(&section),
        replication.clone(),
        postgresql::rewind(&section),
    ]
    .join(",");
    // Every client that comes through HAProxy has its address, so that an address alone shows
    // nobody to be a member: the certificate does. `verify-ca` is what 12 calls `1`.
    let old = section
        .version
        .as_ref()
        .is_some_and(|version| version.value < 12);
    let certificate = if old {
        "clientcert=1"
    } else {
        "clientcert=verify-ca"
    };
    let mut lines = vec![
        peer(draft),
        // Patroni itself, which looks at the timelines this way.
        format!("local replication {replication} scram-sha-256"),
        "local all all scram-sha-256".to_owned(),
    ];
    for address in addresses(draft, &[Role::Postgresql]) {
        lines.push(format!(
            "hostssl all,replication {own} {address} scram-sha-256 {certificate}"
        ));
    }
    lines.push(format!("host all,replication {own} all reject"));
    let loopback = ["127.0.0.1/32", "::1/128"].map(str::to_owned);
    for address in loopback
        .into_iter()
        .chain(texts(addresses(draft, &[Role::Postgresql, Role::Haproxy])))
        .chain(texts(tls::clients(draft)))
    {
        lines.push(format!("hostssl all all {address} scram-sha-256"));
    }
    lines
}

/// Without TLS, said aloud in the inventory, or not turned on everywhere yet.
pub(super) fn clear(draft: &Draft) -> Vec<String> {
    let replication = postgresql::replication(&draft.postgresql());
    let mut lines = vec![
        peer(draft),
        "local all all scram-sha-256".to_owned(),
        "host all all 127.0.0.1/32 scram-sha-256".to_owned(),
        format!("host replication {replication} 127.0.0.1/32 scram-sha-256"),
    ];
    for address in addresses(draft, &[Role::Postgresql]) {
        lines.push(format!(
            "host replication {replication} {address} scram-sha-256"
        ));
    }
    // PostgreSQL nodes for Patroni and pg_rewind, HAProxy nodes because every client that comes
    // through one has its address.
    for address in addresses(draft, &[Role::Postgresql, Role::Haproxy])
        .into_iter()
        .chain(tls::clients(draft))
    {
        lines.push(format!("host all all {address} scram-sha-256"));
    }
    lines
}

/// The operating system vouches for its user `postgres`: patronictl's and psql's way in.
fn peer(draft: &Draft) -> String {
    match postgresql::superuser(&draft.postgresql()).as_str() {
        "postgres" => "local all postgres peer".to_owned(),
        superuser => format!("local all {superuser} peer map={IDENT_MAP}"),
    }
}

/// The addresses of the nodes that have one of these roles.
fn addresses(draft: &Draft, roles: &[Role]) -> Vec<IpNet> {
    draft
        .nodes
        .iter()
        .filter(|node| roles.iter().any(|role| node.roles.contains(role)))
        .map(|node| IpNet::from(node.address.value))
        .collect()
}

fn texts(nets: Vec<IpNet>) -> impl Iterator<Item = String> {
    nets.into_iter().map(|net| net.to_string())
}
