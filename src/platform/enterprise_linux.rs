//! CentOS, RHEL, Rocky, AlmaLinux, Oracle Linux, with PGDG's packages.

use super::{Family, Platform, Version, Versions};
use crate::facts::OsRelease;

/// The oldest release that anything is known of.
const OLDEST: u32 = 7;

/// Whether `os` is of the family: by its own name or by those that it says it is like. Not by
/// `fedora`, which Amazon Linux says, too.
pub(super) fn is(os: &OsRelease) -> bool {
    const IDS: [&str; 5] = ["rhel", "centos", "rocky", "almalinux", "ol"];
    let mut names = std::iter::once(&os.id).chain(&os.id_like);
    names.any(|id| IDS.contains(&id.as_str())) && release(os) >= OLDEST
}

fn release(os: &OsRelease) -> u32 {
    let major = os.version_id.split('.').next();
    major.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The platform data of a release. Only the major version counts: CentOS Stream has no minor.
pub fn platform(os: &OsRelease) -> Platform {
    let release = release(os);
    let (haproxy, systemd): (&[u32], u32) = match release {
        7 => (&[1, 5, 18], 219),
        8 => (&[1, 8, 27], 239),
        9 => (&[2, 4, 22], 252),
        _ => (&[3, 0], 257),
    };
    let words = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Platform {
        family: Family::EnterpriseLinux,
        name: os.pretty_name.clone(),
        release,
        archive_is_gone: release == 7 || os.id == "centos" && release == 8,
        has_modules: matches!(release, 8 | 9),
        // The last one that is built for release 7.
        default_postgresql: if release == 7 { 15 } else { 16 },
        shipped: Versions {
            etcd: Version::of(&[3, 5]),
            patroni: Version::of(if release == 7 { &[3, 0, 2] } else { &[4, 1, 0] }),
            haproxy: Version::of(haproxy),
            systemd,
        },
        etcd_packages: words(&["etcd"]),
        patroni_packages: words(&["patroni", "patroni-etcd"]),
        haproxy_package: "haproxy".to_owned(),
        tool_packages: words(&["curl"]),
        time_package: "chrony".to_owned(),
        time_unit: "chronyd.service".to_owned(),
        etcd_config: "/etc/etcd/etcd.conf".to_owned(),
        etcd_user: "etcd".to_owned(),
        etcd_binary: "/usr/bin/etcd".to_owned(),
        patroni_binary: "/usr/bin/patroni".to_owned(),
        haproxy_unit: "haproxy.service".to_owned(),
    }
}

/// The server and the contributed extensions (`pg_stat_statements` and its kin are not in it).
pub fn postgresql_packages(major: u16) -> Vec<String> {
    vec![
        format!("postgresql{major}-server"),
        format!("postgresql{major}-contrib"),
    ]
}
