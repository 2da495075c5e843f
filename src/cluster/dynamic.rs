//! Compares dynamic configurations as Patroni does.

use serde_json::{Map, Value};

/// A key that is not as wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its path: `postgresql.parameters.max_connections`.
    pub path: String,
    /// What it is to be; null for not set.
    pub wanted: Value,
    /// What it is.
    pub present: Option<Value>,
}

/// The configuration of a new cluster: there is nothing yet that a null could take away.
pub fn without_nulls(config: &Map<String, Value>) -> Map<String, Value> {
    let set = config.iter().filter(|(_, value)| !value.is_null());
    set.map(|(key, value)| match value {
        Value::Object(inner) => (key.clone(), Value::Object(without_nulls(inner))),
        value => (key.clone(), value.clone()),
    })
    .collect()
}

/// The keys of `wanted` that `present` has otherwise. Nested maps are compared key by key,
/// everything else as a whole; what `wanted` does not name is not looked at.
pub fn differences(wanted: &Map<String, Value>, present: &Map<String, Value>) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", wanted, present, &mut found);
    found
}

fn compare(
    path: &str,
    wanted: &Map<String, Value>,
    present: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    let empty = Map::new();
    for (key, wanted) in wanted {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (wanted, present.get(key)) {
            (Value::Null, None) => {}
            (Value::Object(wanted), None) => compare(&path, wanted, &empty, found),
            (Value::Object(wanted), Some(Value::Object(present))) => {
                compare(&path, wanted, present, found);
            }
            (wanted, Some(present)) if same(wanted, present) => {}
            (wanted, present) => found.push(Difference {
                path,
                wanted: wanted.clone(),
                present: present.cloned(),
            }),
        }
    }
}

/// Whether Patroni takes the two for one value: `on`, `true` and `"yes"` are, so are `100` and
/// `"100"`, and `1GB` and `1024MB`.
pub fn same(one: &Value, other: &Value) -> bool {
    if let (Value::Array(one), Value::Array(other)) = (one, other) {
        return one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b));
    }
    let (Some(a), Some(b)) = (scalar(one), scalar(other)) else {
        return one == other;
    };
    a == b
        || truth(&a).is_some_and(|truth_of_a| truth(&b) == Some(truth_of_a))
        || quantity(&a).is_some_and(|quantity_of_a| quantity(&b) == Some(quantity_of_a))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Patroni's `parse_bool`.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A number in the smallest unit of its dimension: bytes, microseconds, or none. A number without
/// a unit is in the setting's own, which is not known here.
fn quantity(text: &str) -> Option<(f64, &'static str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+'))
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let (factor, dimension) = match text[end..].trim() {
        "" => (1.0, ""),
        "B" => (1.0, "bytes"),
        "kB" => (1024.0, "bytes"),
        "MB" => (1024.0 * 1024.0, "bytes"),
        "GB" => (1024.0 * 1024.0 * 1024.0, "bytes"),
        "TB" => (1024.0 * 1024.0 * 1024.0 * 1024.0, "bytes"),
        "us" => (1.0, "time"),
        "ms" => (1e3, "time"),
        "s" => (1e6, "time"),
        "min" => (60e6, "time"),
        "h" => (3600e6, "time"),
        "d" => (86400e6, "time"),
        _ => return None,
    };
    Some((number * factor, dimension))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{differences, same};

    #[test]
    fn spellings_of_one_value_are_the_same() {
        for (one, other) in [
            (json!(true), json!("on")),
            (json!("off"), json!("false")),
            (json!(100), json!("100")),
            (json!(0.9), json!("0.90")),
            (json!("1GB"), json!("1024MB")),
            (json!("5min"), json!("300s")),
            (json!("replica"), json!("replica")),
            (json!([1, "on"]), json!(["1", true])),
        ] {
            assert!(same(&one, &other), "{one} {other}");
        }
        for (one, other) in [
            (json!(true), json!("off")),
            (json!(100), json!(101)),
            (json!("1GB"), json!("1024")),
            (json!("1s"), json!("1B")),
            (json!("replica"), json!("logical")),
            (json!([1]), json!([1, 2])),
            (Value::Null, json!(0)),
            (json!({}), json!("")),
        ] {
            assert!(!same(&one, &other), "{one} {other}");
        }
    }

    #[test]
    fn only_what_is_wanted_is_compared() {
        let wanted = json!({
            "ttl": 30,
            "pause": null,
            "slots": null,
            "postgresql": {"use_slots": true, "parameters": {"max_connections": 100, "wal_level": "logical"}},
            "standby_cluster": {},
        });
        let present = json!({
            "ttl": 20, "loop_wait": 10, "slots": {"a": {}},
            "postgresql": {"use_slots": "yes", "parameters": {"wal_level": "replica"}},
        });
        let found = differences(
            wanted.as_object().expect("a map"),
            present.as_object().expect("a map"),
        );
        let shown: Vec<String> = found
            .iter()
            .map(|one| {
                format!(
                    "{} {} {:?}",
                    one.path,
                    one.wanted,
                    one.present.as_ref().map(Value::to_string)
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "postgresql.parameters.max_connections 100 None",
                r#"postgresql.parameters.wal_level "logical" Some("\"replica\"")"#,
                r#"slots null Some("{\"a\":{}}")"#,
                r#"ttl 30 Some("20")"#,
            ]
        );
    }
}
