//! Names and addresses: valid, and each given once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::Context;
use crate::inventory::{Problems, Span, Spanned, strange};

pub(super) fn check(context: &mut Context<'_>) {
    scope_and_namespace(context);
    let names = &context.draft.names;
    for name in names {
        node_name(name, context.problems);
    }
    slot_names(names, context.problems);
    addresses(context);
}

fn scope_and_namespace(context: &mut Context<'_>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if let Some(scope) = &context.draft.top.scope {
        let text = &scope.value;
        let valid = text.chars().all(plain)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.len() <= 63;
        if !valid {
            context
                .problems
                .error(
                    scope.span,
                    format!("`{text}` cannot be the name of a cluster"),
                )
                .hint(strange(text).unwrap_or_else(|| {
                    "letters, digits, `_`, `-` and `.`, at most 63, beginning with a letter or \
                     digit: it is a key in the DCS and a section of haproxy.cfg"
                        .to_owned()
                }));
        }
    }
    if let Some(namespace) = &context.draft.top.namespace {
        let inner = namespace.value.trim_matches('/');
        let valid = inner.is_empty()
            || inner.split('/').all(|part| {
                !part.is_empty() && part.chars().all(plain) && part != "." && part != ".."
            });
        if !valid {
            context
                .problems
                .error(
                    namespace.span,
                    format!("`{}` cannot be a namespace", namespace.value),
                )
                .hint(strange(&namespace.value).unwrap_or_else(|| {
                    "a path such as `/service/`, of letters, digits, `_`, `-` and `.`".to_owned()
                }));
        }
    }
}

/// A node's name is a host name, a member's name and, folded, a slot's name.
fn node_name(name: &Spanned<String>, problems: &mut Problems) {
    let text = name.value.as_str();
    let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let reason = if text.is_empty() || text.len() > 63 {
        "it has between 1 and 63 characters"
    } else if text == "localhost" {
        "every machine takes that for itself"
    } else if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        "it would be taken for an address"
    } else if !text.chars().all(label) || text.starts_with('-') || text.ends_with('-') {
        "it is made of lower-case letters, digits, and dashes between them"
    } else {
        return;
    };
    let better: String = text
        .to_lowercase()
        .chars()
        .map(|c| if label(c) { c } else { '-' })
        .collect::<String>()
        .trim_matches('-')
        .to_owned();
    let problem = problems.error(
        name.span,
        format!("`{text}` cannot be the name of a node: {reason}"),
    );
    if let Some(strange) = strange(text) {
        problem.hint(strange);
    } else if better != text && better.chars().any(|c| c.is_ascii_lowercase()) && better.len() <= 63
    {
        problem.hint(format!("for example `{better}`"));
    } else {
        problem.hint("for example `pg-1`");
    }
}

/// Patroni names each member's replication slot after the member: in lower case, with `_` for
/// `-` and `.` (`slot_name_from_member_name`).
fn slot_names(names: &[Spanned<String>], problems: &mut Problems) {
    let mut seen: HashMap<String, &Spanned<String>> = HashMap::new();
    for name in names {
        let slot = name.value.to_lowercase().replace(['-', '.'], "_");
        match seen.get(slot.as_str()) {
            Some(first) => {
                let message = format!(
                    "`{}` and `{}` would share the replication slot `{slot}`",
                    first.value, name.value
                );
                problems
                    .error(name.span, message)
                    .hint("rename one: slots are named in lower case, with `_` for `-` and `.`")
                    .also(first.span, "the other one");
            }
            None => {
                seen.insert(slot, name);
            }
        }
    }
}

fn addresses(context: &mut Context<'_>) {
    let mut seen: HashMap<IpAddr, (&str, Span)> = HashMap::new();
    for node in &context.draft.nodes {
        let Spanned {
            value: address,
            span,
        } = node.address;
        let name = node.name.as_str();
        if let Some(reason) = nobodys(address) {
            context
                .problems
                .error(
                    span,
                    format!("`{name}`: {address} cannot be a node's address: {reason}"),
                )
                .hint("the address under which the other nodes reach it");
            continue;
        }
        match seen.get(&address.to_canonical()) {
            Some((other, first)) => {
                context
                    .problems
                    .error(
                        span,
                        format!("`{name}` has the same address as `{other}`: {address}"),
                    )
                    .hint("every node has an address of its own")
                    .also(*first, format!("the address of `{other}`"));
            }
            None => {
                seen.insert(address.to_canonical(), (name, span));
            }
        }
    }
}

/// Why an address cannot be a machine's own.
pub(super) fn nobodys(address: IpAddr) -> Option<&'static str> {
    if address.is_unspecified() {
        Some("it stands for every address")
    } else if address.is_loopback() {
        Some("on every other node it means that node itself")
    } else if address.is_multicast() {
        Some("it is a multicast address")
    } else if address.to_canonical() == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("it is the broadcast address")
    } else if is_link_local(address) {
        Some("a link-local address means something on one link only")
    } else {
        None
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
