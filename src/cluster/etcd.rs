//! The DCS: our own etcd members, or somebody else's.

use std::time::Duration;

use sha2::Digest;

use super::tls::CA_FILE;
use super::{CertificatePurpose, Cluster, Role, SecretName, Secrets, TlsStage};
use crate::secret::Secret;

/// etcd's administrator: without such a user etcd does not ask for a login at all.
pub const ROOT: &str = "root";

/// etcd, as far as it is the same on all members.
#[derive(Clone, Debug, PartialEq)]
pub struct EtcdSpec {
    /// An etcd that we do not run; the nodes then have no etcd role.
    pub external: Option<ExternalEtcd>,
    /// Where clients connect.
    pub client_port: u16,
    /// Where members connect.
    pub peer_port: u16,
    /// `initial_cluster_token`: unique for each etcd cluster.
    pub initial_cluster_token: String,
    /// `heartbeat-interval`: about the largest round trip between members.
    pub heartbeat_interval: Duration,
    /// `election-timeout`: at least 5 (etcd) and better 10 heartbeats.
    pub election_timeout: Duration,
    /// `quota-backend-bytes`: at this size etcd refuses writes.
    pub quota_bytes: u64,
    /// `auto-compaction-retention`, periodic: how much history is kept.
    pub auto_compaction_retention: Duration,
    /// A pinned package version.
    pub version: Option<String>,
}

/// An etcd that exists already and is not ours to configure.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalEtcd {
    /// `host:port` of its client URLs.
    pub endpoints: Vec<String>,
    /// `http` or `https`.
    pub protocol: String,
    /// The path, on the nodes, of the CA certificate that it is checked with.
    pub ca_file: Option<String>,
    /// The path, on the nodes, of the certificate that is shown to it.
    pub cert_file: Option<String>,
    /// The path, on the nodes, of that certificate's key; in the same file where it is not said.
    pub key_file: Option<String>,
    /// The user, where it asks for one; the password is [`super::SecretName::Etcd`].
    pub username: Option<String>,
}

impl ExternalEtcd {
    /// Whether it is spoken to without TLS.
    pub fn is_in_clear(&self) -> bool {
        self.protocol == "http"
    }
}

/// The files on a node with which an etcd is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdClientFiles {
    /// The authorities that it is checked with.
    pub ca_file: Option<String>,
    /// The certificate that is shown to it.
    pub cert_file: Option<String>,
    /// That certificate's key.
    pub key_file: Option<String>,
}

impl Cluster {
    /// Whether etcd is ours and asks for a login. Without TLS it does not: passwords in clear text
    /// keep nobody out.
    pub fn etcd_asks_for_login(&self) -> bool {
        self.tls.has(TlsStage::Whole) && self.etcd_is_ours()
    }

    fn etcd_is_ours(&self) -> bool {
        self.etcd.external.is_none() && self.with_role(Role::Etcd).next().is_some()
    }

    /// The role in etcd that may touch what is beneath the cluster's path, and nothing else.
    pub fn etcd_role(&self) -> String {
        format!("mahout-{}", self.scope)
    }

    /// The user of that role whose password is `password`. Its name follows from the password, so
    /// that a new password is a new user: the old one goes on working until nobody uses it. It is
    /// never the common name of a certificate.
    pub fn etcd_user(&self, password: &Secret) -> String {
        let digest = sha2::Sha256::digest(password.expose().as_bytes());
        let hex: String = digest[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}-{hex}", self.etcd_role())
    }

    /// Whether `user` is one of ours, of now or of an earlier password.
    pub fn is_etcd_user(&self, user: &str) -> bool {
        let rest = user.strip_prefix(&self.etcd_role());
        let hex = rest.and_then(|rest| rest.strip_prefix('-'));
        hex.is_some_and(|hex| hex.len() == 8 && hex.chars().all(|c| c.is_ascii_hexdigit()))
    }

    /// With which user and password Patroni logs in to etcd; `None` where it asks for none.
    pub fn etcd_login<'a>(&self, secrets: &'a Secrets) -> Option<(String, &'a Secret)> {
        let username = match &self.etcd.external {
            Some(external) => external.username.clone()?,
            // It is told before etcd asks, but not when it starts: since 4.0 it then waits until
            // etcd does.
            None if self.tls.has(TlsStage::Etcd) && self.etcd_is_ours() => {
                self.etcd_user(secrets.get(&SecretName::Etcd))
            }
            None => return None,
        };
        Some((username, secrets.get(&SecretName::Etcd)))
    }

    /// The commands after which a database of etcd's that has reached its quota has room again, to be
    /// pasted on a member's node. Of an etcd that is not ours only what they are.
    pub fn etcd_room_commands(&self) -> String {
        let room = "etcdctl compaction --physical --command-timeout=120s \"$(etcdctl endpoint status -w \
                    json | grep -o '\"revision\":[0-9]*' | cut -d: -f2 | sort -n | tail -n 1)\"; \
                    etcdctl defrag --command-timeout=120s && etcdctl alarm disarm";
        if !self.etcd_is_ours() {
            return format!("`{room}`");
        }
        let urls = self.with_role(Role::Etcd);
        let urls: Vec<String> = urls.map(|node| self.etcd_client_url(node)).collect();
        let mut export = format!("export ETCDCTL_API=3 ETCDCTL_ENDPOINTS={}", urls.join(","));
        if self.tls.enabled {
            let pem = CertificatePurpose::EtcdServer.path();
            export.push_str(&format!(
                " ETCDCTL_CACERT={CA_FILE} ETCDCTL_CERT={pem} ETCDCTL_KEY={pem}"
            ));
        }
        let (login, password) = match self.etcd_asks_for_login() {
            true => (
                "; read -rsp 'etcd_root: ' it; export ETCDCTL_USER=\"root:$it\"",
                ", with what `mahout secrets show etcd_root` prints as the password",
            ),
            false => ("", ""),
        };
        format!("as root on a member's node: `{export}{login}; {room}`{password}")
    }

    /// With which files Patroni speaks to etcd: none in clear text.
    pub fn etcd_client_files(&self) -> EtcdClientFiles {
        match &self.etcd.external {
            Some(external) => EtcdClientFiles {
                ca_file: external.ca_file.clone(),
                cert_file: external.cert_file.clone(),
                key_file: external.key_file.clone(),
            },
            None if self.tls.has(TlsStage::Patroni) => EtcdClientFiles {
                ca_file: Some(CA_FILE.to_owned()),
                cert_file: Some(CertificatePurpose::Patroni.path()),
                key_file: Some(CertificatePurpose::Patroni.path()),
            },
            None => EtcdClientFiles::default(),
        }
    }
}
