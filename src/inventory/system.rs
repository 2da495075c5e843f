//! The section `system`, and where packages come from.

use super::decode::{Decode, Decoder};
use super::free::Setting;
use super::schema;
use super::section::{Level, OrOff, Table, section, words};
use super::value::Value;

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

words! {
    /// Whose business packages are.
    pub enum Packages {
        /// Missing ones are installed.
        Install = "install";
        /// The same; one node of a kind downloads them for the others.
        Relay = "relay";
        /// They are there already; nothing is installed.
        Preinstalled = "preinstalled";
    }
}

/// A URL that packages or keys are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(pub String);

impl Decode for Url {
    fn schema(_: Level) -> serde_json::Value {
        schema::text()
    }

    fn decode(value: &Value, decoder: &mut Decoder) -> Option<Self> {
        const WANTED: &str = "a URL that begins with `https://`, `http://`, `file:///` or `ftp://`";
        let text = &decoder.scalar(value, WANTED)?.text;
        let known = ["https://", "http://", "file:///", "ftp://"];
        let bad = |c: char| c.is_control() || c.is_whitespace() || c == '"' || c == '\'';
        let host = text.split('/').nth(2).unwrap_or_default();
        if host.contains('@') {
            let path = decoder.path();
            let message = format!("`{path}` holds a login, where everyone can read it");
            decoder
                .problems
                .error(value.span, message)
                .hint("keep it in a section of the node's own, and name that without a `baseurl`");
            return None;
        }
        if !known.iter().any(|scheme| text.starts_with(scheme)) || text.chars().any(bad) {
            decoder.mistyped(value, WANTED);
            return None;
        }
        Some(Self(text.clone()))
    }
}

section! {
    /// A repository of packages, for the RHEL family.
    pub struct Repository {
        /// The name of its section.
        Node name: String = Required;
        /// Where it is; without one, the node has that section already.
        Node baseurl: Url = Unset;
        /// The key that its packages are signed with.
        Node gpgkey: Url = Unset;
        /// Whether signatures are checked.
        Node gpgcheck: bool;
        /// Whether dnf asks it when others call it, too.
        Node enabled: bool;
    }

    /// What is set in a node's operating system.
    pub struct System {
        /// What a distribution that mahout does not know is to be treated as: el-9, debian-12.
        Node platform: String = Unset;
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
