//! systemd's units.

use std::collections::BTreeMap;

use super::files::stats;
use crate::facts::UnitFacts;
use crate::facts::ask::Ask;
use crate::facts::section::Sections;

/// Blocks of `KEY=VALUE` with an empty line between two units. A unit counts under its own name
/// and under those of its aliases that were asked for.
pub(super) fn units(ask: &Ask, sections: &Sections<'_>) -> BTreeMap<String, UnitFacts> {
    let limits = limits(sections);
    let lines: Vec<&str> = sections.lines("units").collect();
    let mut units = BTreeMap::new();
    for block in lines.split(|line| line.is_empty()) {
        let values: BTreeMap<&str, &str> = block
            .iter()
            .filter_map(|line| line.split_once('='))
            .collect();
        let value = |key: &str| values.get(key).copied().unwrap_or_default().to_owned();
        let Some(&id) = values.get("Id") else {
            continue;
        };
        let active = value("ActiveState");
        let facts = UnitFacts {
            load: value("LoadState"),
            sub: value("SubState"),
            enabled: value("UnitFileState"),
            fragment: value("FragmentPath"),
            needs_daemon_reload: value("NeedDaemonReload") == "yes",
            active_since: ["active", "reloading"]
                .contains(&active.as_str())
                .then(|| seconds(&value("ActiveEnterTimestamp")))
                .flatten(),
            reloaded_at: None,
            result: value("Result"),
            limit_nofile: limits.get(value("MainPID").as_str()).copied(),
            active,
        };
        let aliases = value("Names");
        let asked = |name: &&str| ask.units.iter().any(|unit| unit == name);
        for name in aliases.split_whitespace().filter(asked) {
            units.insert(name.to_owned(), facts.clone());
        }
        units.insert(id.to_owned(), facts);
    }
    for stat in stats(sections) {
        let unit = stat
            .path
            .strip_prefix("/run/mahout/")
            .and_then(|name| name.strip_suffix(".reloaded"));
        if let Some(facts) = unit.and_then(|unit| units.get_mut(unit)) {
            facts.reloaded_at = Some(stat.modified);
        }
    }
    units
}

/// `/proc/PID/limits:Max open files   1024   524288   files`: the first number, by pid.
fn limits<'a>(sections: &Sections<'a>) -> BTreeMap<&'a str, u64> {
    let limit = |line: &'a str| {
        let (path, limits) = line.split_once(':')?;
        let pid = path.strip_prefix("/proc/")?.strip_suffix("/limits")?;
        let limit = limits.strip_prefix("Max open files")?;
        Some((pid, limit.split_whitespace().next()?.parse().ok()?))
    };
    sections.lines("limits").filter_map(limit).collect()
}

/// `Sat 2026-11-21 12:33:05 UTC` in seconds since the epoch.
fn seconds(timestamp: &str) -> Option<i64> {
    let mut words = timestamp.split_whitespace().skip(1);
    let numbers = |text: &str, separator: char| -> Option<Vec<i64>> {
        text.split(separator)
            .map(|part| part.parse().ok())
            .collect()
    };
    let date = numbers(words.next()?, '-')?;
    let time = numbers(words.next()?, ':')?;
    let ([year @ 1970..=9999, month @ 1..=12, day @ 1..=31], [hour, minute, second]) =
        (date.as_slice(), time.as_slice())
    else {
        return None;
    };
    // Days since the epoch, with years that begin in March so that the leap day is the last.
    let year = if *month <= 2 { year - 1 } else { *year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    let of_day = [*hour, *minute, *second]
        .iter()
        .try_fold(0_i64, |sum, part| sum.checked_mul(60)?.checked_add(*part))?;
    days.checked_mul(86_400)?.checked_add(of_day)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn timestamps_are_read() {
        assert_eq!(seconds("Thu 1970-01-01 00:00:00 UTC"), Some(0));
        assert_eq!(seconds("Sat 2026-11-21 12:33:05 UTC"), Some(1_795_264_385));
        assert_eq!(seconds("Thu 2024-02-29 23:59:59 UTC"), Some(1_709_251_199));
        assert_eq!(seconds("n/a"), None);
        assert_eq!(seconds(""), None);
        assert_eq!(seconds("x 2026-13-01 00:00:00 UTC"), None);
    }
}
