//! `system`.

use std::collections::BTreeMap;

use super::value;
use crate::cluster::{FirewallUse, PackagesSpec, RepositorySpec, SystemSpec};
use crate::inventory::nodes::NodeEntry;
use crate::inventory::system::{Firewall, HugePages, Packages, Repository, Selinux, System};
use crate::inventory::{OrOff, Table};

/// The kernel settings that a database node gets, each with the reason.
pub(crate) const SYSCTL: [(&str, &str); 11] = [
    // Swap only to escape the OOM killer: a swapped-out shared buffer costs more than a read.
    ("vm.swappiness", "1"),
    // Write back early and in small portions: percentages of a large memory mean gigabytes that
    // one checkpoint's fsync then waits for.
    ("vm.dirty_background_bytes", "67108864"),
    ("vm.dirty_bytes", "536870912"),
    // Take memory of the other NUMA node rather than drop the page cache of this one.
    ("vm.zone_reclaim_mode", "0"),
    // Moving pages between NUMA nodes costs more than it gains with one large shared memory.
    ("kernel.numa_balancing", "0"),
    // Grouping by session starves background processes such as the checkpointer.
    ("kernel.sched_autogroup_enabled", "0"),
    // Many clients that connect at once, above all after a failover.
    ("net.core.somaxconn", "4096"),
    ("net.ipv4.tcp_max_syn_backlog", "8192"),
    // A peer that vanished without a word is noticed after two minutes, not after two hours.
    ("net.ipv4.tcp_keepalive_time", "60"),
    ("net.ipv4.tcp_keepalive_intvl", "10"),
    ("net.ipv4.tcp_keepalive_probes", "6"),
];

/// Of each pair the kernel keeps one: setting the first clears the second.
pub(crate) const EXCLUSIVE: [(&str, &str); 2] = [
    ("vm.dirty_ratio", "vm.dirty_bytes"),
    ("vm.dirty_background_ratio", "vm.dirty_background_bytes"),
];

pub(super) fn system(section: Option<&System>) -> SystemSpec {
    let section = section.cloned().unwrap_or_default();
    SystemSpec {
        platform: section.platform.map(|platform| platform.value),
        hosts_entries: value(&section.hosts_entries, true),
        check_hostname: value(&section.check_hostname, false),
        sysctl: match value(&section.sysctl, OrOff::On(Table(Vec::new()))) {
            OrOff::Off => BTreeMap::new(),
            OrOff::On(table) => sysctl(&table),
        },
        disable_transparent_huge_pages: value(&section.transparent_huge_pages, HugePages::Off)
            == HugePages::Off,
        limit_nofile: match value(&section.limit_nofile, OrOff::On(65_536)) {
            OrOff::Off => None,
            OrOff::On(limit) => Some(limit),
        },
        time_sync: value(&section.time_sync, true),
        watchdog: value(&section.watchdog, false),
        strict_overcommit: value(&section.strict_overcommit, false),
        disable_distribution_postgresql: value(&section.disable_distribution_postgresql, true),
        firewall: match value(&section.firewall, Firewall::Auto) {
            Firewall::Auto => FirewallUse::Auto,
            Firewall::On => FirewallUse::On,
            Firewall::Off => FirewallUse::Off,
        },
        selinux_permissive: value(&section.selinux, Selinux::Keep) == Selinux::Permissive,
    }
}

pub(super) fn packages(node: &NodeEntry) -> PackagesSpec {
    let spec = |entry: &Repository| RepositorySpec {
        name: value(&entry.name, String::new()),
        baseurl: entry.baseurl.clone().map(|url| url.value.0),
        gpgkey: entry.gpgkey.clone().map(|url| url.value.0),
        gpgcheck: value(&entry.gpgcheck, true),
        enabled: value(&entry.enabled, true),
    };
    let entries = node.repositories.as_ref().map(|list| &list.value.0);
    let packages = value(&node.packages, Packages::Install);
    PackagesSpec {
        preinstalled: packages == Packages::Preinstalled,
        relayed: packages == Packages::Relay,
        repositories: entries.map(|list| list.iter().map(|entry| spec(&entry.value)).collect()),
    }
}

fn sysctl(table: &Table<crate::inventory::free::Setting>) -> BTreeMap<String, String> {
    let mut keys: BTreeMap<String, String> = SYSCTL
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    for (key, setting) in table.iter() {
        let key = key.value.replace('/', ".");
        for (ratio, bytes) in EXCLUSIVE {
            if key == ratio {
                keys.remove(bytes);
            }
        }
        if setting.value.text == "keep" {
            keys.remove(&key);
        } else {
            keys.insert(key, setting.value.text.clone());
        }
    }
    keys
}
