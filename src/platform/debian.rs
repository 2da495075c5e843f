//! Debian and Ubuntu.

use super::{Family, Platform, Version, Versions};
use crate::facts::OsRelease;

/// What a release ships, by Debian's major version: PostgreSQL, Patroni, etcd, HAProxy, systemd
/// (shared by tests of both suites; Ubuntu's from its package archive).
fn shipped(os: &OsRelease) -> (u16, Versions) {
    let versions = |patroni: &[u32], etcd: &[u32], haproxy: &[u32], systemd| Versions {
        patroni: Version::of(patroni),
        etcd: Version::of(etcd),
        haproxy: Version::of(haproxy),
        systemd,
    };
    match (os.id.as_str(), major(os)) {
        ("ubuntu", ..=22) => (14, versions(&[2, 1, 2], &[3, 3, 25], &[2, 4], 249)),
        ("ubuntu", _) => (16, versions(&[3, 2, 2], &[3, 4, 30], &[2, 8], 255)),
        (_, 1..=11) => (13, versions(&[2, 0, 2], &[3, 3, 25], &[2, 2, 9], 247)),
        (_, 12) => (15, versions(&[3, 0, 2], &[3, 4, 23], &[2, 6, 12], 252)),
        _ => (17, versions(&[4, 0, 7], &[3, 5, 16], &[3, 0, 11], 257)),
    }
}

fn major(os: &OsRelease) -> u32 {
    os.version_id
        .split('.')
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// The platform data of a release of Debian or Ubuntu.
pub fn platform(os: &OsRelease) -> Platform {
    let (default_postgresql, shipped) = shipped(os);
    let words = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Platform {
        family: Family::Debian,
        name: os.pretty_name.clone(),
        release: major(os),
        archive_is_gone: false,
        has_modules: false,
        default_postgresql,
        shipped,
        etcd_packages: words(&["etcd-server", "etcd-client"]),
        patroni_packages: words(&["patroni", "python3-etcd", "python3-psycopg2"]),
        haproxy_package: "haproxy".to_owned(),
        // procps: the unit of the haproxy package reloads with /bin/kill and does not say so.
        tool_packages: words(&["curl", "procps"]),
        time_package: "chrony".to_owned(),
        time_unit: "chrony.service".to_owned(),
        etcd_config: "/etc/default/etcd".to_owned(),
        etcd_user: "etcd".to_owned(),
        etcd_binary: "/usr/bin/etcd".to_owned(),
        patroni_binary: "/usr/bin/patroni".to_owned(),
        haproxy_unit: "haproxy.service".to_owned(),
    }
}

/// The server's package; the client and the contributed extensions are in it or come with it.
pub fn postgresql_packages(major: u16) -> Vec<String> {
    vec![format!("postgresql-{major}")]
}
