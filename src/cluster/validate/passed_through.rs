//! What is passed through to Patroni: nothing that we set ourselves, and no secrets.

use super::Context;
use crate::cluster::build::{DYNAMIC_NAMED, DYNAMIC_OPTIONAL};
use crate::inventory::{Kind, Problems, Value};

pub(super) fn check(context: &mut Context<'_>) {
    if let Some(section) = context
        .draft
        .top
        .patroni
        .as_ref()
        .map(|patroni| &patroni.value)
    {
        if let Some(free) = &section.dynamic {
            dynamic(&free.value.0, context.problems);
        }
        for free in [&section.slots, &section.standby_cluster, &section.dynamic]
            .into_iter()
            .flatten()
        {
            no_secrets(&free.value.0, context.problems);
        }
    }
    for node in &context.draft.nodes {
        let section = node.entry.patroni.as_ref().map(|patroni| &patroni.value);
        if let Some(free) = section.and_then(|section| section.extra.as_ref()) {
            extra(&free.value.0, context.problems);
            no_secrets(&free.value.0, context.problems);
        }
    }
}

fn dynamic(value: &Value, problems: &mut Problems) {
    let below = value.get("postgresql").map(|entry| &entry.value);
    let entries = value
        .entries()
        .iter()
        .chain(below.into_iter().flat_map(|below| below.entries()));
    for entry in entries {
        let name = entry.key.value.as_str();
        // What was set once by a key of its own is unset here; what always has a value is not.
        if entry.value.kind == Kind::Null && DYNAMIC_OPTIONAL.contains(&name) {
            continue;
        }
        let place = match name {
            "ttl" | "loop_wait" | "retry_timeout" => "timings",
            "parameters" => "postgresql",
            "pg_hba" => "postgresql",
            name if DYNAMIC_NAMED.contains(&name) => "patroni",
            _ => continue,
        };
        problems
            .error(entry.key.span, format!("`{name}` has a key of its own"))
            .hint(format!("set `{place}.{name}`"));
    }
}

/// Keys of patroni.yml that follow from the rest of the inventory: what to say instead.
const OURS: [(&str, &str); 24] = [
    ("scope", "`scope` stands at the top level"),
    ("namespace", "`namespace` stands at the top level"),
    ("name", "a member's name is its node's name"),
    (
        "etcd",
        "version 2 of etcd's API is gone; what is to be known of etcd stands under `etcd`",
    ),
    ("etcd3", "what is to be known of etcd stands under `etcd`"),
    ("consul", "etcd is the DCS that is deployed"),
    ("zookeeper", "etcd is the DCS that is deployed"),
    ("tags", "set `patroni.tags`"),
    (
        "postgresql.parameters",
        "set `postgresql.local_parameters`, or `postgresql.parameters` for all nodes",
    ),
    // Whoever sets one of these by hand opens what is closed, or leads past what was looked at.
    ("restapi.listen", RESTAPI),
    ("restapi.connect_address", RESTAPI),
    ("restapi.authentication", RESTAPI),
    ("restapi.certfile", TLS),
    ("restapi.keyfile", TLS),
    ("restapi.cafile", TLS),
    ("restapi.verify_client", TLS),
    ("restapi.allowlist", RESTAPI),
    ("postgresql.pg_hba", "set `postgresql.pg_hba`"),
    ("postgresql.data_dir", "set `postgresql.data_dir`"),
    ("postgresql.bin_dir", "set `postgresql.bin_dir`"),
    ("postgresql.listen", "set `postgresql.listen`"),
    (
        "postgresql.connect_address",
        "it follows from the node's address and `postgresql.port`",
    ),
    ("postgresql.pgpass", "set `postgresql.pgpass`"),
    ("bootstrap.pg_hba", "set `postgresql.pg_hba`"),
];

const RESTAPI: &str = "who may ask the REST API, and where, stands under `patroni`";
const TLS: &str = "`tls` and `certificates` at the top level decide about that";

fn extra(value: &Value, problems: &mut Problems) {
    for (path, hint) in OURS {
        let found = path
            .split('.')
            .try_fold((None, value), |(_, value), key| {
                value.get(key).map(|entry| (Some(&entry.key), &entry.value))
            })
            .and_then(|(key, _)| key);
        if let Some(key) = found {
            problems
                .error(
                    key.span,
                    format!("`{path}` of patroni.yml follows from the inventory"),
                )
                .hint(hint);
        }
    }
    let dcs = value
        .get("bootstrap")
        .and_then(|bootstrap| bootstrap.value.get("dcs"));
    if let Some(dcs) = dcs {
        problems
            .error(
                dcs.key.span,
                "`bootstrap.dcs` is read once, when the cluster is made",
            )
            .hint("set `patroni.dynamic`, which is kept in step with the running cluster");
    }
}

/// What is passed through lands in the DCS or in a file as it is; a password must not.
fn no_secrets(value: &Value, problems: &mut Problems) {
    match &value.kind {
        Kind::Map(entries) => {
            for entry in entries {
                let secret = crate::inventory::is_secret(&entry.key.value);
                if secret && matches!(entry.value.kind, Kind::Scalar(_)) {
                    problems
                        .error(entry.key.span, format!("`{}`: a secret cannot be passed through", entry.key.value))
                        .hint("the passwords of Patroni's users and REST API have keys of their own, which take references");
                } else {
                    no_secrets(&entry.value, problems);
                }
            }
        }
        Kind::List(items) => items.iter().for_each(|item| no_secrets(item, problems)),
        Kind::Null | Kind::Scalar(_) => {}
    }
}
