//! Operating system, packages, files, units, ports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The fields of /etc/os-release that we need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`: `debian`, `rocky`, …
    pub id: String,
    /// `ID_LIKE`, split at white space.
    #[serde(default)]
    pub id_like: Vec<String>,
    /// `VERSION_ID`: `12`, `9.4`, …; empty on Debian's testing.
    #[serde(default)]
    pub version_id: String,
    /// `VERSION_CODENAME`.
    #[serde(default)]
    pub codename: String,
    /// `PRETTY_NAME`.
    #[serde(default)]
    pub pretty_name: String,
    /// What the inventory says it is (`el-9`), whatever it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

/// Operating system, hardware, clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SystemFacts {
    /// See [`OsRelease`].
    pub os: OsRelease,
    /// `uname -r`.
    pub kernel: String,
    /// `uname -m`.
    pub architecture: String,
    /// The host name, short.
    pub hostname: String,
    /// /etc/machine-id; two nodes with one id are clones.
    pub machine_id: String,
    /// The kernel's boot id.
    pub boot_id: String,
    /// systemd's major version; 0 where there is none.
    pub systemd: u32,
    /// What kind of virtual machine or container this is (`systemd-detect-virt`): `none`, `kvm`,
    /// `systemd-nspawn`, …
    pub virtualization: String,
    /// glibc's version (collation depends on it); empty where there is no PostgreSQL.
    pub libc: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Swap in bytes.
    pub swap_bytes: u64,
    /// Processors.
    pub cpus: u32,
    /// Every address of the node.
    pub addresses: Vec<String>,
    /// The node's clock minus ours at the same moment, in seconds; `None` in an old record.
    pub clock_offset: Option<f64>,
    /// Half of the round trip of that measurement, in seconds: the offset's uncertainty.
    pub clock_uncertainty: Option<f64>,
    /// Whether the active time service says that the clock is synchronised; `None` if there is
    /// none that can be asked.
    pub clock_synchronized: Option<bool>,
    /// The time service that is active (`chronyd`, `systemd-timesyncd`, …), if any.
    pub time_service: Option<String>,
    /// `[never]` and its kin of /sys/kernel/mm/transparent_hugepage/enabled: the chosen word.
    pub transparent_huge_pages: Option<String>,
    /// Whether /sys/kernel/mm/transparent_hugepage/enabled can be written (not in a container).
    pub transparent_huge_pages_writable: bool,
    /// `getenforce`: `Enforcing`, `Permissive`, `Disabled`; `None` where there is no SELinux.
    pub selinux: Option<String>,
    /// Whether /dev/watchdog exists.
    pub watchdog_device: bool,
    /// Whether the package manager has lists of available packages.
    pub package_lists: bool,
    /// Who holds the package manager's lock, if somebody does.
    pub package_lock: Option<String>,
    /// dnf's modules that are disabled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disabled_modules: Vec<String>,
    /// What each node name resolves to on this node (`getent hosts`).
    #[serde(default)]
    pub resolves: BTreeMap<String, String>,
}

impl SystemFacts {
    /// Whether the node shares its kernel and its clock with the machine that it runs on.
    pub fn is_container(&self) -> bool {
        matches!(
            self.virtualization.as_str(),
            "systemd-nspawn"
                | "docker"
                | "podman"
                | "lxc"
                | "lxc-libvirt"
                | "openvz"
                | "rkt"
                | "pouch"
                | "proot"
                | "wsl"
                | "container-other"
        )
    }
}

/// One package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {
    /// The installed version.
    pub installed: Option<String>,
    /// What an installation would bring; `None` where the lists are missing or it is unknown.
    pub candidate: Option<String>,
}

/// One section of a file in /etc/yum.repos.d.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryFacts {
    /// Its name.
    pub section: String,
    /// The file.
    pub file: String,
    /// Whether dnf asks it.
    pub enabled: bool,
    /// Its first URL, without a password.
    pub url: String,
}

/// One kernel setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SysctlFacts {
    /// Its live value, white space folded to single blanks.
    pub value: String,
    /// Whether root can write it here (not in a container that shares the kernel).
    pub writable: bool,
}

/// One file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// The permission bits, octal: `644`.
    pub mode: String,
    /// SHA-256 of the content, hexadecimal; empty for what is no file (a link to /dev/null).
    pub sha256: String,
    /// The content, if the file is smaller than 256 KiB and UTF-8. Never in a record: a rendered file may
    /// hold a password.
    #[serde(skip)]
    pub content: Option<Secret>,
    /// When the content was last changed, in seconds since the epoch by the node's clock.
    pub modified: i64,
    /// For a symbolic link: where it leads. Owner, group and mode are then the link's, content
    /// and hash those of the file that it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// One directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryFacts {
    /// The owner's name.
    pub owner: String,
    /// The group's name.
    pub group: String,
    /// The permission bits, octal: `700`.
    pub mode: String,
    /// Whether nothing is in it.
    pub empty: bool,
}

/// One systemd unit (`systemctl show`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFacts {
    /// `LoadState`: `loaded`, `not-found`, `masked`.
    pub load: String,
    /// `ActiveState`: `active`, `inactive`, `failed`, `activating`.
    pub active: String,
    /// `SubState`: `running`, `exited`, `dead`.
    pub sub: String,
    /// `UnitFileState`: `enabled`, `disabled`, `static`, `masked`; empty for none.
    pub enabled: String,
    /// `FragmentPath`.
    pub fragment: String,
    /// `NeedDaemonReload`.
    pub needs_daemon_reload: bool,
    /// `ActiveEnterTimestamp` in seconds since the epoch; `None` if it is not active.
    pub active_since: Option<i64>,
    /// When mahout last reloaded it in this boot (`/run/mahout/UNIT.reloaded`), in seconds since
    /// the epoch.
    pub reloaded_at: Option<i64>,
    /// `Result`: `success`, `exit-code`, `timeout`, …
    pub result: String,
    /// How many files its main process may have open; `None` if it does not run.
    #[serde(default)]
    pub limit_nofile: Option<u64>,
}

/// Something that listens on TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListeningPort {
    /// The address, `*` for all.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The name of the process; empty where it is unknown.
    #[serde(default)]
    pub process: String,
    /// Its pid.
    #[serde(default)]
    pub pid: Option<u32>,
}

/// One file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskFacts {
    /// The path that was asked for; the file system of its nearest existing parent is meant.
    pub path: String,
    /// Where that file system is mounted.
    pub mount: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What is free for root-less users, in bytes.
    pub free_bytes: u64,
    /// Free inodes; `None` where the file system has no such limit.
    pub free_inodes: Option<u64>,
}
