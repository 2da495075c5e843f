//! /etc/hosts: one block of it is ours, every other byte is left as it is.

/// The path of the file.
pub const HOSTS_PATH: &str = "/etc/hosts";

const BEGIN: &str = "# BEGIN mahout";
const END: &str = "# END mahout";

/// `present` with the block of `entries` (address and name) as its first lines, and without any
/// other block of ours; no entries, no block. Merging twice is merging once.
///
/// The block stands first because Debian's installer writes `127.0.1.1` beside the node's own
/// name, and for whoever asks for one address (`getent hosts`) the first match counts. Who asks
/// for all (`getaddrinfo`) still gets the loopback one, and first: where that matters the files
/// hold addresses.
pub fn merge(present: &str, entries: &[(String, String)]) -> String {
    let rest = without_block(present);
    if entries.is_empty() {
        return rest;
    }
    let width = entries.iter().map(|(address, _)| address.len()).max();
    let mut text = format!(
        "{BEGIN}\n# {}; other lines of this file stay as they are\n",
        super::MANAGED
    );
    for (address, name) in entries {
        text.push_str(&format!(
            "{address:<width$} {name}\n",
            width = width.unwrap_or(0)
        ));
    }
    text.push_str(END);
    text.push('\n');
    text + &rest
}

/// `text` without our markers and what a pair of them encloses. A marker that lost its partner
/// goes, too, but takes no line with it; so the result has none, and merging again finds none.
fn without_block(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    // The lines since the last open marker: they go when it is closed, else they stay.
    let mut open: Option<String> = None;
    for line in text.split_inclusive('\n') {
        match line.trim_end() {
            BEGIN => kept.push_str(&open.replace(String::new()).unwrap_or_default()),
            END => open = None,
            _ => open.as_mut().unwrap_or(&mut kept).push_str(line),
        }
    }
    kept + &open.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, merge};
    use proptest::prelude::*;

    fn entries() -> Vec<(String, String)> {
        [("10.0.0.11", "pg-1"), ("10.0.0.112", "pg-2")]
            .map(|(address, name)| (address.to_owned(), name.to_owned()))
            .to_vec()
    }

    #[test]
    fn the_block_stands_before_the_lines_that_would_hide_it() {
        let debian = "127.0.0.1\tlocalhost\n127.0.1.1\tpg-1\n";
        let merged = merge(debian, &entries());
        assert_eq!(
            merged,
            "# BEGIN mahout\n\
             # managed by mahout; changes made here are undone by the next deploy; other lines of \
             this file stay as they are\n\
             10.0.0.11  pg-1\n\
             10.0.0.112 pg-2\n\
             # END mahout\n\
             127.0.0.1\tlocalhost\n127.0.1.1\tpg-1\n"
        );
    }

    #[test]
    fn a_block_that_was_moved_or_doubled_is_replaced() {
        let moved = format!("a\n{BEGIN}\n10.9.9.9 old\n{END}\nb\n{BEGIN}\nold\n{END}\nc");
        let merged = merge(&moved, &entries());
        assert!(merged.ends_with(&format!("{END}\na\nb\nc")), "{merged}");
        assert_eq!(merged.matches(BEGIN).count(), 1);
    }

    #[test]
    fn a_marker_without_its_partner_takes_no_line_with_it() {
        for (text, rest) in [
            (format!("{END}\na\n"), "a\n"),
            (format!("a\n{BEGIN}\nb\n"), "a\nb\n"),
            (
                format!("{BEGIN}\na\n{BEGIN}\nold\n{END}\nb\n{END}\n"),
                "a\nb\n",
            ),
        ] {
            assert_eq!(merge(&text, &[]), rest);
        }
    }

    #[test]
    fn no_entries_take_the_block_away() {
        let text = "127.0.0.1 localhost\r\n\n# x";
        assert_eq!(merge(&merge(text, &entries()), &[]), text);
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(format!("{BEGIN}\n")),
            Just(format!("{END}\n")),
            Just(format!("{BEGIN}  \r\n")),
            Just(END.to_owned()),
            "[ -~\t]{0,20}\n",
            "[a-z]{0,5}",
        ]
    }

    proptest! {
        #[test]
        fn merging_is_idempotent_and_drops_no_foreign_line(
            lines in proptest::collection::vec(line(), 0..12),
        ) {
            let text = lines.concat();
            let once = merge(&text, &entries());
            prop_assert_eq!(merge(&once, &entries()), once.clone());
            let rest = merge(&text, &[]);
            prop_assert!(once.ends_with(&rest));
            let foreign: Vec<&str> = text
                .split_inclusive('\n')
                .filter(|line| ![BEGIN, END].contains(&line.trim_end()))
                .collect();
            if !text.contains(END) {
                prop_assert_eq!(rest, foreign.concat());
            }
        }

        #[test]
        fn lines_outside_a_pair_of_markers_stay(
            before in "([a-z #]{0,9}\n){0,4}",
            inside in "([a-z #]{0,9}\n){0,4}",
            after in "([a-z #]{0,9}\n){0,4}[a-z]{0,3}",
        ) {
            let text = format!("{before}{BEGIN}\n{inside}{END}\n{after}");
            prop_assert_eq!(merge(&text, &[]), before + &after);
        }
    }
}
