//! What a check sees, and how it says what it found.

use std::collections::{BTreeMap, BTreeSet};

use super::doors::Knock;
use super::paths::Walk;
use super::probe::ProbeResult;
use super::{Finding, Severity};
use crate::cluster::{Cluster, Node, NodeName, Role};
use crate::facts::{EtcdFacts, Facts, HaproxyFacts, NodeFacts, PatroniFacts, PostgresqlFacts};
use crate::render::Rendered;

/// What a check sees.
pub(super) struct View<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) facts: &'a Facts,
    pub(super) rendered: &'a BTreeMap<NodeName, Rendered>,
    pub(super) probes: &'a [ProbeResult],
    pub(super) doors: &'a [Knock],
    pub(super) walks: &'a [Walk],
    /// In seconds since the epoch.
    pub(super) now: i64,
}

impl<'a> View<'a> {
    /// The nodes that told their facts.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&'a Node, &'a NodeFacts)> + use<'a> {
        let facts = self.facts;
        self.cluster
            .nodes
            .iter()
            .filter_map(|node| Some((node, facts.nodes.get(&node.name)?)))
    }

    /// Those of them that have `role`.
    pub(super) fn with_role(
        &self,
        role: Role,
    ) -> impl Iterator<Item = (&'a Node, &'a NodeFacts)> + use<'a> {
        self.nodes().filter(move |(node, _)| node.has(role))
    }

    /// The nodes that ask etcd: its members, or Patroni's nodes if etcd is somebody else's.
    pub(super) fn etcd_role(&self) -> Role {
        match self.cluster.etcd.external {
            Some(_) => Role::Postgresql,
            None => Role::Etcd,
        }
    }

    /// etcd's answers.
    pub(super) fn etcd(&self) -> Vec<(&'a NodeName, &'a EtcdFacts)> {
        self.with_role(self.etcd_role())
            .filter_map(|(node, facts)| Some((&node.name, facts.etcd.as_ref()?)))
            .filter(|(_, etcd)| !etcd.cluster_id.is_empty())
            .collect()
    }

    /// Patroni's answers.
    pub(super) fn patroni(&self) -> Vec<(&'a Node, &'a PatroniFacts)> {
        self.with_role(Role::Postgresql)
            .filter_map(|(node, facts)| Some((node, facts.patroni.as_ref()?)))
            .collect()
    }

    /// PostgreSQL's data directories and servers.
    pub(super) fn postgresql(&self) -> Vec<(&'a Node, &'a PostgresqlFacts)> {
        self.with_role(Role::Postgresql)
            .filter_map(|(node, facts)| Some((node, facts.postgresql.as_ref()?)))
            .collect()
    }

    /// HAProxy's answers.
    pub(super) fn haproxy(&self) -> Vec<(&'a Node, &'a HaproxyFacts)> {
        self.with_role(Role::Haproxy)
            .filter_map(|(node, facts)| Some((node, facts.haproxy.as_ref()?)))
            .collect()
    }

    /// See [`leader`].
    pub(super) fn leader(&self) -> Option<&'a Node> {
        leader(self.cluster, self.facts)
    }

    /// The nodes that are to serve reads: Patroni answers 503 to `/replica` for the leader and
    /// for replicas with the tag `noloadbalance`.
    pub(super) fn readers(&self) -> Vec<&'a Node> {
        let leader = self.leader();
        self.cluster
            .with_role(Role::Postgresql)
            .filter(|node| leader.is_none_or(|leader| leader.name != node.name))
            .filter(|node| !has_tag(node, "noloadbalance"))
            .collect()
    }
}

/// Whether a tag of the node is set to true.
pub(super) fn has_tag(node: &Node, tag: &str) -> bool {
    node.patroni.tags.get(tag) == Some(&true.into())
}

/// Whether the member itself says that it leads: it runs as primary and holds the leader key, or
/// it leads a standby cluster, whose leader is no primary.
pub(super) fn leads(patroni: &PatroniFacts) -> bool {
    patroni.primary_status == 200 || patroni.role == "standby_leader"
}

/// The names that `/cluster` shows as leader.
pub(super) fn leaders_seen(patroni: &PatroniFacts) -> BTreeSet<&str> {
    patroni
        .members
        .iter()
        .filter(|member| matches!(member.role.as_str(), "leader" | "standby_leader"))
        .map(|member| member.name.as_str())
        .collect()
}

/// The one node that leads: the one that says so itself, else the unreachable one that all
/// others name. `None` if there is none, or more than one.
pub fn leader<'a>(cluster: &'a Cluster, facts: &Facts) -> Option<&'a Node> {
    let patroni = |node: &Node| facts.nodes.get(&node.name)?.patroni.as_ref();
    let mut leaders = cluster
        .with_role(Role::Postgresql)
        .filter(|node| patroni(node).is_some_and(leads));
    if let Some(first) = leaders.next() {
        return leaders.next().is_none().then_some(first);
    }
    let seen: BTreeSet<&str> = cluster
        .with_role(Role::Postgresql)
        .filter_map(patroni)
        .flat_map(leaders_seen)
        .collect();
    let mut seen = seen.into_iter();
    let (only, None) = (NodeName::from(seen.next()?), seen.next()) else {
        return None;
    };
    let node = cluster.node(&only)?;
    (!facts.nodes.contains_key(&only)).then_some(node)
}

/// Collects what one check finds.
pub(super) struct Judge {
    check: &'static str,
    pub(super) findings: Vec<Finding>,
}

impl Judge {
    pub(super) fn new(check: &'static str) -> Self {
        Self {
            check,
            findings: Vec::new(),
        }
    }

    /// The cluster is not what the inventory says, or not safe.
    pub(super) fn error<'n>(
        &mut self,
        node: impl Into<Option<&'n NodeName>>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Severity::Error, node.into(), message.into())
    }

    /// To be looked at.
    pub(super) fn warning<'n>(
        &mut self,
        node: impl Into<Option<&'n NodeName>>,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.add(Severity::Warning, node.into(), message.into())
    }

    /// What holds, unless something worse was found.
    pub(super) fn holds(&mut self, message: impl Into<String>) {
        if self.findings.is_empty() {
            self.add(Severity::Ok, None, message.into());
        }
    }

    fn add(
        &mut self,
        severity: Severity,
        node: Option<&NodeName>,
        message: String,
    ) -> &mut Finding {
        let group = self
            .check
            .split_once('.')
            .map_or(self.check, |(group, _)| group);
        let at = self.findings.len();
        self.findings.push(Finding {
            severity,
            group,
            check: self.check,
            node: node.cloned(),
            message,
            hint: None,
        });
        &mut self.findings[at]
    }
}

impl Finding {
    /// Adds the remedy.
    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

/// The nodes by what they say, to compare them: `3.4.23 on pg-1, pg-2; 3.5.16 on pg-3`.
pub(super) fn by_value<'a, K: Ord + ToString>(
    said: impl IntoIterator<Item = (&'a NodeName, K)>,
) -> BTreeMap<K, Vec<&'a NodeName>> {
    let mut by_value: BTreeMap<K, Vec<&NodeName>> = BTreeMap::new();
    for (node, value) in said {
        by_value.entry(value).or_default().push(node);
    }
    by_value
}

/// See [`by_value`].
pub(super) fn differ<K: ToString>(by_value: &BTreeMap<K, Vec<&NodeName>>) -> String {
    let parts: Vec<String> = by_value
        .iter()
        .map(|(value, nodes)| format!("{} on {}", value.to_string(), super::words::nodes(nodes)))
        .collect();
    parts.join("; ")
}
