//! The inventory: what the operator wrote, as typed, with the place of every key and value.
//!
//! [`load`] reads the file, [`parse`] the text. Unknown, repeated, misplaced and mistyped keys
//! are found here, all at once; what contradicts itself is found where a
//! [`Cluster`](crate::cluster::Cluster) is made of it. A key has no default here: what is `None`
//! was not written.
//!
//! A key of a section stands at the top level for all nodes, in a group for some, or in a node's
//! entry; the nearer one wins ([`Decode::over`]). Some are the same on all nodes and stand at
//! the top level only ([`Level`]).

mod decode;
mod elsewhere;
pub mod etcd;
mod excerpt;
mod foreign;
pub mod free;
pub mod guc;
pub mod haproxy;
mod mask;
pub mod nodes;
pub mod patroni;
pub mod postgresql;
mod problem;
pub mod quantity;
pub mod reference;
pub mod scalar;
mod schema;
mod section;
mod slips;
mod source;
mod suggest;
mod syntax;
pub mod system;
pub mod tls;
mod value;
pub mod vault;
pub mod vip;
mod yaml;

use std::path::{Path, PathBuf};

use ipnet::IpNet;

pub use decode::{Decode, Decoder, over};
pub use excerpt::{Style, render};
pub(crate) use mask::is_secret;
pub use problem::{Problem, Problems, Severity, Span, Spanned};
pub use schema::schema;
pub use section::{Key, Level, List, OrOff, Presence, Table};
pub(crate) use slips::strange;
pub use source::{InventoryError, LARGEST, Source};
pub use suggest::nearest;
pub use value::{Entry, Form, Kind, Scalar, Value};

use nodes::{GroupEntry, NodeEntry};

section::section! {
    /// The top level of an inventory.
    pub struct Sections {
        /// The name of the cluster: Patroni's scope.
        Cluster scope: String = Required;
        /// Where it lives in the DCS.
        Cluster namespace: String;
        /// How fast failures are detected: fast, normal, safe, wide, or a map.
        Cluster timings: patroni::TimingsEntry;
        /// Networks from which clients may connect to PostgreSQL directly.
        Cluster clients: List<IpNet>;
        /// Further names and addresses under which clients reach the cluster.
        Cluster endpoints: List<String>;
        /// A virtual address that the HAProxy nodes share, held by keepalived.
        Cluster vip: vip::Vip = Unset;
        /// Whether everything is encrypted: on or off.
        Cluster tls: tls::Switch;
        /// The certificates that it is encrypted with.
        Cluster certificates: tls::Certificates;
        /// Where generated secrets are kept, and who can read them.
        Cluster vault: vault::Vault;
        /// How nodes are reached.
        Cluster ssh: nodes::Ssh;
        /// The DCS.
        Cluster etcd: etcd::Etcd;
        /// Patroni.
        Cluster patroni: patroni::Patroni;
        /// PostgreSQL.
        Cluster postgresql: postgresql::Postgresql;
        /// HAProxy.
        Cluster haproxy: haproxy::Haproxy;
        /// What is set in the nodes' operating systems.
        Cluster system: system::System;
        /// Whether missing packages are installed, or all of them are there: install, relay (one node
        /// of a kind downloads them for the others) or preinstalled.
        Cluster packages: system::Packages;
        /// The repositories that packages come from, instead of PGDG's and all that is enabled.
        Cluster repositories: List<system::Repository> = Unset;
        /// Settings that some nodes share, by the group's name.
        Cluster groups: AtLevel<GroupEntry> = Unset;
        /// The nodes by name.
        Cluster nodes: AtLevel<NodeEntry> = Required;
    }
}

/// A map of groups or of nodes, whose keys are read at their own level.
#[derive(Clone, Debug)]
pub struct AtLevel<T>(pub Table<T>);

impl Decode for AtLevel<GroupEntry> {
    fn keys() -> Option<&'static [Key]> {
        Some(GroupEntry::KEYS)
    }

    fn schema(_: Level) -> serde_json::Value {
        Table::<GroupEntry>::schema(Level::Node)
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        decoder
            .at_level(Level::Node, |decoder| Table::decode(value, decoder))
            .map(Self)
    }
}

impl Decode for AtLevel<NodeEntry> {
    fn keys() -> Option<&'static [Key]> {
        Some(NodeEntry::KEYS)
    }

    fn schema(_: Level) -> serde_json::Value {
        Table::<NodeEntry>::schema(Level::Single)
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        if !matches!(value.kind, Kind::Map(_)) {
            decoder
                .mistyped(value, "a map of node names")
                .hint("write each as `name: { address: 10.0.0.11 }`");
            return None;
        }
        decoder
            .at_level(Level::Single, |decoder| Table::decode(value, decoder))
            .map(Self)
    }
}

/// An inventory as it was typed.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The text that it was read from.
    pub source: Source,
    /// What it says.
    pub sections: Sections,
    /// What was wrong with single keys and values. What they would have set is missing above.
    pub problems: Problems,
    /// The keys of the top level, for what is reported as missing.
    pub tree: Option<Value>,
}

/// Reads the file at `path`; `~` in it is the home folder of `$HOME`.
///
/// # Errors
/// If the file cannot be read, is too large, or is not text.
pub fn load(path: &Path) -> Result<Source, InventoryError> {
    Source::read(path, std::env::var_os("HOME").map(PathBuf::from))
}

/// Reads the text of an inventory. Never fails: what is wrong is among the problems.
pub fn parse(source: Source) -> Inventory {
    let mut problems = Problems::default();
    let tree = yaml::read(&source.text, &mut problems);
    let mut decoder = Decoder::new(problems);
    let sections = tree
        .as_ref()
        .and_then(|tree| Sections::decode(tree, &mut decoder));
    Inventory {
        source,
        sections: sections.unwrap_or_default(),
        problems: decoder.problems,
        tree,
    }
}

/// A commented inventory to begin with.
pub fn starter() -> &'static str {
    include_str!("starter.yml")
}
