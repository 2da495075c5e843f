//! Packages: one transaction a node, services not started by it.

use super::draft::{Draft, write_file};
use super::{Action, Desired, PackageChange, Rollout, Step};
use crate::cluster::{Node, Role};
use crate::render::{Purpose, Rendered};

/// Adds the phase.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let mut work = Vec::new();
    for node in &desired.cluster.nodes {
        let rendered = &desired.rendered[&node.name];
        let facts = draft.facts(&node.name);
        let family = rendered.platform.family;
        let mut missing = Vec::new();
        let mut differs = Vec::new();
        for (name, pin) in wanted(desired, node, rendered) {
            let package = facts.packages.get(&name).cloned().unwrap_or_default();
            match (&package.installed, &pin) {
                (None, _) => missing.push(PackageChange {
                    version: pin.clone().or(package.candidate),
                    installed: None,
                    pinned: pin.is_some(),
                    name,
                }),
                (Some(installed), Some(pin)) if installed != pin => {
                    differs.push(format!("{name} is {installed}, pinned to {pin}"));
                }
                _ => {}
            }
        }
        let mut steps: Vec<Step> = Vec::new();
        // What must be there before a package's own scripts run.
        let before = rendered
            .files
            .iter()
            .filter(|file| file.purpose == Purpose::BeforePackages);
        steps.extend(
            before
                .filter_map(|file| write_file(facts, file))
                .map(Step::from),
        );
        if !missing.is_empty() {
            if !facts.system.package_lists || missing.iter().any(|change| change.version.is_none())
            {
                steps.push(Action::RefreshPackageLists { family }.into());
            }
            let packages = missing;
            steps.push(Action::InstallPackages { family, packages }.into());
        }
        for message in differs {
            draft.note(
                Some(&node.name),
                format!("{message}; a deploy changes no installed version"),
            );
        }
        work.push((node.name.clone(), steps));
    }
    draft.phase("packages", Rollout::Parallel, work, |_| None);
}

/// The packages of a node with the version that the inventory pins, in the order of the roles.
fn wanted(desired: &Desired, node: &Node, rendered: &Rendered) -> Vec<(String, Option<String>)> {
    let (cluster, platform) = (desired.cluster, &rendered.platform);
    let pinned = |names: Vec<String>, pin: &Option<String>| {
        // Only the first package is the program itself; the others follow their own versions.
        names
            .into_iter()
            .enumerate()
            .map(|(index, name)| (name, pin.clone().filter(|_| index == 0)))
            .collect::<Vec<_>>()
    };
    let mut packages = pinned(platform.tool_packages.clone(), &None);
    if node.has(Role::Etcd) {
        packages.extend(pinned(
            platform.etcd_packages.clone(),
            &cluster.etcd.version,
        ));
    }
    if node.has(Role::Postgresql) {
        packages.extend(pinned(
            platform.postgresql_packages(rendered.postgresql),
            &cluster.postgresql.package_version,
        ));
        packages.extend(pinned(
            platform.patroni_packages.clone(),
            &cluster.patroni.version,
        ));
    }
    if node.has(Role::Haproxy) {
        packages.extend(pinned(
            vec![platform.haproxy_package.clone()],
            &cluster.haproxy.version,
        ));
    }
    if super::selinux::needs_tools(node, &desired.facts.nodes[&node.name]) {
        packages.push((platform.selinux_package().to_owned(), None));
    }
    if super::system::needs_time_service(node, &desired.facts.nodes[&node.name]) {
        packages.push((platform.time_package.clone(), None));
    }
    packages
}
