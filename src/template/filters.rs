//! The filters of our templates: no text of the inventory reaches a file without one where the
//! file's syntax could take it for something else.

use std::collections::BTreeMap;

use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

/// How each refusal of a filter begins; what follows never quotes the value.
pub(super) const REFUSED: &str = "filter";

pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("yaml", yaml);
    tera.register_filter("env", env);
    tera.register_filter("haproxy", haproxy);
}

/// `{{ map | yaml }}`: the map in YAML block style, its keys sorted.
///
/// `only=[…]` takes these keys, in this order, as far as the map has them; `except=[…]` takes all
/// others. Nothing is written where nothing is left.
fn yaml(value: Value, arguments: Kwargs, _: &State) -> TeraResult<String> {
    let Some(map) = value.as_map() else {
        return refuse("`yaml` takes a map");
    };
    // The engine's own map has no order.
    let map: BTreeMap<String, &Value> = map
        .iter()
        .map(|(key, value)| (key.to_string(), value))
        .collect();
    let only: Option<Vec<String>> = arguments.get("only")?;
    let except: Option<Vec<String>> = arguments.get("except")?;
    let keys: Vec<String> = match (only, except) {
        (Some(only), None) => only
            .into_iter()
            .filter(|key| map.contains_key(key))
            .collect(),
        (None, Some(except)) => map
            .keys()
            .filter(|key| !except.contains(key))
            .cloned()
            .collect(),
        (None, None) => map.keys().cloned().collect(),
        (Some(_), Some(_)) => return refuse("`yaml` takes `only` or `except`, not both"),
    };
    let mut text = String::new();
    for key in keys {
        // Only what is written is converted, to a map of serde_json's: that is sorted.
        let Ok(value) = serde_json::to_value(map[&key]) else {
            return refuse("`yaml` cannot write this value");
        };
        match to_yaml(&BTreeMap::from([(&key, &value)])) {
            Some(yaml) => text.push_str(&yaml),
            None => return refuse("`yaml` cannot write this value"),
        }
    }
    Ok(text.trim_end_matches('\n').to_owned())
}

/// YAML that PyYAML, with which Patroni reads it, understands as it is meant. Block scalars are
/// off: PyYAML takes one that begins with a tab for something else.
fn to_yaml(value: &impl serde::Serialize) -> Option<String> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options).ok()
}

/// `{{ text | env }}`: a value of systemd's `EnvironmentFile=`, in double quotes. A shell that
/// sources the file reads the same.
fn env(value: Value, _: Kwargs, _: &State) -> TeraResult<String> {
    if value.is_undefined() || value.is_map() || value.is_array() {
        return refuse("`env` takes a text or a number");
    }
    let text = value.to_string();
    if text.chars().any(char::is_control) {
        return refuse("`env` takes no control characters: they end the line");
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    Ok(quoted)
}

/// `{{ text | haproxy }}`: one word of haproxy.cfg, in single quotes unless it is plain anyway.
fn haproxy(value: Value, _: Kwargs, _: &State) -> TeraResult<String> {
    let text = value.to_string();
    if value.is_undefined() || value.is_map() || value.is_array() {
        return refuse("`haproxy` takes a text or a number");
    }
    if text.chars().any(char::is_control) {
        return refuse("`haproxy` takes no control characters: they end the line");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text);
    }
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

fn refuse<T>(why: &str) -> TeraResult<T> {
    Err(Error::message(format!("{REFUSED} {why}")))
}
