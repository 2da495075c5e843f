//! PostgreSQL's settings of one node, `auto` among them.

use serde_json::{Map, Value, json};

use super::{RenderError, Target};
use crate::cluster::tls::CA_FILE;
use crate::cluster::{CertificatePurpose, TlsStage};

const MIB: u64 = 1 << 20;

/// The settings that `auto` is computed for.
pub(super) const AUTO: [&str; 4] = [
    "shared_buffers",
    "effective_cache_size",
    "maintenance_work_mem",
    "work_mem",
];

/// The node's own settings: the socket where psql looks for it, and those of the inventory. An
/// `auto` value is computed from the node's memory, and left out where that is not known.
pub(super) fn of(target: &Target) -> Result<Map<String, Value>, RenderError> {
    let mut parameters = Map::from_iter([(
        "unix_socket_directories".to_owned(),
        json!("/var/run/postgresql"),
    )]);
    if target.cluster.tls.has(TlsStage::Certificates) {
        parameters.extend(encryption(target));
    }
    for (name, value) in &target.node.postgresql.parameters {
        if value != "auto" {
            parameters.insert(name.clone(), value.clone());
            continue;
        }
        if !AUTO.contains(&name.as_str()) {
            return Err(RenderError::Auto {
                node: target.node.name.clone(),
                parameter: name.clone(),
            });
        }
        if let Some(memory) = target.memory_bytes {
            let size = automatic(name, memory, max_connections(target));
            parameters.insert(name.clone(), json!(format!("{}MB", size / MIB)));
        }
    }
    Ok(parameters)
}

/// TLS. As the node's own settings they hold on every member, whatever the dynamic configuration
/// says, and take effect with patroni.yml.
fn encryption(target: &Target) -> Vec<(String, Value)> {
    let pem = CertificatePurpose::Postgresql.path();
    let mut settings = vec![
        ("ssl", json!("on")),
        ("ssl_cert_file", json!(pem)),
        ("ssl_key_file", json!(pem)),
        ("ssl_ca_file", json!(CA_FILE)),
    ];
    // The default since 13.
    if target.postgresql >= 12 {
        settings.push(("ssl_min_protocol_version", json!("TLSv1.2")));
    }
    settings
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The size of an `auto` setting in bytes.
///
/// A quarter of memory for the server's own cache and three quarters as what it may count on
/// with the page cache (PostgreSQL's documentation, "Resource Consumption"); a sixteenth, 2 GiB
/// at most, for one maintenance operation; and for one sort a share of the rest such that all
/// connections together, with two sorts each, fit.
fn automatic(name: &str, memory_bytes: u64, max_connections: u64) -> u64 {
    let shared_buffers = (memory_bytes / 4).max(128 * MIB);
    match name {
        "shared_buffers" => shared_buffers,
        "effective_cache_size" => (memory_bytes / 4 * 3).max(shared_buffers),
        "maintenance_work_mem" => (memory_bytes / 16).clamp(64 * MIB, 2048 * MIB),
        _ => {
            let rest = memory_bytes.saturating_sub(shared_buffers);
            (rest / (2 * max_connections.max(1))).clamp(4 * MIB, 256 * MIB)
        }
    }
}

/// `max_connections` of the dynamic configuration, else PostgreSQL's default.
fn max_connections(target: &Target) -> u64 {
    const DEFAULT: u64 = 100;
    let dynamic = &target.cluster.patroni.dynamic;
    let value = dynamic
        .get("postgresql")
        .and_then(|postgresql| postgresql.get("parameters"))
        .and_then(|parameters| parameters.get("max_connections"));
    match value {
        Some(Value::Number(number)) => number.as_u64().unwrap_or(DEFAULT),
        Some(Value::String(text)) => text.parse().unwrap_or(DEFAULT),
        _ => DEFAULT,
    }
}

#[cfg(test)]
mod tests {
    use super::{AUTO, MIB, automatic};

    #[test]
    fn sizes_follow_the_memory() {
        for (memory, sizes) in [
            (1024, [256, 768, 64, 4]),
            (16 * 1024, [4096, 12288, 1024, 61]),
            (512 * 1024, [131_072, 393_216, 2048, 256]),
        ] {
            let computed = AUTO.map(|name| automatic(name, memory * MIB, 100) / MIB);
            assert_eq!(computed, sizes, "{memory} MiB");
        }
    }

    #[test]
    fn more_connections_take_smaller_sorts() {
        assert_eq!(automatic("work_mem", 16 * 1024 * MIB, 1000) / MIB, 6);
        assert_eq!(automatic("work_mem", 16 * 1024 * MIB, 0) / MIB, 256);
    }
}
