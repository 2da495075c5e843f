//! SELinux: it stays what it is, and is told what the cluster needs of it.

use super::draft::Draft;
use super::{Action, Desired, Rollout, Step};
use crate::cluster::selinux::HAPROXY_BOOLEAN;
use crate::cluster::{Node, Role};
use crate::facts::NodeFacts;
use crate::facts::selinux::LabelFacts;

/// A change of what SELinux is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelinuxChange {
    /// Turn a boolean on, for good.
    Boolean {
        /// Its name.
        name: &'static str,
    },
    /// Give a directory and all that is in it a label, now and in the policy.
    Label {
        /// Its path.
        path: String,
        /// The type of the label.
        kind: &'static str,
    },
    /// Deny nothing any more, now and after a boot.
    Permissive,
}

impl SelinuxChange {
    /// The change in words.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Boolean { name } => format!("SELinux: turn {name} on"),
            Self::Label { path, kind } => format!("SELinux: label {path} {kind}"),
            Self::Permissive => "SELinux: permissive, it denies nothing any more".to_owned(),
        }
    }
}

/// Whether the node's kernel runs SELinux.
pub(super) fn is_enabled(facts: &NodeFacts) -> bool {
    let mode = facts.system.selinux.as_deref();
    matches!(mode, Some("Enforcing" | "Permissive"))
}

/// Whether the program that gives directories their labels is needed.
pub(super) fn needs_tools(node: &Node, facts: &NodeFacts) -> bool {
    is_enabled(facts) && !node.labelled_directories().is_empty()
}

/// Adds the phase.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let mut work = Vec::new();
    for node in &desired.cluster.nodes {
        let steps = steps(node, draft.facts(&node.name));
        let permissive = Step::from(Action::Selinux(SelinuxChange::Permissive));
        if steps.contains(&permissive) {
            draft.note(
                Some(&node.name),
                "SELinux is made permissive, as `system.selinux` says: it protects nothing on this \
                 node any more, it only logs",
            );
        }
        work.push((node.name.clone(), steps));
    }
    draft.phase("selinux", Rollout::Parallel, work, |_| None);
}

fn steps(node: &Node, facts: &NodeFacts) -> Vec<Step> {
    let said = facts.selinux.clone().unwrap_or_default();
    let mut changes = Vec::new();
    let mode = facts.system.selinux.as_deref();
    let enforcing = mode == Some("Enforcing") || said.config.as_deref() == Some("enforcing");
    if node.system.selinux_permissive && enforcing {
        changes.push(SelinuxChange::Permissive);
    }
    if is_enabled(facts) {
        if node.has(Role::Haproxy) && said.haproxy_connect_any == Some(false) {
            let name = HAPROXY_BOOLEAN;
            changes.push(SelinuxChange::Boolean { name });
        }
        for (path, kind) in node.labelled_directories() {
            if !said
                .labels
                .get(path)
                .is_some_and(|at| is_labelled(at, kind))
            {
                let path = path.to_owned();
                changes.push(SelinuxChange::Label { path, kind });
            }
        }
    }
    let changes = changes.into_iter().map(Action::Selinux);
    changes.map(Step::from).collect()
}

fn is_labelled(label: &LabelFacts, kind: &str) -> bool {
    label.policy.as_deref() == Some(kind)
        && label
            .present
            .as_deref()
            .is_none_or(|present| present == kind)
}

impl NodeFacts {
    /// Makes the facts say what they will say after `change`.
    pub(super) fn project_selinux(&mut self, change: &SelinuxChange) {
        let said = self.selinux.get_or_insert_default();
        match change {
            SelinuxChange::Boolean { .. } => said.haproxy_connect_any = Some(true),
            SelinuxChange::Label { path, kind } => {
                let kind = Some((*kind).to_owned());
                let label = said.labels.entry(path.clone()).or_default();
                label.present = label.present.take().and(kind.clone());
                label.policy = kind;
            }
            SelinuxChange::Permissive => {
                said.config = said.config.take().map(|_| "permissive".to_owned());
                if let Some(mode) = &mut self.system.selinux
                    && mode == "Enforcing"
                {
                    "Permissive".clone_into(mode);
                }
            }
        }
    }
}
