//! The section `postgresql`.

use serde_json::json;

use super::decode::{Decode, Decoder};
use super::free::Setting;
use super::problem::Spanned;
use super::reference::SecretRef;
use super::scalar::{Listen, NodePath, Port};
use super::section::{Level, List, Table, section};
use super::value::{Kind, Value};

section! {
    /// PostgreSQL.
    pub struct Postgresql {
        /// The major version; else the distribution's.
        Cluster version: u32 = Unset;
        /// A pinned package version; else the repository's newest.
        Cluster package_version: String = Unset;
        /// The port.
        Node port: Port;
        /// listen_addresses: address (the node's own), * or IP addresses.
        Node listen: List<Listen>;
        /// The data directory; else the platform's.
        Node data_dir: NodePath = Unset;
        /// Where the server's binaries are; else the platform's.
        Node bin_dir: NodePath = Unset;
        /// Patroni's own password file; else beside the platform's data.
        Node pgpass: NodePath = Unset;
        /// Further folders that PostgreSQL writes to: tablespaces, archives; the rest is read-only to it.
        Node writable_paths: List<NodePath>;
        /// Parameters of every member; they become part of the dynamic configuration.
        Cluster parameters: Parameters;
        /// Parameters of a node; auto is computed from its memory.
        Node local_parameters: Table<Setting>;
        /// The lines of pg_hba.conf, complete and in order; `default` stands for the default ones.
        Cluster pg_hba: List<String>;
        /// The superuser.
        Cluster superuser: Login;
        /// The user that replicas connect as.
        Cluster replication: Login;
        /// The user that pg_rewind connects as.
        Cluster rewind: Login;
        /// Login roles that a deploy creates.
        Cluster users: List<User> = Unset;
    }

    /// One of the three users that Patroni needs.
    pub struct Login {
        /// Its name.
        Cluster username: String;
        /// Its password: generated, env:, file: or command:.
        Cluster password: SecretRef;
    }

    /// A login role.
    pub struct User {
        /// Its name.
        Cluster name: String = Required;
        /// Its options as CREATE ROLE takes them.
        Cluster options: List<String>;
        /// Its password: generated, none, env:, file: or command:.
        Cluster password: SecretRef;
    }
}

/// Parameters of every member: those that are set, and those that are to be set no longer.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Each with its value.
    pub set: Table<Setting>,
    /// The names of those whose value is `null`.
    pub unset: Vec<Spanned<String>>,
}

impl Decode for Parameters {
    fn schema(level: Level) -> serde_json::Value {
        let setting = json!({"anyOf": [{"type": "null"}, Setting::schema(level)]});
        json!({"type": "object", "additionalProperties": setting})
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        let (mut set, mut unset) = (Vec::new(), Vec::new());
        for entry in decoder.map(value, "a map")? {
            // A value that was forgotten is no `null`.
            if entry.value.kind == Kind::Null && entry.value.span.start < entry.value.span.end {
                unset.push(entry.key.clone());
            } else if let Some(setting) = decoder.entry(entry) {
                set.push((entry.key.clone(), setting));
            }
        }
        let set = Table(set);
        Some(Self { set, unset })
    }
}
