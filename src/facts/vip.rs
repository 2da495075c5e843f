//! What a node knows of a virtual address.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use super::NodeFacts;
use super::section::Sections;

/// What a node that can hold the virtual address knows of it. Whether it does is told by its
/// addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VipFacts {
    /// The networks that it is connected to, each with its interface.
    pub networks: Vec<NetworkFacts>,
    /// The hardware addresses of its own interfaces.
    pub hardware: Vec<String>,
    /// The hardware address of whoever answers for the virtual address, if it is not this node.
    pub answers: Option<String>,
}

/// A network that a node is connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkFacts {
    /// The interface.
    pub interface: String,
    /// The network.
    pub network: IpNet,
}

impl VipFacts {
    /// The interface in whose network `address` is; the one of the smallest network.
    pub fn interface(&self, address: Ipv4Addr) -> Option<&str> {
        let contains = |facts: &&NetworkFacts| facts.network.contains(&IpAddr::V4(address));
        let networks = self.networks.iter().filter(contains);
        networks
            .max_by_key(|facts| facts.network.prefix_len())
            .map(|facts| facts.interface.as_str())
    }

    /// Whether `interface` is connected to a network that `address` is in.
    pub fn is_connected(&self, interface: &str, address: Ipv4Addr) -> bool {
        let mut networks = self.networks.iter();
        networks.any(|facts| {
            facts.interface == interface && facts.network.contains(&IpAddr::V4(address))
        })
    }

    pub(super) fn parse(sections: &Sections<'_>) -> Option<Self> {
        sections.get("vip")?;
        let text = |key| sections.values("vip", key).map(str::to_owned);
        Some(Self {
            networks: sections
                .values("vip", "network")
                .filter_map(network)
                .collect(),
            hardware: text("hardware").collect(),
            answers: text("answers").next(),
        })
    }
}

impl NodeFacts {
    /// Whether the node holds `address`.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        let mut addresses = self.system.addresses.iter();
        addresses.any(|own| own.parse() == Ok(address))
    }
}

/// `eth0 0001A8C0 00FFFFFF`: /proc/net/route has the bytes in the order of the machine.
fn network(line: &str) -> Option<NetworkFacts> {
    let mut words = line.split_whitespace();
    let interface = words.next()?.to_owned();
    let mut address = || {
        let bits = u32::from_str_radix(words.next()?, 16).ok()?;
        Some(Ipv4Addr::from(bits.to_ne_bytes()))
    };
    let (network, mask) = (address()?, address()?);
    let network = Ipv4Net::with_netmask(network, mask).ok()?;
    Some(NetworkFacts {
        interface,
        network: IpNet::V4(network),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_the_smallest_one_counts() {
        let hexadecimal = |address: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(address));
        let line = |interface, network, mask| {
            let (network, mask) = (hexadecimal(network), hexadecimal(mask));
            format!("network {interface} {network} {mask}\n")
        };
        let text = format!(
            "@vip\n{}{}hardware 02:00:00:00:00:01\nanswers 02:00:00:00:00:09\nnetwork eth2 x 0\n",
            line("eth0", [10, 0, 0, 0], [255, 0, 0, 0]),
            line("eth1", [10, 0, 4, 0], [255, 255, 254, 0]),
        );
        let facts = VipFacts::parse(&Sections::of(&text)).expect("asked");
        assert_eq!(facts.networks.len(), 2);
        assert_eq!(facts.interface([10, 0, 5, 9].into()), Some("eth1"));
        assert_eq!(facts.interface([10, 0, 6, 9].into()), Some("eth0"));
        assert_eq!(facts.interface([192, 168, 0, 1].into()), None);
        assert!(facts.is_connected("eth0", [10, 0, 5, 9].into()));
        assert!(!facts.is_connected("eth1", [10, 0, 6, 9].into()));
        assert_eq!(facts.answers.as_deref(), Some("02:00:00:00:00:09"));
        assert_eq!(VipFacts::parse(&Sections::of("@facts\n")), None);
    }
}
