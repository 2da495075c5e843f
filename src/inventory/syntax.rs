//! What stops the reader, in the words of somebody who edits a file, not of a parser.

use super::problem::{Problem, Problems, Span};
use super::yaml::span;

/// Says why `text` is not YAML.
pub(super) fn syntax(error: &serde_saphyr::Error, text: &str, problems: &mut Problems) {
    let mut place = error.location().map(|location| span(&location, text));
    let said = error.to_string();
    if said.contains("found a tab") {
        place = place.map(|place| tab(text, place));
    }
    let said = said.split(" at line ").next().unwrap_or_default();
    let (message, mut hint) = reworded(said);
    if let Some(clue) = place.and_then(|place| clue(text, place.line)) {
        hint = clue;
    }
    let problem: &mut Problem = problems.error(place, message);
    problem.hint(hint);
}

/// The tab that indents a line from `place` on: the parser names the value before it.
fn tab(text: &str, place: Span) -> Span {
    let mut start = 0;
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let indent = line.len() - line.trim_start().len();
        if let Some(tab) = line.get(..indent).and_then(|indent| indent.find('\t'))
            && at + 1 >= place.line
        {
            return Span {
                start: start + tab,
                end: start + tab + 1,
                line: at + 1,
                column: tab + 1,
            };
        }
        start += line.len();
    }
    place
}

/// What the lines say that the parser does not: it often stumbles a line behind the mistake.
fn clue(text: &str, line: usize) -> Option<&'static str> {
    let conflict = ["<<<<<<< ", ">>>>>>> "];
    if text
        .lines()
        .any(|line| conflict.iter().any(|mark| line.starts_with(mark)))
    {
        return Some("lines with `<<<<<<<` and `>>>>>>>` are an unresolved conflict of a merge");
    }
    let lines: Vec<&str> = text.lines().take(line).collect();
    let before = lines
        .iter()
        .rev()
        .skip(1)
        .map(|line| line.trim())
        .find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    if before.contains('：') {
        Some("the colon in the line above is a wide one (U+FF1A); YAML knows `:` only")
    } else if before.starts_with("//") {
        Some("the line above is no comment: YAML's begin with `#`")
    } else if before.starts_with('[') && before.ends_with(']') {
        Some("this is the INI format; an inventory is YAML, and `mahout init` writes a starter")
    } else if before.split_once(':').is_some_and(|(key, value)| {
        !key.is_empty()
            && key.chars().all(is_key)
            && value.starts_with(|c: char| !c.is_whitespace())
    }) {
        Some("the key in the line above needs a blank behind its colon")
    } else {
        None
    }
}

/// What helps against a text that is not YAML at all.
const UNKNOWN: &str =
    "an inventory is YAML, `key: value`; `mahout init` writes a starter to compare with";

/// The library's words, what we say instead, and the remedy.
const WORDS: [(&str, &str, &str); 23] = [
    (
        "tabs disallowed",
        "a tab in the indentation",
        "YAML is indented with spaces only",
    ),
    (
        "multiple YAML documents",
        "a second document begins here",
        "an inventory is one document; remove the `---` or `...`",
    ),
    (
        "budget breached",
        "too many values, or too deeply nested, for an inventory",
        "aliases (`*name`) repeat what they stand for: nested ones grow without bounds",
    ),
    (
        "alias replay",
        "too many aliases for an inventory",
        "aliases (`*name`) repeat what they stand for: nested ones grow without bounds",
    ),
    (
        "recursion limit",
        "too deeply nested for an inventory",
        "no key of it is deeper than ten levels",
    ),
    (
        "alias references unknown anchor",
        "no `&name` comes before this `*name`",
        "a value that begins with `*` needs quotes",
    ),
    (
        "mapping values are not allowed",
        "a colon that cannot stand here",
        "a value that contains `: ` needs quotes; else the indentation above is wrong",
    ),
    (
        "illegal placement of ':'",
        "a colon inside of a bracket that is still open",
        "a `[` or `{` above is never closed",
    ),
    (
        "unexpected character",
        "a value cannot begin with this character",
        "put the value in quotes",
    ),
    (
        "unclosed quote",
        "this quote is never closed",
        "close it on the same line",
    ),
    (
        "unclosed bracket",
        "this bracket is never closed",
        "close it with its counterpart",
    ),
    (
        "mismatched bracket",
        "this bracket closes another one than was opened",
        "`[` is closed by `]`, `{` by `}`",
    ),
    (
        "did not find expected key",
        "this line is neither a key of the map above nor indented as part of a value",
        "keys of one map begin in the same column",
    ),
    (
        "unsupported tag",
        "a tag (`!name`) means nothing in an inventory",
        "an inventory is one file; secrets are referred to by `env:`, `file:` or `command:`",
    ),
    (
        "found a tab",
        "a tab in the indentation",
        "YAML is indented with spaces only",
    ),
    (
        "did not find expected ',' or '}'",
        "a comma or a `}` is missing before this",
        "what stands between `{` and `}` is separated by commas; a value with `{` in it needs quotes",
    ),
    (
        "did not find expected ',' or ']'",
        "a comma or a `]` is missing before this",
        "what stands between `[` and `]` is separated by commas; a value with `[` in it needs quotes",
    ),
    (
        "did not find expected '-' indicator",
        "this line is no item of the list above",
        "either every line begins with `- `, or none does",
    ),
    (
        "expected <document start>",
        "this line is no `key: value`",
        UNKNOWN,
    ),
    (
        "merge value",
        "`<<` takes a map",
        "mark the map with `&name` where it stands, and write `<<: *name`",
    ),
    (
        "invalid trailing content after",
        "text behind the closing quote",
        "within '…' a quote is written twice (''), or put the value in \"…\"",
    ),
    (
        "while parsing a quoted scalar",
        "a backslash within \"…\" that means nothing",
        "put the value in '…', where a backslash is one",
    ),
    (
        "unexpected EOF",
        "a bracket that is never closed, or a comma too many",
        "`[` is closed by `]`, `{` by `}`",
    ),
];

fn reworded(said: &str) -> (String, &'static str) {
    WORDS
        .iter()
        .find(|(theirs, ..)| said.contains(theirs))
        .map_or_else(
            || (said.to_owned(), UNKNOWN),
            |(_, ours, hint)| ((*ours).to_owned(), *hint),
        )
}
