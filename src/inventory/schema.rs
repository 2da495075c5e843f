//! The inventory as JSON Schema, for editors: made of the declarations by which it is read, so that
//! neither knows a key that the other does not.
//!
//! It says which keys there are, what each is, where it may stand and what it takes. Whether values
//! fit each other is for `mahout check` alone, and so is how a text has to look.

use serde_json::{Map, Value, json};

use super::decode::Decode as _;
use super::section::{Key, Level, Presence};

/// The schema of a whole inventory.
pub fn schema() -> Value {
    let mut schema = super::Sections::schema(Level::Cluster);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("inventory of mahout");
    schema
}

/// A map of those of `keys` that may stand at `level`, and of no others.
pub(super) fn section(keys: &[Key], level: Level) -> Value {
    let allowed = || keys.iter().filter(|key| level.allows(key.level));
    let properties: Map<String, Value> = allowed()
        .map(|key| {
            let mut schema = (key.schema)(level);
            schema["description"] = json!(key.doc.trim());
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = allowed()
        .filter(|key| key.presence == Presence::Required)
        .map(|key| key.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// One of `words`. Editors read YAML 1.1 or 1.2: `on` is a text in one and true in the other.
pub(super) fn words(words: &[&str]) -> Value {
    let mut allowed: Vec<Value> = words.iter().map(|word| json!(word)).collect();
    for (spellings, value) in [
        (["on", "true", "yes"], true),
        (["off", "false", "no"], false),
    ] {
        if spellings.iter().any(|spelling| words.contains(spelling)) {
            allowed.push(json!(value));
        }
    }
    json!({"enum": allowed})
}

/// A single value, which YAML may take for anything.
pub(super) fn scalar() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

/// A number, or one with its unit.
pub(super) fn quantity() -> Value {
    json!({"type": ["integer", "string"]})
}

/// A text that cannot be taken for anything else.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}
