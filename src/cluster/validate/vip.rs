//! The virtual address: whether it can be one, and whether every node that holds it is as good as
//! the others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{Context, names, span};
use crate::cluster::Role;
use crate::cluster::vip::NONLOCAL_BIND;
use crate::inventory::vip::Vip;
use crate::inventory::{Span, Spanned};

/// VRRP counts in hundredths of a second, with 12 bits.
const LONGEST: Duration = Duration::from_secs(40);
const SHORTEST: Duration = Duration::from_millis(100);
/// `IFNAMSIZ` of the kernel, less the byte at its end.
const INTERFACE: usize = 15;

pub(super) fn check(context: &mut Context<'_>) {
    let Some(section) = context.draft.top.vip.clone() else {
        return;
    };
    if let Some(address) = &section.value.address {
        self::address(context, address);
    }
    settings(context, &section.value);
    nodes(context, section.span);
}

fn address(context: &mut Context<'_>, address: &Spanned<IpAddr>) {
    let (place, address) = (address.span, address.value);
    if address.is_ipv6() {
        context
            .problems
            .error(place, format!("the virtual address {address} is of IPv6"))
            .hint(
                "only IPv4 is supported here; clients that speak IPv6 name every HAProxy in their \
                 connection string, as `mahout status` shows it without `vip`",
            );
        return;
    }
    if let Some(reason) = names::nobodys(address) {
        context
            .problems
            .error(
                place,
                format!("{address} cannot be the virtual address: {reason}"),
            )
            .hint("an address of the HAProxy nodes' own network that nobody has yet");
    }
    for (draft, node) in context.nodes() {
        if node.address == address {
            context
                .problems
                .error(
                    place,
                    format!("the virtual address is that of `{}`: {address}", node.name),
                )
                .hint("it moves from node to node: an address of its own, that nobody has yet")
                .also(draft.address.span, "the node's own");
        } else if node.has(Role::Haproxy) && node.address.is_ipv6() {
            context
                .problems
                .error(
                    draft.address.span,
                    format!(
                        "`{}` is to hold {address}, and has an address of IPv6 itself",
                        node.name
                    ),
                )
                .hint("the HAProxy nodes tell each other over IPv4 who holds it")
                .also(place, "the virtual address");
        }
    }
}

fn settings(context: &mut Context<'_>, section: &Vip) {
    if let Some(id) = &section.virtual_router_id
        && !(1..=255).contains(&id.value)
    {
        context
            .problems
            .error(
                id.span,
                format!(
                    "`vip.virtual_router_id` is {}, not one of 1 to 255",
                    id.value
                ),
            )
            .hint("a number that no other VRRP router of that network has");
    }
    if let Some(advert) = &section.advert_interval
        && !(SHORTEST..=LONGEST).contains(&advert.value)
    {
        context
            .problems
            .error(
                advert.span,
                "`vip.advert_interval` is between 100ms and 40s",
            )
            .hint("the address moves after three of them are missing; 1s is the default");
    }
    if let Some(name) = &section.interface
        && (name.value.len() > INTERFACE
            || name
                .value
                .contains(|c: char| !c.is_ascii_graphic() || "/:{}\"!#".contains(c)))
    {
        context
            .problems
            .error(
                name.span,
                format!("`{}` cannot be the name of an interface", name.value),
            )
            .hint("as `ip address` shows it: eth0, ens192, bond0.20");
    }
}

/// Clients find the same behind the address, whoever holds it.
fn nodes(context: &mut Context<'_>, place: Span) {
    let holders = context.count(Role::Haproxy);
    if holders < 2 {
        if !context.draft.nodes_in_doubt {
            context
                .problems
                .error(
                    place,
                    format!("{holders} of the nodes have the role haproxy: a virtual address needs two to move between"),
                )
                .hint("give the role to two nodes or more, or do without `vip`");
        }
        return;
    }
    let mut by_ports: BTreeMap<(u16, Option<u16>), &str> = BTreeMap::new();
    for (draft, node) in context.nodes().filter(|(_, node)| node.has(Role::Haproxy)) {
        let haproxy = &node.haproxy;
        by_ports
            .entry((haproxy.read_write_port, haproxy.read_only_port))
            .or_insert(node.name.as_str());
        let own = node.address.to_string();
        let all = |at: &String| matches!(at.as_str(), "*" | "0.0.0.0");
        if !haproxy.listen.iter().any(|at| all(at) || *at == own) {
            let section = draft.entry.haproxy.as_ref().map(|section| &section.value);
            let listen = section.and_then(|section| span(&section.listen));
            context
                .problems
                .error(
                    listen.unwrap_or(place),
                    format!(
                        "`{}`: HAProxy does not listen on the node's own address",
                        node.name
                    ),
                )
                .hint(
                    "the other HAProxy nodes ask it there whether it leads to the leader; with \
                     `address` it listens on the virtual one, too",
                );
        }
        let sysctl = &node.system.sysctl;
        if !haproxy.listen.iter().any(all)
            && sysctl.get(NONLOCAL_BIND).is_none_or(|value| value != "1")
        {
            let settings = draft.entry.system.as_ref();
            let settings = settings.and_then(|system| span(&system.value.sysctl));
            context
                .problems
                .error(
                    settings.unwrap_or(place),
                    format!("`{}`: `{NONLOCAL_BIND}` has to be 1", node.name),
                )
                .hint(
                    "HAProxy does not listen on all addresses, and would not start on a node that \
                     does not hold the virtual one",
                );
        }
    }
    if by_ports.len() > 1 {
        let names: Vec<&str> = by_ports.values().copied().collect();
        context
            .problems
            .error(
                place,
                format!(
                    "the ports of HAProxy differ between {}: behind the virtual address they would \
                     change with the node that holds it",
                    names.join(" and ")
                ),
            )
            .hint("set `haproxy.read_write_port` and `read_only_port` at the top level alone");
    }
}
