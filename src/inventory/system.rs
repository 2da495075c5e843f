//! The section `system`.

use super::scalar::Setting;
use super::section::{OrOff, Table, section, words};

words! {
    /// What becomes of transparent huge pages.
    pub enum HugePages {
        /// They are switched off.
        Off = "off" | "false" | "no" | "never";
        /// They are left as they are.
        Keep = "keep";
    }

    /// What becomes of the firewall.
    pub enum Firewall {
        /// Whichever runs lets the cluster's own connections in.
        Auto = "auto";
        /// The same, and firewalld is started where it is installed.
        On = "on" | "true" | "yes";
        /// It is left alone.
        Off = "off" | "false" | "no";
    }

    /// What becomes of SELinux.
    pub enum Selinux {
        /// Its mode is left as it is.
        Keep = "keep";
        /// It logs what it would deny, and denies nothing.
        Permissive = "permissive";
    }
}

section! {
    /// What is set in a node's operating system.
    pub struct System {
        /// Write every node's name and address into /etc/hosts.
        Node hosts_entries: bool;
        /// Refuse a node whose host name is not its name here; else it is a warning.
        Node check_hostname: bool;
        /// Kernel settings, laid over ours key by key; keep leaves one as it is; off sets none at all.
        Node sysctl: OrOff<Table<Setting>>;
        /// Transparent huge pages: off or keep.
        Node transparent_huge_pages: HugePages;
        /// Open files of the services and of the postgres user, or off.
        Node limit_nofile: OrOff<u64>;
        /// Time must be synchronised; a node without a time service gets chrony.
        Node time_sync: bool;
        /// Load softdog and give the watchdog device to postgres.
        Node watchdog: bool;
        /// vm.overcommit_memory = 2, with a ratio computed from memory and swap.
        Node strict_overcommit: bool;
        /// Disable the distribution's own PostgreSQL units, which would start a second server.
        Node disable_distribution_postgresql: bool;
        /// auto: a firewall that runs lets the cluster in; on: firewalld is started, too; off: left alone.
        Node firewall: Firewall;
        /// keep leaves SELinux's mode as it is; permissive has it deny nothing.
        Node selinux: Selinux;
    }
}
