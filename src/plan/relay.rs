//! Archives of packages that one node downloads for others of its kind: `packages: relay`.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::{Desired, PackageChange};
use crate::cluster::NodeName;
use crate::platform::{Family, Sources};

/// The first release of the RHEL family whose package manager, dnf, compares an archive that it
/// finds with the repository's checksum.
const DNF: u32 = 8;

/// What is done about it on a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Relay {
    /// Download what the installation needs, here and there.
    Fetch {
        /// Which package manager.
        family: Family,
        /// What will be installed.
        packages: Vec<PackageChange>,
        /// What it draws from.
        sources: Sources,
        /// Who is to have it, too.
        others: Vec<NodeName>,
    },
    /// Take what another node has downloaded. What did not come is downloaded by the installation.
    Take {
        /// Which package manager.
        family: Family,
        /// What will be installed.
        packages: Vec<PackageChange>,
        /// Who has it.
        from: NodeName,
    },
}

impl Relay {
    pub(super) fn title(&self) -> String {
        match self {
            Relay::Fetch { others, .. } => {
                let names: Vec<&str> = others.iter().map(NodeName::as_str).collect();
                format!("download packages, for {} too", names.join(", "))
            }
            Relay::Take { from, .. } => format!("take the packages that {from} has downloaded"),
        }
    }
}

/// Which packages a node lacks, by name, and what their archives depend on.
struct Need<'a> {
    node: &'a NodeName,
    kind: (&'a str, u32, &'a str),
    names: BTreeSet<String>,
}

/// Who downloads for whom: for each node that need not, another one of the same distribution,
/// release and architecture that lacks the same packages, or more.
pub(super) fn sources(draft: &Draft, desired: &Desired) -> BTreeMap<NodeName, NodeName> {
    let mut needs: Vec<Need> = Vec::new();
    for node in desired.cluster.nodes.iter().filter(|n| n.packages.relayed) {
        let facts = draft.facts(&node.name);
        let platform = &desired.rendered[&node.name].platform;
        if platform.family == Family::EnterpriseLinux && platform.release < DNF {
            continue;
        }
        let missing = super::packages::difference(desired, node, facts).missing;
        let system = &facts.system;
        needs.push(Need {
            node: &node.name,
            kind: (&system.os.id, platform.release, &system.architecture),
            names: missing.into_iter().map(|change| change.name).collect(),
        });
    }
    needs.retain(|need| !need.names.is_empty());
    // Whoever lacks most serves most; of equals the first.
    needs.sort_by_key(|need| std::cmp::Reverse(need.names.len()));
    let mut sources: Vec<&Need> = Vec::new();
    let mut from = BTreeMap::new();
    for need in &needs {
        let serves =
            |source: &&&Need| source.kind == need.kind && source.names.is_superset(&need.names);
        match sources.iter().find(serves) {
            Some(source) => {
                from.insert(need.node.clone(), source.node.clone());
            }
            None => sources.push(need),
        }
    }
    from
}
