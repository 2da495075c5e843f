//! Where clients connect, as URLs of libpq: to the virtual address, or with several hosts, of which
//! libpq takes the first that answers and, asked for it, takes writes.

use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;

use crate::cluster::firewall::reached_at;
use crate::cluster::{Cluster, Node, Role};
use crate::verify::probe::client_address;

/// What libpq is to look for among several hosts.
const READ_WRITE: &str = "?target_session_attrs=read-write";
const READ_ONLY: &str = "?target_session_attrs=prefer-standby";

/// Where clients connect, as URLs of libpq.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Connect {
    /// To the leader.
    pub read_write: Option<String>,
    /// To a replica.
    pub read_only: Option<String>,
    /// To the leader, past HAProxy: libpq itself looks for it. Null where there is no HAProxy, and
    /// `read_write` does so.
    pub direct: Option<String>,
}

impl Connect {
    /// To the virtual address, or through every HAProxy, or straight to PostgreSQL where there is
    /// none.
    pub fn of(cluster: &Cluster) -> Self {
        if cluster.with_role(Role::Postgresql).next().is_none() {
            return Self::default();
        }
        let servers: Vec<String> = cluster
            .with_role(Role::Postgresql)
            .filter_map(|node| {
                let address = reached_at(node, &node.postgresql.listen)?;
                Some(endpoint(&address, node.postgresql.port))
            })
            .collect();
        let Some(first) = cluster.with_role(Role::Haproxy).next() else {
            return Self {
                read_write: url(&servers, READ_WRITE),
                read_only: url(&servers, READ_ONLY),
                direct: None,
            };
        };
        let direct = url(&servers, READ_WRITE);
        if let Some(vip) = &cluster.vip {
            let at = |port: u16| url(&[endpoint(&vip.address.to_string(), port)], "");
            return Self {
                read_write: at(first.haproxy.read_write_port),
                read_only: first.haproxy.read_only_port.and_then(at),
                direct,
            };
        }
        let through = |port: fn(&Node) -> Option<u16>| -> Vec<String> {
            cluster
                .with_role(Role::Haproxy)
                .filter_map(|node| Some(endpoint(&client_address(node)?, port(node)?)))
                .collect()
        };
        Self {
            read_write: url(
                &through(|node| Some(node.haproxy.read_write_port)),
                READ_WRITE,
            ),
            read_only: url(&through(|node| node.haproxy.read_only_port), ""),
            direct,
        }
    }

    /// With all that a client can ask for: TLS, and a server that `authorities`, a file on the
    /// client's machine, vouch for by the name or address that it connects to.
    #[must_use]
    pub fn verified(mut self, authorities: &Path) -> Self {
        let file = percent_encoded(&authorities.to_string_lossy());
        for url in [&mut self.read_write, &mut self.read_only, &mut self.direct]
            .into_iter()
            .flatten()
        {
            let mark = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{mark}sslmode=verify-full&sslrootcert={file}"));
        }
        self
    }
}

fn url(hosts: &[String], parameters: &str) -> Option<String> {
    (!hosts.is_empty()).then(|| format!("postgresql://{}/postgres{parameters}", hosts.join(",")))
}

/// `address:port`, with brackets around an IPv6 address.
pub(super) fn endpoint(address: &str, port: u16) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ => format!("{address}:{port}"),
    }
}

/// A path as a parameter of a URL.
fn percent_encoded(path: &str) -> String {
    let byte = |byte: u8| match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    path.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_cluster_with_tls_are_those_of_a_strict_client() {
        let connect = Connect {
            read_write: Some("postgresql://10.0.0.1:5000/postgres".to_owned()),
            read_only: Some("postgresql://10.0.0.1/postgres?a=b".to_owned()),
            direct: None,
        };
        let strict = connect.verified(Path::new("/my folder/main.ca.crt"));
        let suffix = "sslmode=verify-full&sslrootcert=/my%20folder/main.ca.crt";
        assert_eq!(
            strict.read_write,
            Some(format!("postgresql://10.0.0.1:5000/postgres?{suffix}"))
        );
        assert_eq!(
            strict.read_only,
            Some(format!("postgresql://10.0.0.1/postgres?a=b&{suffix}"))
        );
    }
}
