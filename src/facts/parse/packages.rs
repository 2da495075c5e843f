//! Installed packages and what an installation would bring.

use std::collections::BTreeMap;

use crate::facts::section::Sections;
use crate::facts::{PackageFacts, RepositoryFacts};

/// dpkg-query and rpm print `installed NAME VERSION`; `apt-cache policy` prints a block a
/// package. Both leave out what they do not know.
pub(super) fn packages(sections: &Sections<'_>) -> BTreeMap<String, PackageFacts> {
    let mut packages: BTreeMap<String, PackageFacts> = BTreeMap::new();
    for pair in sections.values("packages", "installed") {
        if let Some((name, version)) = pair.split_once(' ') {
            packages.entry(name.to_owned()).or_default().installed = Some(version.to_owned());
        }
    }
    let mut name = None;
    for line in sections.lines("candidates") {
        if !line.starts_with(' ') {
            name = line.strip_suffix(':');
        } else if let Some((name, version)) =
            name.zip(line.trim_start().strip_prefix("Candidate: "))
            && version != "(none)"
        {
            packages.entry(name.to_owned()).or_default().candidate = Some(version.to_owned());
        }
    }
    packages
}

/// `enabled SECTION FILE URL` or `disabled SECTION FILE URL`; the URL may be missing.
pub(super) fn repositories(sections: &Sections<'_>) -> Vec<RepositoryFacts> {
    let repository = |line: &str| {
        let mut words = line.split(' ');
        let enabled = match words.next()? {
            "enabled" => true,
            "disabled" => false,
            _ => return None,
        };
        Some(RepositoryFacts {
            section: words.next()?.to_owned(),
            file: words.next()?.to_owned(),
            enabled,
            url: words.next().unwrap_or_default().to_owned(),
        })
    };
    sections
        .lines("repositories")
        .filter_map(repository)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Sections, packages, repositories};

    #[test]
    fn sections_of_repositories_are_read() {
        let sections = Sections::of(
            "@repositories\nenabled baseos /etc/yum.repos.d/rocky.repo https://a.example/os\n\
             disabled pgdg-rhel9-extras /etc/yum.repos.d/pgdg-redhat-all.repo \nnonsense\n",
        );
        let found = repositories(&sections);
        let names: Vec<_> = found
            .iter()
            .map(|one| (one.section.as_str(), one.enabled, one.url.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                ("baseos", true, "https://a.example/os"),
                ("pgdg-rhel9-extras", false, "")
            ]
        );
    }

    #[test]
    fn installed_and_candidate_versions_are_read() {
        let sections = Sections::of(
            "@packages debian\ninstalled curl 7.88.1-10\nnot-installed etcd-server \n\
             @candidates\netcd-server:\n  Installed: (none)\n  Candidate: 3.4.23-4+b2\n  \
             Version table:\n     3.4.23-4+b2 500\nnope:\n  Installed: (none)\n  Candidate: (none)\n",
        );
        let packages = packages(&sections);
        assert_eq!(packages.len(), 2);
        assert_eq!(packages["curl"].installed.as_deref(), Some("7.88.1-10"));
        assert_eq!(packages["etcd-server"].installed, None);
        assert_eq!(
            packages["etcd-server"].candidate.as_deref(),
            Some("3.4.23-4+b2")
        );
    }
}
