//! etcd under TLS, by version; its unit, by systemd.

use mahout::cluster::{Cluster, SecretName};
use mahout::platform::{Platform, Version};
use serde_json::json;

use super::sample::{cluster, content, platform, rendered, secrets};

const UNIT: &str = "/etc/systemd/system/etcd.service";

fn encrypted() -> Cluster {
    let mut cluster = cluster();
    cluster.tls.enabled = true;
    cluster
}

/// A distribution with that etcd.
fn with_etcd(version: &[u32]) -> Platform {
    let mut platform = platform("debian", "12");
    platform.shipped.etcd = Version::of(version);
    platform
}

#[test]
fn every_version_is_told_where_its_certificates_are() {
    for (name, version) in [("3.4", [3, 4, 23]), ("3.5", [3, 5, 16]), ("3.6", [3, 6, 4])] {
        let files = rendered(&encrypted(), 0, &with_etcd(&version));
        let env = content(&files, "/etc/default/etcd");
        assert!(!env.contains("http://"), "no plain listener: {env}");
        let settings: Vec<&str> = env
            .lines()
            .filter(|line| line.starts_with("ETCD_"))
            .collect();
        insta::assert_snapshot!(format!("etcd-{name}-tls"), settings.join("\n"));
    }
}

#[test]
fn the_unit_is_shut_in_as_far_as_systemd_knows_how_to() {
    for systemd in [219, 239, 252] {
        let mut platform = platform("debian", "12");
        platform.shipped.systemd = systemd;
        let unit = content(&rendered(&cluster(), 0, &platform), UNIT).to_owned();
        let (_, shut_in) = unit.split_once("IOSchedulingPriority=0\n").expect("both");
        insta::assert_snapshot!(format!("etcd-systemd-{systemd}"), shut_in);
    }
}

#[test]
fn a_data_directory_stays_where_it_can_be_seen() {
    for (path, hidden) in [
        ("/home/etcd", "ProtectHome"),
        ("/var/tmp/etcd", "PrivateTmp"),
    ] {
        let mut cluster = cluster();
        cluster.nodes[0].etcd_data_dir = path.to_owned();
        let files = rendered(&cluster, 0, &platform("debian", "12"));
        let unit = content(&files, UNIT);
        assert!(unit.contains(&format!("ReadWritePaths={path}\n")), "{unit}");
        assert!(!unit.contains(hidden), "{unit}");
    }
}

#[test]
fn patroni_shows_a_certificate_and_logs_in() {
    let cluster = encrypted();
    let files = rendered(&cluster, 1, &platform("debian", "12"));
    let document: serde_json::Value =
        serde_saphyr::from_str(content(&files, "/etc/patroni/patroni.yml")).expect("YAML");
    let secrets = secrets();
    let password = secrets.get(&SecretName::Etcd);
    assert_eq!(
        document["etcd3"],
        json!({
            "hosts": ["pg-1:2379", "10.0.0.12:2379", "pg-3:2379"],
            "protocol": "https",
            "cacert": "/etc/mahout/ca.crt",
            "cert": "/etc/mahout/patroni.pem",
            "key": "/etc/mahout/patroni.pem",
            "username": cluster.etcd_user(password),
            "password": password.expose(),
        })
    );
}

#[test]
fn another_password_is_another_user() {
    let cluster = encrypted();
    let user = |password: &str| cluster.etcd_user(&mahout::secret::Secret::new(password));
    assert_eq!(user("a"), "mahout-region_one-ca978112");
    assert_ne!(user("a"), user("b"));
    for name in [user("a"), user("b")] {
        assert!(cluster.is_etcd_user(&name), "{name}");
    }
    for name in [
        "root",
        "mahout-region_one",
        "mahout-region_one-",
        "mahout-region_one-ca97811",
        "mahout-region_one-two-ca978112",
        "mahout-region-ca978112",
        "mahout-region_oneca978112",
    ] {
        assert!(!cluster.is_etcd_user(name), "{name}");
    }
}
