//! The YAML of an inventory as a tree in which every key and value knows where it stands.

use super::problem::{Span, Spanned};

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Where it stands; of a block list or map, its first entry.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A key without a value, `~` or `null`.
    Null,
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Value>),
    /// A map; every key once.
    Map(Vec<Entry>),
}

/// A single value.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// Its text as it was typed, without quotes: `0755`, `1.10` and `on` stay what they are.
    pub text: String,
    /// What YAML takes it for.
    pub form: Form,
}

/// What YAML takes a scalar for.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// `true`, `on`, `yes`, and their opposites, without quotes.
    Boolean(bool),
    /// A number without quotes.
    Number(serde_json::Number),
    /// All else.
    Text,
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its key.
    pub key: Spanned<String>,
    /// Its value.
    pub value: Value,
}

impl Value {
    /// The entry of a map.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|entry| entry.key.value == key),
            _ => None,
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value as JSON, which is how Patroni keeps what is passed through to it.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.kind {
            Kind::Null => Json::Null,
            Kind::Scalar(scalar) => match &scalar.form {
                Form::Boolean(value) => Json::Bool(*value),
                Form::Number(number) => Json::Number(number.clone()),
                Form::Text => Json::String(scalar.text.clone()),
            },
            Kind::List(items) => Json::Array(items.iter().map(Value::to_json).collect()),
            Kind::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.value.clone(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }

    /// Lays `self` over `base`: maps are joined key by key, all else of `self` wins.
    #[must_use]
    pub fn over(self, base: Value) -> Value {
        let Value { span, kind } = self;
        let kind = match (kind, base.kind) {
            (Kind::Map(entries), Kind::Map(mut joined)) => {
                for entry in entries {
                    match joined
                        .iter_mut()
                        .find(|below| below.key.value == entry.key.value)
                    {
                        Some(below) => {
                            below.key = entry.key;
                            below.value = entry.value.over(below.value.clone());
                        }
                        None => joined.push(entry),
                    }
                }
                Kind::Map(joined)
            }
            (kind, _) => kind,
        };
        Value { span, kind }
    }
}
