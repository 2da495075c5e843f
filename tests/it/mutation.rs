//! Mistakes of every kind, made in a text that is right: a fixed seed, so that each run makes the
//! same ones.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// One change of a text.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    /// A line is left out.
    Leave(Index),
    /// A line stands twice, or somewhere else.
    Copy(Index, Index),
    /// A line is indented by some blanks more, or by a tab.
    Indent(Index, &'static str),
    /// What stands behind a line's colon is something else.
    Value(Index, &'static str),
    /// Something stands at a place.
    Insert(Index, &'static str),
    /// A word is another word of the text.
    Word(Index, Index),
    /// The text ends early.
    End(Index),
}

/// What trips up readers of YAML, JSON, CSV, base64 and of numbers.
const SNIPPETS: [&str; 36] = [
    "",
    " ",
    "\t",
    "\r",
    "\u{feff}",
    "\u{a0}",
    "é",
    "\u{200b}",
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!x ",
    "|",
    "'",
    "\"",
    "\\",
    "%",
    "@",
    "@end",
    "@ 200 http://x/config",
    "~",
    "null",
    "-1",
    "1e400",
    "18446744073709551616",
    "0x1f",
    "99999999999999999999s",
    "::",
    ",",
];

fn mutation() -> impl Strategy<Value = Mutation> {
    let snippet = || proptest::sample::select(SNIPPETS.to_vec());
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Mutation::Leave),
        (index(), index()).prop_map(|(from, to)| Mutation::Copy(from, to)),
        (index(), proptest::sample::select(vec![" ", "  ", "\t"]))
            .prop_map(|(line, by)| Mutation::Indent(line, by)),
        (index(), snippet()).prop_map(|(line, value)| Mutation::Value(line, value)),
        (index(), snippet()).prop_map(|(at, what)| Mutation::Insert(at, what)),
        (index(), index()).prop_map(|(word, other)| Mutation::Word(word, other)),
        index().prop_map(Mutation::End),
    ]
}

impl Mutation {
    fn apply(&self, text: &str) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.is_empty() {
            return text.to_owned();
        }
        let count = lines.len();
        match self {
            Self::Leave(line) => {
                lines.remove(line.index(count));
            }
            Self::Copy(from, to) => lines.insert(to.index(count), lines[from.index(count)].clone()),
            Self::Indent(line, by) => lines[line.index(count)].insert_str(0, by),
            Self::Value(line, value) => {
                let line = &mut lines[line.index(count)];
                if let Some(colon) = line.find(": ") {
                    line.replace_range(colon + 2.., value);
                }
            }
            Self::Insert(at, what) => {
                let at = text.floor_char_boundary(at.index(text.len() + 1));
                return format!("{}{what}{}", &text[..at], &text[at..]);
            }
            Self::Word(word, other) => {
                let words: Vec<&str> = text.split_whitespace().collect();
                let (Some(word), Some(other)) = (
                    words.get(word.index(words.len().max(1))),
                    words.get(other.index(words.len().max(1))),
                ) else {
                    return text.to_owned();
                };
                return text.replacen(word, other, 1);
            }
            Self::End(at) => {
                return text[..text.floor_char_boundary(at.index(text.len() + 1))].to_owned();
            }
        }
        lines.join("\n") + "\n"
    }
}

/// Runs `survives` on `cases` texts, each one of `texts` with one to six mistakes in it.
pub(crate) fn mutated(texts: &[String], cases: u32, survives: impl Fn(&str)) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let strategy = (
        proptest::sample::select(texts.to_vec()),
        prop::collection::vec(mutation(), 1..6),
    );
    let strategy = strategy.prop_map(|(text, mutations)| {
        let apply = |text: String, mutation: &Mutation| mutation.apply(&text);
        mutations.iter().fold(text, apply)
    });
    let result = runner.run(&strategy, |text| {
        survives(&text);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, text)) => panic!("{reason}\n{text}"),
        Err(abort) => panic!("{abort}"),
    }
}
