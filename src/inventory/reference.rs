//! References to secrets. The inventory never holds one itself.

use super::decode::{Decode, Decoder};
use super::schema;
use super::section::Level;
use super::value::Value;

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// `generated`: made on the first deploy.
    Generated,
    /// `none`: there is none.
    None,
    /// `env:NAME`.
    Environment(String),
    /// `file:PATH`.
    File(String),
    /// `command:LINE`.
    Command(String),
}

const REMEDY: &str = "write `env:NAME`, `file:PATH` or `command:LINE`, or leave it out to have one \
                      generated";

impl Decode for SecretRef {
    fn schema(_: Level) -> serde_json::Value {
        schema::text()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        let scalar = decoder.scalar(value, "a reference to a secret")?;
        let path = decoder.path();
        let text = scalar.text.trim();
        match text {
            "generated" => return Some(Self::Generated),
            "none" => return Some(Self::None),
            _ => {}
        }
        let Some((kind @ ("env" | "file" | "command"), what)) = text.split_once(':') else {
            let message = if text.is_empty() {
                format!("`{path}` is empty, and so would be the password")
            } else {
                format!("`{path}` holds the password itself, where everyone can read it")
            };
            decoder.problems.error(value.span, message).hint(REMEDY);
            return None;
        };
        let what = what.trim();
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let valid = match kind {
            "env" => what.chars().all(name) && !what.starts_with(|c: char| c.is_ascii_digit()),
            _ => !what.chars().any(char::is_control),
        };
        if what.is_empty() || !valid {
            let message = match kind {
                "env" => format!("`{path}`: what follows `env:` is not a variable's name"),
                "file" => format!("`{path}`: what follows `file:` is not a path"),
                _ => format!("`{path}`: what follows `command:` is not a command line"),
            };
            decoder.problems.error(value.span, message).hint(REMEDY);
            return None;
        }
        let what = what.to_owned();
        Some(match kind {
            "env" => Self::Environment(what),
            "file" => Self::File(what),
            _ => Self::Command(what),
        })
    }
}
