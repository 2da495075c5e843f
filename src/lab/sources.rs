//! Where a node's packages come from: the Debian archive that this machine's own apt uses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Progress;
use super::error::LabError;
use super::image::Suite;
use super::program::{mortal, run};

/// What apt of this machine says about Debian's archive, for another suite where need be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    /// One-line entries of a `sources.list`.
    pub(super) entries: BTreeSet<String>,
    /// Lines of an `apt.conf`: proxies, certificates, what is checked.
    pub(super) settings: Vec<String>,
}

impl Sources {
    /// Asks apt of this machine.
    pub(super) fn of_machine(suite: Suite, progress: Progress) -> Result<Self, LabError> {
        let release = std::fs::read_to_string("/etc/os-release")
            .map_err(LabError::file(Path::new("/etc/os-release")))?;
        let codename = codename(&release).unwrap_or_default();
        let mut entries = entries(&index_targets()?, codename, suite.release());
        if entries.is_empty() {
            // apt knows who publishes an archive only once it has its lists.
            progress("updating the machine's package lists");
            run(
                "updating the package lists",
                mortal("apt-get").args(["--quiet", "update"]),
            )?;
            entries = self::entries(&index_targets()?, codename, suite.release());
        }
        if entries.is_empty() {
            return Err(LabError::NoSources(codename.to_owned()));
        }
        let dump = run(
            "asking apt for its settings",
            mortal("apt-config").arg("dump"),
        )?;
        let settings = settings(&dump, |name| std::env::var(name).ok());
        Ok(Self { entries, settings })
    }

    /// Whether the archive is reached by TLS, which a node needs certificates for.
    pub(super) fn need_certificates(&self) -> bool {
        self.entries.iter().any(|entry| entry.contains(" https:"))
    }

    /// The `sources.list` of a node.
    pub(super) fn list(&self) -> String {
        self.entries
            .iter()
            .map(|entry| format!("{entry}\n"))
            .collect()
    }

    /// Files of the machine that entries and settings refer to and a node needs at the same place.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mirrors = self.entries.iter().filter_map(|entry| {
            let (_, rest) = entry.split_once("mirror+file:")?;
            rest.split_whitespace().next()
        });
        let certificates = self.settings.iter().filter_map(|setting| {
            let (_, value) = setting.split_once(" \"/")?;
            setting
                .strip_suffix("\";")
                .map(|whole| &whole[whole.len() + 1 - value.len()..])
        });
        mirrors.chain(certificates).map(PathBuf::from).collect()
    }
}

fn index_targets() -> Result<String, LabError> {
    run(
        "asking apt for its sources",
        mortal("apt-get").args([
            "indextargets",
            "--format",
            "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)",
            "Created-By: Packages",
        ]),
    )
}

fn codename(os_release: &str) -> Option<&str> {
    os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"'))
}

/// The entries for `release` that follow from what apt uses for the machine's own `codename`:
/// Debian's own component `main` of the release, its updates and its security updates.
fn entries(targets: &str, codename: &str, release: &str) -> BTreeSet<String> {
    targets
        .lines()
        .filter_map(|line| {
            let [uri, suite, "main", "Debian"] = line.split_whitespace().collect::<Vec<_>>()[..]
            else {
                return None;
            };
            let pocket = suite.strip_prefix(codename)?;
            ["", "-updates", "-security"]
                .contains(&pocket)
                .then(|| format!("deb {uri} {release}{pocket} main"))
        })
        .collect()
}

/// The settings of apt that say how an archive is reached.
fn settings(dump: &str, environment: impl Fn(&str) -> Option<String>) -> Vec<String> {
    const PREFIXES: &[&str] = &["http::", "https::", "Check-", "Retries", "ForceIPv"];
    let mut settings: Vec<String> = dump
        .lines()
        .filter(|line| {
            line.strip_prefix("Acquire::")
                .is_some_and(|key| PREFIXES.iter().any(|prefix| key.starts_with(prefix)))
        })
        // A program of the machine that finds a proxy is no use in a node.
        .filter(|line| !line.contains("Auto-Detect") && !line.ends_with(" \"\";"))
        .map(str::to_owned)
        .collect();
    for scheme in ["http", "https"] {
        let key = format!("Acquire::{scheme}::Proxy ");
        if settings.iter().any(|setting| setting.starts_with(&key)) {
            continue;
        }
        if let Some(proxy) =
            environment(&format!("{scheme}_proxy")).filter(|proxy| !proxy.is_empty())
        {
            settings.push(format!("{key}\"{proxy}\";"));
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGETS: &str = "\
http://mirror.test/debian/ bookworm main Debian
http://mirror.test/debian/ bookworm main Debian
http://mirror.test/debian/ bookworm contrib Debian
http://mirror.test/debian/ bookworm-updates main Debian
http://mirror.test/debian/ bookworm-backports main Debian
http://security.test/debian-security/ bookworm-security main Debian
http://docker.test/ bookworm main Docker
http://pgdg.test/ bookworm-pgdg main apt.postgresql.org
";

    #[test]
    fn only_debian_s_own_main_is_taken_and_the_suite_is_swapped() {
        let trixie: Vec<_> = entries(TARGETS, "bookworm", "trixie").into_iter().collect();
        assert_eq!(
            trixie,
            [
                "deb http://mirror.test/debian/ trixie main",
                "deb http://mirror.test/debian/ trixie-updates main",
                "deb http://security.test/debian-security/ trixie-security main",
            ]
        );
        assert!(entries(TARGETS, "noble", "bookworm").is_empty());
    }

    #[test]
    fn the_codename_stands_in_os_release() {
        assert_eq!(
            codename("ID=debian\nVERSION_CODENAME=bookworm\n"),
            Some("bookworm")
        );
        assert_eq!(codename("ID=arch\n"), None);
    }

    #[test]
    fn settings_that_say_how_an_archive_is_reached_are_kept() {
        let dump = "Acquire \"\";\nAcquire::http \"\";\nAcquire::http::Proxy \"http://a:1\";\n\
                    Acquire::https::CaInfo \"/etc/ca.pem\";\nAcquire::Languages:: \"none\";\n\
                    Acquire::http::Proxy-Auto-Detect \"/usr/bin/find\";\n\
                    Acquire::Check-Date \"false\";\nDPkg::Post-Invoke:: \"rm\";\n";
        let settings = settings(dump, |name| {
            (name == "https_proxy").then(|| "http://b:2".to_owned())
        });
        assert_eq!(
            settings,
            [
                "Acquire::http::Proxy \"http://a:1\";",
                "Acquire::https::CaInfo \"/etc/ca.pem\";",
                "Acquire::Check-Date \"false\";",
                "Acquire::https::Proxy \"http://b:2\";",
            ]
        );
        let sources = Sources {
            entries: ["deb mirror+file:/etc/apt/mirrors/debian.list trixie main".to_owned()].into(),
            settings,
        };
        assert_eq!(
            sources.files(),
            ["/etc/apt/mirrors/debian.list", "/etc/ca.pem"].map(PathBuf::from)
        );
        assert!(!sources.need_certificates());
    }
}
