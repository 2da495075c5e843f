//! YAML into a [`Value`] tree: the one place that knows the YAML library.
//!
//! The library gives positions, merge keys, budgets against documents that grow as they are
//! read, and every repeated key. It never renders an excerpt for us: neighbouring lines could
//! hold a password, and [`super::excerpt`] masks those.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::problem::{Problems, Span, Spanned};
use super::syntax::syntax;
use super::value::{Entry, Form, Kind, Scalar, Value};

/// How deep lists and maps may be nested.
const DEEPEST: usize = 32;
/// How many values there may be, those that aliases repeat counted each time.
const MOST_VALUES: usize = 100_000;

/// Reads `text`, which is a map. Repeated keys and keys that are no text are reported, and their
/// first occurrence is kept; a text that is not YAML at all gives the one problem that stops the
/// reader.
pub(super) fn read(text: &str, problems: &mut Problems) -> Option<Value> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_nodes: MOST_VALUES,
            max_documents: 2,
            // One anchor that five hundred nodes refer to is no attack; MOST_VALUES bounds it.
            enforce_alias_anchor_ratio: false,
        },
        // Else the number of comment lines in a row is limited.
        emit_comments: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let raw: serde_saphyr::Spanned<Raw> = match serde_saphyr::from_str_with_options(text, options) {
        Ok(raw) => raw,
        Err(error) => {
            syntax(&error, text, problems);
            return None;
        }
    };
    let value = tree(raw, text, problems);
    match &value.kind {
        Kind::Map(_) => Some(value),
        Kind::Null => {
            problems
                .error(None, "the inventory is empty")
                .hint("`mahout init` writes a starter; the least is `scope` and three `nodes`");
            None
        }
        _ => {
            problems
                .error(
                    value.span,
                    "an inventory is a map of keys: `scope`, `nodes`, …",
                )
                .hint("`mahout init` writes a starter");
            None
        }
    }
}

/// What the library hands over, in its own order.
enum Raw {
    Null,
    Boolean(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<serde_saphyr::Spanned<Raw>>),
    Map(Vec<(serde_saphyr::Spanned<Raw>, serde_saphyr::Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(match serde_json::Number::from_f64(value) {
            Some(number) => Raw::Number(number),
            None => Raw::Text(value.to_string()),
        })
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn tree(raw: serde_saphyr::Spanned<Raw>, text: &str, problems: &mut Problems) -> Value {
    let span = span(&raw.defined, text);
    // The text as typed: YAML would make 0755 of 755, true of `on`.
    let typed = || {
        text.get(span.start..span.end)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Boolean(value) => Kind::Scalar(Scalar {
            text: typed(),
            form: Form::Boolean(value),
        }),
        Raw::Number(number) => Kind::Scalar(Scalar {
            text: typed(),
            form: Form::Number(number),
        }),
        Raw::Text(text) => Kind::Scalar(Scalar {
            text,
            form: Form::Text,
        }),
        Raw::List(items) => Kind::List(
            items
                .into_iter()
                .map(|item| tree(item, text, problems))
                .collect(),
        ),
        Raw::Map(entries) => {
            let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
            let mut first = std::collections::HashMap::new();
            for (key, value) in entries {
                let key = tree(key, text, problems);
                let value = tree(value, text, problems);
                let Kind::Scalar(scalar) = key.kind else {
                    problems
                        .error(key.span, "a key must be a word")
                        .hint("a value that begins with `{` or `[` needs quotes");
                    continue;
                };
                match first.get(&scalar.text) {
                    Some(before) => {
                        problems
                            .error(key.span, format!("`{}` is set twice", scalar.text))
                            .hint("remove one of the two")
                            .also(*before, "first set here");
                    }
                    None => {
                        first.insert(scalar.text.clone(), key.span);
                        let key = Spanned {
                            value: scalar.text,
                            span: key.span,
                        };
                        kept.push(Entry { key, value });
                    }
                }
            }
            Kind::Map(kept)
        }
    };
    Value { span, kind }
}

pub(super) fn span(location: &serde_saphyr::Location, text: &str) -> Span {
    let line = usize::try_from(location.line())
        .unwrap_or(usize::MAX)
        .max(1);
    let column = usize::try_from(location.column())
        .unwrap_or(usize::MAX)
        .max(1);
    let bytes = location.span();
    let start = match bytes.byte_offset() {
        Some(start) => clamp(start, text),
        // Errors of the scanner come with line and column only.
        None => offset(line, column, text),
    };
    let length = bytes.byte_len().unwrap_or_default();
    let end = clamp(start as u64 + length, text);
    Span {
        start,
        end,
        line,
        column,
    }
}

/// The byte at which a line's column is.
fn offset(line: usize, column: usize, text: &str) -> usize {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line - 1).map(str::len).sum();
    let rest = lines.next().unwrap_or_default();
    let inside = rest
        .char_indices()
        .nth(column - 1)
        .map_or(rest.trim_end().len(), |(at, _)| at);
    (before + inside).min(text.len())
}

/// The nearest boundary of a character at or before `byte`.
fn clamp(byte: u64, text: &str) -> usize {
    let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
    text.floor_char_boundary(byte)
}
