//! Where the packages of the RHEL family come from: repositories that are still missing, and what
//! the one transaction draws from.

use super::{Action, Desired, PackageChange};
use crate::cluster::Node;
use crate::facts::NodeFacts;
use crate::platform::{Family, Repository, Sources, repositories};

/// The module that hides PGDG's packages.
const MODULE: &str = "postgresql";
/// A section that every version of PGDG's package has.
const PGDG_COMMON: &str = "pgdg-common";
/// The section of EPEL's package.
const EPEL: &str = "epel";

/// What must be done before `missing` can be installed, and what the transaction draws from.
pub(super) fn supply(
    desired: &Desired,
    node: &Node,
    facts: &NodeFacts,
    missing: &[PackageChange],
) -> (Vec<Action>, Sources) {
    let rendered = &desired.rendered[&node.name];
    let platform = &rendered.platform;
    let (mut actions, mut sources) = (Vec::new(), Sources::default());
    if platform.family != Family::EnterpriseLinux || missing.is_empty() {
        return (actions, sources);
    }
    let is_missing = |names: &[String]| missing.iter().any(|change| names.contains(&change.name));
    let needs_etcd = is_missing(&platform.etcd_packages);
    let needs_patroni = is_missing(&platform.patroni_packages);
    let needs_server = is_missing(&platform.postgresql_packages(rendered.postgresql));

    if let Some(ours) = &node.packages.repositories {
        sources.only = ours.iter().map(|one| one.name.clone()).collect();
    } else {
        sources.without = stale(facts).map(|one| one.section.clone()).collect();
        if needs_etcd || needs_patroni || needs_server {
            actions.extend(pgdg(platform.release, facts));
        }
        if needs_patroni && !platform.epel_packages().is_empty() {
            actions.extend(epel(platform.release, facts));
        }
    }
    if needs_server
        && platform.has_modules
        && !facts
            .system
            .disabled_modules
            .iter()
            .any(|name| name == MODULE)
    {
        actions.push(Action::DisableModule {
            module: MODULE.to_owned(),
            sources: sources.clone(),
        });
    }
    if node.packages.repositories.is_none() {
        if needs_etcd {
            let packages = platform.etcd_packages.clone();
            sources.with.push((platform.etcd_section(), packages));
        }
        if let Some((section, _)) = platform
            .archive(rendered.postgresql)
            .filter(|_| needs_server)
        {
            let packages = format!("postgresql{}*", rendered.postgresql);
            sources.with.push((section, vec![packages]));
        }
        let of_epel = platform.epel_packages();
        if needs_patroni && !of_epel.is_empty() {
            let packages = of_epel.iter().map(|&name| name.to_owned()).collect();
            sources.with.push((EPEL.to_owned(), packages));
        }
    }
    (actions, sources)
}

/// The enabled sections that point to what PGDG has moved away.
pub(super) fn stale(facts: &NodeFacts) -> impl Iterator<Item = &crate::facts::RepositoryFacts> {
    facts
        .repositories
        .iter()
        .filter(|one| one.enabled && repositories::is_stale(&one.section, &one.url))
}

fn pgdg(release: u32, facts: &NodeFacts) -> Option<Action> {
    let known = facts.has_package(repositories::PGDG) || has_section(facts, PGDG_COMMON);
    (!known).then(|| Action::AddRepository {
        repository: Repository::Pgdg {
            release,
            architecture: facts.system.architecture.clone(),
        },
    })
}

fn epel(release: u32, facts: &NodeFacts) -> Option<Action> {
    // The rebuilds ship its package among their own, signed with their own key.
    let packaged = ["centos", "rocky", "almalinux"].contains(&facts.system.os.id.as_str());
    (!has_section(facts, EPEL)).then_some(Action::AddRepository {
        repository: Repository::Epel { release, packaged },
    })
}

fn has_section(facts: &NodeFacts, name: &str) -> bool {
    facts.repositories.iter().any(|one| one.section == name)
}
