//! The section `etcd`.

use std::time::Duration;

use super::free::Setting;
use super::quantity::Size;
use super::reference::SecretRef;
use super::scalar::{NodePath, Port};
use super::section::{List, Table, section, words};

words! {
    /// How an external etcd is spoken to.
    pub enum Protocol {
        /// In clear text.
        Http = "http";
        /// Under TLS.
        Https = "https";
    }
}

section! {
    /// The DCS.
    pub struct Etcd {
        /// Where clients (Patroni) connect.
        Cluster client_port: Port;
        /// Where members connect to each other.
        Cluster peer_port: Port;
        /// initial-cluster-token: unique for each etcd cluster; else the scope.
        Cluster token: String;
        /// Between two signs of life of etcd's leader: about the largest round trip between members.
        Cluster heartbeat_interval: Duration;
        /// Without a sign of life for so long, members elect a new leader: ten heartbeats.
        Cluster election_timeout: Duration;
        /// At this size of its database etcd refuses writes.
        Cluster quota: Size;
        /// How much history is kept; Patroni needs none.
        Cluster auto_compaction_retention: Duration;
        /// A pinned package version; else the repository's newest.
        Cluster version: String = Unset;
        /// Where the member keeps its data; else /var/lib/etcd/ and the scope.
        Node data_dir: NodePath;
        /// Further ETCD_ settings by name.
        Node settings: Table<Setting>;
        /// An etcd that exists already and is not ours; no node then has the role etcd.
        Cluster external: ExternalEtcd = Unset;
    }

    /// An etcd that we do not run.
    pub struct ExternalEtcd {
        /// host:port of its client URLs.
        Cluster endpoints: List<String> = Required;
        /// http or https.
        Cluster protocol: Protocol;
        /// The CA certificate, on the nodes, that it is checked with.
        Cluster ca_file: NodePath = Unset;
        /// The certificate, on the nodes, that is shown to it.
        Cluster cert_file: NodePath = Unset;
        /// That certificate's key, on the nodes; else it stands in the same file.
        Cluster key_file: NodePath = Unset;
        /// The user, where it asks for one.
        Cluster username: String = Unset;
        /// That user's password: env:, file: or command:.
        Cluster password: SecretRef = Unset;
    }
}
