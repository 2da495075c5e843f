//! The default pg_hba.conf: nobody but the nodes themselves and the networks of `clients`.

use super::{Draft, postgresql};
use crate::cluster::Role;

/// The map of pg_ident.conf for a superuser that is not called `postgres`.
pub(super) const IDENT_MAP: &str = "mahout";

/// The lines of pg_hba.conf that hold when the inventory gives none.
pub(crate) fn default_lines(draft: &Draft) -> Vec<String> {
    let section = draft.postgresql();
    let superuser = postgresql::superuser(&section);
    let replication = postgresql::replication(&section);
    let map = if superuser == "postgres" {
        String::new()
    } else {
        format!(" map={IDENT_MAP}")
    };
    let mut lines = vec![
        // The operating system vouches for its user `postgres`: patronictl's and psql's way in.
        format!("local all {superuser} peer{map}"),
        "local all all scram-sha-256".to_owned(),
        "host all all 127.0.0.1/32 scram-sha-256".to_owned(),
        format!("host replication {replication} 127.0.0.1/32 scram-sha-256"),
    ];
    let with = |roles: &[Role]| -> Vec<ipnet::IpNet> {
        let nodes = draft
            .nodes
            .iter()
            .filter(|node| roles.iter().any(|role| node.roles.contains(role)));
        nodes
            .map(|node| ipnet::IpNet::from(node.address.value))
            .collect()
    };
    for address in with(&[Role::Postgresql]) {
        lines.push(format!(
            "host replication {replication} {address} scram-sha-256"
        ));
    }
    // PostgreSQL nodes for Patroni and pg_rewind, HAProxy nodes because every client that comes
    // through one has its address.
    for address in with(&[Role::Postgresql, Role::Haproxy]) {
        lines.push(format!("host all all {address} scram-sha-256"));
    }
    for client in draft
        .top
        .clients
        .iter()
        .flat_map(|clients| &clients.value.0)
    {
        lines.push(format!("host all all {} scram-sha-256", client.value));
    }
    lines
}
