//! The section `haproxy`.

use std::time::Duration;

use super::quantity::Size;
use super::reference::SecretRef;
use super::scalar::{Lines, Listen, Port};
use super::section::{List, OrOff, section};

section! {
    /// HAProxy.
    pub struct Haproxy {
        /// The port that leads to the leader.
        Node read_write_port: Port;
        /// The port that leads to the replicas, or off.
        Node read_only_port: OrOff<Port>;
        /// The addresses that both listen on: *, address (the node's own) or IP addresses.
        Node listen: List<Listen>;
        /// The statistics page.
        Node stats: Stats;
        /// How many connections the process takes.
        Cluster maxconn: u32;
        /// How many connections each PostgreSQL gets; else max_connections less ten.
        Cluster server_maxconn: u32;
        /// Time-outs.
        Cluster timeouts: Timeouts;
        /// How often a failed connection attempt is repeated.
        Cluster retries: u32;
        /// Replicas that lag by more serve no reads.
        Cluster replica_max_lag: Size = Unset;
        /// A pinned package version; else the repository's newest.
        Cluster version: String = Unset;
        /// Further lines of the global section.
        Cluster extra_global: List<String>;
        /// Further sections, appended as they are.
        Cluster extra: Lines = Unset;
    }

    /// The statistics page.
    pub struct Stats {
        /// The address that it listens on.
        Node listen: Listen;
        /// Its port.
        Node port: Port;
        /// Its path.
        Cluster uri: String;
        /// The user that it asks for.
        Cluster username: String = Unset;
        /// That user's password: generated, env:, file: or command:.
        Cluster password: SecretRef = Unset;
    }

    /// HAProxy's time-outs.
    pub struct Timeouts {
        /// timeout client and timeout server: how long a session may be silent.
        Cluster session: Duration;
        /// timeout connect.
        Cluster connect: Duration;
        /// timeout check.
        Cluster check: Duration;
    }
}
