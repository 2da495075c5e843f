//! Where the packages of the RHEL family come from.
//!
//! PGDG's repositories are known by the names of their sections, never by their URLs, which have
//! moved before. What is enabled for one package alone is enabled in the transaction that installs
//! it, and nowhere else.

use super::{Family, Platform};

/// The file of ours with repositories.
pub const FILE: &str = "/etc/yum.repos.d/mahout.repo";
/// The package that brings PGDG's repositories.
pub const PGDG: &str = "pgdg-redhat-repo";
/// Where PGDG serves packages and keys.
pub const PGDG_URL: &str = "https://download.postgresql.org/pub/repos/yum";
/// Where PGDG keeps what it no longer builds.
const ARCHIVE_URL: &str = "https://yum-archive.postgresql.org";
/// The newest major version that was moved to the archive.
const ARCHIVED: u16 = 13;
/// The newest one that may be moved at any time: its last release is out.
const ARCHIVED_SOON: u16 = 14;

/// A repository that a node is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repository {
    /// PGDG's, by its package.
    Pgdg {
        /// The major version of the release.
        release: u32,
        /// `uname -m`.
        architecture: String,
    },
    /// Fedora's extra packages.
    Epel {
        /// The major version of the release.
        release: u32,
        /// Whether the distribution itself has the package of it.
        packaged: bool,
    },
}

/// What one transaction draws from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// These sections alone; none: those that are enabled on the node.
    pub only: Vec<String>,
    /// Sections that are enabled, and left out: what they point to is gone.
    pub without: Vec<String>,
    /// Sections that are enabled for some packages alone.
    pub with: Vec<(String, Vec<String>)>,
}

impl Repository {
    /// What it is called.
    pub fn title(&self) -> &'static str {
        match self {
            Repository::Pgdg { .. } => "PGDG's repository",
            Repository::Epel { .. } => "the repository EPEL",
        }
    }
}

/// The URL of the key that PGDG signs with.
pub fn pgdg_key(release: u32, architecture: &str) -> String {
    let name = match (release, architecture) {
        (7, _) => "PGDG-RPM-GPG-KEY-RHEL7",
        (_, "aarch64") => "PGDG-RPM-GPG-KEY-AARCH64-RHEL",
        _ => "PGDG-RPM-GPG-KEY-RHEL",
    };
    format!("{PGDG_URL}/keys/{name}")
}

/// The package of PGDG's repositories.
pub fn pgdg_package(release: u32, architecture: &str) -> String {
    format!("{PGDG_URL}/reporpms/EL-{release}-{architecture}/pgdg-redhat-repo-latest.noarch.rpm")
}

/// The package of EPEL, and the key that it is signed with, where the distribution has none.
pub fn epel(release: u32) -> (String, String) {
    let url = "https://dl.fedoraproject.org/pub/epel";
    (
        format!("{url}/epel-release-latest-{release}.noarch.rpm"),
        format!("{url}/RPM-GPG-KEY-EPEL-{release}"),
    )
}

/// The major version of a section of PGDG's: 13 of `pgdg13`.
fn major(section: &str) -> Option<u16> {
    section.strip_prefix("pgdg")?.parse().ok()
}

/// Whether a section of PGDG's points to what is no longer there, so that every call of dnf fails.
pub fn is_stale(section: &str, url: &str) -> bool {
    let served = ["//download.postgresql.org/", "//yum.postgresql.org/"];
    major(section).is_some_and(|major| major <= ARCHIVED)
        && served.iter().any(|host| url.contains(host))
}

impl Platform {
    /// The section that etcd comes from, which its package leaves disabled.
    pub fn etcd_section(&self) -> String {
        format!("pgdg-rhel{}-extras", self.release)
    }

    /// What Patroni needs of EPEL.
    pub fn epel_packages(&self) -> &'static [&'static str] {
        let needs = self.family == Family::EnterpriseLinux && self.release >= 10;
        if needs { &["python3-click"] } else { &[] }
    }

    /// A section for a major version that PGDG has archived, or is about to: its name and URLs.
    pub fn archive(&self, major: u16) -> Option<(String, Vec<String>)> {
        if self.family != Family::EnterpriseLinux || major > ARCHIVED_SOON {
            return None;
        }
        let path = format!("{major}/redhat/rhel-{}-$basearch", self.release);
        let mut urls = vec![format!("{ARCHIVE_URL}/{path}")];
        if major > ARCHIVED {
            urls.insert(0, format!("{PGDG_URL}/{path}"));
        }
        Some((format!("mahout-pgdg{major}"), urls))
    }
}

#[cfg(test)]
mod tests {
    use super::{Platform, is_stale, pgdg_key};

    #[test]
    fn a_section_of_an_archived_version_is_stale_where_pgdg_served_it() {
        let url = "https://download.postgresql.org/pub/repos/yum/13/redhat/rhel-9.6-x86_64";
        assert!(is_stale("pgdg13", url));
        assert!(is_stale("pgdg12", url));
        assert!(!is_stale("pgdg15", url));
        assert!(!is_stale("pgdg-common", url));
        assert!(!is_stale("pgdg13", "https://mirror.example.net/pgdg/13"));
    }

    #[test]
    fn archives_and_keys_are_named_by_release_and_architecture() {
        let nine = Platform::named("el-9").expect("a platform");
        let (section, urls) = nine.archive(13).expect("archived");
        assert_eq!(section, "mahout-pgdg13");
        assert_eq!(
            urls,
            ["https://yum-archive.postgresql.org/13/redhat/rhel-9-$basearch"]
        );
        assert_eq!(nine.archive(14).map(|(_, urls)| urls.len()), Some(2));
        assert_eq!(nine.archive(15), None);
        assert!(pgdg_key(9, "aarch64").ends_with("/PGDG-RPM-GPG-KEY-AARCH64-RHEL"));
        assert!(pgdg_key(10, "x86_64").ends_with("/PGDG-RPM-GPG-KEY-RHEL"));
    }

    #[test]
    fn a_derivative_is_known_by_what_it_is_like_or_by_what_the_inventory_says() {
        use crate::facts::OsRelease;
        let os = |id: &str, like: &str, version: &str| OsRelease {
            id: id.to_owned(),
            id_like: like.split(' ').map(str::to_owned).collect(),
            version_id: version.to_owned(),
            pretty_name: format!("{id} {version}"),
            ..OsRelease::default()
        };
        for (id, like, version, release) in [
            ("centos", "rhel fedora", "9", 9),
            ("centos", "rhel fedora", "7", 7),
            ("rhel", "fedora", "9.6", 9),
            ("ol", "fedora", "8.10", 8),
            ("almalinux", "rhel centos fedora", "10.0", 10),
            ("eurolinux", "rhel fedora centos", "9.4", 9),
        ] {
            let platform = Platform::detect(&os(id, like, version)).expect("known");
            assert_eq!(platform.release, release, "{id}");
        }
        let amazon = os("amzn", "fedora", "2023");
        let error = Platform::detect(&amazon).expect_err("unknown").to_string();
        assert!(
            error.contains("ID=amzn") && error.contains("`system.platform`"),
            "{error}"
        );
        assert!(Platform::detect(&os("centos", "rhel", "6")).is_err());
        let named = OsRelease {
            platform: Some("el-9".to_owned()),
            ..amazon
        };
        let platform = Platform::detect(&named).expect("named");
        assert_eq!((platform.release, platform.name.as_str()), (9, "amzn 2023"));
    }
}
