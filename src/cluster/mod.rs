//! The validated desired state: complete, consistent, deployable.
//!
//! Made from an inventory by [`Cluster::try_from`]; every default is filled in, every name and
//! port is known to be free of contradictions. Nothing in here does I/O.

mod build;
mod check;
pub mod dynamic;
pub mod etcd;
pub mod firewall;
pub mod haproxy;
pub mod hba;
pub mod node;
pub mod patroni;
pub mod postgresql;
pub mod recipient;
pub mod secrets;
pub mod selinux;
pub mod system;
pub mod timings;
pub mod tls;
mod validate;
pub mod vault;
pub mod vip;

pub use check::{Checked, InvalidCluster, Report, check, load};
pub use etcd::{EtcdSpec, ExternalEtcd};
pub use haproxy::{HaproxySpec, NodeHaproxy};
pub use node::{Node, NodeName, Role, SshSpec};
pub use patroni::{NodePatroni, PatroniSpec};
pub use postgresql::{NodePostgresql, PostgresqlSpec, UserSpec};
pub use secrets::{SecretName, SecretSource, Secrets, is_well_known};
pub use system::{FirewallUse, PackagesSpec, RepositorySpec, SystemSpec};
pub use timings::Timings;
pub use tls::{
    BroughtCertificates, CertificateName, CertificatePurpose, CertificateSpec, TlsSpec, TlsStage,
};
pub use vault::{SecretEntry, Stamp, VaultSpec};
pub use vip::VipSpec;

/// A complete, consistent, deployable cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Patroni's scope: the name of the PostgreSQL cluster.
    pub scope: String,
    /// Where it lives in the DCS; begins and ends with a slash.
    pub namespace: String,
    /// Every node, in the order of the inventory.
    pub nodes: Vec<Node>,
    /// The failure-detection times, Patroni's and HAProxy's.
    pub timings: Timings,
    /// Encryption between all of them.
    pub tls: TlsSpec,
    /// Where generated secrets are kept.
    pub vault: VaultSpec,
    /// The networks from which clients come, besides the nodes themselves.
    pub clients: Vec<ipnet::IpNet>,
    /// The DCS.
    pub etcd: EtcdSpec,
    /// Patroni, as far as it is the same on all nodes.
    pub patroni: PatroniSpec,
    /// PostgreSQL, as far as it is the same on all nodes.
    pub postgresql: PostgresqlSpec,
    /// HAProxy, as far as it is the same on all nodes.
    pub haproxy: HaproxySpec,
    /// A virtual address that the HAProxy nodes share.
    pub vip: Option<VipSpec>,
    /// Where each secret comes from.
    pub secrets: std::collections::BTreeMap<SecretName, SecretSource>,
    /// What is legal but doubtful, in the order of the file; shown by every command.
    pub warnings: Vec<String>,
}

impl Cluster {
    /// The nodes that have `role`, in the order of the inventory.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.has(role))
    }

    /// The node of that name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| &node.name == name)
    }

    /// The statistics page of `node`'s HAProxy as CSV, for a client on the node itself.
    pub fn stats_url(&self, node: &Node) -> String {
        let host = match node.haproxy.stats_listen.trim_matches(['[', ']']) {
            "*" | "0.0.0.0" | "" => "127.0.0.1".to_owned(),
            "::" => "[::1]".to_owned(),
            address if address.contains(':') => format!("[{address}]"),
            address => address.to_owned(),
        };
        format!(
            "http://{host}:{}{};csv",
            node.haproxy.stats_port, self.haproxy.stats_uri
        )
    }

    /// The DCS path of the cluster, with a closing slash: `/service/region_one/`.
    pub fn dcs_path(&self) -> String {
        format!("{}{}/", self.namespace, self.scope)
    }
}
