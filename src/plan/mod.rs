//! The difference between a cluster and the facts, as data: what `--dry-run` shows and `deploy`
//! carries out. Synchronous, pure, deterministic.

pub mod action;

use std::time::Duration;

pub use action::{Action, Guard, LocalConnection, PackageChange, Step, UnitOperation};

use crate::cluster::NodeName;

/// What is to be done, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Phases without work are not in it.
    pub phases: Vec<Phase>,
    /// What the operator should know: warnings about nodes, what is left alone, what waits for a
    /// restart.
    pub notes: Vec<Note>,
}

/// Something to say about a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whom it is about; `None` for the cluster.
    pub node: Option<NodeName>,
    /// In words.
    pub message: String,
}

/// Work that may begin when the phase before has passed its gate.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// For people: `packages`, `etcd`, `leader`, `replicas`, …
    pub title: &'static str,
    /// Side by side or one after the other.
    pub rollout: Rollout,
    /// The nodes, in order of danger for a rolling phase.
    pub work: Vec<NodeWork>,
    /// What must hold before the next phase; for a rolling phase before the next node, too.
    pub gate: Option<Gate>,
}

/// How the nodes of a phase are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rollout {
    /// All side by side.
    Parallel,
    /// One at a time.
    Rolling,
}

/// The steps of one node in one phase: one execution.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeWork {
    /// The node.
    pub node: NodeName,
    /// What is done there, in order.
    pub steps: Vec<Step>,
}

/// A condition that is awaited, seen from the nodes concerned.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// What it waits for, in words: `every etcd member is healthy`.
    pub title: String,
    /// What each node awaits.
    pub conditions: Vec<(NodeName, Condition)>,
    /// How long it may take.
    pub deadline: Duration,
}

/// What is awaited on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The member is healthy, knows a leader and `members` members, and the cluster's version is
    /// the server's own (it is 3.0.0 until every initial member has joined).
    EtcdMember {
        /// Its client URL.
        url: String,
        /// How many members there are.
        members: usize,
    },
    /// `GET /primary` answers 200 and the system identifier is known.
    PatroniLeader {
        /// Its REST API.
        url: String,
    },
    /// Some member of the cluster answers 200 to `GET /primary`.
    PatroniAnyLeader {
        /// The REST APIs of all members.
        urls: Vec<String>,
    },
    /// `GET /replica` answers 200 and the WAL receiver streams.
    PatroniReplica {
        /// Its REST API.
        url: String,
        /// How psql reaches it.
        connection: LocalConnection,
    },
    /// The member runs in whichever role it has: `/primary` or `/replica` answers 200.
    PatroniMember {
        /// Its REST API.
        url: String,
    },
    /// The statistics page shows this many servers up in each listener.
    HaproxyServers {
        /// The statistics page as CSV.
        url: String,
        /// By listener.
        up: Vec<(String, usize)>,
    },
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.phases.is_empty()
    }

    /// How many steps there are.
    pub fn step_count(&self) -> usize {
        self.works().map(|work| work.steps.len()).sum()
    }

    /// The nodes that are touched.
    pub fn nodes(&self) -> std::collections::BTreeSet<&NodeName> {
        self.works().map(|work| &work.node).collect()
    }

    fn works(&self) -> impl Iterator<Item = &NodeWork> {
        self.phases.iter().flat_map(|phase| &phase.work)
    }
}
