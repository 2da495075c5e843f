//! Quantities in words.

/// A size in powers of two, one digit after the point: `512 B`, `20.0 KiB`, `1.7 GiB`.
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    let mut value = size as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Names behind each other: `pg-1, pg-2`.
pub fn list<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    names.join(", ")
}

/// Names of nodes behind each other, as many as can be read at a glance:
/// `pg-1, pg-2, pg-3, pg-4, pg-5 and 45 more`.
pub fn nodes<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<T> = names.into_iter().collect();
    // One more needs no more room than to say so.
    if names.len() <= SHOWN + 1 {
        return list(names);
    }
    let more = names.len() - SHOWN;
    format!("{} and {more} more", list(names.into_iter().take(SHOWN)))
}

/// A number with its noun: `1 node`, `3 nodes`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, nodes};

    #[test]
    fn sizes_are_rounded_to_one_digit() {
        for (size, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (20 << 10, "20.0 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1_825_361_100, "1.7 GiB"),
            (3 << 50, "3.0 PiB"),
        ] {
            assert_eq!(bytes(size), shown);
        }
    }

    #[test]
    fn of_many_nodes_some_are_named() {
        assert_eq!(nodes(1..=6), "1, 2, 3, 4, 5, 6");
        assert_eq!(nodes(1..=50), "1, 2, 3, 4, 5 and 45 more");
    }

    #[test]
    fn a_noun_follows_its_number() {
        assert_eq!(
            (count(1, "node"), count(0, "node")),
            ("1 node".to_owned(), "0 nodes".to_owned())
        );
    }
}
