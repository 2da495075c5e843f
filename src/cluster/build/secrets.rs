//! Where each secret comes from.

use std::collections::BTreeMap;

use super::Draft;
use crate::cluster::{Role, SecretName, SecretSource};
use crate::inventory::reference::SecretRef;
use crate::inventory::{Problems, Spanned};

/// Every secret that the cluster has, with what the inventory says of it.
fn references(draft: &Draft) -> Vec<(SecretName, Option<Spanned<SecretRef>>)> {
    let mut all = Vec::new();
    if draft
        .nodes
        .iter()
        .any(|node| node.roles.contains(&Role::Postgresql))
    {
        let section = draft.postgresql();
        for (name, login) in [
            (SecretName::Superuser, section.superuser),
            (SecretName::Replication, section.replication),
            (SecretName::Rewind, section.rewind),
        ] {
            all.push((name, login.and_then(|login| login.value.password)));
        }
        all.push((SecretName::RestApi, draft.patroni().rest_password));
        // Nobody chooses it: the role exists for `verify` alone.
        all.push((SecretName::Probe, None));
        for user in section.users.map(|users| users.value.0).unwrap_or_default() {
            let Some(name) = user.value.name else {
                continue;
            };
            all.push((SecretName::User(name.value), user.value.password));
        }
    }
    let external = draft
        .etcd()
        .external
        .map(|external| external.value)
        .unwrap_or_default();
    if draft.etcd().external.is_none() && asks_for_login(draft) {
        // Nobody chooses them: the user's name follows from the password, and both are hashed
        // cheaply, which only a long random one allows.
        all.push((SecretName::Etcd, None));
        all.push((SecretName::EtcdRoot, None));
    }
    if external.username.is_some() {
        all.push((SecretName::Etcd, external.password));
    }
    let stats = draft
        .haproxy()
        .stats
        .map(|stats| stats.value)
        .unwrap_or_default();
    if stats.username.is_some() {
        all.push((SecretName::HaproxyStats, stats.password));
    }
    all
}

/// Whether an etcd of ours is made to ask for a login; see [`crate::cluster::Cluster`].
fn asks_for_login(draft: &Draft) -> bool {
    let members = |node: &super::DraftNode| node.roles.contains(&Role::Etcd);
    super::tls::tls(draft).enabled && draft.nodes.iter().any(members)
}

pub(super) fn secrets(
    draft: &Draft,
    problems: &mut Problems,
) -> BTreeMap<SecretName, SecretSource> {
    let mut sources = BTreeMap::new();
    for (name, reference) in references(draft) {
        let span = reference.as_ref().map(|reference| reference.span);
        let source = match reference.map(|reference| reference.value) {
            None | Some(SecretRef::Generated)
                if name == SecretName::Etcd && draft.etcd().external.is_some() =>
            {
                let place = span.or_else(|| {
                    let external = draft.etcd().external?;
                    external.value.username.map(|username| username.span)
                });
                problems
                    .error(place, "the password of the external etcd's user is missing")
                    .hint("`etcd.external.password`: `env:NAME`, `file:PATH` or `command:LINE`");
                continue;
            }
            None | Some(SecretRef::Generated) => SecretSource::Generated,
            Some(SecretRef::None) => {
                if !matches!(name, SecretName::User(_)) {
                    problems
                        .error(span, format!("the secret `{name}` cannot be `none`"))
                        .hint("leave it out to have one generated");
                }
                continue;
            }
            Some(reference) => match elsewhere(draft, &reference) {
                Some(source) => source,
                None => continue,
            },
        };
        sources.insert(name, source);
    }
    sources
}

/// Where a reference leads to, if it leads out of the vault.
pub(super) fn elsewhere(draft: &Draft, reference: &SecretRef) -> Option<SecretSource> {
    match reference {
        SecretRef::Generated | SecretRef::None => None,
        SecretRef::Environment(variable) => Some(SecretSource::Environment(variable.clone())),
        SecretRef::File(path) => Some(SecretSource::File(draft.source.local_path(path))),
        SecretRef::Command(line) => Some(SecretSource::Command(line.clone())),
    }
}
