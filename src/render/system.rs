//! Operating system: hosts, kernel settings, huge pages, limits, watchdog, and what has to lie
//! on a Debian node before its packages come.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Check, File, HOSTS_PATH, MANAGED, Purpose, RenderError, Target, hosts};
use crate::cluster::Role;
use crate::platform::Family;
use crate::template::Templates;

/// The node's files of the operating system.
pub(super) fn files(target: &Target, templates: &Templates) -> Result<Vec<File>, RenderError> {
    let spec = &target.node.system;
    let is_postgresql = target.node.has(Role::Postgresql);
    let render = |name, mut context: Value| {
        context["managed"] = json!(MANAGED);
        templates.render(name, &context)
    };
    let system = |path, content| File::new(Purpose::System, path, content);

    let mut files = Vec::new();
    if is_postgresql && target.platform.family == Family::Debian {
        files.push(File::new(
            Purpose::BeforePackages,
            "/etc/postgresql-common/createcluster.d/mahout.conf",
            render("system/createcluster.conf.tera", json!({}))?,
        ));
    }
    files.extend(hosts_file(target));
    let settings = sysctl_values(target);
    if !settings.is_empty() {
        let settings: Vec<Value> = settings
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value, "why": why(key)}))
            .collect();
        files.push(system(
            "/etc/sysctl.d/60-mahout.conf",
            render("system/sysctl.conf.tera", json!({"settings": settings}))?,
        ));
    }
    if spec.disable_transparent_huge_pages {
        let unit = render("system/thp.service.tera", json!({}))?;
        files.push(system("/etc/systemd/system/mahout-thp.service", unit).checked(Check::Unit));
    }
    if let Some(limit) = spec.limit_nofile.filter(|_| is_postgresql) {
        files.push(system(
            "/etc/security/limits.d/60-mahout.conf",
            render("system/limits.conf.tera", json!({"limit_nofile": limit}))?,
        ));
    }
    if spec.watchdog && is_postgresql {
        files.push(system(
            "/etc/modules-load.d/mahout-watchdog.conf",
            render("system/modules-load.conf.tera", json!({}))?,
        ));
        files.push(system(
            "/etc/udev/rules.d/60-mahout-watchdog.rules",
            render("system/watchdog.rules.tera", json!({}))?,
        ));
    }
    Ok(files)
}

/// /etc/hosts with our block, or without one that is no longer wanted; nothing where its content
/// is not known or would stay.
fn hosts_file(target: &Target) -> Option<File> {
    let present = target.hosts_file.as_ref()?;
    let entries: Vec<(String, String)> = if target.node.system.hosts_entries {
        let of = |node: &crate::cluster::Node| (node.address.to_string(), node.name.to_string());
        target.cluster.nodes.iter().map(of).collect()
    } else {
        Vec::new()
    };
    let content = hosts::merge(present, &entries);
    (!entries.is_empty() || content != *present)
        .then(|| File::new(Purpose::System, HOSTS_PATH, content))
}

/// The kernel settings that the node is to have, by key: those of the inventory, and those that
/// strict overcommit needs, as far as the node's kernel has them. What the inventory says counts.
pub fn sysctl_values(target: &Target) -> BTreeMap<String, String> {
    let spec = &target.node.system;
    let mut values = BTreeMap::new();
    if let Some(memory) = target.memory_bytes.filter(|_| spec.strict_overcommit) {
        let ratio = overcommit_ratio(memory, target.swap_bytes);
        values.insert("vm.overcommit_memory".to_owned(), "2".to_owned());
        values.insert("vm.overcommit_ratio".to_owned(), ratio.to_string());
    }
    values.extend(spec.sysctl.clone());
    if let Some(known) = &target.kernel_settings {
        values.retain(|key, _| known.contains(key));
    }
    values
}

/// `vm.overcommit_ratio` for strict overcommit, in per cent of memory.
///
/// The kernel promises `swap + memory * ratio / 100` bytes in all. It may promise nine tenths of
/// memory and swap together: the last tenth is for what it takes without a promise (itself, page
/// tables, the page cache that PostgreSQL lives on). The kernel's own 50 is the floor: on a node
/// without swap it leaves half of the memory unused, and less would starve Patroni.
fn overcommit_ratio(memory_bytes: u64, swap_bytes: u64) -> u64 {
    const FLOOR: u64 = 50;
    let (memory, swap) = (u128::from(memory_bytes), u128::from(swap_bytes));
    // ((memory + swap) * 9/10 - swap) * 100 / memory, rounded once, at the end.
    let ratio = (memory * 9).saturating_sub(swap) * 10 / memory.max(1);
    u64::try_from(ratio).unwrap_or(FLOOR).max(FLOOR)
}

/// Why a kernel setting is what it is, for the comment above it.
fn why(key: &str) -> Option<&'static str> {
    Some(match key {
        "vm.swappiness" => "Swap is for emergencies: a swapped shared buffer is a read that waits.",
        "vm.overcommit_memory" => {
            "Refuse memory that is not there, instead of killing a PostgreSQL process for it later."
        }
        "vm.overcommit_ratio" => {
            "Computed: nine tenths of memory and swap together may be promised."
        }
        "vm.dirty_background_bytes" => {
            "Begin to write early and in small pieces: a checkpoint that finds gigabytes unwritten \
             stalls everything, etcd's fsync too."
        }
        "vm.dirty_bytes" => "Beyond this a writer has to wait for the disk.",
        "vm.zone_reclaim_mode" => {
            "Take memory of another NUMA node rather than drop page cache of this one."
        }
        "kernel.numa_balancing" => "PostgreSQL's shared memory belongs to no NUMA node.",
        "kernel.sched_autogroup_enabled" => {
            "For desktops: it shares the processor by session, and a server is one session."
        }
        "net.core.somaxconn" => {
            "Many clients that come back at once after a failover are not turned away."
        }
        "net.ipv4.tcp_keepalive_time" => {
            "A peer that vanished is noticed in minutes, not in the kernel's two hours."
        }
        "net.ipv4.ip_nonlocal_bind" => "HAProxy may bind to an address that is still elsewhere.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::overcommit_ratio;

    const GIB: u64 = 1 << 30;

    #[test]
    fn nine_tenths_of_memory_and_swap_are_promised() {
        assert_eq!(overcommit_ratio(64 * GIB, 0), 90);
        assert_eq!(overcommit_ratio(64 * GIB, 4 * GIB), 89);
        // 0.9 * (16 + 8) - 8 = 13.6 of 16
        assert_eq!(overcommit_ratio(16 * GIB, 8 * GIB), 85);
    }

    #[test]
    fn the_kernels_own_ratio_is_the_floor() {
        assert_eq!(overcommit_ratio(2 * GIB, 32 * GIB), 50);
        assert_eq!(overcommit_ratio(0, 0), 50);
        assert_eq!(overcommit_ratio(u64::MAX, u64::MAX), 80);
    }
}
