//! The packages that a node is asked for.

use std::collections::BTreeSet;

use super::{PackageAsk, major, owned, sorted};
use crate::cluster::{Cluster, Node, Role};
use crate::platform::vip::KEEPALIVED_PACKAGE;
use crate::platform::{Family, Platform, repositories};

/// The packages that bring a time service; one is enough.
const TIME_PACKAGES: [&str; 5] = ["chrony", "systemd-timesyncd", "ntpsec", "ntp", "openntpd"];

/// Those of `family`.
pub(super) fn packages(
    cluster: &Cluster,
    node: &Node,
    platforms: &[Platform],
    family: Family,
) -> PackageAsk {
    let mut each = BTreeSet::new();
    let mut pinned = BTreeSet::new();
    let mut servers = BTreeSet::new();
    let mut add = |names: &[String], version: &Option<String>| {
        each.extend(names.iter().cloned());
        if version.is_some() {
            pinned.extend(names.iter().cloned());
        }
    };
    for platform in platforms
        .iter()
        .filter(|platform| platform.family == family)
    {
        add(&platform.tool_packages, &None);
        let instead = platform.tool_packages.iter();
        add(
            &sorted(instead.filter_map(|name| platform.instead_of(name))),
            &None,
        );
        if family == Family::EnterpriseLinux {
            add(&owned(&[repositories::PGDG]), &None);
        }
        if !node.labelled_directories().is_empty() {
            add(&[platform.selinux_package().to_owned()], &None);
        }
        if node.has(Role::Etcd) {
            add(&platform.etcd_packages, &cluster.etcd.version);
        }
        if node.has(Role::Haproxy) {
            let names = std::slice::from_ref(&platform.haproxy_package);
            add(names, &cluster.haproxy.version);
        }
        if cluster.can_hold_vip(node) {
            add(&owned(&[KEEPALIVED_PACKAGE]), &None);
        }
        if node.has(Role::Postgresql) {
            add(&platform.patroni_packages, &cluster.patroni.version);
            let names = platform.postgresql_packages(major(cluster, platform));
            if cluster.postgresql.version.is_some() {
                add(&names, &cluster.postgresql.package_version);
            } else {
                servers.extend(names);
            }
        }
    }
    let mut one_of = vec![owned(&TIME_PACKAGES)];
    if !servers.is_empty() {
        one_of.push(servers.into_iter().collect());
    }
    PackageAsk {
        each: each.into_iter().collect(),
        one_of,
        pinned: pinned.into_iter().collect(),
    }
}
