//! Times and sizes with their units.

use std::time::Duration;

use super::decode::{Decode, Decoder};
use super::schema;
use super::section::Level;
use super::value::Value;

/// Units of time: PostgreSQL's own words, and the single letters of HAProxy and systemd.
const TIMES: [(&str, u64); 11] = [
    ("ms", 1),
    ("s", 1_000),
    ("sec", 1_000),
    ("m", 60_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("hour", 3_600_000),
    ("hours", 3_600_000),
    ("d", 86_400_000),
    ("day", 86_400_000),
    ("days", 86_400_000),
];

/// Units of size as PostgreSQL counts them: 1 MB is 2^20 bytes.
const SIZES: [(&str, u32); 9] = [
    ("b", 0),
    ("kb", 10),
    ("kib", 10),
    ("mb", 20),
    ("mib", 20),
    ("gb", 30),
    ("gib", 30),
    ("tb", 40),
    ("tib", 40),
];

/// A time: `30` and `30s` are seconds; also `100ms`, `5min`, `1h`, `1d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let milliseconds = match unit {
        "" => 1_000,
        unit => TIMES.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

/// A size in bytes: a bare number counts bytes; `64MB` and `1GB` as PostgreSQL counts them.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" => 0,
        unit => SIZES.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.checked_mul(1_u64.checked_shl(shift)?)
}

/// A time as people write it: the largest unit that divides it.
pub fn show_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (unit, length) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("min", 60_000),
        ("s", 1_000),
    ] {
        if milliseconds > 0 && milliseconds.is_multiple_of(length) {
            return format!("{}{unit}", milliseconds / length);
        }
    }
    match milliseconds {
        0 => "0s".to_owned(),
        milliseconds => format!("{milliseconds}ms"),
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

impl Decode for Duration {
    fn schema(_: Level) -> serde_json::Value {
        schema::quantity()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        const WANTED: &str = "a time such as 30, 30s, 500ms, 5min or 1h";
        let parsed = parse_duration(&decoder.scalar(value, WANTED)?.text);
        if parsed.is_none() {
            let problem = decoder.mistyped(value, WANTED);
            if problem.hint.is_none() {
                problem.hint("a whole number and ms, s, min, h or d; a year is 365d");
            }
        }
        parsed
    }
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Decode for Size {
    fn schema(_: Level) -> serde_json::Value {
        schema::quantity()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        const WANTED: &str = "a size such as 64MB or 1GB, or a number of bytes";
        let parsed = parse_size(&decoder.scalar(value, WANTED)?.text);
        if parsed.is_none() {
            let problem = decoder.mistyped(value, WANTED);
            if problem.hint.is_none() {
                problem.hint("a whole number and kB, MB, GB or TB");
            }
        }
        parsed.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{parse_duration, parse_size, show_duration};

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        for (text, milliseconds) in [
            ("30", 30_000),
            ("30s", 30_000),
            ("100ms", 100),
            ("5min", 300_000),
            ("30m", 1_800_000),
            ("1h", 3_600_000),
            ("2 d", 172_800_000),
            ("0", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "s",
            "-1",
            "1.5s",
            "3 weeks",
            "30S",
            "99999999999999999999",
            "18446744073709551615d",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_megabyte_is_postgresqls() {
        for (text, bytes) in [
            ("1048576", 1 << 20),
            ("1MB", 1 << 20),
            ("16 MB", 16 << 20),
            ("8kB", 8 << 10),
            ("1GiB", 1 << 30),
            ("2TB", 2 << 40),
        ] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "MB", "1.5GB", "-1", "1M", "99999999TB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_shown_in_its_largest_whole_unit() {
        for (milliseconds, text) in [
            (0, "0s"),
            (100, "100ms"),
            (1_500, "1500ms"),
            (90_000, "90s"),
            (300_000, "5min"),
            (86_400_000, "1d"),
        ] {
            assert_eq!(show_duration(Duration::from_millis(milliseconds)), text);
        }
    }
}
