//! The JSON Schema, held to what the parser takes and refuses.

use mahout::inventory::{Source, parse, schema};
use serde_json::Value;

use super::file;
use super::reference::{known, uncommented};

/// What `schema` does not allow in `value`, with the way there. A keyword that this does not know
/// is a failure.
fn refusals(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut refuse = |holds: bool, keyword: &str| {
        if !holds {
            found.push(format!("{path}: {keyword}"));
        }
    };
    let mut below = Vec::new();
    for (keyword, rule) in schema.as_object().expect("a schema") {
        match keyword.as_str() {
            "$schema" | "title" | "description" | "properties" => {}
            "type" => {
                let is = |name: &Value| match name.as_str().expect("a name") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "number" => value.is_number(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("type {other}"),
                };
                let names = rule
                    .as_array()
                    .map_or(std::slice::from_ref(rule), Vec::as_slice);
                refuse(names.iter().any(is), keyword);
            }
            "enum" => refuse(rule.as_array().expect("a list").contains(value), keyword),
            "minimum" => refuse(value.as_u64() >= rule.as_u64(), keyword),
            "maximum" => refuse(value.as_u64() <= rule.as_u64(), keyword),
            "required" => {
                let names = rule.as_array().expect("a list");
                let there = |name: &Value| value.get(name.as_str().expect("a name")).is_some();
                refuse(names.iter().all(there), keyword);
            }
            "anyOf" => {
                let choices = rule.as_array().expect("a list");
                let takes = |choice: &Value| refusals(choice, value, path).is_empty();
                refuse(choices.iter().any(takes), keyword);
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    below.extend(refusals(rule, item, path));
                }
            }
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let rule = schema
                        .pointer("/properties")
                        .and_then(|all| all.get(name))
                        .unwrap_or(rule);
                    let path = format!("{path}.{name}");
                    match rule {
                        Value::Bool(false) => below.push(format!("{path}: no such key")),
                        rule => below.extend(refusals(rule, value, &path)),
                    }
                }
            }
            other => panic!("{other}"),
        }
    }
    found.extend(below);
    found
}

/// What the parser says of `text`, and what the schema does.
fn judged(text: &str) -> (Vec<String>, Vec<String>) {
    let path = std::path::Path::new("inventory.yml");
    let Ok(source) = Source::from_bytes(path, None, text.into()) else {
        return Default::default();
    };
    let inventory = parse(source);
    let problems = inventory.problems.into_sorted();
    let messages = problems
        .into_iter()
        .map(|problem| problem.message)
        .collect();
    let Some(tree) = inventory.tree else {
        return (messages, Vec::new());
    };
    (messages, refusals(&schema(), &tree.to_json(), ""))
}

/// The schema of a key by the names on the way to it; those of nodes and groups are left out.
fn at<'a>(schema: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let [name, rest @ ..] = path else {
        return Some(schema);
    };
    let named = schema.get("properties").and_then(|all| all.get(*name));
    let choices = schema.get("anyOf").and_then(Value::as_array);
    named.and_then(|named| at(named, rest)).or_else(|| {
        let free = schema
            .get("additionalProperties")
            .filter(|free| free.is_object());
        let mut within = free
            .into_iter()
            .chain(schema.get("items"))
            .chain(choices.into_iter().flatten());
        within.find_map(|within| at(within, path))
    })
}

#[test]
fn every_inventory_that_is_shipped_is_valid_by_it() {
    let reference = file("inventories/reference.yml");
    for (name, text) in [
        ("minimal", file("inventories/minimal.yml")),
        ("dedicated", file("inventories/dedicated.yml")),
        ("article", file("inventories/article.yml")),
        ("every key", uncommented(&reference)),
        ("reference", reference),
        ("starter", mahout::inventory::starter().to_owned()),
    ] {
        let (problems, refusals) = judged(&text);
        assert!(problems.is_empty(), "{name}: {problems:#?}");
        assert!(refusals.is_empty(), "{name}: {refusals:#?}");
    }
}

#[test]
fn it_knows_every_key_with_what_it_is() {
    let schema = schema();
    for (path, key) in known() {
        let names: Vec<&str> = path.split('.').collect();
        let found = at(&schema, &names).unwrap_or_else(|| panic!("the schema lacks `{path}`"));
        assert_eq!(found["description"], key.doc.trim(), "{path}");
    }
}

#[test]
fn a_key_that_is_not_one_or_stands_in_the_wrong_place_is_refused() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/inventories/bad"
    );
    let mut seen = [0, 0];
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let (problems, refusals) = judged(&text);
        for (kind, words) in ["is not a key of", "is the same on all nodes"]
            .iter()
            .enumerate()
        {
            if problems.iter().any(|problem| problem.contains(words)) {
                seen[kind] += 1;
                assert!(!refusals.is_empty(), "{}: {problems:#?}", path.display());
            }
        }
        // What an editor marks is wrong: the parser says so, too.
        if problems.is_empty() {
            assert!(refusals.is_empty(), "{}: {refusals:#?}", path.display());
        }
    }
    assert!(seen[0] > 20 && seen[1] > 1, "{seen:?}");
}
