//! Room on the file systems beneath the data directories.

use std::collections::BTreeSet;

use super::view::{Judge, View};
use super::words::bytes;

/// Less than this share of a file system free.
const FREE_WARNING: f64 = 0.10;
const FREE_ERROR: f64 = 0.03;
/// Less than one WAL-heavy minute of room, whatever the size.
const FREE_BYTES_ERROR: u64 = 1 << 30;
/// Every table, index and WAL segment is at least one file.
const INODES_WARNING: u64 = 10_000;
const INODES_ERROR: u64 = 1_000;

/// Every data directory has room.
pub(super) fn disk(view: &View, judge: &mut Judge) {
    let mut least: Option<f64> = None;
    for (node, facts) in view.nodes() {
        let mut mounts = BTreeSet::new();
        for disk in &facts.disks {
            if disk.size_bytes == 0 || !mounts.insert(&disk.mount) {
                continue;
            }
            let share = disk.free_bytes as f64 / disk.size_bytes as f64;
            least = Some(least.map_or(share, |least| least.min(share)));
            let message = format!(
                "{} ({}): {} of {} free ({:.0} %)",
                disk.mount,
                disk.path,
                bytes(disk.free_bytes),
                bytes(disk.size_bytes),
                share * 100.0
            );
            if share < FREE_ERROR || disk.free_bytes < FREE_BYTES_ERROR {
                judge.error(&node.name, message);
            } else if share < FREE_WARNING {
                judge.warning(&node.name, message);
            }
            if let Some(inodes) = disk.free_inodes {
                let message = format!("{} ({}): {inodes} inodes free", disk.mount, disk.path);
                if inodes < INODES_ERROR {
                    judge.error(&node.name, message);
                } else if inodes < INODES_WARNING {
                    judge.warning(&node.name, message);
                }
            }
        }
    }
    if let Some(least) = least {
        judge.holds(format!("{:.0} % free at least", least * 100.0));
    }
}
