//! What an inventory has to say for a cluster to stay as it is, as far as the nodes tell it: keys to
//! write into it before the adoption, and what no key can say.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::differences::{flat, holds_secret};
use super::passwords::{self, list};
use super::refuse;
use super::source::Source;
use crate::cluster::hba::parse;
use crate::cluster::{NodeName, Role};
use crate::facts::PatroniFacts;
use crate::inventory::guc;
use crate::plan::preflight::PlanError;
use crate::plan::{Desired, dynamic, patroni};
use crate::secret::Mask;

/// Dynamic settings that the inventory has under `patroni`, and those under `timings`.
const OF_PATRONI: [&str; 12] = [
    "check_timeline",
    "failsafe_mode",
    "max_timelines_history",
    "maximum_lag_on_failover",
    "maximum_lag_on_syncnode",
    "member_slots_ttl",
    "primary_start_timeout",
    "primary_stop_timeout",
    "slots",
    "synchronous_mode",
    "synchronous_mode_strict",
    "synchronous_node_count",
];
const OF_TIMINGS: [&str; 3] = ["ttl", "loop_wait", "retry_timeout"];

/// Settings of Patroni's that the inventory says, or that are used once.
const NAMED: [&str; 17] = [
    "scope",
    "namespace",
    "name",
    "bootstrap",
    "etcd",
    "restapi.listen",
    "restapi.connect_address",
    "restapi.authentication",
    "postgresql.listen",
    "postgresql.connect_address",
    "postgresql.authentication",
    "postgresql.parameters",
    "postgresql.pg_hba",
    "postgresql.pgpass",
    "postgresql.data_dir",
    "postgresql.bin_dir",
    "postgresql.use_unix_socket",
];

/// Keys for an inventory.
#[derive(Debug, Default)]
pub struct Suggestion {
    /// The keys, as the inventory nests them.
    pub keys: Map<String, Value>,
    /// What is to be looked at by a person.
    pub remarks: Vec<String>,
}

impl Suggestion {
    /// Works it out.
    ///
    /// # Errors
    /// If it is not known what the nodes run with.
    pub fn of(desired: &Desired) -> Result<Self, PlanError> {
        let sources = refuse::sources(desired).map_err(PlanError::Refused)?;
        let mut suggestion = Self::default();
        if desired.cluster.tls.enabled {
            suggestion.put("tls", json!("off"));
        }
        suggestion.identities(desired, &sources);
        suggestion.local_parameters(&sources);
        let leader = patroni::leader(desired.cluster, desired.facts);
        let facts = leader.and_then(|name| desired.facts.nodes.get(&name));
        match facts.and_then(|facts| facts.patroni.as_ref()) {
            Some(patroni) => suggestion.dynamic(desired, patroni),
            None => suggestion.remarks.push(
                "nobody was seen to lead: what the dynamic configuration has is not known; once the \
                 keys below are written, ask again"
                    .to_owned(),
            ),
        }
        let said = facts.and_then(|facts| facts.postgresql.as_ref());
        suggestion.rules(desired, said.map_or(&[], |said| &said.hba_rules));
        suggestion.others(&sources);
        suggestion.hide(&Mask::new(&passwords::every(&sources)));
        Ok(suggestion)
    }

    /// The keys as YAML, with the remarks as comments above them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for remark in &self.remarks {
            text.push_str(&format!("# {remark}\n"));
        }
        if !self.keys.is_empty() {
            text.push_str(&serde_saphyr::to_string(&self.keys).unwrap_or_default());
        }
        text
    }

    /// Settings of Patroni's that no key above names.
    fn others(&mut self, sources: &BTreeMap<NodeName, Source>) {
        let mut unnamed: BTreeMap<String, Vec<&NodeName>> = BTreeMap::new();
        for (name, source) in sources {
            for key in flat(&source.document).into_keys() {
                if !NAMED.iter().any(|named| key.starts_with(named)) {
                    unnamed.entry(key).or_default().push(name);
                }
            }
        }
        for (key, nodes) in unnamed {
            let nodes = list(&nodes);
            self.remarks.push(format!(
                "Patroni's `{key}` of {nodes}: `patroni.extra`, or a key of its own (`tags`, `watchdog`)"
            ));
        }
    }

    /// Takes out what nobody is to see; a person brings it along.
    fn hide(&mut self, mask: &Mask) {
        for path in ["local_parameters", "parameters"] {
            let section = self.keys.get_mut("postgresql");
            let found = section.and_then(|section| section.get_mut(path)?.as_object_mut());
            let Some(parameters) = found else { continue };
            let holds = |name: &String, value: &Value| {
                let text = value.as_str().map_or(value.to_string(), str::to_owned);
                holds_secret(mask, name, &text)
            };
            let hidden: Vec<String> = parameters
                .iter()
                .filter(|(name, value)| holds(name, value))
                .map(|(name, _)| name.clone())
                .collect();
            parameters.retain(|name, _| !hidden.contains(name));
            for name in hidden {
                self.remarks.push(format!(
                    "`postgresql.{path}.{name}` may hold a secret: copy it by hand"
                ));
            }
        }
        if let Some(Value::Array(rules)) = self
            .keys
            .get_mut("postgresql")
            .and_then(|section| section.get_mut("pg_hba"))
        {
            rules.retain(|rule| {
                let rule = rule.as_str().unwrap_or_default();
                mask.text(rule) == rule
            });
        }
    }

    fn put(&mut self, path: &str, value: Value) {
        let mut map = &mut self.keys;
        let mut keys = path.split('.').peekable();
        while let Some(key) = keys.next() {
            if keys.peek().is_none() {
                map.insert(key.to_owned(), value);
                return;
            }
            let below = map.entry(key).or_insert_with(|| json!({}));
            let Value::Object(below) = below else { return };
            map = below;
        }
    }

    fn identities(&mut self, desired: &Desired, sources: &BTreeMap<NodeName, Source>) {
        for (name, source) in sources {
            if let Some(theirs) = source.text("/name").filter(|it| it != name.as_str()) {
                self.remarks.push(format!(
                    "call the node {name} `{theirs}`, as its Patroni does"
                ));
            }
        }
        for ((key, theirs, _), nodes) in &refuse::settings(desired, sources) {
            let all = match key.starts_with("etcd.") {
                true => desired.cluster.with_role(Role::Etcd).count(),
                false => sources.len(),
            };
            if nodes.len() < all {
                let nodes = list(nodes);
                self.remarks.push(format!(
                    "`{key}` of {nodes}, in the node's own section: {theirs}"
                ));
                continue;
            }
            let value = match theirs.parse::<u16>() {
                Ok(port) if key.ends_with("port") => json!(port),
                _ => json!(theirs),
            };
            self.put(key, value);
        }
    }

    /// What every node's own settings have alike.
    fn local_parameters(&mut self, sources: &BTreeMap<NodeName, Source>) {
        let of = |source: &Source| -> Map<String, Value> {
            let found = source.document.pointer("/postgresql/parameters");
            found
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let mut all = sources.values().map(of);
        let Some(mut shared) = all.next() else { return };
        // Of these Patroni has never taken the local ones.
        shared.retain(|name, _| !guc::SHARED.contains(&name.as_str()));
        for other in all {
            shared.retain(|name, value| other.get(name) == Some(value));
        }
        if !shared.is_empty() {
            self.put("postgresql.local_parameters", Value::Object(shared));
        }
    }

    /// What a deploy would change in the dynamic configuration.
    fn dynamic(&mut self, desired: &Desired, patroni: &PatroniFacts) {
        let present = &patroni.config;
        let patch = dynamic::difference(present, &desired.cluster.patroni.dynamic);
        for key in patch.keys() {
            let Some(value) = present.get(key) else {
                continue;
            };
            if OF_TIMINGS.contains(&key.as_str()) {
                self.put(&format!("timings.{key}"), value.clone());
            } else if OF_PATRONI.contains(&key.as_str()) {
                self.put(&format!("patroni.{key}"), value.clone());
            }
        }
        let parameters = |config: &Map<String, Value>| {
            let found = config.get("postgresql").and_then(|it| it.get("parameters"));
            found
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let mut kept = parameters(present);
        for name in parameters(&patch).keys() {
            // One that is not there is not to come.
            kept.entry(name).or_insert(Value::Null);
        }
        if !kept.is_empty() {
            self.put("postgresql.parameters", Value::Object(kept));
        }
    }

    fn rules(&mut self, desired: &Desired, present: &[String]) {
        let read = |line: &String| Some(parse(line).ok()??.to_string());
        let wanted: Vec<String> = desired
            .cluster
            .postgresql
            .pg_hba
            .iter()
            .filter_map(read)
            .collect();
        let rules: Option<Vec<String>> = present.iter().map(read).collect();
        match rules {
            Some(rules) if rules.is_empty() || rules == wanted => {}
            Some(rules) => {
                self.remarks.push(
                    "the lines of pg_hba.conf as they are; `mahout check` says what it thinks of \
                     them, and without them the default ones let in the nodes and `clients`"
                        .to_owned(),
                );
                self.put("postgresql.pg_hba", json!(rules));
            }
            None => self.remarks.push(
                "pg_hba.conf has lines that cannot be read back: copy them by hand".to_owned(),
            ),
        }
    }
}
