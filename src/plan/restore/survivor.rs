//! The member of etcd that has its data: it goes on alone, and the others join it one by one, each
//! with nothing. So etcd's own documentation has it, by `--force-new-cluster`; users and their
//! passwords stay.

use super::super::draft::{Draft, systemd};
use super::super::etcd::{GATE_DEADLINE, UNIT, configure, emptied};
use super::super::preflight::{PlanError, is_of};
use super::super::replace::{facts_of, roots};
use super::super::{Action, Condition, Desired, Gate, Guard, Rollout, Step, UnitOperation};
use super::refusal;
use crate::cluster::{Node, NodeName, Role};
use crate::facts::EtcdFacts;
use crate::facts::etcd::EtcdMember;

/// What is left of etcd.
pub(super) enum Etcd<'a> {
    /// Every member is there, or it is not ours.
    Whole,
    /// No member has its data.
    Empty,
    /// One goes on, the others join it.
    Survives(Survivor<'a>),
}

/// The member that goes on.
pub(super) struct Survivor<'a> {
    node: &'a Node,
    /// Whether it has forgotten the others, by a run that was interrupted after that.
    pub(super) is_alone: bool,
    /// Who belongs to it by now, itself among them.
    members: Vec<&'a Node>,
    /// Who joins.
    pub(super) joins: Vec<&'a Node>,
    /// The members that it forgets and the inventory does not name.
    gone: Vec<String>,
}

/// What is left of etcd, by what the nodes say; `from` decides between several.
///
/// # Errors
/// If a majority is there, or which data counts cannot be told.
pub(super) fn etcd<'a>(
    desired: &Desired<'a>,
    from: Option<&NodeName>,
) -> Result<Etcd<'a>, PlanError> {
    let cluster = desired.cluster;
    let nodes: Vec<&Node> = cluster.with_role(Role::Etcd).collect();
    if cluster.etcd.external.is_some() || nodes.is_empty() {
        return Ok(Etcd::Whole);
    }
    let of = |test: fn(&EtcdFacts) -> bool| -> Vec<&Node> {
        let passes = |node: &&&Node| facts_of(desired, node).is_some_and(test);
        nodes.iter().filter(passes).copied().collect()
    };
    let healthy = of(|etcd| etcd.healthy && !etcd.members.is_empty());
    if let Some(first) = healthy.first() {
        return works(desired, &nodes, &healthy, first);
    }
    let with_data = of(|etcd| etcd.data_dir_has_member);
    if let Some(from) = from
        && !with_data.iter().any(|node| node.name == *from)
    {
        let message = format!("there is no data of etcd's member on `{from}`");
        let hint = match names(&with_data).as_str() {
            "" => "no node has any: leave out --from".to_owned(),
            names => format!("there is on {names}"),
        };
        return Err(refusal(&message, &hint));
    }
    let chosen = from.and_then(|from| cluster.node(from));
    // It counts on members, too, that the inventory no longer names: those do not come back.
    let known = with_data.iter().filter_map(|node| facts_of(desired, node));
    let known = known.map(|etcd| etcd.members.len()).max().unwrap_or(0);
    let quorum = nodes.len().max(known) / 2 + 1;
    let node = match (chosen, with_data.as_slice()) {
        (Some(node), _) => node,
        (None, []) => return Ok(Etcd::Empty),
        (None, _) if with_data.len() >= quorum => {
            let message = format!(
                "{} of {} members of etcd have their data, on {}: a majority is not lost, only \
                 down",
                with_data.len(),
                nodes.len(),
                names(&with_data)
            );
            return Err(refusal(
                &message,
                "`systemctl start etcd` there, or see `mahout explain`; where all but one are of \
                 no use, or they wait for members that are gone for good, `--from NODE` says whose \
                 data counts",
            ));
        }
        (None, [only]) => only,
        (None, several) => furthest(desired, several)?,
    };
    Ok(Etcd::Survives(Survivor {
        node,
        is_alone: false,
        members: vec![node],
        joins: except(&nodes, &[node]),
        gone: strangers(desired, &nodes, node),
    }))
}

/// etcd works: whoever of the nodes is no member of it has still to join.
fn works<'a>(
    desired: &Desired<'a>,
    nodes: &[&'a Node],
    healthy: &[&'a Node],
    first: &'a Node,
) -> Result<Etcd<'a>, PlanError> {
    let known = facts_of(desired, first).map_or(&[][..], |etcd| etcd.members.as_slice());
    let is_member = |node: &&Node| {
        let mut known = known.iter();
        known.any(|member| is_of(desired.cluster, node, member))
    };
    let (members, joins): (Vec<&Node>, Vec<&Node>) = nodes.iter().partition(|node| is_member(node));
    if joins.is_empty() {
        return Ok(Etcd::Whole);
    }
    if let Some(away) = except(&members, healthy).first() {
        let message = format!(
            "etcd works without its member on {}: a majority is not lost",
            away.name
        );
        let hint = format!("`mahout replace {}` has it join again", away.name);
        return Err(refusal(&message, &hint));
    }
    Ok(Etcd::Survives(Survivor {
        node: first,
        is_alone: true,
        members,
        joins,
        gone: Vec::new(),
    }))
}

/// The members that the one of `node` knows, and the inventory does not.
fn strangers(desired: &Desired, nodes: &[&Node], node: &Node) -> Vec<String> {
    let known = facts_of(desired, node).map_or(&[][..], |etcd| etcd.members.as_slice());
    let is_ours = |member: &EtcdMember| {
        let mut nodes = nodes.iter();
        nodes.any(|node| is_of(desired.cluster, node, member))
    };
    let strangers = known.iter().filter(|member| !is_ours(member));
    strangers.map(|member| member.name.clone()).collect()
}

/// Of several members with data the one that has come the furthest.
fn furthest<'a>(desired: &Desired, several: &[&'a Node]) -> Result<&'a Node, PlanError> {
    let place = |node: &Node| {
        let etcd = facts_of(desired, node).filter(|etcd| etcd.raft_index > 0)?;
        Some((etcd.raft_term, etcd.raft_index))
    };
    if let Some(silent) = several.iter().find(|node| place(node).is_none()) {
        let message = format!(
            "{} have data of etcd's members, and the one on {} does not say how far it has come",
            names(several),
            silent.name
        );
        return Err(refusal(
            &message,
            "`--from NODE` says whose data counts: the one that was well last",
        ));
    }
    // Which term a member is in says only how often it has asked for votes since.
    let furthest = several
        .iter()
        .max_by_key(|node| place(node).map(|(_, index)| index));
    furthest
        .copied()
        .ok_or_else(|| refusal("no member of etcd has its data", "leave out --from"))
}

fn except<'a>(nodes: &[&'a Node], without: &[&Node]) -> Vec<&'a Node> {
    let is_left = |node: &&&Node| !without.iter().any(|other| other.name == node.name);
    nodes.iter().filter(is_left).copied().collect()
}

fn names(nodes: &[&Node]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    names.join(", ")
}

impl<'a> Survivor<'a> {
    /// In words.
    pub(super) fn said(&self) -> String {
        let (name, joins) = (&self.node.name, names(&self.joins));
        let joins = match joins.as_str() {
            "" => String::new(),
            _ => format!("; {joins} join it with nothing"),
        };
        let gone = match self.gone.join(", ").as_str() {
            "" => String::new(),
            gone => format!(
                "; {gone}, which the inventory does not name, are forgotten, and so is whatever was \
                 committed there alone"
            ),
        };
        format!("etcd goes by the data of {name}{joins}{gone}")
    }

    /// Adds the phases. If somebody `leads_first`, Patroni is not to keep that one from it: in
    /// synchronous mode it lets nobody lead but the last leader and its standbys.
    pub(super) fn plan(&self, draft: &mut Draft, desired: &Desired, leads_first: bool) {
        let runs = |node: &&&Node| {
            let unit = draft.facts(&node.name).units.get(UNIT);
            unit.is_some_and(|unit| unit.active != "inactive" && unit.load != "not-found")
        };
        let stop = |node: &&Node| {
            let step: Step = systemd(UNIT, UnitOperation::Stop).into();
            (node.name.clone(), vec![step])
        };
        let work = self.joins.iter().filter(runs).map(stop).collect();
        draft.phase("etcd members stop", Rollout::Parallel, work, |_| None);
        let mut members = self.members.clone();
        if !self.is_alone {
            let facts = draft.facts(&self.node.name);
            let (mut steps, _) = configure(desired, self.node, facts);
            let data_dir = self.node.etcd_data_dir.clone();
            steps.push(Action::SurviveAlone { data_dir }.into());
            if leads_first {
                let forget = Action::RemoveKeys {
                    url: desired.cluster.etcd_client_url(self.node),
                    root: roots(desired),
                    path: format!("{}sync", desired.cluster.dcs_path()),
                };
                steps.push(forget.into());
            }
            let work = vec![(self.node.name.clone(), steps)];
            draft.phase("etcd survivor", Rollout::Parallel, work, |_| {
                Some(healthy(desired, &members))
            });
        }
        for node in &self.joins {
            self.join(draft, desired, node, &mut members);
        }
    }

    fn join(
        &self,
        draft: &mut Draft,
        desired: &Desired,
        node: &'a Node,
        members: &mut Vec<&'a Node>,
    ) {
        let cluster = desired.cluster;
        let place = |member: &&Node| (member.name.clone(), cluster.etcd_client_url(member));
        let add = Step {
            action: Action::ReplaceEtcdMember {
                url: cluster.etcd_client_url(self.node),
                root: roots(desired),
                member: None,
                peer_url: cluster.etcd_peer_url(node),
            },
            guard: Some(Guard::EtcdQuorumWithout {
                node: node.name.clone(),
                needed: members.len() / 2 + 1,
                others: members.iter().map(place).collect(),
            }),
        };
        let work = vec![(self.node.name.clone(), vec![add])];
        draft.phase("etcd member", Rollout::Parallel, work, |_| None);

        members.push(node);
        let peer = |member: &&Node| format!("{}={}", member.name, cluster.etcd_peer_url(member));
        let peers: Vec<String> = members.iter().map(peer).collect();
        let mut steps = emptied(desired, node, draft.facts(&node.name), "before-restore");
        let join = Action::JoinEtcd {
            data_dir: node.etcd_data_dir.clone(),
            initial_cluster: Some(peers.join(",")),
        };
        steps.push(join.into());
        let work = vec![(node.name.clone(), steps)];
        draft.phase("etcd member joins", Rollout::Parallel, work, |_| {
            Some(healthy(desired, members))
        });
    }
}

/// All of these are healthy, and there are no others.
fn healthy(desired: &Desired, members: &[&Node]) -> Gate {
    let condition = |node: &&Node| {
        let url = desired.cluster.etcd_client_url(node);
        let members = members.len();
        (node.name.clone(), Condition::EtcdMember { url, members })
    };
    Gate {
        title: "every etcd member is healthy".to_owned(),
        conditions: members.iter().map(condition).collect(),
        deadline: GATE_DEADLINE,
        concerns: members.iter().map(|node| node.name.clone()).collect(),
    }
}
