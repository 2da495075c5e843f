//! Units of PostgreSQL's parameters. It knows few, and each in one spelling; Patroni leaves out a
//! value that PostgreSQL would not take with no more than a line in its log.

use super::Context;
use crate::inventory::free::Setting;
use crate::inventory::{Problems, Spanned, Table};

/// What people write, and what is meant.
const SIZES: [(&str, &str); 15] = [
    ("K", "kB"),
    ("KB", "kB"),
    ("kb", "kB"),
    ("KiB", "kB"),
    ("M", "MB"),
    ("mb", "MB"),
    ("Mb", "MB"),
    ("MiB", "MB"),
    ("G", "GB"),
    ("gb", "GB"),
    ("Gb", "GB"),
    ("GiB", "GB"),
    ("T", "TB"),
    ("tb", "TB"),
    ("TiB", "TB"),
];
const TIMES: [(&str, &str); 14] = [
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("m", "min"),
    ("mins", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("hour", "h"),
    ("hours", "h"),
    ("hr", "h"),
    ("day", "d"),
    ("days", "d"),
    ("msec", "ms"),
];

pub(super) fn check(context: &mut Context<'_>) {
    let top = context.draft.postgresql().parameters;
    let top = top.iter().map(|parameters| &parameters.value.set);
    let own = context.draft.nodes.iter().filter_map(|node| {
        let section = node.entry.postgresql.as_ref()?;
        Some(&section.value.local_parameters.as_ref()?.value)
    });
    for (name, setting) in top.chain(own).flat_map(Table::iter) {
        unit(&name.value, setting, context.problems);
    }
}

fn unit(name: &str, setting: &Spanned<Setting>, problems: &mut Problems) {
    let text = setting.value.text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%' || c == ' ');
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let unit = text.get(digits.len()..).unwrap_or_default().trim();
    let (known, units, all) = if is_size(name) {
        (SIZES.as_slice(), "B, kB, MB, GB and TB", "a size")
    } else if is_time(name) {
        (TIMES.as_slice(), "us, ms, s, min, h and d", "a time")
    } else {
        return;
    };
    if !is_number {
        return;
    }
    if unit == "%" {
        problems
            .error(setting.span, format!("`{name}` is {all}, not a share of something"))
            .hint("`auto` computes shared_buffers, effective_cache_size and maintenance_work_mem from each node's memory");
    } else if let Some((_, meant)) = known.iter().find(|(wrong, _)| *wrong == unit) {
        problems
            .error(
                setting.span,
                format!("`{name}`: PostgreSQL has no unit `{unit}`, and Patroni would leave the value out"),
            )
            .hint(format!("`{digits}{meant}`; its units are {units}"));
    }
}

fn is_size(name: &str) -> bool {
    let ends = ["_mem", "_buffers", "_size", "_limit"];
    ends.iter().any(|end| name.ends_with(end)) && !name.ends_with("connection_limit")
}

fn is_time(name: &str) -> bool {
    [
        "_timeout",
        "_delay",
        "_interval",
        "_age",
        "_duration",
        "_naptime",
    ]
    .iter()
    .any(|end| name.ends_with(end))
}
