//! `vip`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{Draft, value};
use crate::cluster::vip::NONLOCAL_BIND;
use crate::cluster::{Node, Role, VipSpec};

pub(super) fn vip(draft: &Draft) -> Option<VipSpec> {
    let section = &draft.top.vip.as_ref()?.value;
    // Of the other family: refused.
    let IpAddr::V4(address) = section.address.as_ref()?.value else {
        return None;
    };
    let router = value(&section.virtual_router_id, u32::from(router(address)));
    Some(VipSpec {
        address,
        interface: section.interface.as_ref().map(|name| name.value.clone()),
        router: u8::try_from(router).unwrap_or_default(),
        advert: value(&section.advert_interval, Duration::from_secs(1)),
    })
}

/// The last number of the address, by which people tell addresses of one network apart, too; 0 is
/// none.
fn router(address: Ipv4Addr) -> u8 {
    match address.octets()[3] {
        0 => 255,
        last => last,
    }
}

/// HAProxy that does not listen on all addresses listens on this one, too, which most of the nodes
/// do not have at the time.
pub(super) fn listen(vip: &VipSpec, nodes: &mut [Node]) {
    for node in nodes.iter_mut().filter(|node| node.has(Role::Haproxy)) {
        let listen = &mut node.haproxy.listen;
        if listen
            .iter()
            .any(|at| matches!(at.as_str(), "*" | "0.0.0.0"))
        {
            continue;
        }
        if !listen.iter().any(|at| vip.is(at)) {
            listen.push(vip.address.to_string());
        }
        let sysctl = &mut node.system.sysctl;
        sysctl
            .entry(NONLOCAL_BIND.to_owned())
            .or_insert_with(|| "1".to_owned());
    }
}
