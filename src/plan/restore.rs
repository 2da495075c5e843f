//! etcd has lost its majority, or all that it knew, while the databases are there: its members are
//! brought back around the one that has its data, or begin anew; then Patroni goes on, and whoever
//! has the newest database leads. No data is deleted.

mod first;
mod survivor;

use super::draft::{Draft, is_as_rendered, systemd};
use super::preflight::{Mends, PlanError, two_databases};
use super::{Action, Condition, Desired, Gate, Guard, Rollout, Step, UnitOperation, patroni};
use crate::cluster::{Node, NodeName, Role};
use crate::plan::dcs::{Dcs, holds_database};
use crate::plan::stages::stages;
use crate::platform::PATRONI_CONFIG;
use survivor::{Etcd, Survivor};

/// What is to be brought back, and how.
pub(super) struct Restoration<'a> {
    /// The member whose data the others get; `None` where etcd is whole, or has nothing left.
    survivor: Option<Survivor<'a>>,
    /// Who is to lead first; `None` where somebody leads, or Patroni goes on by itself.
    pub(super) first: Option<&'a Node>,
    /// Whose Patroni stops meanwhile, so that nobody else leads before.
    stops: Vec<&'a Node>,
    /// Who leads of an etcd that begins anew: what Patroni remembers of the one before keeps it
    /// from speaking to this one.
    leads: Option<&'a Node>,
    /// What is worth a note.
    said: Vec<String>,
}

/// What is to be restored. `from` and `leader` say what cannot be seen.
///
/// # Errors
/// If nothing is lost, or what counts cannot be told.
pub(super) fn restoration<'a>(
    desired: &Desired<'a>,
    from: Option<&NodeName>,
    leader: Option<&NodeName>,
) -> Result<Restoration<'a>, PlanError> {
    let cluster = desired.cluster;
    if stages(cluster, desired.facts).len() > 1 {
        let message = "TLS is still to be turned on in this cluster";
        return Err(refusal(
            message,
            "`mahout deploy` does it, once etcd is well",
        ));
    }
    let dcs = Dcs::of(cluster, desired.facts);
    let etcd = survivor::etcd(desired, from)?;
    let keys_are_lost = match &etcd {
        Etcd::Whole => {
            known_by_nobody(desired, &dcs)?;
            true
        }
        Etcd::Empty => true,
        Etcd::Survives(_) => false,
    };
    let databases = || {
        cluster.with_role(Role::Postgresql).filter(|node| {
            desired
                .facts
                .nodes
                .get(&node.name)
                .is_some_and(holds_database)
        })
    };
    if keys_are_lost && databases().next().is_none() {
        let message = "no node has a database, and etcd knows of none: there is nothing to restore";
        return Err(refusal(message, "`mahout deploy` makes a cluster"));
    }
    let mut said = Vec::new();
    let leads = patroni::leader(cluster, desired.facts);
    let leads = leads.and_then(|name| cluster.node(&name));
    if let Some(node) = leads.filter(|node| keys_are_lost && !is_of_this_etcd(desired, node)) {
        let message = format!(
            "Patroni leads on {}, but its {PATRONI_CONFIG} is not this inventory's: its etcd may be \
             another one, which has lost nothing",
            node.name
        );
        return Err(refusal(
            &message,
            "`mahout diff` shows what it would become",
        ));
    }
    let works = matches!(&etcd, Etcd::Survives(survivor) if survivor.is_alone);
    let mut first = None;
    if let Some(node) = leads {
        said.push(format!("{} leads, and goes on", node.name));
    } else if !works && databases().next().is_some() {
        if let Some(refusal) = two_databases(desired.facts) {
            return Err(PlanError::Refused(vec![refusal]));
        }
        let (node, why) = first::newest(desired, databases().collect(), leader)?;
        said.push(format!("{} leads first: {why}", node.name));
        first = Some(node);
    }
    let runs = |node: &&Node| {
        let unit = desired.facts.nodes[&node.name].units.get(patroni::UNIT);
        unit.is_some_and(|unit| {
            unit.load != "not-found" && !matches!(unit.active.as_str(), "inactive" | "failed")
        })
    };
    // A standby that finds the DCS empty gives up, whoever it is.
    let stops = cluster
        .with_role(Role::Postgresql)
        .filter(|node| first.is_some_and(|first| keys_are_lost || first.name != node.name))
        .filter(runs)
        .collect();
    let survivor = match etcd {
        Etcd::Survives(survivor) => {
            said.push(survivor.said());
            Some(survivor)
        }
        Etcd::Empty => {
            said.push("etcd begins anew: no member has its data".to_owned());
            None
        }
        Etcd::Whole => None,
    };
    Ok(Restoration {
        survivor,
        first,
        stops,
        leads: leads.filter(|_| keys_are_lost),
        said,
    })
}

/// # Errors
/// If etcd, which is whole, knows the cluster, or may know it.
fn known_by_nobody(desired: &Desired, dcs: &Dcs) -> Result<(), PlanError> {
    let cluster = desired.cluster;
    let path = cluster.dcs_path();
    match dcs {
        Dcs::Empty => Ok(()),
        Dcs::Knows(identifier) => Err(refusal(
            &format!(
                "nothing is lost: etcd answers, and knows the cluster (system identifier \
                 {identifier})"
            ),
            "`mahout deploy` starts what is stopped, `mahout explain` says what is wrong",
        )),
        Dcs::InTheMaking => Err(refusal(
            &format!("etcd answers, and says that a database is being made under {path}"),
            "`mahout status` shows by whom",
        )),
        Dcs::Silent => Err(refusal(
            &format!("etcd answers, but does not say what is under {path}"),
            "`mahout explain` says why",
        )),
    }
}

/// Whether Patroni there reads what we have written.
fn is_of_this_etcd(desired: &Desired, node: &Node) -> bool {
    let rendered = desired.rendered[&node.name].files.iter();
    let mut config = rendered.filter(|file| file.path == PATRONI_CONFIG);
    config.all(|file| {
        let there = desired.facts.nodes[&node.name].files.get(&file.path);
        there.is_some_and(|there| is_as_rendered(there, file))
    })
}

fn refusal(message: &str, hint: &str) -> PlanError {
    PlanError::one(None, message.to_owned(), Some(hint.to_owned()))
}

impl Restoration<'_> {
    /// What preflight need not look at.
    pub(super) fn mends(&self) -> Mends {
        let joins = self.survivor.iter().flat_map(|survivor| &survivor.joins);
        Mends {
            joins: joins.map(|node| node.name.clone()).collect(),
            dcs: true,
        }
    }

    /// Adds the phases up to an etcd that is whole, or that the next phase starts.
    pub(super) fn plan(&self, draft: &mut Draft, desired: &Desired) {
        for message in &self.said {
            draft.note(None, message.clone());
        }
        let stop = |node: &&Node| {
            let mut steps: Vec<Step> = vec![systemd(patroni::UNIT, UnitOperation::Stop).into()];
            let said = desired.facts.nodes[&node.name].postgresql.as_ref();
            let said = said.and_then(|said| Some((said.timeline?, said.wal_bytes?)));
            // Else whoever goes on with an interrupted run does not know who is to lead.
            steps.extend(said.map(|(timeline, bytes)| {
                let keep = Action::KeepWalEnd { timeline, bytes };
                Step::from(keep)
            }));
            (node.name.clone(), steps)
        };
        let work = self.stops.iter().map(stop).collect();
        draft.phase("patroni stops", Rollout::Parallel, work, |_| None);
        if let Some(survivor) = &self.survivor {
            survivor.plan(draft, desired, self.first.is_some());
        }
    }

    /// Adds the phases after which Patroni speaks to an etcd that begins anew: whoever leads first, or
    /// the others would find no leader.
    pub(super) fn respawn(&self, draft: &mut Draft, desired: &Desired) {
        let Some(leader) = self.leads else {
            return;
        };
        let cluster = desired.cluster;
        let (leaders, others): (Vec<&Node>, Vec<&Node>) = cluster
            .with_role(Role::Postgresql)
            .filter(|node| draft.facts(&node.name).is_active(patroni::UNIT))
            .partition(|node| node.name == leader.name);
        for (title, nodes) in [("leader", leaders), ("replicas", others)] {
            let respawn = |node: &&Node| {
                let step = Step {
                    action: Action::RespawnPatroni,
                    guard: (node.name == leader.name).then(|| Guard::LeaderIs {
                        node: leader.name.clone(),
                        url: cluster.rest_url(leader),
                    }),
                };
                (node.name.clone(), vec![step])
            };
            let work = nodes.iter().map(respawn).collect();
            // One at a time: HAProxy loses sight of a member for a moment.
            draft.phase(title, Rollout::Rolling, work, |_| {
                let condition = |node: &&Node| {
                    let url = cluster.rest_url(node);
                    let connection = patroni::connection(desired, node);
                    let condition = match node.name == leader.name {
                        true => Condition::PatroniLeader { url },
                        false => Condition::PatroniReplica { url, connection },
                    };
                    (node.name.clone(), condition)
                };
                Some(Gate {
                    title: "Patroni has found its place again".to_owned(),
                    conditions: nodes.iter().map(condition).collect(),
                    deadline: patroni::LEADER_DEADLINE,
                    concerns: vec![leader.name.clone()],
                })
            });
        }
    }
}
