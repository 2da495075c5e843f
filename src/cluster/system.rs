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
    /// The platform that it is treated as, by name, where the inventory says so: `el-9`.
    pub platform: Option<String>,
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

/// Where the packages of a node come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackagesSpec {
    /// They are there; nothing is ever installed.
    pub preinstalled: bool,
    /// One node of a kind downloads them for the others.
    pub relayed: bool,
    /// The repositories that are asked, and no others; `None` where mahout sets them up.
    pub repositories: Option<Vec<RepositorySpec>>,
}

/// One of the inventory's repositories.
#[derive(Clone, Debug, PartialEq)]
pub struct RepositorySpec {
    /// The name of its section.
    pub name: String,
    /// Where it is; `None` where the node has that section already.
    pub baseurl: Option<String>,
    /// Its key.
    pub gpgkey: Option<String>,
    /// Whether signatures are checked.
    pub gpgcheck: bool,
    /// Whether it is enabled for others, too.
    pub enabled: bool,
}
