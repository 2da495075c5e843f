//! SELinux: on, told what it needs to know, and denying our services nothing.

use std::collections::BTreeMap;

use super::view::{Judge, View};
use super::words::count;
use crate::cluster::Role;
use crate::cluster::selinux::HAPROXY_BOOLEAN;
use crate::facts::selinux::{Denial, SelinuxFacts};

const DEPLOY: &str = "`mahout deploy` tells SELinux";

/// Nothing was denied to our services lately, and nothing is about to be.
pub(super) fn selinux(view: &View, judge: &mut Judge) {
    let mut enforcing = 0;
    for (node, facts) in view.nodes() {
        let said = facts.selinux.clone().unwrap_or_default();
        denials(&said, &node.name, judge);
        let mode = facts.system.selinux.as_deref();
        match mode {
            Some("Enforcing") if node.system.selinux_permissive => {
                let message = "SELinux enforces, and `system.selinux` says permissive";
                judge.warning(&node.name, message).hint(DEPLOY);
            }
            Some("Enforcing") => enforcing += 1,
            Some("Permissive") => {
                judge.warning(&node.name, "SELinux is permissive: it denies nothing");
            }
            _ => continue,
        }
        if node.has(Role::Haproxy) && said.haproxy_connect_any == Some(false) {
            judge
                .error(
                    &node.name,
                    format!("{HAPROXY_BOOLEAN} is off: HAProxy may not connect to PostgreSQL"),
                )
                .hint(DEPLOY);
        }
        for (path, kind) in node.labelled_directories() {
            let label = said.labels.get(path);
            let present = label.and_then(|label| label.present.as_deref());
            if let Some(present) = present.filter(|present| *present != kind) {
                judge
                    .error(
                        &node.name,
                        format!("{path} is labelled {present}, not {kind}"),
                    )
                    .hint(DEPLOY);
            }
        }
    }
    judge.holds(match enforcing {
        0 => "no node has it enabled".to_owned(),
        nodes => format!("{} enforcing, nothing denied lately", count(nodes, "node")),
    });
}

fn denials(said: &SelinuxFacts, node: &crate::cluster::NodeName, judge: &mut Judge) {
    let mut alike: BTreeMap<(&str, &str, &str), Vec<&Denial>> = BTreeMap::new();
    for denial in &said.denials {
        let key = (
            denial.program.as_str(),
            denial.permission.as_str(),
            denial.target.as_str(),
        );
        alike.entry(key).or_default().push(denial);
    }
    for ((program, permission, target), denials) in alike {
        let logged = denials.iter().all(|denial| denial.permissive);
        let verb = if logged { "would deny" } else { "denied" };
        judge
            .warning(
                node,
                format!(
                    "SELinux {verb} {program} {permission} on {target}, {} in the last hour",
                    match denials.len() {
                        1 => "once".to_owned(),
                        times => format!("{times} times"),
                    }
                ),
            )
            .hint(
                "`ausearch -m avc -ts recent` on the node shows the records, `audit2why` what \
                 would allow it",
            );
    }
}
