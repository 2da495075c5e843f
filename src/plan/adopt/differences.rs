//! What a cluster that was made by other means is told otherwise from now on, in words: its Patroni's
//! settings one by one, whatever the files look like, and the lines of pg_hba.conf that go.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Adopted;
use super::source::Source;
use crate::cluster::hba::parse;
use crate::cluster::{Node, is_well_known};
use crate::inventory::guc;
use crate::plan::draft::Draft;
use crate::plan::{Desired, patroni};
use crate::platform::PATRONI_CONFIG;
use crate::render::{Purpose, Rendered};
use crate::secret::Mask;
use crate::secret::mask::MASKED;

/// Used once, when a cluster is made; compared otherwise; or ours alone.
const LEFT_OUT: [&str; 5] = [
    "bootstrap",
    "postgresql.pg_hba",
    "postgresql.pgpass",
    "namespace",
    "postgresql.authentication",
];

/// Adds the notes.
pub(super) fn note(draft: &mut Draft, desired: &Desired, adopted: &Adopted) {
    for (name, source) in &adopted.sources {
        let (Some(node), Some(rendered)) = (desired.cluster.node(name), desired.rendered.get(name))
        else {
            continue;
        };
        for message in settings(source, rendered) {
            draft.note(Some(name), message);
        }
        for message in rules(desired, node) {
            draft.note(Some(name), message);
        }
        for message in started_otherwise(desired, node, source, rendered) {
            draft.note(Some(name), message);
        }
    }
    draft.note(None, stay(adopted));
    weak(draft, desired);
    kept_as_md5(draft, desired);
}

fn settings(source: &Source, rendered: &Rendered) -> Vec<String> {
    let config = rendered
        .files
        .iter()
        .find(|file| file.purpose == Purpose::PatroniConfig);
    let ours = config.and_then(|file| serde_saphyr::from_str(file.content.expose()).ok());
    let Some(ours) = ours else { return Vec::new() };
    let (theirs, ours) = (flat(&source.document), flat(&ours));
    let keys: std::collections::BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    keys.into_iter()
        .filter(|key| {
            !LEFT_OUT.iter().any(|out| {
                key.strip_prefix(out)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
        .filter_map(|key| {
            let (before, after) = (theirs.get(key), ours.get(key));
            let name = key.strip_prefix("postgresql.parameters.");
            // What all members share Patroni takes from the dynamic configuration alone.
            if before == after || name.is_some_and(|name| guc::SHARED.contains(&name)) {
                return None;
            }
            let word = |value: Option<&String>| match value {
                None => "(nothing)".to_owned(),
                Some(text) if holds_secret(&Mask::default(), key, text) => MASKED.to_owned(),
                Some(text) => text.clone(),
            };
            let waits = if needs_restart(key, rendered.postgresql) {
                "; PostgreSQL takes it when it starts next"
            } else {
                ""
            };
            Some(format!(
                "Patroni's `{key}`: {} -> {}{waits}",
                word(before),
                word(after)
            ))
        })
        .collect()
}

/// Whether the value of a setting is, or holds, what nobody is to see.
pub(super) fn holds_secret(mask: &Mask, key: &str, text: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    let line = format!("{last}: {text}");
    // What a command is called with cannot be told from a secret.
    let ends = ["password", "_command", "conninfo"];
    ends.iter().any(|end| last.ends_with(end))
        || last.contains("secret")
        || mask.text(&line) != line
}

/// `on`, `true` and `"true"` are one value, a list of addresses is one however it is written, and so
/// are paths with and without a slash at the end.
pub(super) fn flat(document: &Value) -> BTreeMap<String, String> {
    fn walk(value: &Value, key: String, into: &mut BTreeMap<String, String>) {
        let text = match value {
            Value::Object(map) => {
                for (name, value) in map {
                    let key = match key.as_str() {
                        "" => name.clone(),
                        above => format!("{above}.{name}"),
                    };
                    walk(value, key, into);
                }
                return;
            }
            Value::Null => return,
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                items.join(",")
            }
            other => plain(other),
        };
        into.insert(key, text);
    }
    let mut into = BTreeMap::new();
    walk(document, String::new(), &mut into);
    into
}

fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let joined: Vec<&str> = text.split(',').map(str::trim).collect();
    let text = joined.join(",");
    match text.as_str() {
        "/" => text,
        _ => text.trim_end_matches('/').to_owned(),
    }
}

fn needs_restart(key: &str, version: u16) -> bool {
    key == "postgresql.listen"
        || key
            .strip_prefix("postgresql.parameters.")
            .is_some_and(|name| guc::needs_restart(name, version))
}

/// Lines of pg_hba.conf that go: whom they let in is let in by another line, or no longer.
fn rules(desired: &Desired, node: &Node) -> Vec<String> {
    let wanted: Vec<String> = desired
        .cluster
        .postgresql
        .pg_hba
        .iter()
        .filter_map(|line| Some(parse(line).ok()??.to_string()))
        .collect();
    let said = desired.facts.nodes.get(&node.name);
    let said = said.and_then(|facts| facts.postgresql.as_ref());
    said.into_iter()
        .flat_map(|said| &said.hba_rules)
        .filter(|line| {
            let rule = parse(line).ok().flatten();
            rule.is_none_or(|rule| !wanted.contains(&rule.to_string()))
        })
        .map(|line| {
            format!(
                "the line `{line}` of pg_hba.conf goes: whom it lets in, the lines of the inventory \
                 (`clients`, `postgresql.pg_hba`) let in or keep out"
            )
        })
        .collect()
}

/// What a start by our unit makes otherwise than the one that was.
fn started_otherwise(
    desired: &Desired,
    node: &Node,
    source: &Source,
    rendered: &Rendered,
) -> Vec<String> {
    let mut notes = Vec::new();
    if source.path != PATRONI_CONFIG {
        notes.push(format!(
            "Patroni runs with {}, which gets the same content as {PATRONI_CONFIG}; `mahout deploy` \
             restarts Patroni alone, PostgreSQL runs on, and takes the file away",
            source.path
        ));
    }
    let facts = &desired.facts.nodes[&node.name];
    let process = facts.processes.get(patroni::UNIT);
    let program = process.map_or("", |process| process.program.as_str());
    let merged = |path: &str| path.replacen("/bin/", "/usr/bin/", 1);
    let ours = &rendered.platform.patroni_binary;
    if program != ours && merged(program) != *ours {
        let version = facts.patroni.as_ref().map(|patroni| &patroni.version);
        notes.push(format!(
            "Patroni {} runs from {program}; from its next start on it is {ours}, version {}",
            version.map_or("", String::as_str),
            rendered.versions.patroni
        ));
    }
    let archives = facts
        .postgresql
        .as_ref()
        .and_then(|said| said.settings.get("archive_mode"));
    if archives.is_some_and(|mode| mode != "off") && node.postgresql.writable_paths.is_empty() {
        notes.push(
            "PostgreSQL archives its WAL: from the next start of patroni.service on, folders that \
             `archive_command` writes to have to be named in `postgresql.writable_paths`"
                .to_owned(),
        );
    }
    if !source.variables.is_empty() {
        notes.push(format!(
            "Patroni's environment says {}, which goes before patroni.yml: take it out of \
             /etc/patroni_env.conf, the only file of variables that its unit reads from now on",
            source.variables.join(", ")
        ));
    }
    notes
}

/// What a difference of files may show as changed where lines have moved.
fn stay(adopted: &Adopted) -> String {
    let names: Vec<String> = adopted
        .passwords
        .keys()
        .map(|name| format!("`{name}`"))
        .collect();
    format!(
        "the passwords {} are the nodes' own and stay what they are; all others are new",
        names.join(", ")
    )
}

fn weak(draft: &mut Draft, desired: &Desired) {
    let weak: Vec<String> = desired
        .secrets
        .values
        .iter()
        .filter(|(_, value)| is_well_known(value.expose()))
        .map(|(name, _)| name.to_string())
        .collect();
    if !weak.is_empty() {
        let names = weak.join(" ");
        draft.note(
            None,
            format!(
                "passwords that are tried first, or have fewer than eight characters: {}; they are \
                 taken over as they are, `mahout rotate passwords {names}` makes new ones",
                weak.join(", ")
            ),
        );
    }
}

/// Roles that could no longer log in where pg_hba.conf asks for SCRAM.
fn kept_as_md5(draft: &mut Draft, desired: &Desired) {
    let lets_in_md5 = |line: &String| {
        let rule = parse(line).ok().flatten();
        rule.is_some_and(|rule| rule.method == "md5" || rule.method == "password")
    };
    if desired.cluster.postgresql.pg_hba.iter().any(lets_in_md5) {
        return;
    }
    let leader = patroni::leader(desired.cluster, desired.facts);
    let said = leader.and_then(|name| desired.facts.nodes.get(&name)?.postgresql.as_ref());
    let ours: Vec<String> = desired
        .cluster
        .passwords()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let roles: Vec<&str> = said
        .into_iter()
        .flat_map(|said| &said.md5_roles)
        .filter(|role| !ours.contains(role))
        .map(String::as_str)
        .collect();
    if !roles.is_empty() {
        draft.note(
            None,
            format!(
                "the passwords of {} are kept as md5, and the lines of pg_hba.conf ask for SCRAM: they \
                 log in no more until their passwords are set anew; lines with `md5` in \
                 `postgresql.pg_hba` let in both",
                roles.join(", ")
            ),
        );
    }
}
