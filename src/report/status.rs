//! The topology at a glance: who leads, who follows, where clients connect.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::connect::{Connect, endpoint};
use crate::cluster::{Cluster, ExternalEtcd, Node, NodeName, Role};
use crate::facts::patroni::PatroniMember;
use crate::facts::{Facts, NodeFacts};
use crate::render::{read_only_listener, read_write_listener};
use crate::verify;
use crate::verify::probe::client_address;

/// The topology. Serialised, it is the object of type `status`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// `status`.
    pub r#type: &'static str,
    /// Patroni's scope.
    pub scope: String,
    /// Where the cluster lives in the DCS.
    pub dcs_path: String,
    /// Who leads; null if nobody does.
    pub leader: Option<NodeName>,
    /// The leader's timeline.
    pub timeline: Option<u64>,
    /// PostgreSQL's system identifier.
    pub system_identifier: Option<String>,
    /// Whether Patroni is paused, so that there is no automatic failover.
    pub paused: bool,
    /// For how long writes stop at worst when the leader's machine is lost, in seconds.
    pub worst_failover_seconds: f64,
    /// The PostgreSQL nodes.
    pub members: Vec<MemberStatus>,
    /// The etcd nodes.
    pub etcd: Vec<EtcdStatus>,
    /// The HAProxy nodes.
    pub haproxy: Vec<HaproxyStatus>,
    /// The virtual address; null without one.
    pub vip: Option<VipStatus>,
    /// Where clients connect.
    pub connect: Connect,
    /// The nodes that could not be reached, with the cause.
    pub unreachable: BTreeMap<NodeName, String>,
}

/// One PostgreSQL node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MemberStatus {
    /// The node.
    pub node: NodeName,
    /// PostgreSQL's own address, `address:port`.
    pub address: String,
    /// `leader`, `replica`, `sync_standby`, `quorum_standby`, `standby_leader`; null if nobody
    /// knows.
    pub role: Option<String>,
    /// `running`, `streaming`, `stopped`, …; null if nobody knows.
    pub state: Option<String>,
    /// Its timeline.
    pub timeline: Option<u64>,
    /// How far it is behind the leader, in bytes; null on the leader.
    pub lag_bytes: Option<u64>,
    /// Whether a setting waits for a restart.
    pub pending_restart: bool,
    /// Its tags.
    pub tags: Map<String, Value>,
}

/// One etcd node, or an external etcd as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EtcdStatus {
    /// The node; null for an external etcd.
    pub node: Option<NodeName>,
    /// Its client URL; of an external etcd all of them, with commas between.
    pub url: String,
    /// Whether it commits proposals.
    pub healthy: bool,
    /// Whether it leads.
    pub leader: bool,
    /// Its version; null if it does not answer.
    pub version: Option<String>,
    /// The size of its database; null if it does not answer.
    pub database_bytes: Option<u64>,
}

/// One HAProxy node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HaproxyStatus {
    /// The node.
    pub node: NodeName,
    /// Where writes go in, `address:port`; null if only the node itself can.
    pub read_write: Option<String>,
    /// Where reads go in.
    pub read_only: Option<String>,
    /// Whether its statistics page answers.
    pub answers: bool,
    /// The nodes that writes are sent to.
    pub writes_to: Vec<String>,
    /// The nodes that reads are sent to.
    pub reads_to: Vec<String>,
}

/// The virtual address.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VipStatus {
    /// The address.
    pub address: String,
    /// Who holds it: one node.
    pub holders: Vec<NodeName>,
    /// For how long nobody holds it at worst when the node that does is lost, in seconds.
    pub worst_takeover_seconds: f64,
}

impl Status {
    /// The topology that the nodes tell.
    pub fn of(cluster: &Cluster, facts: &Facts) -> Self {
        let leader = verify::leader(cluster, facts).map(|node| node.name.clone());
        let patroni = |facts: &NodeFacts| facts.patroni.clone();
        let known = leader
            .as_ref()
            .and_then(|leader| patroni(facts.nodes.get(leader)?))
            .or_else(|| facts.nodes.values().find_map(patroni));
        let members: Vec<MemberStatus> = cluster
            .with_role(Role::Postgresql)
            .map(|node| {
                let seen = known.as_ref().and_then(|patroni| {
                    let mut members = patroni.members.iter();
                    members.find(|member| member.name == node.name.as_str())
                });
                member(node, facts, leader.as_ref(), seen)
            })
            .collect();
        let of_leader = members
            .iter()
            .find(|member| Some(&member.node) == leader.as_ref());
        let nodes = |role| {
            cluster
                .with_role(role)
                .map(|node| (node, facts.nodes.get(&node.name)))
        };
        Self {
            r#type: "status",
            scope: cluster.scope.clone(),
            dcs_path: cluster.dcs_path(),
            timeline: of_leader.and_then(|member| member.timeline),
            system_identifier: known
                .as_ref()
                .and_then(|patroni| patroni.system_identifier.clone()),
            paused: facts
                .nodes
                .values()
                .any(|facts| facts.patroni.as_ref().is_some_and(|patroni| patroni.paused)),
            worst_failover_seconds: cluster
                .timings
                .worst_failover(cluster.etcd.election_timeout)
                .as_secs_f64(),
            leader,
            members,
            etcd: match &cluster.etcd.external {
                Some(external) => vec![external_etcd(external, facts)],
                None => nodes(Role::Etcd)
                    .map(|(node, facts)| etcd(cluster, node, facts))
                    .collect(),
            },
            haproxy: nodes(Role::Haproxy)
                .map(|(node, facts)| haproxy(cluster, node, facts))
                .collect(),
            vip: vip(cluster, facts),
            connect: Connect::of(cluster),
            unreachable: facts.unreachable.clone(),
        }
    }

    /// Whether every node answers, somebody leads, and all that is shown is up.
    pub fn is_sound(&self) -> bool {
        let up = |state: &str| matches!(state, "running" | "streaming" | "in archive recovery");
        self.unreachable.is_empty()
            && (self.leader.is_some() || self.members.is_empty())
            && self
                .members
                .iter()
                .all(|member| member.state.as_deref().is_some_and(up))
            && self.etcd.iter().all(|member| member.healthy)
            && self.haproxy.iter().all(|haproxy| haproxy.answers)
            && self.vip.as_ref().is_none_or(|vip| vip.holders.len() == 1)
    }
}

fn vip(cluster: &Cluster, facts: &Facts) -> Option<VipStatus> {
    let vip = cluster.vip.as_ref()?;
    let nodes = cluster.nodes.iter().filter(|node| {
        let facts = facts.nodes.get(&node.name);
        facts.is_some_and(|facts| facts.holds(vip.address))
    });
    Some(VipStatus {
        address: vip.address.to_string(),
        holders: nodes.map(|node| node.name.clone()).collect(),
        worst_takeover_seconds: cluster.worst_takeover()?.as_secs_f64(),
    })
}

fn member(
    node: &Node,
    facts: &Facts,
    leader: Option<&NodeName>,
    seen: Option<&PatroniMember>,
) -> MemberStatus {
    let own = facts
        .nodes
        .get(&node.name)
        .and_then(|facts| facts.patroni.as_ref());
    let leads = leader == Some(&node.name);
    let sent = leader
        .and_then(|leader| facts.nodes.get(leader)?.postgresql.as_ref())
        .and_then(|postgresql| {
            let mut rows = postgresql.replication.iter();
            rows.find(|row| row.application_name == node.name.as_str())?
                .lag_bytes
        });
    let role = match own.map(|own| own.role.as_str()) {
        Some("primary" | "master") if leads => Some("leader".to_owned()),
        own => seen
            .map(|seen| seen.role.clone())
            .or_else(|| own.map(str::to_owned)),
    };
    MemberStatus {
        node: node.name.clone(),
        address: node.endpoint(node.postgresql.port),
        role,
        state: seen
            .map(|seen| seen.state.clone())
            .or_else(|| own.map(|own| own.state.clone())),
        timeline: own
            .and_then(|own| own.timeline)
            .or_else(|| seen.and_then(|seen| seen.timeline)),
        lag_bytes: sent
            .or_else(|| seen.and_then(|seen| seen.lag_bytes))
            .filter(|_| !leads),
        pending_restart: own.is_some_and(|own| own.pending_restart)
            || seen.is_some_and(|seen| seen.pending_restart),
        tags: node.patroni.tags.clone(),
    }
}

fn external_etcd(external: &ExternalEtcd, facts: &Facts) -> EtcdStatus {
    let url = |endpoint: &String| format!("{}://{endpoint}", external.protocol);
    let urls: Vec<String> = external.endpoints.iter().map(url).collect();
    let mut said = facts.nodes.values().filter_map(|facts| facts.etcd.as_ref());
    let answer = said.find(|etcd| etcd.healthy);
    EtcdStatus {
        node: None,
        url: urls.join(","),
        healthy: answer.is_some(),
        leader: false,
        version: answer.map(|etcd| etcd.server_version.clone()),
        database_bytes: answer.map(|etcd| etcd.db_size_bytes),
    }
}

fn etcd(cluster: &Cluster, node: &Node, facts: Option<&NodeFacts>) -> EtcdStatus {
    let etcd = facts.and_then(|facts| facts.etcd.as_ref());
    let answers = etcd.filter(|etcd| !etcd.cluster_id.is_empty());
    EtcdStatus {
        node: Some(node.name.clone()),
        url: cluster.etcd_client_url(node),
        healthy: etcd.is_some_and(|etcd| etcd.healthy),
        leader: answers.is_some_and(|etcd| etcd.leader_id == etcd.member_id),
        version: answers.map(|etcd| etcd.server_version.clone()),
        database_bytes: answers.map(|etcd| etcd.db_size_bytes),
    }
}

fn haproxy(cluster: &Cluster, node: &Node, facts: Option<&NodeFacts>) -> HaproxyStatus {
    let said = facts.and_then(|facts| facts.haproxy.as_ref());
    let up = |listener: String| {
        said.into_iter()
            .flat_map(|said| &said.servers)
            .filter(|server| server.proxy == listener && server.status.starts_with("UP"))
            .map(|server| server.server.clone())
            .collect()
    };
    let address = client_address(node);
    let at = |port: u16| Some(endpoint(address.as_deref()?, port));
    HaproxyStatus {
        node: node.name.clone(),
        read_write: at(node.haproxy.read_write_port),
        read_only: node.haproxy.read_only_port.and_then(at),
        answers: said.is_some(),
        writes_to: up(read_write_listener(cluster)),
        reads_to: up(read_only_listener(cluster)),
    }
}
