//! What must be right before anything is planned: identities, ports, clocks, space. Refusals name
//! the node, the cause and the way out; nothing has been touched when they are shown.

mod across;
mod etcd;
mod host;
mod identity;
mod packages;
mod passwords;
mod postgresql;
mod tls;
mod vault;
mod vip;

use std::fmt;

pub(crate) use etcd::is_of;
pub(super) use postgresql::two_databases;

use super::{Desired, Note};
use crate::cluster::NodeName;

/// Why no plan was made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Preflight found something that a person must decide on.
    #[error("{}", list(.0))]
    Refused(Vec<Refusal>),
}

impl PlanError {
    /// One thing that a person must decide on.
    pub(super) fn one(node: Option<&NodeName>, message: String, hint: Option<String>) -> Self {
        Self::Refused(vec![Refusal {
            node: node.cloned(),
            message,
            hint,
        }])
    }

    /// Everything is as it is to be, but nobody leads.
    pub(super) fn nobody_leads() -> Self {
        Self::one(
            None,
            "every member runs as it is to, but nobody leads: a failover may be in progress"
                .to_owned(),
            Some("`mahout status --watch` shows it; then run deploy again".to_owned()),
        )
    }
}

/// One reason, on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The node; `None` for the cluster.
    pub node: Option<NodeName>,
    /// The cause.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "{node}: {}", self.message)?,
            None => f.write_str(&self.message)?,
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

fn list(refusals: &[Refusal]) -> String {
    let lines: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    lines.join("\n")
}

/// What a plan brings back, so that it is not held against the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mends {
    /// Whose member of etcd is about to be a new one.
    pub(super) joins: Vec<NodeName>,
    /// etcd's majority, or what it knew of the cluster.
    pub(super) dcs: bool,
}

impl Mends {
    /// One member of etcd.
    pub(super) fn member(node: &NodeName) -> Self {
        Self {
            joins: vec![node.clone()],
            dcs: false,
        }
    }
}

/// Checks every node and the nodes against each other, but for what the plan mends; returns what is
/// worth a note.
///
/// # Errors
/// All refusals at once.
pub(super) fn check(desired: &Desired, mends: &Mends) -> Result<Vec<Note>, PlanError> {
    let mut findings = Findings::default();
    for node in &desired.cluster.nodes {
        match desired.facts.nodes.get(&node.name) {
            Some(facts) => {
                host::system(&mut findings, node, facts);
                host::space(&mut findings, node, facts);
                vault::stamp(&mut findings, desired, node, facts);
                host::ports(&mut findings, desired, node, facts);
                if !mends.joins.contains(&node.name) {
                    identity::foreign_etcd(&mut findings, desired, node, facts, mends);
                }
                postgresql::foreign_postgresql(&mut findings, desired, node, facts, mends);
                if !mends.dcs {
                    identity::unknown_leader(&mut findings, desired, node, facts);
                }
                identity::foreign_patroni(&mut findings, desired, node, facts);
            }
            None => findings.refuse(
                Some(&node.name),
                match desired.facts.unreachable.get(&node.name) {
                    Some(cause) => cause.clone(),
                    None => "nothing is known of this node".to_owned(),
                },
                None,
            ),
        }
    }
    packages::check(&mut findings, desired);
    across::check(&mut findings, desired);
    tls::check(&mut findings, desired);
    passwords::check(&mut findings, desired);
    vip::check(&mut findings, desired);
    etcd::check(&mut findings, desired, mends);
    postgresql::different_databases(&mut findings, desired);
    identity::stale_dcs_keys(&mut findings, desired);
    if findings.refusals.is_empty() {
        Ok(findings.notes)
    } else {
        Err(PlanError::Refused(findings.refusals))
    }
}

/// Whether what runs and lies on the nodes is this cluster's.
///
/// # Errors
/// All refusals at once.
pub(super) fn check_ours(desired: &Desired) -> Result<(), PlanError> {
    let mut findings = Findings::default();
    for node in &desired.cluster.nodes {
        let Some(facts) = desired.facts.nodes.get(&node.name) else {
            let message = "nothing is known of this node".to_owned();
            findings.refuse(Some(&node.name), message, None);
            continue;
        };
        identity::foreign_etcd(&mut findings, desired, node, facts, &Mends::default());
        identity::unknown_leader(&mut findings, desired, node, facts);
        identity::foreign_patroni(&mut findings, desired, node, facts);
    }
    if findings.refusals.is_empty() {
        Ok(())
    } else {
        Err(PlanError::Refused(findings.refusals))
    }
}

/// Checks that the vault is the nodes' own, for a plan that changes no files.
///
/// # Errors
/// All refusals at once.
pub(super) fn check_vault(desired: &Desired) -> Result<(), PlanError> {
    let mut findings = Findings::default();
    for node in &desired.cluster.nodes {
        if let Some(facts) = desired.facts.nodes.get(&node.name) {
            vault::stamp(&mut findings, desired, node, facts);
        }
    }
    if findings.refusals.is_empty() {
        Ok(())
    } else {
        Err(PlanError::Refused(findings.refusals))
    }
}

#[derive(Default)]
struct Findings {
    refusals: Vec<Refusal>,
    notes: Vec<Note>,
}

impl Findings {
    fn refuse(&mut self, node: Option<&NodeName>, message: String, hint: Option<String>) {
        self.refusals.push(Refusal {
            node: node.cloned(),
            message,
            hint,
        });
    }

    fn note(&mut self, node: &NodeName, message: String) {
        self.notes.push(Note {
            node: Some(node.clone()),
            message,
        });
    }
}
