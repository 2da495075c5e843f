//! The difference between a cluster and the facts, as data: what `--dry-run` shows and `deploy`
//! carries out. Synchronous, pure, deterministic.

pub mod action;
pub mod adopt;
mod another_file;
pub mod change;
pub mod dcs;
mod destroy;
mod draft;
pub mod dynamic;
pub mod etcd;
mod etcd_access;
pub mod firewall;
mod goal;
pub mod haproxy;
mod leftovers;
mod members;
mod packages;
pub mod patroni;
pub mod preflight;
mod project;
mod reinit;
mod relay;
mod replace;
mod repositories;
mod restore;
mod roles;
pub mod selinux;
pub mod stages;
mod step;
mod switchover;
pub mod system;
mod tls;
mod vip;

use std::collections::BTreeMap;
use std::time::Duration;

pub use action::{Action, Data, LocalConnection};
pub use change::{EtcdChange, PackageChange};

use draft::Draft;
pub use draft::is_as_rendered;
pub use goal::Goal;
pub use leftovers::leftovers;
pub use members::awaited;
pub use preflight::PlanError;
pub(crate) use preflight::is_of;
pub use relay::Relay;
pub use step::{Guard, Step, UnitOperation};

use crate::cluster::tls::{EXTERNAL_IN_CLEAR, OFF};
use crate::cluster::{Cluster, ExternalEtcd, Node, NodeName, Secrets};
use crate::facts::Facts;
use crate::render::Rendered;

/// What is compared: the desired state, rendered, and the facts.
#[derive(Clone, Copy, Debug)]
pub struct Desired<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The values of the secrets.
    pub secrets: &'a Secrets,
    /// What every node is to have.
    pub rendered: &'a BTreeMap<NodeName, Rendered>,
    /// What every node says.
    pub facts: &'a Facts,
}

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
    /// Where else the cause may lie if it does not come about: the leader of a replica, the other
    /// members of etcd.
    pub concerns: Vec<NodeName>,
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
    /// The statistics page shows one server up in the listener, and another than the former
    /// leader.
    HaproxyLeader {
        /// The statistics page as CSV.
        url: String,
        /// The listener that leads to the leader.
        listener: String,
        /// Who led before.
        former: NodeName,
    },
    /// As [`Condition::PatroniMember`], and Patroni has done what its last reload asked for: it
    /// looks only once in `loop_wait`, and then has PostgreSQL reload, too.
    PatroniReloaded {
        /// Its REST API.
        url: String,
        /// How psql reaches it.
        connection: LocalConnection,
    },
    /// keepalived runs, and the virtual address is here or answers from elsewhere.
    VipHeld {
        /// The address.
        address: std::net::Ipv4Addr,
        /// HAProxy's port behind it.
        port: u16,
    },
    /// The statistics page shows this many servers up in each listener.
    HaproxyServers {
        /// The statistics page as CSV.
        url: String,
        /// By listener.
        up: Vec<(String, usize)>,
    },
}

/// What a plan brings back beside what every deploy does.
enum Lost<'a> {
    /// Nothing.
    Nothing,
    /// A member of etcd.
    Member(replace::Member<'a>),
    /// etcd's majority, or what it knew.
    Dcs(restore::Restoration<'a>),
}

impl Lost<'_> {
    fn mends(&self) -> preflight::Mends {
        match self {
            Lost::Nothing => preflight::Mends::default(),
            Lost::Member(member) => preflight::Mends::member(&member.node.name),
            Lost::Dcs(restoration) => restoration.mends(),
        }
    }

    /// Who is to lead first.
    fn first(&self) -> Option<&Node> {
        match self {
            Lost::Dcs(restoration) => restoration.first,
            _ => None,
        }
    }
}

impl Plan {
    /// The plan by which another member leads: `candidate`, or one that Patroni chooses.
    ///
    /// # Errors
    /// If the vault is not the nodes' own, nobody leads, or the switchover would not succeed or
    /// would lose something.
    pub fn switchover(desired: &Desired, candidate: Option<&NodeName>) -> Result<Self, PlanError> {
        preflight::check_vault(desired)?;
        let mut draft = Draft::new(desired.facts.clone());
        switchover::plan(&mut draft, desired, candidate)?;
        Ok(draft.finish().0)
    }

    /// The plan by which the data of the replica `node` becomes a copy of the leader's.
    ///
    /// # Errors
    /// If there is no sound leader to copy from, or the copy that goes is one too many.
    pub fn reinitialize(desired: &Desired, node: &NodeName) -> Result<Self, PlanError> {
        let mut draft = Draft::new(desired.facts.clone());
        reinit::plan(&mut draft, desired, node)?;
        Ok(draft.finish().0)
    }

    /// The plan by which nothing of the cluster runs any more, and its data lies aside.
    ///
    /// # Errors
    /// If something of another cluster is on the nodes.
    pub fn destroy(desired: &Desired) -> Result<Self, PlanError> {
        let mut draft = Draft::new(desired.facts.clone());
        destroy::plan(&mut draft, desired)?;
        Ok(draft.finish().0)
    }

    /// The plan by which a cluster that was made by other means is mahout's: as a deploy's, but
    /// that nothing is restarted.
    ///
    /// # Errors
    /// As [`Plan::project`], and if there is nothing to take over, or it is not what the inventory
    /// and the vault say.
    pub fn adopt(desired: &Desired) -> Result<Self, PlanError> {
        adopt::plan(desired)
    }

    /// As [`Plan::project`], while `node` has lost what its member of etcd knew: it is taken out of
    /// etcd, and joins again with nothing.
    ///
    /// # Errors
    /// As [`Plan::project`], and if etcd cannot do without that member.
    pub fn replace(desired: &Desired, node: &NodeName) -> Result<(Self, Facts), PlanError> {
        let member = replace::member(desired, node)?;
        let lost = member.map_or(Lost::Nothing, Lost::Member);
        converge(Draft::new(desired.facts.clone()), desired, &lost)
    }

    /// As [`Plan::project`], while etcd has lost its majority, or what it knew of the cluster. `from`
    /// and `leader` say what cannot be seen.
    ///
    /// # Errors
    /// As [`Plan::project`], and if nothing is lost, or what counts cannot be told.
    pub fn restore_dcs(
        desired: &Desired,
        from: Option<&NodeName>,
        leader: Option<&NodeName>,
    ) -> Result<(Self, Facts), PlanError> {
        let restoration = restore::restoration(desired, from, leader)?;
        let lost = Lost::Dcs(restoration);
        converge(Draft::new(desired.facts.clone()), desired, &lost)
    }

    /// The plan that makes the nodes what the cluster says, with the facts as they will be once
    /// it is carried out.
    ///
    /// # Errors
    /// If a node is not there, or preflight finds something that a person must decide on.
    pub fn project(desired: &Desired) -> Result<(Self, Facts), PlanError> {
        converge(Draft::new(desired.facts.clone()), desired, &Lost::Nothing)
    }

    /// Adds what is to be done after it.
    pub fn append(&mut self, next: Plan) {
        self.phases.extend(next.phases);
        for note in next.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }

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

/// What every plan shares that converges; `lost` is what it brings back beside.
fn converge(mut draft: Draft, desired: &Desired, lost: &Lost) -> Result<(Plan, Facts), PlanError> {
    for note in preflight::check(desired, &lost.mends())? {
        draft.note(note.node.as_ref(), note.message);
    }
    if !desired.cluster.tls.enabled {
        draft.note(None, OFF);
    }
    let external = desired.cluster.etcd.external.as_ref();
    if external.is_some_and(ExternalEtcd::is_in_clear) {
        draft.note(None, EXTERNAL_IN_CLEAR);
    }
    packages::plan(&mut draft, desired);
    system::plan(&mut draft, desired);
    selinux::plan(&mut draft, desired);
    firewall::plan(&mut draft, desired);
    tls::plan(&mut draft, desired);
    match lost {
        Lost::Nothing => {}
        Lost::Member(member) => replace::plan(&mut draft, desired, member),
        Lost::Dcs(restoration) => restoration.plan(&mut draft, desired),
    }
    etcd::plan(&mut draft, desired);
    etcd_access::plan(&mut draft, desired);
    if let Lost::Dcs(restoration) = lost {
        restoration.respawn(&mut draft, desired);
    }
    let leads = patroni::plan(&mut draft, desired, lost.first());
    etcd_access::remove_old_users(&mut draft, desired);
    haproxy::plan(&mut draft, desired);
    vip::plan(&mut draft, desired);
    let (plan, facts) = draft.finish();
    // "Nothing to change" would be no answer.
    if plan.is_empty() && !leads {
        return Err(PlanError::nobody_leads());
    }
    Ok((plan, facts))
}
