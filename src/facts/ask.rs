//! What a node is asked: everything that a plan, `verify` and `status` may want to know of it,
//! worked out before its distribution is known.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::cluster::etcd::{EtcdClientFiles, ROOT};
use crate::cluster::tls::other_scheme;
use crate::cluster::{Cluster, ExternalEtcd, Node, NodeName, Role, SecretName, Secrets};
use crate::platform::firewall::{FIREWALLD_POLICY, FIREWALLD_UNIT};
use crate::platform::vip::{
    KEEPALIVED_CHECK, KEEPALIVED_CONFIG, KEEPALIVED_DROP_IN, KEEPALIVED_UNIT,
};
use crate::platform::{Family, PATRONI_CONFIG, Platform, debian, enterprise_linux, repositories};
use crate::secret::Secret;

use super::OsRelease;

mod packages;

/// What one node is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The node.
    pub node: NodeName,
    /// What it is, if the inventory says so: `el-9`.
    pub platform: Option<String>,
    /// Files: metadata and content.
    pub files: Vec<String>,
    /// Directories: metadata, and whether anything is in them.
    pub directories: Vec<String>,
    /// Paths whose file system is asked for; they need not exist.
    pub disks: Vec<String>,
    /// Packages, if the node is of the Debian family.
    pub debian: PackageAsk,
    /// Packages, if it is of the other.
    pub enterprise_linux: PackageAsk,
    /// Users.
    pub users: Vec<String>,
    /// Kernel settings.
    pub sysctl: Vec<String>,
    /// systemd units, besides every `postgresql*`.
    pub units: Vec<String>,
    /// Names to resolve.
    pub names: Vec<String>,
    /// etcd, for the roles that have to do with it.
    pub etcd: Option<EtcdAsk>,
    /// Patroni's REST API on this node, for the role: URLs, of which the first that answers is
    /// asked.
    pub patroni: Vec<String>,
    /// PostgreSQL, for the role.
    pub postgresql: Option<PostgresqlAsk>,
    /// HAProxy's statistics page as CSV, for the role.
    pub haproxy: Option<String>,
    /// The virtual address, on nodes that can hold it.
    pub vip: Option<Ipv4Addr>,
    /// Data directories that SELinux's policy may not know.
    pub labels: Vec<String>,
}

/// Which packages are asked for. Candidates cost a third of a second, so that only those are
/// worked out that could be installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageAsk {
    /// A missing one is asked for its candidate.
    pub each: Vec<String>,
    /// One of a group is enough: only if all are missing are the candidates asked for.
    pub one_of: Vec<Vec<String>>,
    /// The inventory demands a version: the candidate is asked for even if they are installed.
    pub pinned: Vec<String>,
}

/// What is asked about etcd.
#[derive(Clone, Debug, PartialEq)]
pub struct EtcdAsk {
    /// Client URLs; the first that answers is asked. For a node with the role its own
    /// member's alone.
    pub urls: Vec<String>,
    /// The member's data directory, on nodes with the role.
    pub data_dir: Option<String>,
    /// The files on the node that somebody else's etcd is spoken to with.
    pub files: EtcdClientFiles,
    /// Users and passwords, where etcd asks for them: the first that opens counts.
    pub logins: Vec<(String, Secret)>,
    /// The role whose rights are asked for, and all users with them, on nodes with a member of
    /// ours that asks for a login.
    pub role: Option<String>,
    /// Who is expected among those users, in the order of their names.
    pub users: Vec<String>,
    /// The cluster's path in the DCS, with a closing slash.
    pub path: String,
}

/// What is asked about PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresqlAsk {
    /// The data directory; several where the distribution decides.
    pub data_dirs: Vec<String>,
    /// Where the binaries are, if the inventory says so.
    pub bin_dir: Option<String>,
    /// The major version, if the inventory says so.
    pub version: Option<u16>,
    /// The port.
    pub port: u16,
    /// The superuser.
    pub superuser: String,
    /// The roles whose passwords are ours.
    pub roles: Vec<String>,
}

/// Every path that mahout writes on any platform, data directories aside.
pub fn managed_paths() -> &'static [&'static str] {
    &[
        "/etc/default/etcd",
        "/etc/etcd/etcd.conf",
        FIREWALLD_POLICY,
        "/etc/haproxy/haproxy.cfg",
        "/etc/haproxy/keep-state.sh",
        "/etc/hosts",
        KEEPALIVED_CONFIG,
        "/etc/mahout/ca.crt",
        "/etc/mahout/etcd-peer.pem",
        "/etc/mahout/etcd-server.pem",
        "/etc/mahout/patroni.pem",
        "/etc/mahout/postgresql.pem",
        "/etc/mahout/vault",
        "/etc/modules-load.d/mahout-watchdog.conf",
        PATRONI_CONFIG,
        "/etc/postgresql-common/createcluster.d/mahout.conf",
        "/etc/security/limits.d/60-mahout.conf",
        "/etc/sysctl.d/60-mahout.conf",
        "/etc/systemd/system/etcd.service",
        "/etc/systemd/system/haproxy.service.d/mahout.conf",
        KEEPALIVED_DROP_IN,
        "/etc/systemd/system/mahout-thp.service",
        "/etc/systemd/system/patroni.service",
        "/etc/udev/rules.d/60-mahout-watchdog.rules",
        repositories::FILE,
        KEEPALIVED_CHECK,
    ]
}

/// The units that keep the time, by the names of all platforms.
pub(crate) const TIME_UNITS: [&str; 7] = [
    "chrony.service",
    "chronyd.service",
    "systemd-timesyncd.service",
    "ntpsec.service",
    "ntpd.service",
    "ntp.service",
    "openntpd.service",
];

impl Ask {
    /// What `node` of `cluster` is asked. `secrets` matters only for an etcd that wants a
    /// password.
    pub fn of(cluster: &Cluster, node: &Node, secrets: &Secrets) -> Self {
        let platforms = platforms();
        let etcd = etcd(cluster, node, secrets);
        let postgresql = node
            .has(Role::Postgresql)
            .then(|| postgresql(cluster, node, &platforms));
        let data_dirs: Vec<String> = postgresql
            .iter()
            .flat_map(|ask| ask.data_dirs.iter())
            .chain(node.has(Role::Etcd).then_some(&node.etcd_data_dir))
            .cloned()
            .collect();
        let managed_directories = managed_paths()
            .iter()
            .filter_map(|path| parents(path).next());
        let packages = |family| packages::packages(cluster, node, &platforms, family);
        let of_role = |role, name: &str| node.has(role).then(|| name.to_owned());
        Self {
            node: node.name.clone(),
            platform: node.system.platform.clone(),
            files: owned(managed_paths()),
            directories: sorted(
                data_dirs
                    .iter()
                    .flat_map(|path| std::iter::once(path.as_str()).chain(parents(path)))
                    .chain(managed_directories),
            ),
            disks: sorted(data_dirs.iter().map(String::as_str).chain(["/", "/var"])),
            debian: packages(Family::Debian),
            enterprise_linux: packages(Family::EnterpriseLinux),
            users: [
                of_role(Role::Postgresql, "postgres"),
                of_role(Role::Etcd, "etcd"),
                of_role(Role::Haproxy, "haproxy"),
            ]
            .into_iter()
            .flatten()
            .collect(),
            sysctl: sorted(
                node.system
                    .sysctl
                    .keys()
                    .map(String::as_str)
                    .chain(["vm.overcommit_memory", "vm.overcommit_ratio"]),
            ),
            units: sorted(
                ["etcd.service", "patroni.service", "haproxy.service"]
                    .into_iter()
                    .chain(["mahout-thp.service", "postgresql.service"])
                    .chain([FIREWALLD_UNIT, KEEPALIVED_UNIT])
                    .chain(TIME_UNITS),
            ),
            names: sorted(cluster.nodes.iter().map(|node| node.name.as_str())),
            etcd,
            patroni: match node.has(Role::Postgresql) {
                true => either_scheme(vec![cluster.rest_url(node)]),
                false => Vec::new(),
            },
            postgresql,
            haproxy: node.has(Role::Haproxy).then(|| cluster.stats_url(node)),
            vip: cluster
                .vip
                .as_ref()
                .filter(|_| node.has(Role::Haproxy))
                .map(|vip| vip.address),
            labels: sorted(
                node.labelled_directories()
                    .into_iter()
                    .map(|(path, _)| path),
            ),
        }
    }
}

impl Ask {
    /// The family, in the words of the script, where the inventory says it.
    pub(super) fn family(&self) -> Option<&'static str> {
        let platform = Platform::named(self.platform.as_deref()?)?;
        Some(match platform.family {
            Family::Debian => "debian",
            Family::EnterpriseLinux => "el",
        })
    }
}

/// The releases that we know, one of each that decides something for itself.
fn platforms() -> Vec<Platform> {
    let release = |id: &str, version_id: &str| OsRelease {
        id: id.to_owned(),
        version_id: version_id.to_owned(),
        ..OsRelease::default()
    };
    let mut platforms: Vec<Platform> = ["11", "12", "13"]
        .map(|version| debian::platform(&release("debian", version)))
        .into();
    platforms
        .extend(["22.04", "24.04"].map(|version| debian::platform(&release("ubuntu", version))));
    platforms.extend(
        ["7", "8", "9", "10"].map(|version| enterprise_linux::platform(&release("rhel", version))),
    );
    platforms
}

/// The major versions that a deploy could take on `platform`: the inventory's, or the default.
fn major(cluster: &Cluster, platform: &Platform) -> u16 {
    cluster
        .postgresql
        .version
        .unwrap_or(platform.default_postgresql)
}

fn etcd(cluster: &Cluster, node: &Node, secrets: &Secrets) -> Option<EtcdAsk> {
    let own = |node: &Node| cluster.etcd_client_url(node);
    let external = cluster.etcd.external.as_ref();
    let urls = match external {
        // A foreign etcd may listen on loopback alone; ours does so, too, with the same answers.
        _ if node.has(Role::Etcd) => {
            let port = cluster.etcd.client_port;
            either_scheme(vec![
                own(node),
                format!("{}://127.0.0.1:{port}", cluster.etcd_scheme(node)),
            ])
        }
        _ if !node.has(Role::Postgresql) => return None,
        Some(external) => external
            .endpoints
            .iter()
            .map(|endpoint| format!("{}://{endpoint}", external.protocol))
            .collect(),
        None => either_scheme(cluster.with_role(Role::Etcd).map(own).collect()),
    };
    let administered = node.has(Role::Etcd) && cluster.etcd_asks_for_login();
    Some(EtcdAsk {
        urls,
        data_dir: node.has(Role::Etcd).then(|| node.etcd_data_dir.clone()),
        files: match external {
            Some(_) => cluster.etcd_client_files(),
            None => EtcdClientFiles::default(),
        },
        logins: etcd_logins(cluster, node, secrets),
        role: administered.then(|| cluster.etcd_role()),
        users: sorted(
            secrets
                .values
                .get(&SecretName::Etcd)
                .filter(|_| administered)
                .into_iter()
                .flat_map(|password| [cluster.etcd_user(password), ROOT.to_owned()]),
        ),
        path: cluster.dcs_path(),
    })
}

/// The URLs, and then the same with the other scheme: a cluster may run without the TLS that the
/// inventory has just been given, or with the one that it has lost.
fn either_scheme(urls: Vec<String>) -> Vec<String> {
    let others: Vec<String> = urls.iter().map(|url| other_scheme(url)).collect();
    urls.into_iter().chain(others).collect()
}

/// As whom etcd is asked: as root where its member is, else as Patroni does it. A password that is
/// being changed may not have arrived yet, so that the one before it comes second.
fn etcd_logins(cluster: &Cluster, node: &Node, secrets: &Secrets) -> Vec<(String, Secret)> {
    let administered = node.has(Role::Etcd) && cluster.etcd_asks_for_login();
    let (name, user): (_, &dyn Fn(&Secret) -> String) = match &cluster.etcd.external {
        Some(ExternalEtcd {
            username: Some(username),
            ..
        }) => (SecretName::Etcd, &|_| username.clone()),
        Some(_) => return Vec::new(),
        None if administered => (SecretName::EtcdRoot, &|_| ROOT.to_owned()),
        None if cluster.etcd_asks_for_login() => {
            (SecretName::Etcd, &|password| cluster.etcd_user(password))
        }
        None => return Vec::new(),
    };
    [&secrets.values, &secrets.previous]
        .into_iter()
        .filter_map(|values| values.get(&name))
        .map(|password| (user(password), password.clone()))
        .collect()
}

fn postgresql(cluster: &Cluster, node: &Node, platforms: &[Platform]) -> PostgresqlAsk {
    let spec = &node.postgresql;
    PostgresqlAsk {
        data_dirs: match &spec.data_dir {
            Some(data_dir) => vec![data_dir.clone()],
            None => sorted(
                platforms
                    .iter()
                    .map(|platform| platform.data_dir(major(cluster, platform))),
            ),
        },
        bin_dir: spec.bin_dir.clone(),
        version: cluster.postgresql.version,
        port: spec.port,
        superuser: cluster.postgresql.superuser.clone(),
        roles: cluster
            .passwords()
            .into_iter()
            .map(|(name, _)| name)
            .collect(),
    }
}

/// The directories above `path` that are nobody else's: not `/`, `/var`, `/var/lib`, `/etc`.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        path.rsplit_once('/').map(|(parent, _)| parent)
    })
    .skip(1)
    .filter(|path| !["", "/var", "/var/lib", "/etc"].contains(path))
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn sorted<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
    names.into_iter().collect()
}
