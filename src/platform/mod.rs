//! What differs between distributions, as data: packages, paths, users, units, versions.

pub mod debian;
pub mod enterprise_linux;
pub mod firewall;
pub mod repositories;
pub mod version;
pub mod vip;

use crate::facts::{NodeFacts, OsRelease};
pub use repositories::{Repository, Sources};
pub use version::Version;

/// A family of distributions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Debian, Ubuntu and their kin: apt, dpkg.
    Debian,
    /// CentOS, RHEL, Rocky, AlmaLinux, Oracle Linux: yum or dnf, rpm.
    EnterpriseLinux,
}

/// One release of one distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    /// Its family.
    pub family: Family,
    /// For people: `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
    /// The major version of the release, 0 where it has none (testing).
    pub release: u32,
    /// Whether its mirrors serve its packages no more.
    pub archive_is_gone: bool,
    /// Whether its repositories have modules, of which `postgresql` hides PGDG's packages.
    pub has_modules: bool,
    /// The major version of PostgreSQL that a deploy takes if the inventory names none.
    pub default_postgresql: u16,
    /// The versions that the release ships, assumed where a node cannot be asked.
    pub shipped: Versions,
    /// The packages that carry etcd.
    pub etcd_packages: Vec<String>,
    /// The packages that carry Patroni, with the driver for etcd v3.
    pub patroni_packages: Vec<String>,
    /// The package that carries HAProxy.
    pub haproxy_package: String,
    /// The tools that later steps and all health facts need: `curl`, …
    pub tool_packages: Vec<String>,
    /// The package of a time service, for nodes without any.
    pub time_package: String,
    /// The unit of that package.
    pub time_unit: String,
    /// etcd's environment file.
    pub etcd_config: String,
    /// The user that etcd runs as.
    pub etcd_user: String,
    /// The path of the etcd binary.
    pub etcd_binary: String,
    /// The path of Patroni's program.
    pub patroni_binary: String,
    /// HAProxy's unit, which the package brings.
    pub haproxy_unit: String,
}

/// Versions of the services on a node. `etcd` and `haproxy` decide what may be rendered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Versions {
    /// etcd.
    pub etcd: Version,
    /// Patroni.
    pub patroni: Version,
    /// HAProxy.
    pub haproxy: Version,
    /// systemd's major version.
    pub systemd: u32,
}

/// The path of Patroni's configuration on every platform, as in the article.
pub const PATRONI_CONFIG: &str = "/etc/patroni/patroni.yml";

/// A distribution that mahout does not know.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{pretty_name}` (ID={id}, VERSION_ID={version_id}) is not a distribution that mahout knows; if \
     it is made of one, set `system.platform` of this node to its name, as in `el-9` or `debian-12`"
)]
pub struct UnknownPlatform {
    /// `PRETTY_NAME`.
    pub pretty_name: String,
    /// `ID`.
    pub id: String,
    /// `VERSION_ID`.
    pub version_id: String,
}

/// The names by which [`Platform::named`] knows platforms.
pub const NAMES: &str = "debian-12, debian-13, ubuntu-22.04, ubuntu-24.04, el-7 to el-10";

impl Platform {
    /// The platform of a name as `debian-12` or `el-9`.
    pub fn named(name: &str) -> Option<Self> {
        let (id, version) = name.split_once('-')?;
        let id = match id {
            "el" => "rhel",
            _ => id,
        };
        if !version.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let os = OsRelease {
            id: id.to_owned(),
            version_id: version.to_owned(),
            pretty_name: name.to_owned(),
            ..OsRelease::default()
        };
        Self::detect(&os).ok()
    }

    /// The platform that `os` describes, by `ID` and `ID_LIKE` and the major version only; what
    /// the inventory says it is comes first.
    ///
    /// # Errors
    /// If neither names a family that we know.
    pub fn detect(os: &OsRelease) -> Result<Self, UnknownPlatform> {
        if let Some(platform) = os.platform.as_deref().and_then(Self::named) {
            let name = os.pretty_name.clone();
            return Ok(Self { name, ..platform });
        }
        let mut names = std::iter::once(&os.id).chain(&os.id_like);
        if names.any(|id| id == "debian" || id == "ubuntu") {
            return Ok(debian::platform(os));
        }
        if enterprise_linux::is(os) {
            return Ok(enterprise_linux::platform(os));
        }
        Err(UnknownPlatform {
            pretty_name: os.pretty_name.clone(),
            id: os.id.clone(),
            version_id: os.version_id.clone(),
        })
    }

    /// Another package that does what `package` does, and cannot be beside it.
    pub fn instead_of(&self, package: &str) -> Option<&'static str> {
        let minimal = self.family == Family::EnterpriseLinux && package == "curl";
        minimal.then_some("curl-minimal")
    }

    /// Everything that a PostgreSQL node needs of `major`, server first.
    pub fn postgresql_packages(&self, major: u16) -> Vec<String> {
        match self.family {
            Family::Debian => debian::postgresql_packages(major),
            Family::EnterpriseLinux => enterprise_linux::postgresql_packages(major),
        }
    }

    /// Where the binaries of `major` are.
    pub fn bin_dir(&self, major: u16) -> String {
        match self.family {
            Family::Debian => format!("/usr/lib/postgresql/{major}/bin"),
            Family::EnterpriseLinux => format!("/usr/pgsql-{major}/bin"),
        }
    }

    /// The data directory that a deploy uses for `major` if the inventory names none.
    pub fn data_dir(&self, major: u16) -> String {
        match self.family {
            // Not `main`, which is the name of the cluster that the package would make.
            Family::Debian => format!("/var/lib/postgresql/{major}/patroni"),
            Family::EnterpriseLinux => format!("/var/lib/pgsql/{major}/data"),
        }
    }

    /// The home of the postgres user.
    pub fn postgres_home(&self) -> &'static str {
        match self.family {
            Family::Debian => "/var/lib/postgresql",
            Family::EnterpriseLinux => "/var/lib/pgsql",
        }
    }

    /// The distribution's own PostgreSQL units, which must never run beside Patroni.
    pub fn distribution_postgresql_units(&self, major: u16) -> Vec<String> {
        match self.family {
            Family::Debian => vec!["postgresql.service".to_owned()],
            Family::EnterpriseLinux => vec![format!("postgresql-{major}.service")],
        }
    }

    /// The package that carries `semanage`.
    pub fn selinux_package(&self) -> &'static str {
        match (self.family, self.release) {
            (Family::EnterpriseLinux, 7) => "policycoreutils-python",
            _ => "policycoreutils-python-utils",
        }
    }

    /// HAProxy's administration socket, where its package looks for it.
    pub fn haproxy_socket(&self) -> &'static str {
        match self.family {
            Family::Debian => "/run/haproxy/admin.sock",
            Family::EnterpriseLinux => "/var/lib/haproxy/stats",
        }
    }

    /// The folder that HAProxy's unit loads besides its configuration, if there is one.
    pub fn haproxy_folder(&self) -> Option<&'static str> {
        (self.family == Family::EnterpriseLinux).then_some("/etc/haproxy/conf.d")
    }

    /// The file whose `OPTIONS` the units of the family hand to their programs.
    pub fn options_file(&self, program: &str) -> Option<String> {
        (self.family == Family::EnterpriseLinux).then(|| format!("/etc/sysconfig/{program}"))
    }

    /// What HAProxy's `log` line takes: on Debian the package shows /dev/log into the chroot;
    /// elsewhere the journal gets its standard output, which HAProxy writes to since 1.9.
    pub fn haproxy_log(&self, version: &Version) -> &'static str {
        match self.family {
            Family::Debian => "/dev/log local0",
            Family::EnterpriseLinux if version.at_least(&[1, 9]) => "stdout format raw local2",
            Family::EnterpriseLinux => "127.0.0.1 local2",
        }
    }

    /// The versions of the services that `facts` tell, installed or to be installed, else those
    /// that the release ships.
    pub fn versions(&self, facts: &NodeFacts) -> Versions {
        let of = |packages: &[String], shipped: &Version| {
            packages
                .iter()
                .filter_map(|name| facts.packages.get(name))
                .find_map(|package| package.installed.as_ref().or(package.candidate.as_ref()))
                .and_then(|text| Version::parse_package(text))
                .unwrap_or_else(|| shipped.clone())
        };
        Versions {
            etcd: of(&self.etcd_packages, &self.shipped.etcd),
            patroni: of(&self.patroni_packages, &self.shipped.patroni),
            haproxy: of(
                std::slice::from_ref(&self.haproxy_package),
                &self.shipped.haproxy,
            ),
            systemd: if facts.system.systemd == 0 {
                self.shipped.systemd
            } else {
                facts.system.systemd
            },
        }
    }
}
