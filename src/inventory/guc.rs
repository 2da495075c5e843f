//! The names of PostgreSQL's parameters, and in which major versions each exists.
//!
//! From `postgres --describe-config` of 15 and the release notes of 11 to 18. Patroni drops a
//! parameter that it does not know with no more than a line in its log, so a mistyped one is
//! worth an error here.

use super::suggest::nearest;

/// The newest major version that the list covers.
pub const NEWEST: u32 = 18;

/// All members must have the same value, so Patroni takes these from the dynamic configuration
/// only and silently ignores local ones (Patroni, "Patroni configuration").
pub const SHARED: [&str; 11] = [
    "max_connections",
    "max_locks_per_transaction",
    "max_worker_processes",
    "max_prepared_transactions",
    "wal_level",
    "track_commit_timestamp",
    "max_wal_senders",
    "max_replication_slots",
    "wal_keep_segments",
    "wal_keep_size",
    "wal_log_hints",
];

/// Where a parameter stands in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guc {
    /// Its name.
    pub name: &'static str,
    /// The first version that has it, from 10 on.
    pub from: u32,
    /// The first version that no longer has it.
    pub till: Option<u32>,
}

fn all() -> impl Iterator<Item = Guc> {
    include_str!("guc.txt").lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(Guc {
            name: words.next()?,
            from: words
                .next()
                .and_then(|word| word.parse().ok())
                .unwrap_or(10),
            till: words.next().and_then(|word| word.parse().ok()),
        })
    })
}

/// The parameter `name`; letter case does not matter.
pub fn find(name: &str) -> Option<Guc> {
    all().find(|guc| guc.name.eq_ignore_ascii_case(name))
}

/// Whether PostgreSQL of this major version takes a new value of `name` only when it starts
/// (`context` = `postmaster`). Of an extension's parameter that is not known.
///
/// From `postgres --describe-config` of 15 and the release notes; the second word of a line is the
/// first version that takes the value when it reloads.
pub fn needs_restart(name: &str, version: u16) -> bool {
    include_str!("guc_restart.txt").lines().any(|line| {
        let (guc, till) = line.split_once(' ').unwrap_or((line, ""));
        guc.eq_ignore_ascii_case(name) && till.parse().map_or(true, |till: u16| version < till)
    })
}

/// Whether any version has it.
pub fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// The parameter that was probably meant.
pub fn near(name: &str) -> Option<&'static str> {
    nearest(name, all().map(|guc| guc.name))
}

#[cfg(test)]
mod tests {
    use super::{all, find, near, needs_restart};

    #[test]
    fn a_restart_is_known_by_version() {
        let names = include_str!("guc_restart.txt").lines();
        for name in names.filter_map(|line| line.split(' ').next()) {
            assert!(find(name).is_some(), "{name}");
            assert!(needs_restart(name, 12), "{name}");
        }
        assert!(needs_restart("Max_Connections", 18));
        assert!(needs_restart("autovacuum_max_workers", 17));
        assert!(!needs_restart("autovacuum_max_workers", 18));
        assert!(!needs_restart("work_mem", 15));
        assert!(!needs_restart("pg_stat_statements.max", 15));
    }

    #[test]
    fn the_list_is_well_formed() {
        for guc in all() {
            assert!(
                guc.name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_'),
                "{guc:?}"
            );
            assert!((10..=18).contains(&guc.from), "{guc:?}");
            assert!(guc.till.is_none_or(|till| till > guc.from), "{guc:?}");
        }
        assert!(all().count() > 340);
    }

    #[test]
    fn names_are_found_in_any_case_and_nearly() {
        assert_eq!(find("timezone").map(|guc| guc.name), Some("TimeZone"));
        assert_eq!(find("wal_keep_segments").and_then(|guc| guc.till), Some(13));
        assert_eq!(near("shared_bufers"), Some("shared_buffers"));
        assert_eq!(find("shared_bufers"), None);
    }
}
