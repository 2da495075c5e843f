//! `tls` and `clients`: what contradicts them, and whom they let in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{Context, span};
use crate::cluster::Role;
use crate::inventory::scalar::is_host_name;
use crate::inventory::{Span, Table};

/// PostgreSQL's settings that `tls: on` decides about.
const OURS: [&str; 4] = ["ssl", "ssl_cert_file", "ssl_key_file", "ssl_ca_file"];

pub(super) fn check(context: &mut Context<'_>) {
    clients(context);
    endpoints(context);
    if context.cluster.tls.enabled {
        parameters(context);
        version(context);
        lifetimes(context);
    } else {
        let place = context.draft.top.tls.as_ref().map(|tls| tls.span);
        context
            .problems
            .warning(place, crate::cluster::tls::OFF)
            .hint(
                "`tls: on`; the next deploy turns it on in a running cluster, while clients go on",
            );
    }
}

/// Certificates are renewed by a deploy in the last third of their lifetime: one of a few hours
/// would end before anybody deploys.
const SHORTEST: Duration = Duration::from_secs(24 * 3600);

fn lifetimes(context: &mut Context<'_>) {
    let tls = &context.cluster.tls;
    let section = context.draft.top.certificates.as_ref();
    let place = section.map(|section| section.span);
    if tls.lifetime < SHORTEST {
        context
            .problems
            .error(place, "`certificates.lifetime` is shorter than a day")
            .hint("a deploy renews a certificate in its last third, and somebody has to run it");
    } else if tls.ca_lifetime < 2 * tls.lifetime {
        context
            .problems
            .error(
                place,
                "`certificates.ca_lifetime` is not twice `certificates.lifetime`",
            )
            .hint("no certificate outlives its authority: give the authority years");
    }
}

/// Before 12 no line of pg_hba.conf asks for a certificate beside a password by these words, and
/// no setting names the oldest protocol.
fn version(context: &mut Context<'_>) {
    if let Some(version) = context.draft.postgresql().version
        && (10..12).contains(&version.value)
    {
        context
            .problems
            .error(
                version.span,
                format!("`tls: on` needs PostgreSQL 12, not {}", version.value),
            )
            .hint("a supported version, or `tls: off`");
    }
}

fn parameters(context: &mut Context<'_>) {
    let top = context.draft.postgresql().parameters;
    let top = top.iter().map(|parameters| &parameters.value.set);
    let own = context.draft.nodes.iter();
    let own = own.filter_map(|node| {
        let section = node.entry.postgresql.as_ref()?;
        Some(&section.value.local_parameters.as_ref()?.value)
    });
    let names: BTreeMap<Span, &str> = top
        .chain(own)
        .flat_map(Table::iter)
        .map(|(name, _)| (name.span, name.value.as_str()))
        .filter(|(_, name)| OURS.contains(name))
        .collect();
    for (place, name) in names {
        context
            .problems
            .error(place, format!("`{name}` is set by `tls: on`"))
            .hint("remove it; with `tls: off` it is yours to set");
    }
}

/// The networks that may connect from outside: none is as doubtful as all.
fn clients(context: &mut Context<'_>) {
    let clients = &context.draft.top.clients;
    let nobody = clients
        .as_ref()
        .is_none_or(|clients| clients.value.0.is_empty());
    // One that could not be read has been reported, and was to name somebody.
    let nobody = nobody && !context.draft.clients_in_doubt;
    if nobody && context.cluster.tls.enabled && context.count(Role::Postgresql) > 0 {
        context
            .problems
            .warning(
                span(clients),
                "nobody outside of the cluster may connect: `clients` names no network",
            )
            .hint("`clients: [10.0.1.0/24]`, the networks of your applications");
    }
    for client in clients.iter().flat_map(|clients| &clients.value.0) {
        if client.value.prefix_len() == 0 {
            context
                .problems
                .warning(client.span, "every address may try passwords on PostgreSQL")
                .hint("name the networks of your clients");
        }
    }
}

/// They become names in certificates: a host name, one behind `*.`, or an address.
fn endpoints(context: &mut Context<'_>) {
    let endpoints = &context.draft.top.endpoints;
    for endpoint in endpoints.iter().flat_map(|all| &all.value.0) {
        let text = endpoint.value.as_str();
        let name = text.strip_prefix("*.").unwrap_or(text);
        if is_host_name(name) || text.parse::<IpAddr>().is_ok() {
            continue;
        }
        context
            .problems
            .error(
                endpoint.span,
                format!("`{text}` is neither a name nor an address"),
            )
            .hint(if text.contains("://") {
                "without the scheme: `db.example.net`"
            } else if text.contains('/') {
                "without the length of a prefix: a certificate names single addresses"
            } else {
                "without a port and spaces: `db.example.net`"
            });
    }
}
