//! What is set in a node's operating system, each part switchable.

use std::collections::BTreeMap;

/// What becomes of a node's firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirewallUse {
    /// Whichever runs lets the cluster's own connections in.
    Auto,
    /// The same, and firewalld is started where it is installed and no other one runs.
    On,
    /// It is left alone.
    Off,
}

/// The system tweaks of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemSpec {
    /// Write every node's name and address into /etc/hosts.
    pub hosts_entries: bool,
    /// Refuse a node whose host name is not its name in the inventory (else: only warn).
    pub check_hostname: bool,
    /// Kernel settings by key; only those that the node's kernel has are set.
    pub sysctl: BTreeMap<String, String>,
    /// Switch transparent huge pages off, at boot and at once.
    pub disable_transparent_huge_pages: bool,
    /// `LimitNOFILE=` of the services and of the postgres user.
    pub limit_nofile: Option<u64>,
    /// Time must be synchronised; a node without any time service gets `chrony`.
    pub time_sync: bool,
    /// Load softdog and give the watchdog device to postgres.
    pub watchdog: bool,
    /// `vm.overcommit_memory = 2` together with a ratio computed from memory and swap.
    pub strict_overcommit: bool,
    /// Disable the distribution's own PostgreSQL units.
    pub disable_distribution_postgresql: bool,
    /// What becomes of its firewall.
    pub firewall: FirewallUse,
    /// SELinux logs what it would deny, and denies nothing; else its mode is left as it is.
    pub selinux_permissive: bool,
}
