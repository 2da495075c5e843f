//! Which roles there are, and how many of each.

use super::{Context, span};
use crate::cluster::Role;
use crate::inventory::Span;

pub(super) fn check(context: &mut Context<'_>) {
    for node in &context.draft.nodes {
        if node.roles.is_empty() {
            context
                .problems
                .error(node.roles_span, format!("`{}` has no role", node.name))
                .hint("etcd, postgresql and haproxy; without the key it has all three");
        }
    }
    let Some(place) = context.draft.nodes_span else {
        return;
    };
    // Of a node that could not be read nobody knows what it was to be.
    if context.draft.nodes_in_doubt {
        return;
    }
    if context.draft.nodes.is_empty() {
        context.problems.error(place, "there are no nodes").hint(
            "the least is one: `nodes: { pg-1: { address: 10.0.0.11 } }`; three survive the loss of one",
        );
        return;
    }
    etcd(context, place);
    postgresql(context, place);
}

fn etcd(context: &mut Context<'_>, place: Span) {
    let members = context.count(Role::Etcd);
    let section = context.draft.top.etcd.as_ref();
    let external = section.and_then(|etcd| etcd.value.external.as_ref());
    if let Some(external) = external {
        for node in context
            .draft
            .nodes
            .iter()
            .filter(|node| node.roles.contains(&Role::Etcd))
        {
            let message = format!("`{}` has the role etcd beside an external etcd", node.name);
            context
                .problems
                .error(node.roles_span.or(Some(node.span)), message)
                .hint("a cluster has one DCS: remove the role, or `etcd.external`")
                .also(external.span, "the external etcd");
        }
        return;
    }
    match members {
        0 if context.count(Role::Postgresql) > 0 => {
            context
                .problems
                .error(
                    place,
                    "no node has the role etcd, and Patroni cannot do without a DCS",
                )
                .hint(
                    "give the role to three nodes, or name an etcd under `etcd.external.endpoints`",
                );
        }
        1 => {
            context
                .problems
                .warning(
                    place,
                    "with one etcd member, its loss leaves the cluster without a leader election",
                )
                .hint("three members survive the loss of one");
        }
        even if even > 0 && even % 2 == 0 => {
            let message = match even {
                2 => "2 etcd members survive the loss of none, as one does, and either can be lost"
                    .to_owned(),
                _ => format!(
                    "{even} etcd members survive the loss of {}, as {} do, and there is one more to lose",
                    even / 2 - 1,
                    even - 1
                ),
            };
            context
                .problems
                .warning(place, message)
                .hint("have an odd number: three or five");
        }
        many if many > 7 => {
            context
                .problems
                .warning(
                    place,
                    format!("{many} etcd members: each write waits for more than half of them"),
                )
                .hint("have three or five; the other nodes are clients");
        }
        _ => {}
    }
}

fn postgresql(context: &mut Context<'_>, place: Span) {
    let members = context.count(Role::Postgresql);
    if members == 0 {
        for (draft, node) in context.nodes().filter(|(_, node)| node.has(Role::Haproxy)) {
            let message = format!(
                "`{}` has the role haproxy, but no node has the role postgresql",
                node.name
            );
            context
                .problems
                .error(draft.roles_span.or(Some(draft.span)), message)
                .hint("there is nothing that it could lead to");
        }
        return;
    }
    if members == 1 {
        context
            .problems
            .warning(
                place,
                "with one PostgreSQL node there is nothing to fail over to",
            )
            .hint("give the role postgresql to two more nodes");
    }
    synchronous(context, members);
}

fn synchronous(context: &mut Context<'_>, members: usize) {
    use crate::inventory::patroni::SynchronousMode;
    let Some(section) = context
        .draft
        .top
        .patroni
        .as_ref()
        .map(|patroni| &patroni.value)
    else {
        return;
    };
    let mode = section.synchronous_mode.as_ref().map(|mode| mode.value);
    let strict = section
        .synchronous_mode_strict
        .as_ref()
        .is_some_and(|strict| strict.value);
    let count = section
        .synchronous_node_count
        .as_ref()
        .map(|count| count.value as usize);
    let place = span(&section.synchronous_mode);
    if matches!(mode, None | Some(SynchronousMode::Off)) {
        if strict {
            context
                .problems
                .error(
                    span(&section.synchronous_mode_strict),
                    "`synchronous_mode_strict` does nothing while `synchronous_mode` is off",
                )
                .hint("set `synchronous_mode: on`, too");
        }
        return;
    }
    if count == Some(0) {
        context
            .problems
            .error(
                span(&section.synchronous_node_count),
                "no synchronous standby is no synchronous mode",
            )
            .hint("`synchronous_mode: off` says so");
    }
    let standbys = members.saturating_sub(1);
    let wanted = count.unwrap_or(1);
    if wanted > standbys {
        let message = format!("{wanted} synchronous standbys, but {standbys} replicas");
        context
            .problems
            .warning(span(&section.synchronous_node_count).or(place), message)
            .hint("Patroni takes as many as there are; have more replicas or want fewer");
    } else if strict && wanted == standbys {
        context
            .problems
            .warning(
                span(&section.synchronous_mode_strict),
                "strict, and every replica is needed: writes stop when one of them is lost",
            )
            .hint("have one replica more than `synchronous_node_count`");
    }
}
