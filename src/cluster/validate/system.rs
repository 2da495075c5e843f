//! The operating system's settings.

use super::Context;
use crate::cluster::build::EXCLUSIVE;
use crate::inventory::free::Setting;
use crate::inventory::{OrOff, Problems, Table};

pub(super) fn check(context: &mut Context<'_>) {
    for node in &context.draft.nodes {
        let Some(section) = node.entry.system.as_ref().map(|system| &system.value) else {
            continue;
        };
        let strict = section
            .strict_overcommit
            .as_ref()
            .is_some_and(|strict| strict.value);
        if let Some(OrOff::On(table)) = section.sysctl.as_ref().map(|sysctl| &sysctl.value) {
            sysctl(table, strict, context.problems);
        }
        if let Some(keep) = section
            .disable_distribution_postgresql
            .as_ref()
            .filter(|disable| !disable.value)
        {
            context
                .problems
                .warning(keep.span, "after a reboot the distribution's unit can start a second PostgreSQL on the same data")
                .hint("Patroni has to be the only one who starts it; leave it at true");
        }
        if let Some(OrOff::On(limit)) = section.limit_nofile.as_ref().map(|limit| &limit.value)
            && *limit < 1024
        {
            context
                .problems
                .error(
                    section.limit_nofile.as_ref().map(|limit| limit.span),
                    "fewer than 1024 open files are too few for PostgreSQL",
                )
                .hint("65536 is the default; `off` leaves the platform's");
        }
    }
}

fn sysctl(table: &Table<Setting>, strict: bool, problems: &mut Problems) {
    for (key, setting) in table.iter() {
        let name = key.value.as_str();
        let part = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        };
        let parts: Vec<&str> = name.split(['.', '/']).collect();
        if parts.len() < 2 || !parts.iter().all(|piece| part(piece)) {
            problems
                .error(key.span, format!("`{name}` is not a kernel setting"))
                .hint("as sysctl names it: `vm.swappiness`");
        }
        let overcommit = name.starts_with("vm.overcommit_");
        if overcommit && (strict || (name == "vm.overcommit_memory" && setting.value.text == "2")) {
            problems
                .error(
                    key.span,
                    "strict overcommit needs a ratio that is computed from memory and swap",
                )
                .hint("`system.strict_overcommit: true` sets both, and this line has to go");
        }
    }
    for (ratio, bytes) in EXCLUSIVE {
        if let (Some(one), Some(other)) = (table.get(ratio), table.get(bytes)) {
            problems
                .error(
                    one.span,
                    format!(
                        "`{ratio}` and `{bytes}` exclude each other: the kernel keeps the last one"
                    ),
                )
                .hint("remove one of the two")
                .also(other.span, "the other one");
        }
    }
}
