//! The passwords of a cluster that was made by other means, as its nodes have them.

use std::collections::BTreeMap;

use super::source::Source;
use crate::cluster::{Cluster, NodeName, SecretName, SecretSource};
use crate::plan::Desired;
use crate::plan::preflight::Refusal;
use crate::secret::Secret;

/// Where each stands.
const PLACES: [(SecretName, &str); 5] = [
    (
        SecretName::Superuser,
        "/postgresql/authentication/superuser/password",
    ),
    (
        SecretName::Replication,
        "/postgresql/authentication/replication/password",
    ),
    (
        SecretName::Rewind,
        "/postgresql/authentication/rewind/password",
    ),
    (SecretName::RestApi, "/restapi/authentication/password"),
    (SecretName::Etcd, "/etcd3/password"),
];

/// The values that the nodes agree on; one that no node has is not among them.
///
/// # Errors
/// A refusal for each on which they do not.
pub(super) fn found(
    cluster: &Cluster,
    sources: &BTreeMap<NodeName, Source>,
) -> Result<BTreeMap<SecretName, Secret>, Vec<Refusal>> {
    let mut values = BTreeMap::new();
    let mut refusals = Vec::new();
    for (name, pointer) in PLACES {
        if !cluster.secrets.contains_key(&name) {
            continue;
        }
        let mut by_value: BTreeMap<Option<Secret>, Vec<&NodeName>> = BTreeMap::new();
        for (node, source) in sources {
            let value = source.text(pointer).map(Secret::new);
            by_value.entry(value).or_default().push(node);
        }
        if by_value.len() > 1 {
            refusals.push(differing(&name, pointer, &by_value));
        } else if let Some((Some(value), _)) = by_value.pop_first() {
            values.insert(name, value);
        }
    }
    if refusals.is_empty() {
        Ok(values)
    } else {
        Err(refusals)
    }
}

fn differing(
    name: &SecretName,
    pointer: &str,
    by_value: &BTreeMap<Option<Secret>, Vec<&NodeName>>,
) -> Refusal {
    let mut parts: Vec<String> = Vec::new();
    for (value, nodes) in by_value.iter().rev() {
        let which = match value {
            None => "none",
            Some(_) if parts.is_empty() => "one",
            Some(_) => "another one",
        };
        parts.push(format!("{which} on {}", list(nodes)));
    }
    let key = pointer.trim_start_matches('/').replace('/', ".");
    Refusal {
        node: None,
        message: format!(
            "the nodes do not have the same password `{name}` ({key}): {}",
            parts.join("; ")
        ),
        hint: Some(
            "give all of them the one that the cluster really has, and have each Patroni reload"
                .to_owned(),
        ),
    }
}

/// What the vault, or whatever the inventory refers to, has otherwise than the nodes.
pub(super) fn other_ones(desired: &Desired, found: &BTreeMap<SecretName, Secret>) -> Vec<Refusal> {
    let is_other =
        |(name, value): &(&SecretName, &Secret)| desired.secrets.values.get(name) != Some(value);
    let refusal = |(name, _): (&SecretName, &Secret)| {
        let is_in_vault = desired.cluster.secrets.get(name) == Some(&SecretSource::Generated);
        let (place, hint) = if is_in_vault {
            (
                "in the vault",
                format!(
                    "if the nodes' is the right one, give it to the vault with `mahout secrets set \
                     {name}`; a vault belongs to one cluster"
                ),
            )
        } else {
            (
                "where the inventory says that it is kept",
                "put the nodes' own there".to_owned(),
            )
        };
        Refusal {
            node: None,
            message: format!("the password `{name}` is another one {place} than on the nodes"),
            hint: Some(hint),
        }
    };
    found.iter().filter(is_other).map(refusal).collect()
}

/// Every password that some node has.
pub(super) fn every(sources: &BTreeMap<NodeName, Source>) -> Vec<Secret> {
    let of = |source: &Source| -> Vec<Secret> {
        let found = PLACES
            .iter()
            .filter_map(|(_, pointer)| source.text(pointer));
        found.map(Secret::new).collect()
    };
    sources.values().flat_map(of).collect()
}

pub(super) fn list(nodes: &[&NodeName]) -> String {
    let names: Vec<&str> = nodes.iter().map(|name| name.as_str()).collect();
    names.join(", ")
}
