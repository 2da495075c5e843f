//! Values that are passed on as they are.

use serde_json::json;

use super::decode::{Decode, Decoder};
use super::schema;
use super::section::Level;
use super::value::{Kind, Value};

/// A value without keys of its own, as PostgreSQL, Patroni's tags and sysctl take them.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its text as typed.
    pub text: String,
    /// What YAML takes it for.
    pub json: serde_json::Value,
}

impl Decode for Setting {
    fn schema(_: Level) -> serde_json::Value {
        json!({"anyOf": [schema::scalar(), {"type": "array", "items": schema::scalar()}]})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        let json = value.to_json();
        match &value.kind {
            Kind::Scalar(scalar) if !scalar.text.contains(['\n', '\0']) => Some(Self {
                text: scalar.text.clone(),
                json,
            }),
            // `shared_preload_libraries: [a, b]` is how a list is written in YAML.
            Kind::List(items) => {
                let texts: Option<Vec<String>> = items
                    .iter()
                    .map(|item| String::decode(item, decoder))
                    .collect();
                let text = texts?.join(", ");
                Some(Self {
                    json: text.clone().into(),
                    text,
                })
            }
            _ => {
                decoder.mistyped(value, "a single value on one line");
                None
            }
        }
    }
}

/// A map that is passed through as it is, typed as YAML.
#[derive(Clone, Debug, PartialEq)]
pub struct Free(pub Value);

impl Decode for Free {
    fn schema(_: Level) -> serde_json::Value {
        json!({"type": "object"})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        decoder.map(value, "a map")?;
        Some(Self(value.clone()))
    }

    fn over(self, base: Self) -> Self {
        Self(self.0.over(base.0))
    }
}

/// A list that is passed through as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct FreeList(pub Vec<Value>);

impl Decode for FreeList {
    fn schema(_: Level) -> serde_json::Value {
        json!({"type": "array"})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        match &value.kind {
            Kind::List(items) => Some(Self(items.clone())),
            _ => {
                decoder.mistyped(value, "a list");
                None
            }
        }
    }
}
