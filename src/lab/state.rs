//! The record of a lab: what `lab up` is about to make, written before it makes it.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::error::LabError;
use super::image::{ImageKind, Suite};

/// The first node has this address in the lab's subnet, the next one the next.
const FIRST_NODE: usize = 11;

/// More nodes than a lab can have interface names for.
const MOST_NODES: usize = 99;

/// What a lab is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabSpec {
    /// Its name; also the scope of the inventory that is written for it.
    pub name: String,
    /// Nodes are called by this, a hyphen and a number from 1.
    pub prefix: String,
    /// How many nodes.
    pub nodes: usize,
    /// What they run.
    pub suite: Suite,
    /// How much is on them.
    pub image: ImageKind,
    /// The subnet, where it is not the lab's to choose.
    pub subnet: Option<Ipv4Net>,
}

impl Default for LabSpec {
    fn default() -> Self {
        Self {
            name: "lab".to_owned(),
            prefix: "pg".to_owned(),
            nodes: 3,
            suite: Suite::default(),
            image: ImageKind::default(),
            subnet: None,
        }
    }
}

impl LabSpec {
    /// Refuses what no lab can be made of.
    pub(super) fn check(&self) -> Result<(), LabError> {
        check_name("lab", &self.name)?;
        check_name("node", &self.prefix)?;
        if !(1..=MOST_NODES).contains(&self.nodes) {
            return Err(LabError::Refused(format!(
                "a lab has 1 to {MOST_NODES} nodes, not {}",
                self.nodes
            )));
        }
        let Some(subnet) = self.subnet else {
            return Ok(());
        };
        let private = subnet.addr().is_private();
        if !private || subnet.hosts().nth(FIRST_NODE + self.nodes - 2).is_none() {
            return Err(LabError::Refused(format!(
                "subnet {subnet} is {}; a lab of {} takes for example 10.89.7.0/24",
                if private { "too small" } else { "not private" },
                counted(self.nodes, "node"),
            )));
        }
        Ok(())
    }
}

/// Refuses a name that cannot be a folder, a host name and a scope.
pub(super) fn check_name(of: &str, name: &str) -> Result<(), LabError> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.len() <= 40
        && name.chars().all(letters);
    if good {
        return Ok(());
    }
    Err(LabError::Refused(format!(
        "`{name}` cannot be the name of a {of}: at most 40 lower-case letters, digits and hyphens, \
         a letter first, no hyphen last"
    )))
}

/// `1 node`, `3 nodes`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// A node of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeRecord {
    pub(super) name: String,
    pub(super) address: Ipv4Addr,
    /// What systemd-nspawn, its cgroup and its interface know it by.
    pub(super) machine: String,
}

impl NodeRecord {
    /// The machine's end of the node's network cable; systemd-nspawn names it so.
    pub(super) fn interface(&self) -> String {
        format!("vb-{}", self.machine)
    }
}

/// What a lab, whatever version of mahout made it, keeps others from taking.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Claims {
    pub(super) id: String,
    pub(super) image_folder: PathBuf,
    pub(super) subnet: Ipv4Net,
}

/// The record of a lab. Whatever `lab down` removes is named in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) name: String,
    /// Six hexadecimal digits: an interface's name has at most 15 characters, a lab's may be longer.
    pub(super) id: String,
    pub(super) suite: Suite,
    pub(super) image: ImageKind,
    pub(super) image_folder: PathBuf,
    pub(super) subnet: Ipv4Net,
    pub(super) nodes: Vec<NodeRecord>,
    /// Whether `lab up` ran to its end.
    pub(super) whole: bool,
}

impl State {
    pub(super) fn plan(spec: &LabSpec, id: String, subnet: Ipv4Net, image_folder: PathBuf) -> Self {
        let addresses = subnet.hosts().skip(FIRST_NODE - 1);
        let nodes = addresses
            .zip(1..=spec.nodes)
            .map(|(address, number)| NodeRecord {
                name: format!("{}-{number}", spec.prefix),
                address,
                machine: format!("mh{id}-{number}"),
            });
        Self {
            name: spec.name.clone(),
            nodes: nodes.collect(),
            suite: spec.suite,
            image: spec.image,
            image_folder,
            subnet,
            id,
            whole: false,
        }
    }

    /// Refuses a request that this lab does not answer.
    pub(super) fn answers(&self, spec: &LabSpec) -> Result<(), LabError> {
        let words = |nodes, suite, image, subnet: Option<Ipv4Net>| {
            let place = subnet.map_or(String::new(), |subnet| format!(" in {subnet}"));
            format!("{} of {suite} {image}{place}", counted(nodes, "node"))
        };
        let shown = spec.subnet.map(|_| self.subnet);
        let has = words(self.nodes.len(), self.suite, self.image, shown);
        let subnet = spec.subnet.map(|subnet| subnet.trunc());
        let asked = words(spec.nodes, spec.suite, spec.image, subnet);
        if has == asked {
            return Ok(());
        }
        Err(LabError::Different {
            name: self.name.clone(),
            has,
            asked,
        })
    }

    pub(super) fn node(&self, name: &str) -> Result<&NodeRecord, LabError> {
        let known = || self.nodes.iter().map(|node| node.name.clone());
        self.nodes
            .iter()
            .find(|node| node.name == name)
            .ok_or_else(|| LabError::UnknownNode {
                lab: self.name.clone(),
                node: name.to_owned(),
                known: known().collect(),
            })
    }

    /// The bridge between its nodes.
    pub(super) fn bridge(&self) -> String {
        bridge(&self.id)
    }

    /// The bridge's own address, the nodes' gateway.
    pub(super) fn gateway(&self) -> Ipv4Addr {
        self.subnet.hosts().next().unwrap_or(self.subnet.addr())
    }

    /// The name of its nftables tables.
    pub(super) fn table(&self) -> String {
        format!("mahout_{}", self.id)
    }
}

/// The bridge of the lab with that id.
pub(super) fn bridge(id: &str) -> String {
    format!("mh{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(nodes: usize, subnet: Option<&str>) -> LabSpec {
        LabSpec {
            nodes,
            subnet: subnet.map(|subnet| subnet.parse().expect("a subnet")),
            ..LabSpec::default()
        }
    }

    fn plan(spec: &LabSpec) -> State {
        let subnet = "10.89.7.0/24".parse().expect("a subnet");
        State::plan(spec, "0a1b2c".to_owned(), subnet, PathBuf::new())
    }

    #[test]
    fn every_interface_name_fits_into_15_characters() {
        let state = plan(&spec(MOST_NODES, None));
        assert_eq!(state.nodes.len(), MOST_NODES);
        assert!(state.nodes.iter().all(|node| node.interface().len() <= 15));
        assert_eq!(state.nodes[2].name, "pg-3");
        assert_eq!(state.nodes[2].address, Ipv4Addr::new(10, 89, 7, 13));
        assert_eq!(state.gateway(), Ipv4Addr::new(10, 89, 7, 1));
    }

    #[test]
    fn what_cannot_be_a_lab_is_refused() {
        let refused = |spec: LabSpec| spec.check().err().map(|error| error.to_string());
        assert_eq!(refused(spec(3, None)), None);
        assert_eq!(refused(spec(20, Some("10.1.2.0/27"))), None);
        let small = refused(spec(21, Some("10.1.2.0/27"))).expect("31 is the broadcast address");
        assert!(small.contains("too small"), "{small}");
        let public = refused(spec(1, Some("8.8.8.0/24"))).expect("a public subnet");
        assert!(public.contains("not private"), "{public}");
        assert!(refused(spec(0, None)).is_some());
        for name in ["", "../x", "1a", "a-", "Lab", "a_b"] {
            assert!(check_name("lab", name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_lab_answers_only_the_request_that_it_was_made_by() {
        let state = plan(&spec(3, None));
        assert!(state.answers(&spec(3, None)).is_ok());
        assert!(state.answers(&spec(3, Some("10.89.7.9/24"))).is_ok());
        let other = state.answers(&spec(5, Some("10.1.0.0/24")));
        assert_eq!(
            other.map_err(|error| error.to_string()),
            Err(
                "lab `lab` exists with 3 nodes of bookworm prepared in 10.89.7.0/24, not 5 nodes of \
                 bookworm prepared in 10.1.0.0/24"
                    .to_owned()
            )
        );
    }
}
