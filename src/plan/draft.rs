//! A plan in the making: each action is applied to a copy of the facts, so that later phases see
//! what earlier ones will have made.

use std::collections::BTreeMap;

use super::{Action, Gate, NodeWork, Note, Phase, Plan, Rollout, Step, UnitOperation};
use crate::cluster::NodeName;
use crate::facts::{Facts, FileFacts, NodeFacts};
use crate::render::File;

/// What the facts say, with everything planned so far done.
#[derive(Debug)]
pub(super) struct Draft {
    facts: Facts,
    plan: Plan,
    spares: bool,
}

impl Draft {
    /// An empty plan on these facts.
    pub(super) fn new(facts: Facts) -> Self {
        Self {
            facts,
            plan: Plan::default(),
            spares: false,
        }
    }

    /// The same, of a plan that restarts nothing.
    pub(super) fn sparing(facts: Facts) -> Self {
        Self {
            spares: true,
            ..Self::new(facts)
        }
    }

    /// Whether what runs goes on running, and a restart is left to a later plan.
    pub(super) fn spares(&self) -> bool {
        self.spares
    }

    /// What `node` says, projected.
    pub(super) fn facts(&self, node: &NodeName) -> &NodeFacts {
        &self.facts.nodes[node]
    }

    /// All nodes, projected.
    pub(super) fn all(&self) -> &BTreeMap<NodeName, NodeFacts> {
        &self.facts.nodes
    }

    /// Something to say.
    pub(super) fn note(&mut self, node: Option<&NodeName>, message: impl Into<String>) {
        self.plan.notes.push(Note {
            node: node.cloned(),
            message: message.into(),
        });
    }

    /// Adds a phase; nodes without steps are left out, and so is a phase without nodes.
    pub(super) fn phase(
        &mut self,
        title: &'static str,
        rollout: Rollout,
        work: Vec<(NodeName, Vec<Step>)>,
        gate: impl FnOnce(&[NodeName]) -> Option<Gate>,
    ) {
        let work: Vec<NodeWork> = work
            .into_iter()
            .filter(|(_, steps)| !steps.is_empty())
            .map(|(node, steps)| NodeWork { node, steps })
            .collect();
        if work.is_empty() {
            return;
        }
        let nodes: Vec<NodeName> = work.iter().map(|work| work.node.clone()).collect();
        let phase = Phase {
            title,
            rollout,
            gate: gate(&nodes),
            work,
        };
        self.facts.project(&phase);
        self.plan.phases.push(phase);
    }

    /// The plan, and the facts as they will be.
    pub(super) fn finish(self) -> (Plan, Facts) {
        (self.plan, self.facts)
    }
}

/// The step that makes `file` what it is to be, if it is not.
pub(super) fn write_file(facts: &NodeFacts, file: &File) -> Option<Action> {
    let before = facts.files.get(&file.path);
    if before.is_some_and(|before| is_as_rendered(before, file)) {
        return None;
    }
    Some(Action::WriteFile {
        before: before.cloned(),
        file: file.clone(),
    })
}

/// Whether the file on the node is the rendered one: content, owner, group, mode.
pub fn is_as_rendered(on_node: &FileFacts, file: &File) -> bool {
    on_node.link.is_none()
        && on_node.sha256 == file.sha256()
        && on_node.owner == file.owner
        && on_node.group == file.group
        && on_node.mode == format!("{:o}", file.mode)
}

/// The step that makes a directory what it is to be, if it is not.
pub(super) fn directory(
    facts: &NodeFacts,
    path: &str,
    owner: &str,
    group: &str,
    mode: u32,
) -> Option<Action> {
    let as_wanted = facts.directories.get(path).is_some_and(|directory| {
        directory.owner == owner
            && directory.group == group
            && directory.mode == format!("{mode:o}")
    });
    (!as_wanted).then(|| Action::CreateDirectory {
        path: path.to_owned(),
        owner: owner.to_owned(),
        group: group.to_owned(),
        mode,
    })
}

/// The step that does `operation` with `unit`.
pub(super) fn systemd(unit: &str, operation: UnitOperation) -> Action {
    Action::Systemd {
        unit: unit.to_owned(),
        operation,
    }
}
