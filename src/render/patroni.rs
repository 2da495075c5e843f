//! Patroni: its unit and patroni.yml.

use serde_json::{Value, json};
use sha2::Digest as _;

use super::{Check, File, MANAGED, Purpose, RenderError, Target, parameters, patroni_unit};
use crate::cluster::tls::CA_FILE;
use crate::cluster::{CertificatePurpose, Node, Role, SecretName, TlsStage, dynamic};
use crate::platform::PATRONI_CONFIG;
use crate::template::Templates;

const YML: &str = "patroni/patroni.yml.tera";

/// So many connections to Patroni's REST API may wait until it accepts them.
const REQUEST_QUEUE_SIZE: u16 = 128;

/// The unit and patroni.yml.
pub(super) fn files(target: &Target, templates: &Templates) -> Result<Vec<File>, RenderError> {
    let unit = patroni_unit::render(target, templates)?;
    let config = templates.render(
        YML,
        &json!({
            "managed": MANAGED,
            "path": PATRONI_CONFIG,
            "patroni": document(target)?,
        }),
    )?;
    if templates.is_replaced(YML) {
        refuse_other_than_a_map(&config)?;
    }
    Ok(vec![
        File::new(
            Purpose::PatroniUnit,
            "/etc/systemd/system/patroni.service",
            unit,
        )
        .checked(Check::Unit),
        File {
            // It holds every password of the cluster; root reads it all the same.
            owner: "postgres",
            group: "postgres",
            mode: 0o600,
            sensitive: true,
            ..File::new(Purpose::PatroniConfig, PATRONI_CONFIG, config).checked(Check::Patroni)
        },
    ])
}

/// Reads what a template of the user's has rendered once more: it may have broken it. The reader's
/// own message would quote the file, and so is left out.
fn refuse_other_than_a_map(yaml: &str) -> Result<(), RenderError> {
    let line = match serde_saphyr::from_str::<Value>(yaml) {
        Ok(Value::Object(_)) => return Ok(()),
        Ok(_) => None,
        Err(error) => error.location().map(|location| location.line()),
    };
    Err(RenderError::Yaml {
        template: YML,
        line,
    })
}

/// patroni.yml as a value: ours, with the inventory's further keys merged over it.
fn document(target: &Target) -> Result<Value, RenderError> {
    let (cluster, node) = (target.cluster, target.node);
    let spec = &cluster.patroni;
    let mut document = json!({
        "scope": cluster.scope,
        "namespace": cluster.namespace,
        "name": node.name,
        "log": {"level": "INFO"},
        "restapi": {
            "listen": format!("{}:{}", bracketed(&node.patroni.listen), spec.port),
            "connect_address": connect_address(target, node, spec.port),
            "authentication": login(target, &spec.rest_username, SecretName::RestApi),
        },
        "etcd3": etcd(target),
        // `postgresql.pg_hba` decides; Patroni before 4 validates only if it stands here, too.
        "bootstrap": {"dcs": dynamic::without_nulls(&spec.dynamic), "pg_hba": target.cluster.postgresql.pg_hba},
        "postgresql": postgresql(target)?,
        "watchdog": {"mode": node.patroni.watchdog},
    });
    if target.versions.patroni.at_least(&[4]) {
        // Its own 5 is less than what comes at once where every HAProxy has two listeners that
        // check: the kernel drops what is over, and a second passes before it is sent again.
        document["restapi"]["request_queue_size"] = json!(REQUEST_QUEUE_SIZE);
    }
    if cluster.tls.has(TlsStage::Whole) {
        encrypt(target, &mut document);
    }
    // Patroni's validator takes an empty list for a mistake.
    if !spec.initdb.is_empty() {
        document["bootstrap"]["initdb"] = json!(spec.initdb);
    }
    if !node.patroni.tags.is_empty() {
        document["tags"] = json!(node.patroni.tags);
    }
    for extra in [&spec.extra, &node.patroni.extra] {
        merge(&mut document, &Value::Object(extra.clone()));
    }
    Ok(document)
}

fn postgresql(target: &Target) -> Result<Value, RenderError> {
    let (node, spec) = (target.node, &target.cluster.postgresql);
    let listen: Vec<String> = node
        .postgresql
        .listen
        .iter()
        .map(|host| bracketed(host))
        .collect();
    let pgpass = match &node.postgresql.pgpass {
        Some(path) => path.clone(),
        // Beside the data, in a folder that only postgres can write.
        None => format!("{}/.pgpass_patroni", target.platform.postgres_home()),
    };
    let mut postgresql = json!({
        "listen": format!("{}:{}", listen.join(","), node.postgresql.port),
        "connect_address": connect_address(target, node, node.postgresql.port),
        "data_dir": target.data_dir(),
        "bin_dir": target.bin_dir(),
        "pgpass": pgpass,
        "authentication": {
            "superuser": login(target, &spec.superuser, SecretName::Superuser),
            "replication": login(target, &spec.replication, SecretName::Replication),
            "rewind": login(target, &spec.rewind, SecretName::Rewind),
        },
        "parameters": parameters::of(target)?,
    });
    if !spec.pg_hba.is_empty() {
        postgresql["pg_hba"] = json!(spec.pg_hba);
    }
    Ok(postgresql)
}

/// TLS of the REST API and of its clients, which members are of each other, and of PostgreSQL's.
fn encrypt(target: &Target, document: &mut Value) {
    let pem = CertificatePurpose::Patroni.path();
    let restapi = json!({
        "certfile": pem,
        "keyfile": pem,
        "cafile": CA_FILE,
        // Whoever asks needs none (HAProxy's checks), whoever changes something does.
        "verify_client": "optional",
        // The key has no password. But a reload reads `cafile` again only if the certificate or
        // one of these settings has changed (Patroni 3.0 to 4.1, `RestApiServer.reload_config`),
        // and this one may say which authorities it is that are trusted.
        "keyfile_password": format!("ca-{}", short_digest(&target.secrets.ca_bundle)),
    });
    merge(&mut document["restapi"], &restapi);
    // For patronictl, and for what members ask each other: from 4.0 on their client certificate
    // is this one alone.
    document["ctl"] = json!({"cacert": CA_FILE, "certfile": pem, "keyfile": pem});

    // Patroni's own connections to the server beside it need neither certificate nor password:
    // neither one that has expired nor one that is being changed parts the two.
    document["postgresql"]["use_unix_socket"] = json!(true);
    document["postgresql"]["use_unix_socket_repl"] = json!(true);
    // libpq compares addresses with a certificate's own since 15, names always. The client's is
    // never older than the server.
    let full = target.postgresql >= 15 || target.cluster.patroni.connect_by_name;
    let client = json!({
        "sslmode": if full { "verify-full" } else { "verify-ca" },
        "sslrootcert": CA_FILE,
        "sslcert": pem,
        "sslkey": pem,
    });
    for user in ["superuser", "replication", "rewind"] {
        merge(&mut document["postgresql"]["authentication"][user], &client);
    }
}

/// Tells one text from another.
fn short_digest(text: &str) -> String {
    let digest = sha2::Sha256::digest(text.as_bytes());
    digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn etcd(target: &Target) -> Value {
    let cluster = target.cluster;
    let spec = &cluster.etcd;
    let mut etcd = match &spec.external {
        Some(external) => json!({"hosts": external.endpoints, "protocol": external.protocol}),
        None => {
            let hosts: Vec<String> = cluster
                .with_role(Role::Etcd)
                .map(|member| {
                    // On Debian the node's own name leads to 127.0.1.1 first, hosts entries or
                    // not (getaddrinfo sorts what it finds); etcd does not listen there.
                    if member.name == target.node.name {
                        member.endpoint(spec.client_port)
                    } else {
                        connect_address(target, member, spec.client_port)
                    }
                })
                .collect();
            let mut etcd = json!({"hosts": hosts});
            if cluster.tls.has(TlsStage::Patroni) {
                etcd["protocol"] = json!("https");
            }
            etcd
        }
    };
    let files = cluster.etcd_client_files();
    for (key, path) in [
        ("cacert", files.ca_file),
        ("cert", files.cert_file),
        ("key", files.key_file),
    ] {
        if let Some(path) = path {
            etcd[key] = json!(path);
        }
    }
    if let Some((username, password)) = cluster.etcd_login(target.secrets) {
        merge(
            &mut etcd,
            &json!({"username": username, "password": password.expose()}),
        );
    }
    etcd
}

/// A user and its password, by the names that Patroni has for them.
fn login(target: &Target, username: &str, password: SecretName) -> Value {
    json!({"username": username, "password": target.secrets.get(&password).expose()})
}

/// Where the others reach `node`: by its name, which the hosts entries resolve, or its address.
fn connect_address(target: &Target, node: &Node, port: u16) -> String {
    if target.cluster.patroni.connect_by_name {
        format!("{}:{port}", node.name)
    } else {
        node.endpoint(port)
    }
}

/// An IPv6 address in brackets, anything else as it is.
fn bracketed(host: &str) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    }
}

/// Merges `over` into `base` key by key; a null takes a key away, anything but two maps replaces.
fn merge(base: &mut Value, over: &Value) {
    let (Value::Object(base), Value::Object(over)) = (base, over) else {
        return;
    };
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (_, Value::Null) => {
                base.remove(key);
            }
            (Some(below @ Value::Object(_)), Value::Object(_)) => merge(below, value),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bracketed, merge, refuse_other_than_a_map};
    use serde_json::json;

    #[test]
    fn further_keys_are_merged_and_nulls_take_away() {
        let mut document = json!({"log": {"level": "INFO", "dir": "/x"}, "tags": {"a": 1}, "n": 1});
        merge(
            &mut document,
            &json!({"log": {"level": "DEBUG", "dir": null}, "tags": null, "n": {"m": 2}, "ctl": {}}),
        );
        assert_eq!(
            document,
            json!({"log": {"level": "DEBUG"}, "n": {"m": 2}, "ctl": {}})
        );
    }

    #[test]
    fn only_ipv6_gets_brackets() {
        assert_eq!(bracketed("::1"), "[::1]");
        assert_eq!(bracketed("[::1]"), "[::1]");
        assert_eq!(bracketed("*"), "*");
        assert_eq!(bracketed("10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn what_is_no_map_is_refused_without_a_quotation() {
        for text in ["- hunter2", "a: [hunter2", "password: hunter2\n\tb: c", ""] {
            let error = refuse_other_than_a_map(text).expect_err("no map");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        refuse_other_than_a_map("a: 1").expect("a map");
    }
}
