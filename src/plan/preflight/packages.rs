//! Whether the packages that are missing can come at all.

use super::Findings;
use crate::cluster::Node;
use crate::plan::{Desired, packages, repositories};
use crate::platform::Family;

/// How repositories of one's own are named, by example.
const EXAMPLE: &str = "repositories: [{ name: pgdg15, baseurl: \
                       \"https://mirror.example.net/pgdg/15/redhat/rhel-7-x86_64\", gpgkey: \
                       \"https://mirror.example.net/pgdg/keys/PGDG-RPM-GPG-KEY-RHEL7\" }, …]";

/// Every node that told its facts.
pub(super) fn check(findings: &mut Findings, desired: &Desired) {
    let mut gone: Vec<(&str, &str)> = Vec::new();
    for node in &desired.cluster.nodes {
        let Some(facts) = desired.facts.nodes.get(&node.name) else {
            continue;
        };
        let platform = &desired.rendered[&node.name].platform;
        let missing = packages::difference(desired, node, facts).missing;
        let names: Vec<&str> = missing.iter().map(|change| change.name.as_str()).collect();
        if node.packages.repositories.is_some() && platform.family == Family::Debian {
            findings.refuse(
                Some(&node.name),
                "`repositories` is for the RHEL family".to_owned(),
                Some(
                    "name this node's sources in /etc/apt/sources.list.d on the node itself, and \
                     leave `repositories` to the groups or nodes that it is for"
                        .to_owned(),
                ),
            );
        }
        if names.is_empty() {
            continue;
        }
        if node.packages.preinstalled {
            findings.refuse(
                Some(&node.name),
                format!(
                    "`packages: preinstalled`, but not installed here: {}",
                    names.join(", ")
                ),
                Some("install them on the node, or write `packages: install`".to_owned()),
            );
        } else if platform.archive_is_gone && node.packages.repositories.is_none() {
            gone.push((node.name.as_str(), &platform.name));
        }
        stale(findings, desired, node);
    }
    archive_is_gone(findings, &gone);
}

/// One message for all nodes of a release whose mirrors are gone.
fn archive_is_gone(findings: &mut Findings, nodes: &[(&str, &str)]) {
    let Some((_, release)) = nodes.first() else {
        return;
    };
    let names: Vec<&str> = nodes.iter().map(|(name, _)| *name).collect();
    findings.refuse(
        None,
        format!(
            "{release} is past its end of life, neither its mirrors nor PGDG serve packages for it \
             any more, and some are missing on {}",
            names.join(", ")
        ),
        Some(format!(
            "name repositories of your own, `{EXAMPLE}`, or install the packages yourself and write \
             `packages: preinstalled`"
        )),
    );
}

/// Sections that make every call of dnf fail, of anybody's. Ours leave them out.
fn stale(findings: &mut Findings, desired: &Desired, node: &Node) {
    for stale in repositories::stale(&desired.facts.nodes[&node.name]) {
        findings.note(
            &node.name,
            format!(
                "the section [{section}] of {file} points to packages that PGDG has moved to its \
                 archive: every call of dnf fails for its sake, except mahout's own, which leave it \
                 out; `dnf config-manager --set-disabled {section}` on the node mends that",
                section = stale.section,
                file = stale.file
            ),
        );
    }
}
