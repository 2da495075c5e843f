//! The virtual address: which HAProxy node holds it, and how soon another one does.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{Cluster, Node, Role};

/// The highest priority; 255 is for who owns the address, which nobody does.
const HIGHEST: usize = 250;
/// So far apart that two nodes that miss the holder at the same time do not both take its place.
const STEP: usize = 50;

/// Between two looks at HAProxy itself.
pub const HAPROXY_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at where it leads. Where that is nowhere, the others are asked, which takes a
/// second.
pub const LEADER_EVERY: Duration = Duration::from_secs(2);
/// So many looks in a row must say the same.
pub const LOOKS: u32 = 2;

/// Whether a socket may listen on an address that the node does not have.
pub const NONLOCAL_BIND: &str = "net.ipv4.ip_nonlocal_bind";

/// The virtual address, as far as it is the same on all nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipSpec {
    /// The address.
    pub address: Ipv4Addr,
    /// The interface, if the inventory names one.
    pub interface: Option<String>,
    /// VRRP's virtual router.
    pub router: u8,
    /// `advert_int`.
    pub advert: Duration,
}

impl VipSpec {
    /// Whether that is its text.
    pub fn is(&self, address: &str) -> bool {
        address.parse() == Ok(self.address)
    }
}

impl Cluster {
    /// The other nodes that can hold the virtual address of `node`; empty without one.
    pub fn vip_peers<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = &'a Node> {
        let wanted = self.vip.is_some() && node.has(Role::Haproxy);
        self.with_role(Role::Haproxy)
            .filter(move |other| wanted && other.name != node.name)
    }

    /// Whether `node` can hold a virtual address.
    pub fn can_hold_vip(&self, node: &Node) -> bool {
        self.vip.is_some() && node.has(Role::Haproxy)
    }

    /// VRRP's priority of `node`: who comes first in the inventory is the first to take the address
    /// when nobody holds it.
    pub fn vip_priority(&self, node: &Node) -> usize {
        let count = self.with_role(Role::Haproxy).count().max(1);
        let at = self
            .with_role(Role::Haproxy)
            .position(|other| other.name == node.name)
            .unwrap_or_default();
        HIGHEST - at * STEP.min((HIGHEST - 1) / count)
    }

    /// For how long nobody holds the virtual address at worst when the node that does is lost
    /// without a word, or its HAProxy: three adverts, and the skew of whoever takes it (RFC 5798);
    /// HAProxy's end is noticed sooner.
    pub fn worst_takeover(&self) -> Option<Duration> {
        let vip = self.vip.as_ref()?;
        let nodes = self.with_role(Role::Haproxy);
        let lowest = nodes.map(|node| self.vip_priority(node)).min()?;
        let skew = vip.advert.mul_f64((256 - lowest) as f64 / 256.0);
        let lost = vip.advert * 3 + skew;
        Some(lost.max(HAPROXY_EVERY * (LOOKS + 1) + skew))
    }

    /// Further addresses that connections of the nodes themselves can come from: a client on the
    /// node that holds the virtual address comes from it.
    pub fn vip_address(&self) -> Option<IpAddr> {
        self.vip.as_ref().map(|vip| IpAddr::V4(vip.address))
    }
}
