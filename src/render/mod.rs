//! From a cluster to every file of every node: pure, no node is touched.
//!
//! `plan` compares these files with the nodes' own, `verify` reports the ones that drifted,
//! `mahout render` writes them to a folder.

mod etcd;
pub mod firewall;
mod haproxy;
mod hosts;
mod parameters;
mod patroni;
mod patroni_unit;
mod rendered;
mod repositories;
mod system;
mod tls;
mod vip;

use std::collections::BTreeSet;

pub use haproxy::{STATS_LISTENER, read_only_listener, read_write_listener};
pub use hosts::{HOSTS_PATH, merge as merge_hosts};
pub use rendered::Rendered;
pub use system::sysctl_values;

use crate::cluster::{CertificatePurpose, Cluster, Node, NodeName, Role, Secrets};
use crate::facts::NodeFacts;
use crate::platform::{Platform, UnknownPlatform, Versions};
use crate::secret::Secret;
use crate::template::{TemplateError, Templates};

/// The first line of every file, after the comment sign.
const MANAGED: &str = "managed by mahout; changes made here are undone by the next deploy";

/// How that line begins: by this a file on a node is known as ours.
pub const MANAGED_BY: &str = "managed by mahout";

/// What a node's files are rendered for.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The node.
    pub node: &'a Node,
    /// The values of the secrets.
    pub secrets: &'a Secrets,
    /// The node's distribution.
    pub platform: &'a Platform,
    /// The versions of its services.
    pub versions: Versions,
    /// PostgreSQL's major version in this cluster.
    pub postgresql: u16,
    /// The node's architecture, as `uname -m` calls it.
    pub architecture: String,
    /// The node's memory; `None` where no node was asked (`mahout render`): then what is computed
    /// from it is left out.
    pub memory_bytes: Option<u64>,
    /// The node's swap space.
    pub swap_bytes: u64,
    /// The kernel settings that exist on the node; `None` where no node was asked.
    pub kernel_settings: Option<BTreeSet<String>>,
    /// The present content of /etc/hosts, of which only our block is ours; empty where there is
    /// no such file. `None` where it is not known (a record of facts holds no contents): then
    /// the file is not rendered.
    pub hosts_file: Option<String>,
    /// Whether firewalld runs on the node or is to run, and knows policies.
    pub firewalld: bool,
    /// The interface that carries the virtual address; `None` where no node was asked, or it is in
    /// none of the node's networks.
    pub vip_interface: Option<String>,
}

impl<'a> Target<'a> {
    /// A target of what the node itself said.
    pub fn of_facts(
        cluster: &'a Cluster,
        node: &'a Node,
        secrets: &'a Secrets,
        platform: &'a Platform,
        facts: &NodeFacts,
    ) -> Self {
        Self {
            cluster,
            node,
            secrets,
            platform,
            versions: platform.versions(facts),
            postgresql: cluster
                .postgresql
                .version
                .unwrap_or(platform.default_postgresql),
            architecture: facts.system.architecture.clone(),
            memory_bytes: Some(facts.system.memory_bytes),
            swap_bytes: facts.system.swap_bytes,
            kernel_settings: Some(facts.sysctl.keys().cloned().collect()),
            hosts_file: match facts.files.get(HOSTS_PATH) {
                None => Some(String::new()),
                Some(file) => file.content.as_ref().map(|text| text.expose().to_owned()),
            },
            firewalld: firewall::is_wanted(node, facts),
            vip_interface: cluster.vip.as_ref().and_then(|vip| {
                let found = || facts.vip.as_ref()?.interface(vip.address);
                vip.interface.clone().or_else(|| found().map(str::to_owned))
            }),
        }
    }

    /// A target of a platform alone, for `mahout render`.
    pub fn of_platform(
        cluster: &'a Cluster,
        node: &'a Node,
        secrets: &'a Secrets,
        platform: &'a Platform,
    ) -> Self {
        Self {
            cluster,
            node,
            secrets,
            platform,
            versions: platform.shipped.clone(),
            postgresql: cluster
                .postgresql
                .version
                .unwrap_or(platform.default_postgresql),
            architecture: "x86_64".to_owned(),
            memory_bytes: None,
            swap_bytes: 0,
            kernel_settings: None,
            hosts_file: Some(String::new()),
            firewalld: false,
            vip_interface: cluster.vip.as_ref().and_then(|vip| vip.interface.clone()),
        }
    }

    /// The data directory of PostgreSQL on this node.
    pub fn data_dir(&self) -> String {
        self.node
            .postgresql
            .data_dir
            .clone()
            .unwrap_or_else(|| self.platform.data_dir(self.postgresql))
    }

    /// The binaries of PostgreSQL on this node.
    pub fn bin_dir(&self) -> String {
        self.node
            .postgresql
            .bin_dir
            .clone()
            .unwrap_or_else(|| self.platform.bin_dir(self.postgresql))
    }
}

/// A file as it is to be on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its absolute path.
    pub path: String,
    /// Its content.
    pub content: Secret,
    /// The owner's name.
    pub owner: &'static str,
    /// The group's name.
    pub group: &'static str,
    /// The permission bits: `0o644`.
    pub mode: u32,
    /// Whether the content holds secrets: shown masked, written 0600 from the first byte.
    pub sensitive: bool,
    /// What the node itself checks before the file takes its place.
    pub check: Option<Check>,
    /// Which part of the system the file belongs to.
    pub purpose: Purpose,
}

impl File {
    /// SHA-256 of the content, hexadecimal.
    pub fn sha256(&self) -> String {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(self.content.expose().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether systemd must read its units again after a change.
    pub fn is_unit(&self) -> bool {
        self.path.starts_with("/etc/systemd/system/")
    }

    /// A file of root's that everybody may read.
    fn new(purpose: Purpose, path: impl Into<String>, content: String) -> Self {
        Self {
            path: path.into(),
            content: Secret::new(content),
            owner: "root",
            group: "root",
            mode: 0o644,
            sensitive: false,
            check: None,
            purpose,
        }
    }

    fn checked(self, check: Check) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }
}

/// Why a node's files cannot be rendered. Never holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A template renders something that is not YAML, or not a map.
    #[error("{template} renders what is not YAML{}", line.map(|line| format!(", in line {line} of the result")).unwrap_or_default())]
    Yaml {
        /// The template.
        template: &'static str,
        /// Where in the result.
        line: Option<u64>,
    },
    /// A node runs a distribution that mahout does not know.
    #[error("{node}: {cause}")]
    Platform {
        /// The node.
        node: NodeName,
        /// The cause.
        cause: UnknownPlatform,
    },
    /// `auto` for a setting that nothing is computed for.
    #[error("{node}: nothing is computed for `{parameter}`: `auto` is known for {}", parameters::AUTO.join(", "))]
    Auto {
        /// The node.
        node: NodeName,
        /// PostgreSQL's setting.
        parameter: String,
    },
}

/// Every file that mahout manages on a node, in the order in which a deploy needs them.
///
/// # Errors
/// If a template of the user's is wrong, or a setting is `auto` that cannot be.
pub fn files(target: &Target, templates: &Templates) -> Result<Vec<File>, RenderError> {
    let mut files = system::files(target, templates)?;
    files.extend(repositories::file(target, templates)?);
    files.extend(firewall::file(target, templates)?);
    files.extend(tls::files(target));
    if target.node.has(Role::Etcd) {
        files.extend(etcd::files(target, templates)?);
    }
    if target.node.has(Role::Postgresql) {
        files.extend(patroni::files(target, templates)?);
    }
    if target.node.has(Role::Haproxy) {
        files.extend(haproxy::files(target, templates)?);
    }
    files.extend(vip::files(target, templates)?);
    Ok(files)
}

/// Whether `path` is one of `folders`, or in one.
fn is_beneath(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// A program on the node that judges a file before it replaces the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// `haproxy -c -f FILE`.
    Haproxy,
    /// `patroni --validate-config FILE`; complaints about ports that Patroni itself holds are
    /// not counted (before 4.0 there is no `--ignore-listen-port`).
    Patroni,
    /// `systemd-analyze verify FILE`.
    Unit,
    /// `keepalived --config-test --use-file FILE`.
    Keepalived,
}

/// What a file is for, which decides its phase and what is done after it has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Must be there before packages are installed.
    BeforePackages,
    /// Operating system: hosts, sysctl, THP, limits, watchdog.
    System,
    /// Which vault the node was deployed with.
    Stamp,
    /// The authorities that are trusted.
    Authorities,
    /// A certificate with its key.
    Certificate(CertificatePurpose),
    /// etcd's unit.
    EtcdUnit,
    /// etcd's settings.
    EtcdConfig,
    /// Patroni's unit.
    PatroniUnit,
    /// patroni.yml.
    PatroniConfig,
    /// haproxy.cfg.
    HaproxyConfig,
    /// What firewalld lets in.
    Firewall,
    /// What holds the virtual address.
    Vip,
}
