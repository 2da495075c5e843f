//! How repositories and packages are added.

use super::quote::sh;
use super::script::{DEBIAN, ENTERPRISE_LINUX, Library};
use crate::plan::{Action, PackageChange};
use crate::platform::{Family, Repository, Sources, repositories};

/// Library, script and seconds for an action of this kind; for others nothing is done.
pub(super) fn call(action: &Action) -> (&'static Library, String, u64) {
    match action {
        Action::RefreshPackageLists {
            family: Family::Debian,
        } => (&DEBIAN, "refresh_debian".to_owned(), 600),
        Action::InstallPackages {
            family: Family::Debian,
            packages,
            ..
        } => (&DEBIAN, format!("install_debian{}", words(packages)), 1800),
        Action::InstallPackages {
            packages, sources, ..
        } => {
            let options = sh(&options(sources));
            let script = format!("install_enterprise_linux {options}{}", words(packages));
            (&ENTERPRISE_LINUX, script, 1800)
        }
        Action::AddRepository { repository } => (&ENTERPRISE_LINUX, add(repository), 600),
        Action::DisableModule { module, sources } => {
            let options = sh(&options(sources));
            let script = format!("disable_module {} {options}", sh(module));
            (&ENTERPRISE_LINUX, script, 600)
        }
        _ => (
            &ENTERPRISE_LINUX,
            "refresh_enterprise_linux ''".to_owned(),
            600,
        ),
    }
}

/// The words that follow a function that is about packages: ` NAME VERSION pinned|free` each.
pub(super) fn words<'a>(packages: impl IntoIterator<Item = &'a PackageChange>) -> String {
    let words = |package: &PackageChange| {
        format!(
            " {} {} {}",
            sh(&package.name),
            sh(package.version.as_deref().unwrap_or_default()),
            if package.pinned { "pinned" } else { "free" }
        )
    };
    packages.into_iter().map(words).collect()
}

fn add(repository: &Repository) -> String {
    let signed = |package: &str, key: &str, name: &str| {
        format!("add_repository {} {} {}", sh(package), sh(key), sh(name))
    };
    match repository {
        Repository::Pgdg {
            release,
            architecture,
        } => signed(
            &repositories::pgdg_package(*release, architecture),
            &repositories::pgdg_key(*release, architecture),
            repositories::PGDG,
        ),
        Repository::Epel { packaged: true, .. } => {
            "install_enterprise_linux '' epel-release '' free".to_owned()
        }
        Repository::Epel { release, .. } => {
            let (package, key) = repositories::epel(*release);
            signed(&package, &key, "epel-release")
        }
    }
}

/// dnf's options for what a transaction draws from: words without white space or quotes.
pub(super) fn options(sources: &Sources) -> String {
    let mut options = Vec::new();
    if !sources.only.is_empty() {
        options.push("--disablerepo=*".to_owned());
        options.push(format!("--enablerepo={}", sources.only.join(",")));
    }
    for section in &sources.without {
        options.push(format!("--disablerepo={section}"));
    }
    for (section, packages) in &sources.with {
        options.push(format!("--enablerepo={section}"));
        let packages = packages.join(",");
        options.push(format!("--setopt={section}.includepkgs={packages}"));
    }
    options.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Sources, options};

    #[test]
    fn what_is_enabled_is_enabled_for_its_packages_alone() {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let sources = Sources {
            only: Vec::new(),
            without: words(&["pgdg13"]),
            with: vec![("pgdg-rhel9-extras".to_owned(), words(&["etcd"]))],
        };
        assert_eq!(
            options(&sources),
            "--disablerepo=pgdg13 --enablerepo=pgdg-rhel9-extras \
             --setopt=pgdg-rhel9-extras.includepkgs=etcd"
        );
        let sources = Sources {
            only: words(&["base", "pgdg15"]),
            ..Sources::default()
        };
        assert_eq!(
            options(&sources),
            "--disablerepo=* --enablerepo=base,pgdg15"
        );
    }
}
