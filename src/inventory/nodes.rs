//! Nodes, groups, and how each node is reached.

use std::net::IpAddr;
use std::time::Duration;

use super::etcd::Etcd;
use super::haproxy::Haproxy;
use super::patroni::Patroni;
use super::postgresql::Postgresql;
use super::section::{List, section, words};
use super::system::{Packages, Repository, System};

words! {
    /// What a node is for.
    pub enum Role {
        /// An etcd member.
        Etcd = "etcd";
        /// PostgreSQL under Patroni.
        Postgresql = "postgresql" | "postgres" | "patroni";
        /// An HAProxy.
        Haproxy = "haproxy";
    }
}

section! {
    /// A node.
    pub struct NodeEntry {
        /// The address under which the other nodes reach it.
        Single address: IpAddr = Required;
        /// What it is for: etcd, postgresql, haproxy.
        Node roles: List<Role>;
        /// How it is reached.
        Node ssh: Ssh;
        /// Its etcd member.
        Node etcd: Etcd;
        /// Its Patroni.
        Node patroni: Patroni;
        /// Its PostgreSQL.
        Node postgresql: Postgresql;
        /// Its HAProxy.
        Node haproxy: Haproxy;
        /// What is set in its operating system.
        Node system: System;
        /// Whether its missing packages are installed: install, relay or preinstalled.
        Node packages: Packages = Unset;
        /// The repositories that its packages come from.
        Node repositories: List<Repository> = Unset;
    }

    /// Settings that some nodes share.
    pub struct GroupEntry {
        /// The names of its nodes.
        Node nodes: List<String> = Required;
        /// What they are for.
        Node roles: List<Role>;
        /// How they are reached.
        Node ssh: Ssh;
        /// Their etcd members.
        Node etcd: Etcd;
        /// Their Patroni.
        Node patroni: Patroni;
        /// Their PostgreSQL.
        Node postgresql: Postgresql;
        /// Their HAProxy.
        Node haproxy: Haproxy;
        /// What is set in their operating systems.
        Node system: System;
        /// Whether their missing packages are installed: install, relay or preinstalled.
        Node packages: Packages = Unset;
        /// The repositories that their packages come from.
        Node repositories: List<Repository> = Unset;
    }

    /// How a node is reached, on top of the user's own ~/.ssh/config.
    pub struct Ssh {
        /// What ssh is given: an alias of ~/.ssh/config, a name or an address; else the node's address.
        Single destination: String = Unset;
        /// The login user; else what ssh would take.
        Node user: String = Unset;
        /// The port; else what ssh would take.
        Node port: super::scalar::Port = Unset;
        /// A private key file on this machine; relative to the inventory, ~ is expanded.
        Node identity_file: String = Unset;
        /// A configuration file instead of ~/.ssh/config.
        Node config_file: String = Unset;
        /// A known_hosts file instead of the user's own.
        Node known_hosts_file: String = Unset;
        /// A jump host, as for ssh -J.
        Node proxy_jump: String = Unset;
        /// How long a connection may take.
        Node connect_timeout: Duration;
        /// How long an unused connection outlives a run, so that the next one starts at once.
        Node persist: Duration;
    }
}
