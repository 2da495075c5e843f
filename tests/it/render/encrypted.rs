//! Patroni, PostgreSQL and HAProxy under TLS; their units, by systemd.

use mahout::cluster::Cluster;
use mahout::platform::Platform;
use mahout::template::Templates;
use serde_json::{Value, json};

use super::sample::{cluster, content, map, platform, rendered, secrets, target};

const UNIT: &str = "/etc/systemd/system/patroni.service";
const DROP_IN: &str = "/etc/systemd/system/haproxy.service.d/mahout.conf";

pub(super) fn encrypted() -> Cluster {
    let mut cluster = cluster();
    cluster.tls.enabled = true;
    // More than one line of HAProxy's takes.
    cluster.clients = (0..70)
        .map(|number| format!("10.1.{number}.0/24").parse().expect("a network"))
        .chain(["fd01::/64".parse().expect("a network")])
        .collect();
    cluster
}

fn yml(cluster: &Cluster, platform: &Platform) -> Value {
    let files = rendered(cluster, 0, platform);
    serde_saphyr::from_str(content(&files, "/etc/patroni/patroni.yml")).expect("YAML")
}

#[test]
fn every_member_shows_a_certificate_and_looks_at_those_of_the_others() {
    let debian = platform("debian", "12");
    let yml = yml(&encrypted(), &debian);
    let pem = "/etc/mahout/patroni.pem";
    let restapi = &yml["restapi"];
    for (key, value) in [
        ("certfile", pem),
        ("keyfile", pem),
        ("cafile", "/etc/mahout/ca.crt"),
        ("verify_client", "optional"),
    ] {
        assert_eq!(restapi[key], value, "{key}");
    }
    assert_eq!(
        yml["ctl"],
        json!({"cacert": "/etc/mahout/ca.crt", "certfile": pem, "keyfile": pem})
    );
    for user in ["superuser", "replication", "rewind"] {
        let login = &yml["postgresql"]["authentication"][user];
        assert_eq!(login["sslmode"], "verify-full");
        assert_eq!(
            (&login["sslcert"], &login["sslkey"]),
            (&json!(pem), &json!(pem))
        );
    }
    assert_eq!(yml["postgresql"]["use_unix_socket"], true);
    let parameters = &yml["postgresql"]["parameters"];
    assert_eq!(parameters["ssl"], "on");
    assert_eq!(parameters["ssl_key_file"], "/etc/mahout/postgresql.pem");
}

#[test]
fn an_old_libpq_is_not_asked_for_an_address_in_a_certificate() {
    let debian = platform("debian", "12");
    let mut cluster = encrypted();
    cluster.postgresql.version = Some(14);
    let mode = |cluster: &Cluster| {
        yml(cluster, &debian)["postgresql"]["authentication"]["rewind"]["sslmode"].clone()
    };
    assert_eq!(mode(&cluster), "verify-full", "by name");
    cluster.patroni.connect_by_name = false;
    assert_eq!(mode(&cluster), "verify-ca", "by address");
    cluster.postgresql.version = Some(15);
    assert_eq!(mode(&cluster), "verify-full");
}

/// A reload of Patroni's reads `cafile` again only if one of these settings changes.
#[test]
fn other_authorities_are_another_setting_of_the_rest_api() {
    let (cluster, debian) = (encrypted(), platform("debian", "12"));
    let restapi = |bundle: &str| {
        let mut secrets = secrets();
        secrets.ca_bundle = bundle.to_owned();
        let target = target(&cluster, &cluster.nodes[0], &secrets, &debian);
        let templates = Templates::builtin().expect("ours");
        let files = mahout::render::files(&target, &templates).expect("files");
        let yml: Value =
            serde_saphyr::from_str(content(&files, "/etc/patroni/patroni.yml")).expect("YAML");
        yml["restapi"].clone()
    };
    assert_ne!(restapi("old"), restapi("old and new"));
    assert_eq!(restapi("old"), restapi("old"));
}

#[test]
fn haproxy_checks_by_tls_and_lets_in_whom_it_knows() {
    let files = rendered(&encrypted(), 0, &platform("debian", "12"));
    let text = content(&files, "/etc/haproxy/haproxy.cfg");
    let of = |prefix: &str| -> Vec<&str> {
        let lines = text.lines().map(str::trim);
        lines.filter(|line| line.starts_with(prefix)).collect()
    };
    for server in of("server pg-") {
        let name = server.split(' ').nth(1).expect("a name");
        let check =
            format!("check-ssl verify required ca-file /etc/mahout/ca.crt verifyhost {name}");
        assert!(server.ends_with(&check), "{server}");
    }
    let known = of("acl known src");
    assert!(known.iter().all(|line| line.split(' ').count() < 64));
    for source in [
        "127.0.0.0/8",
        "::1",
        "10.0.0.13",
        "10.1.69.0/24",
        "fd01::/64",
    ] {
        let mut words = known.iter().flat_map(|line| line.split(' '));
        assert!(words.any(|word| word == source), "{source}");
    }
    let listeners = of("listen ").len() - 1;
    let rejected = of("tcp-request connection reject unless known");
    assert_eq!(
        rejected.len(),
        listeners,
        "the statistics page is on loopback"
    );
}

#[test]
fn without_tls_only_clients_that_are_named_are_told_apart() {
    let debian = platform("debian", "12");
    let text = |cluster: &Cluster| {
        content(&rendered(cluster, 0, &debian), "/etc/haproxy/haproxy.cfg").to_owned()
    };
    let mut cluster = cluster();
    assert!(!text(&cluster).contains("tcp-request"));
    cluster.clients = encrypted().clients;
    let text = text(&cluster);
    assert!(text.contains("tcp-request connection reject unless known"));
    assert!(!text.contains("check-ssl"));
}

#[test]
fn the_units_are_shut_in_as_far_as_systemd_knows_how_to() {
    for systemd in [219, 239, 252] {
        let mut debian = platform("debian", "12");
        debian.shipped.systemd = systemd;
        let files = rendered(&cluster(), 0, &debian);
        let (_, patroni) = content(&files, UNIT)
            .split_once("Patroni, PostgreSQL and what PostgreSQL runs")
            .expect("both");
        let drop_in = content(&files, DROP_IN);
        insta::assert_snapshot!(
            format!("units-systemd-{systemd}"),
            format!("#{patroni}\n=== haproxy\n{drop_in}")
        );
    }
}

#[test]
fn postgresql_writes_where_the_inventory_says() {
    let debian = platform("debian", "12");
    let mut cluster = cluster();
    let unit = |cluster: &Cluster| content(&rendered(cluster, 0, &debian), UNIT).to_owned();
    let postgresql = &mut cluster.nodes[0].postgresql;
    postgresql.writable_paths = vec!["/mnt/archive".to_owned()];
    postgresql.data_dir = Some("/data".to_owned());
    cluster.patroni.initdb.push(json!({"waldir": "/wal/main"}));
    cluster.nodes[0].postgresql.parameters = map(json!({"log_directory": "/logs"}));
    let text = unit(&cluster);
    for path in [
        "/mnt/archive",
        "/data",
        "/wal/main",
        "/logs",
        "/var/lib/postgresql",
    ] {
        assert!(
            text.contains(&format!("\nReadWritePaths=-{path}\n")),
            "{path}"
        );
    }
    assert!(!text.contains("ReadWritePaths=-/\n"));
    assert!(text.contains("PrivateTmp=true") && text.contains("ProtectHome=true"));

    // What stands in a folder that would be hidden is not hidden.
    cluster.nodes[0].postgresql.pgpass = Some("/tmp/pgpass0".to_owned());
    cluster.nodes[0].postgresql.data_dir = Some("/home/postgres/data".to_owned());
    let text = unit(&cluster);
    assert!(!text.contains("PrivateTmp") && !text.contains("ProtectHome"));

    // A device that is hidden is no watchdog.
    assert!(!text.contains("PrivateDevices") && !text.contains("ProtectClock=true"));
    cluster.nodes[0].system.watchdog = false;
    cluster.nodes[0].patroni.watchdog = "off".to_owned();
    let text = unit(&cluster);
    assert!(text.contains("PrivateDevices=true") && text.contains("ProtectClock=true"));
}
