//! `inventories/reference.yml` held to the code, key by key.

use std::collections::BTreeSet;

use mahout::inventory::{Key, Level, Presence, Sections, Value, parse};

use super::{checked, file};

/// The text with every commented-out example in force: lines whose `#` is not followed by the
/// one blank that begins a remark.
pub(super) fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let Some(at) = line.find('#').filter(|at| line[..*at].trim().is_empty()) else {
            return line.to_owned();
        };
        let rest = &line[at + 1..];
        let remark = rest.is_empty() || rest.starts_with(' ') && !rest.starts_with("  ");
        if remark {
            line.to_owned()
        } else {
            format!("{}{rest}", &line[..at])
        }
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn tree(text: &str) -> Value {
    let path = std::path::Path::new("reference.yml");
    let source = mahout::inventory::Source::from_bytes(path, None, text.into()).expect("a text");
    let inventory = parse(source);
    let problems = inventory.problems.into_sorted();
    assert!(problems.is_empty(), "{problems:#?}");
    inventory.tree.expect("a map")
}

/// The paths of all keys of the code, with what is known of each. The sections of a node or a
/// group are those of the top level; of a node's, only what stands nowhere else is listed.
pub(super) fn known() -> Vec<(String, &'static Key)> {
    let mut all = Vec::new();
    for key in Sections::KEYS {
        all.push((key.name.to_owned(), key));
        let below = (key.keys)().unwrap_or_default();
        match key.name {
            "nodes" | "groups" => {
                let plain = below.iter().filter(|key| (key.keys)().is_none());
                all.extend(plain.map(|below| (format!("{}.{}", key.name, below.name), below)));
            }
            _ => walk(below, key.name, &|key| key.level != Level::Single, &mut all),
        }
        if key.name == "nodes" {
            for section in below.iter().filter(|key| (key.keys)().is_some()) {
                let path = format!("nodes.{}", section.name);
                let keys = (section.keys)().unwrap_or_default();
                walk(keys, &path, &|key| key.level == Level::Single, &mut all);
            }
        }
    }
    all
}

fn walk(
    keys: &'static [Key],
    path: &str,
    wanted: &dyn Fn(&Key) -> bool,
    all: &mut Vec<(String, &'static Key)>,
) {
    for key in keys {
        let path = format!("{path}.{}", key.name);
        if wanted(key) {
            all.push((path.clone(), key));
        }
        walk((key.keys)().unwrap_or_default(), &path, wanted, all);
    }
}

/// The paths of the keys of a text, without the names of nodes and groups, and not into maps
/// with free keys.
fn written(value: &Value, path: &str, keys: &'static [Key], found: &mut BTreeSet<String>) {
    for entry in value.entries() {
        let name = &entry.key.value;
        let key = keys.iter().find(|key| key.name == name);
        let key = key.unwrap_or_else(|| panic!("`{path}{name}` is no key"));
        found.insert(format!("{path}{name}"));
        let Some(below) = (key.keys)() else { continue };
        let values: Vec<&Value> = match (path, name.as_str()) {
            ("", "nodes" | "groups") => entry
                .value
                .entries()
                .iter()
                .map(|entry| &entry.value)
                .collect(),
            _ => match &entry.value.kind {
                mahout::inventory::Kind::List(items) => items.iter().collect(),
                _ => vec![&entry.value],
            },
        };
        for value in values {
            written(value, &format!("{path}{name}."), below, found);
        }
    }
}

fn keys_of(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    written(&tree(text), "", Sections::KEYS, &mut found);
    found
}

#[test]
fn it_has_every_key_of_the_code_and_no_other() {
    let reference = file("inventories/reference.yml");
    let stated = keys_of(&reference);
    let all = keys_of(&uncommented(&reference));
    let known = known();
    assert!(known.len() > 130, "{}", known.len());
    for (path, key) in &known {
        assert!(all.contains(path), "reference.yml lacks `{path}`");
        let in_unset = path.match_indices('.').any(|(at, _)| {
            known
                .iter()
                .any(|(parent, key)| *parent == path[..at] && key.presence == Presence::Unset)
        });
        match key.presence {
            _ if in_unset => {}
            Presence::Unset => assert!(
                !stated.contains(path),
                "`{path}` has no default, and reference.yml states one"
            ),
            _ => assert!(
                stated.contains(path),
                "reference.yml does not state the default of `{path}`"
            ),
        }
    }
    let names: BTreeSet<&str> = known.iter().map(|(path, _)| path.as_str()).collect();
    for path in &all {
        // A node's or a group's section is named only to show where it goes.
        let shown = path.starts_with("nodes.") || path.starts_with("groups.");
        assert!(
            names.contains(path.as_str()) || shown,
            "`{path}` is not a key of the code"
        );
    }
}

#[test]
fn each_default_that_it_states_is_the_codes() {
    let stated = checked(&file("inventories/reference.yml"));
    let minimal = checked(&file("inventories/minimal.yml"));
    let mut cluster = stated.cluster.expect("a cluster");
    let minimal = minimal.cluster.expect("a cluster");
    // Lines that are written down hold at every stage, the default ones each at its own.
    let in_clear = &minimal.postgresql.pg_hba_in_clear;
    cluster.postgresql.pg_hba_in_clear.clone_from(in_clear);
    assert_eq!(cluster, minimal);
    assert!(stated.problems.is_empty(), "{:?}", stated.problems);
}

#[test]
fn it_lists_all_that_a_map_with_free_keys_holds_by_default() {
    let reference = tree(&file("inventories/reference.yml"));
    let listed = |path: &[&str]| {
        let value = path.iter().fold(&reference, |value, key| {
            &value.get(key).unwrap_or_else(|| panic!("{path:?}")).value
        });
        value
            .entries()
            .iter()
            .map(|entry| entry.key.value.clone())
            .collect::<BTreeSet<_>>()
    };
    let minimal = checked(&file("inventories/minimal.yml"))
        .cluster
        .expect("a cluster");
    let node = &minimal.nodes[0];
    let sysctl: BTreeSet<String> = node.system.sysctl.keys().cloned().collect();
    assert_eq!(listed(&["system", "sysctl"]), sysctl);
    let local: BTreeSet<String> = node.postgresql.parameters.keys().cloned().collect();
    assert_eq!(listed(&["postgresql", "local_parameters"]), local);
    let shared = minimal.patroni.dynamic["postgresql"]["parameters"]
        .as_object()
        .expect("a map");
    assert_eq!(
        listed(&["postgresql", "parameters"]),
        shared.keys().cloned().collect()
    );
}

#[test]
fn every_key_is_explained_on_the_line_above_it() {
    let reference = file("inventories/reference.yml");
    let lines: Vec<&str> = reference.lines().collect();
    let remark = |line: &str| {
        let line = line.trim_start();
        line.starts_with("# ") && !line.starts_with("#  ")
    };
    for (path, key) in known() {
        let name = format!("{}:", key.name);
        let is_key = |line: &str| {
            line.trim_start_matches(['#', ' ', '-']).starts_with(&name) && !remark(line)
        };
        let explained = lines
            .windows(2)
            .any(|pair| is_key(pair[1]) && remark(pair[0]));
        let section = (key.keys)().is_some();
        assert!(
            explained || section,
            "reference.yml does not explain `{path}`"
        );
    }
}
