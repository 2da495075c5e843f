//! The difference of two texts, line by line, without their secrets.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::secret::Mask;
use crate::secret::mask::MASKED;

/// Unchanged lines around a change, as in every unified diff.
const CONTEXT: usize = 3;

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing.
    Same,
    /// It goes.
    Minus,
    /// It comes.
    Plus,
    /// Its secret changes; what is shown of it stays.
    Changed,
    /// Where a hunk stands: `@@ -1,7 +1,7 @@`.
    Hunk,
}

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) sign: Sign,
    pub(super) text: String,
}

impl Line {
    pub(super) fn new(sign: Sign, text: impl Into<String>) -> Self {
        Self {
            sign,
            text: text.into(),
        }
    }

    /// The line behind its sign with `gap` between the two.
    pub(super) fn show(&self, gap: &str) -> String {
        let sign = match self.sign {
            Sign::Same => " ",
            Sign::Minus => "-",
            Sign::Plus => "+",
            Sign::Changed => "~",
            Sign::Hunk => return self.text.clone(),
        };
        format!("{sign}{gap}{}", self.text).trim_end().to_owned()
    }
}

/// Every line of a new text.
pub(super) fn created(after: &str, mask: &Mask) -> Vec<Line> {
    mask.lines(after.strip_suffix('\n').unwrap_or(after))
        .into_iter()
        .map(|text| Line::new(Sign::Plus, text))
        .collect()
}

/// The hunks that lead from `before` to `after`; empty if the two are equal.
///
/// The texts are masked first and compared then, so that a line of which nothing but the secret
/// differs is one line that says so, not one that goes and one that comes.
pub(super) fn unified(before: &str, after: &str, mask: &Mask) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (split(before), split(after));
    let masked = |lines: &[&str]| match lines {
        [] => Vec::new(),
        lines => mask.lines(&lines.join("\n")),
    };
    let (old_shown, new_shown) = (masked(&old), masked(&new));
    let mut lines = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &old_shown, &new_shown) {
        if let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        {
            for at in 0..len {
                let shown = &old_shown[old_index + at];
                lines.push(if old[old_index + at] == new[new_index + at] {
                    Line::new(Sign::Same, shown)
                } else {
                    let changed = MASKED.replace(')', ", changed)");
                    Line::new(Sign::Changed, shown.replacen(MASKED, &changed, 1))
                });
            }
            continue;
        }
        lines.extend(
            old_shown[op.old_range()]
                .iter()
                .map(|text| Line::new(Sign::Minus, text)),
        );
        lines.extend(
            new_shown[op.new_range()]
                .iter()
                .map(|text| Line::new(Sign::Plus, text)),
        );
    }
    if before != after && lines.iter().all(|line| line.sign == Sign::Same) {
        return vec![Line::new(Sign::Changed, "(the end of the last line)")];
    }
    hunks(&lines)
}

fn split(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    text.strip_suffix('\n')
        .unwrap_or(text)
        .split('\n')
        .collect()
}

/// The changed lines with their context, each group behind its header.
fn hunks(lines: &[Line]) -> Vec<Line> {
    let changes: Vec<usize> = (0..lines.len())
        .filter(|&at| lines[at].sign != Sign::Same)
        .collect();
    let mut shown = Vec::new();
    let mut rest = changes.as_slice();
    while let Some(&first) = rest.first() {
        let near = rest
            .windows(2)
            .take_while(|pair| pair[1] - pair[0] <= 2 * CONTEXT + 1)
            .count();
        let start = first.saturating_sub(CONTEXT);
        let end = (rest[near] + CONTEXT + 1).min(lines.len());
        shown.push(Line::new(Sign::Hunk, header(lines, start, end)));
        shown.extend_from_slice(&lines[start..end]);
        rest = &rest[near + 1..];
    }
    shown
}

fn header(lines: &[Line], start: usize, end: usize) -> String {
    let count =
        |lines: &[Line], other: Sign| lines.iter().filter(|line| line.sign != other).count();
    let range = |other: Sign| {
        let (before, len) = (
            count(&lines[..start], other),
            count(&lines[start..end], other),
        );
        // GNU diff: an empty range names the line before it.
        let first = if len == 0 { before } else { before + 1 };
        format!("{first},{len}")
    };
    format!("@@ -{} +{} @@", range(Sign::Plus), range(Sign::Minus))
}

#[cfg(test)]
mod tests {
    use super::{created, unified};
    use crate::secret::{Mask, Secret};

    fn shown(before: &str, after: &str) -> Vec<String> {
        unified(before, after, &Mask::new([&Secret::new("s3cr3t-one")]))
            .iter()
            .map(|line| line.show(""))
            .collect()
    }

    #[test]
    fn hunks_are_those_of_a_unified_diff() {
        let before: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let after = before
            .replace("line 2\n", "line two\n")
            .replace("line 19\n", "");
        assert_eq!(
            shown(&before, &after),
            [
                "@@ -1,5 +1,5 @@",
                " line 1",
                "-line 2",
                "+line two",
                " line 3",
                " line 4",
                " line 5",
                "@@ -16,5 +16,4 @@",
                " line 16",
                " line 17",
                " line 18",
                "-line 19",
                " line 20",
            ]
        );
        assert_eq!(shown("", "a\n"), ["@@ -0,0 +1,1 @@", "+a"]);
        assert!(shown("a\n", "a\n").is_empty());
        assert_eq!(shown("a", "a\n"), ["~(the end of the last line)"]);
    }

    #[test]
    fn changes_nearer_than_their_context_share_a_hunk() {
        let before: String = (1..=12).map(|n| format!("{n}\n")).collect();
        let near = before.replace("2\n3\n", "2\nx\n").replace("10\n", "y\n");
        assert_eq!(
            shown(&before, &near)
                .iter()
                .filter(|line| line.starts_with("@@"))
                .count(),
            1
        );
    }

    #[test]
    fn a_changed_secret_is_one_line() {
        assert_eq!(
            shown(
                "ttl: 20\npassword: old\nkey: s3cr3t-one\n",
                "ttl: 30\npassword: new\nkey: s3cr3t-one\n"
            ),
            [
                "@@ -1,3 +1,3 @@",
                "-ttl: 20",
                "+ttl: 30",
                "~password: (secret, changed)",
                " key: (secret)"
            ]
        );
        let lines = created("password: x\n", &Mask::default());
        assert_eq!(lines[0].show("  "), "+  password: (secret)");
    }
}
