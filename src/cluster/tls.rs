//! TLS: whether it is on, which certificates the cluster has, and how its services are reached.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Cluster, Node, NodeName, Role};

/// Where a node keeps what TLS needs: root's, mode 755; each key is its service's own.
pub const FOLDER: &str = "/etc/mahout";
/// The certificates of the authorities that are trusted, for everybody to read.
pub const CA_FILE: &str = "/etc/mahout/ca.crt";
/// Which vault, and which generation of it, the node was last deployed with.
pub const STAMP_FILE: &str = "/etc/mahout/vault";

/// What the operator of a cluster without TLS is told, in the plan and by verify.
pub const OFF: &str = "tls is off: passwords and data go over the network in clear text, and \
    whoever reaches etcd owns the database";

/// The same where only the way to an etcd that is not ours is open.
pub const EXTERNAL_IN_CLEAR: &str = "the external etcd is spoken to in clear text (`etcd.external`): \
    whoever reaches it, or listens on the way, owns the database";

/// TLS, as far as it is the same on all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsSpec {
    /// Whether etcd, Patroni's REST API and PostgreSQL speak TLS; without it all of them speak
    /// in clear text, and etcd asks for no password.
    pub enabled: bool,
    /// How far it is turned on already, where the cluster ran without it.
    pub stage: TlsStage,
    /// How long a node's certificate is valid.
    pub lifetime: Duration,
    /// How long the authority's own is valid.
    pub ca_lifetime: Duration,
    /// Certificates that are not made here.
    pub brought: Option<BroughtCertificates>,
    /// Further names and addresses under which clients reach the cluster (a load balancer, an
    /// address that somebody else moves): PostgreSQL's certificates carry them.
    pub endpoints: Vec<String>,
}

/// Certificates of an authority that is not the cluster's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtCertificates {
    /// The certificates of the authorities that are trusted, PEM.
    pub ca_file: PathBuf,
    /// Certificate, chain and key of each node and purpose, PEM; `{node}` and `{purpose}` in it
    /// stand for both.
    pub files: PathBuf,
}

impl BroughtCertificates {
    /// The file of one certificate.
    pub fn file(&self, name: &CertificateName) -> PathBuf {
        let pattern = self.files.to_string_lossy();
        let pattern = pattern.replace("{node}", name.node.as_str());
        PathBuf::from(pattern.replace("{purpose}", name.purpose.as_str()))
    }
}

/// How far a cluster that runs without TLS is on its way to it. The services change over one after
/// the other, so that at no time somebody speaks TLS to somebody who does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsStage {
    /// etcd has its certificates, and speaks without TLS yet. HAProxy gives up no member whose
    /// REST API does not answer for a while.
    Certificates,
    /// The first member of etcd speaks TLS. Patroni, which begins there, speaks both ways to the
    /// others; and so does PostgreSQL.
    Patroni,
    /// All of etcd speaks TLS.
    Etcd,
    /// Everything does, and etcd asks for a login.
    #[default]
    Whole,
}

impl TlsStage {
    /// In order.
    pub const ALL: [Self; 4] = [Self::Certificates, Self::Patroni, Self::Etcd, Self::Whole];
}

impl TlsSpec {
    /// Whether TLS is turned on as far as `stage`, or further.
    pub fn has(&self, stage: TlsStage) -> bool {
        self.enabled && self.stage >= stage
    }

    /// Whether TLS is being turned on.
    pub fn is_under_way(&self) -> bool {
        self.enabled && self.stage < TlsStage::Whole
    }
}

/// What a node's certificate is for: each has its own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertificatePurpose {
    /// etcd's client port. etcd's own gateway is a client of it, so that it is for both ends.
    EtcdServer,
    /// etcd's peer port, both ends.
    EtcdPeer,
    /// Patroni: its REST API, and itself as a client of etcd, of the other members and of
    /// PostgreSQL.
    Patroni,
    /// PostgreSQL's port.
    Postgresql,
}

impl CertificatePurpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [
        Self::EtcdServer,
        Self::EtcdPeer,
        Self::Patroni,
        Self::Postgresql,
    ];

    /// `etcd-server`, `etcd-peer`, `patroni`, `postgresql`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EtcdServer => "etcd-server",
            Self::EtcdPeer => "etcd-peer",
            Self::Patroni => "patroni",
            Self::Postgresql => "postgresql",
        }
    }

    /// Whether the service is a client with it, too: PostgreSQL's replicas come with Patroni's.
    pub fn is_for_clients(self) -> bool {
        self != Self::Postgresql
    }

    /// The nodes that need one.
    pub fn role(self) -> Role {
        match self {
            Self::EtcdServer | Self::EtcdPeer => Role::Etcd,
            Self::Patroni | Self::Postgresql => Role::Postgresql,
        }
    }

    /// Certificate and key in one file, so that no service ever reads the one without the other.
    pub fn path(self) -> String {
        format!("{FOLDER}/{}.pem", self.as_str())
    }
}

/// A certificate of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateName {
    /// The node.
    pub node: NodeName,
    /// What it is for.
    pub purpose: CertificatePurpose,
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.purpose.as_str())
    }
}

/// What a certificate is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSpec {
    /// Whose, and what for.
    pub name: CertificateName,
    /// Empty, for none, where etcd is shown the certificate: it would log in by that name whoever
    /// shows it, and its gateway, by which Patroni comes, refuses any that has one.
    pub common_name: String,
    /// The DNS names in it.
    pub names: BTreeSet<String>,
    /// The addresses in it.
    pub addresses: BTreeSet<IpAddr>,
}

impl Cluster {
    /// Every certificate that the nodes are to have; none without TLS.
    pub fn certificates(&self) -> Vec<CertificateSpec> {
        if !self.tls.enabled {
            return Vec::new();
        }
        let of = |node: &Node, purpose: CertificatePurpose| {
            let mut names = BTreeSet::from([node.name.to_string(), "localhost".to_owned()]);
            let mut addresses = BTreeSet::from([node.address, IpAddr::from([127, 0, 0, 1])]);
            if purpose == CertificatePurpose::Postgresql {
                // Clients come through any HAProxy, which hands TLS on unopened.
                for haproxy in self.with_role(Role::Haproxy) {
                    names.insert(haproxy.name.to_string());
                    addresses.insert(haproxy.address);
                }
                for endpoint in &self.tls.endpoints {
                    match endpoint.parse() {
                        Ok(address) => addresses.insert(address),
                        Err(_) => names.insert(endpoint.clone()),
                    };
                }
                addresses.extend(self.vip_address());
            }
            CertificateSpec {
                common_name: match purpose {
                    CertificatePurpose::EtcdServer | CertificatePurpose::Patroni => String::new(),
                    CertificatePurpose::EtcdPeer | CertificatePurpose::Postgresql => {
                        format!("{} {}", purpose.as_str(), node.name)
                    }
                },
                name: CertificateName {
                    node: node.name.clone(),
                    purpose,
                },
                names,
                addresses,
            }
        };
        let mut certificates = Vec::new();
        for node in &self.nodes {
            for purpose in CertificatePurpose::ALL {
                if node.has(purpose.role()) {
                    certificates.push(of(node, purpose));
                }
            }
        }
        certificates
    }

    /// What the etcd member of `node` speaks: `http` or `https`.
    pub fn etcd_scheme(&self, node: &Node) -> &'static str {
        let first = self.with_role(Role::Etcd).next();
        let is_first = first.is_some_and(|first| first.name == node.name);
        scheme(self.tls.has(TlsStage::Etcd) || is_first && self.tls.has(TlsStage::Patroni))
    }

    /// Where clients reach the etcd member of `node`.
    pub fn etcd_client_url(&self, node: &Node) -> String {
        let endpoint = node.endpoint(self.etcd.client_port);
        format!("{}://{endpoint}", self.etcd_scheme(node))
    }

    /// Where the other members reach the etcd member of `node`.
    pub fn etcd_peer_url(&self, node: &Node) -> String {
        let endpoint = node.endpoint(self.etcd.peer_port);
        format!("{}://{endpoint}", self.etcd_scheme(node))
    }

    /// The REST API of the Patroni member of `node`.
    pub fn rest_url(&self, node: &Node) -> String {
        let scheme = scheme(self.tls.has(TlsStage::Whole));
        format!("{scheme}://{}", node.endpoint(self.patroni.port))
    }
}

fn scheme(encrypted: bool) -> &'static str {
    if encrypted { "https" } else { "http" }
}

/// The same address with the other scheme: `http` for `https`, and the other way round.
pub fn other_scheme(url: &str) -> String {
    match url.split_once("://") {
        Some(("https", rest)) => format!("http://{rest}"),
        Some((_, rest)) => format!("https://{rest}"),
        None => url.to_owned(),
    }
}
