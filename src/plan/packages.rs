//! Packages: one transaction a node, services not started by it. Where one node downloads for others,
//! it does so in a phase of its own, before.

use super::draft::{Draft, write_file};
use super::repositories::supply;
use super::{Action, Desired, PackageChange, Relay, Rollout, Step};
use crate::cluster::{Node, NodeName, Role};
use crate::facts::NodeFacts;
use crate::platform::vip::KEEPALIVED_PACKAGE;
use crate::platform::{Family, repositories};
use crate::render::{Purpose, Rendered};

/// Adds the phases.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let from = super::relay::sources(draft, desired);
    let (mut archives, mut work) = (Vec::new(), Vec::new());
    for node in &desired.cluster.nodes {
        let rendered = &desired.rendered[&node.name];
        let facts = draft.facts(&node.name);
        let family = rendered.platform.family;
        let Difference { missing, differs } = difference(desired, node, facts);
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
        steps.extend(no_longer_wanted(rendered, facts).map(Step::from));
        if !missing.is_empty() {
            let (actions, sources) = supply(desired, node, facts, &missing);
            steps.extend(actions.into_iter().map(Step::from));
            // dnf refreshes what it knows by itself.
            let unknown = !facts.system.package_lists
                || missing.iter().any(|change| change.version.is_none());
            if family == Family::Debian && unknown {
                steps.push(Action::RefreshPackageLists { family }.into());
            }
            let others = from.iter().filter(|(_, source)| **source == node.name);
            let others: Vec<NodeName> = others.map(|(other, _)| other.clone()).collect();
            let taken = from.get(&node.name);
            if !others.is_empty() {
                steps.push(Step::from(Action::Relay(Relay::Fetch {
                    family,
                    packages: missing.clone(),
                    sources: sources.clone(),
                    others,
                })));
                archives.push((node.name.clone(), std::mem::take(&mut steps)));
            } else if let Some(from) = taken {
                archives.push((node.name.clone(), std::mem::take(&mut steps)));
                steps.push(Step::from(Action::Relay(Relay::Take {
                    family,
                    packages: missing.clone(),
                    from: from.clone(),
                })));
            }
            let install = Action::InstallPackages {
                family,
                packages: missing,
                sources,
            };
            steps.push(install.into());
        }
        for message in differs {
            draft.note(
                Some(&node.name),
                format!("{message}; a deploy changes no installed version"),
            );
        }
        work.push((node.name.clone(), steps));
    }
    draft.phase("archives", Rollout::Parallel, archives, |_| None);
    draft.phase("packages", Rollout::Parallel, work, |_| None);
}

/// Our own file of repositories, once the inventory has none any more.
fn no_longer_wanted(rendered: &Rendered, facts: &NodeFacts) -> Option<Action> {
    let path = repositories::FILE;
    let wanted = rendered.files.iter().any(|file| file.path == path);
    (!wanted && facts.files.contains_key(path)).then(|| Action::RemoveFile {
        path: path.to_owned(),
    })
}

/// What the packages of a node lack.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Packages that are not installed.
    pub(super) missing: Vec<PackageChange>,
    /// Installed ones that are not the pinned ones, in words.
    differs: Vec<String>,
}

/// Compares what is wanted with what is installed; what is, stays as it is: no package manager is
/// asked for it, since dnf downgrades without a word.
pub(super) fn difference(desired: &Desired, node: &Node, facts: &NodeFacts) -> Difference {
    let rendered = &desired.rendered[&node.name];
    let family = rendered.platform.family;
    let installed = |name: &str| facts.packages.get(name)?.installed.as_deref();
    let mut difference = Difference::default();
    for Group { names, pin } in wanted(desired, node, rendered) {
        // Packages of one source come in one version, and go with the one that is there.
        let sibling = names.iter().find_map(|name| installed(name));
        let sibling = sibling.filter(|_| family == Family::EnterpriseLinux);
        for (index, name) in names.iter().enumerate() {
            // Of Debian's only the first is the program itself; others have their own versions.
            let pin = pin
                .as_deref()
                .filter(|_| index == 0 || family == Family::EnterpriseLinux);
            let instead = rendered.platform.instead_of(name);
            if instead.is_some_and(|other| facts.has_package(other)) {
                continue;
            }
            match (installed(name), pin) {
                (None, _) => {
                    let candidate = facts.packages.get(name);
                    let candidate = candidate.and_then(|package| package.candidate.as_deref());
                    let version = sibling.or(pin).or(candidate);
                    difference.missing.push(PackageChange {
                        name: name.clone(),
                        installed: None,
                        version: version.map(str::to_owned),
                        pinned: pin.is_some(),
                    });
                }
                (Some(installed), Some(pin)) if !is_pinned(family, installed, pin) => {
                    difference
                        .differs
                        .push(format!("{name} is {installed}, pinned to {pin}"));
                }
                _ => {}
            }
        }
    }
    difference
}

/// Whether an installed version is the pinned one. dnf takes a version without its release, and
/// one without its epoch.
fn is_pinned(family: Family, installed: &str, pin: &str) -> bool {
    let without_epoch = installed
        .split_once(':')
        .map_or(installed, |(_, rest)| rest);
    let is = |version: &str| {
        let rest = version.strip_prefix(pin);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    match family {
        Family::Debian => installed == pin,
        Family::EnterpriseLinux => is(installed) || is(without_epoch),
    }
}

/// Packages of one program.
struct Group {
    names: Vec<String>,
    /// The version that the inventory pins.
    pin: Option<String>,
}

/// The packages of a node, in the order of the roles.
fn wanted(desired: &Desired, node: &Node, rendered: &Rendered) -> Vec<Group> {
    let (cluster, platform) = (desired.cluster, &rendered.platform);
    let group = |names: Vec<String>, pin: &Option<String>| Group {
        names,
        pin: pin.clone(),
    };
    let tools = platform.tool_packages.iter();
    let mut groups: Vec<Group> = tools.map(|name| group(vec![name.clone()], &None)).collect();
    if node.has(Role::Etcd) {
        groups.push(group(platform.etcd_packages.clone(), &cluster.etcd.version));
    }
    if node.has(Role::Postgresql) {
        groups.push(group(
            platform.postgresql_packages(rendered.postgresql),
            &cluster.postgresql.package_version,
        ));
        groups.push(group(
            platform.patroni_packages.clone(),
            &cluster.patroni.version,
        ));
    }
    if node.has(Role::Haproxy) {
        groups.push(group(
            vec![platform.haproxy_package.clone()],
            &cluster.haproxy.version,
        ));
    }
    if cluster.can_hold_vip(node) {
        groups.push(group(vec![KEEPALIVED_PACKAGE.to_owned()], &None));
    }
    if super::selinux::needs_tools(node, &desired.facts.nodes[&node.name]) {
        groups.push(group(vec![platform.selinux_package().to_owned()], &None));
    }
    if super::system::needs_time_service(node, &desired.facts.nodes[&node.name]) {
        groups.push(group(vec![platform.time_package.clone()], &None));
    }
    groups
}
