//! What must be closed is knocked at from outside: each service of a node is asked, from another
//! node, for what nobody may have without a certificate or a password.
//!
//! An offer is harmless even where it is accepted: an empty PATCH changes nothing, and a
//! switchover without a leader is refused. Nothing is sent that could be a secret.

mod script;

use std::fmt;

use super::view::{Judge, View};
use super::words::{count, list};
use crate::cluster::tls::{EXTERNAL_IN_CLEAR, OFF};
use crate::cluster::{Cluster, ExternalEtcd, Node, NodeName, Role};

pub use script::{parse, script};

/// Something that must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Door {
    /// etcd's client port in clear text.
    EtcdClientPlain,
    /// etcd's client port without a certificate.
    EtcdClientCertificate,
    /// etcd's keys with a certificate, without a password.
    EtcdPassword,
    /// etcd's peer port in clear text.
    EtcdPeerPlain,
    /// etcd's peer port without a certificate.
    EtcdPeerCertificate,
    /// The REST API in clear text.
    RestPlain,
    /// `PATCH /config` without certificate and password.
    RestPatch,
    /// `POST /switchover` without certificate and password.
    RestSwitchover,
    /// `PATCH /config` with a certificate, without a password.
    RestPassword,
    /// PostgreSQL without TLS.
    PostgresqlPlain,
    /// PostgreSQL as superuser without a certificate, with a password that is tried first.
    PostgresqlSuperuser,
    /// PostgreSQL as replication user without a certificate, with a password that is tried first.
    PostgresqlReplication,
    /// As [`Door::PostgresqlSuperuser`], through HAProxy.
    HaproxySuperuser,
    /// HAProxy's statistics page.
    HaproxyStatistics,
}

impl Door {
    /// Every door, in the order in which they are told.
    const ALL: [Self; 14] = [
        Self::EtcdClientPlain,
        Self::EtcdClientCertificate,
        Self::EtcdPassword,
        Self::EtcdPeerPlain,
        Self::EtcdPeerCertificate,
        Self::RestPlain,
        Self::RestPatch,
        Self::RestSwitchover,
        Self::RestPassword,
        Self::PostgresqlPlain,
        Self::PostgresqlSuperuser,
        Self::PostgresqlReplication,
        Self::HaproxySuperuser,
        Self::HaproxyStatistics,
    ];

    /// The word for it in the script's output.
    fn as_str(self) -> &'static str {
        match self {
            Self::EtcdClientPlain => "etcd-client-plain",
            Self::EtcdClientCertificate => "etcd-client-certificate",
            Self::EtcdPassword => "etcd-password",
            Self::EtcdPeerPlain => "etcd-peer-plain",
            Self::EtcdPeerCertificate => "etcd-peer-certificate",
            Self::RestPlain => "rest-plain",
            Self::RestPatch => "rest-patch",
            Self::RestSwitchover => "rest-switchover",
            Self::RestPassword => "rest-password",
            Self::PostgresqlPlain => "postgresql-plain",
            Self::PostgresqlSuperuser => "postgresql-superuser",
            Self::PostgresqlReplication => "postgresql-replication",
            Self::HaproxySuperuser => "haproxy-superuser",
            Self::HaproxyStatistics => "haproxy-statistics",
        }
    }

    /// Whose service it belongs to.
    fn role(self) -> Role {
        match self {
            Self::EtcdClientPlain
            | Self::EtcdClientCertificate
            | Self::EtcdPassword
            | Self::EtcdPeerPlain
            | Self::EtcdPeerCertificate => Role::Etcd,
            Self::RestPlain
            | Self::RestPatch
            | Self::RestSwitchover
            | Self::RestPassword
            | Self::PostgresqlPlain
            | Self::PostgresqlSuperuser
            | Self::PostgresqlReplication => Role::Postgresql,
            Self::HaproxySuperuser | Self::HaproxyStatistics => Role::Haproxy,
        }
    }

    /// Whether it is closed without TLS, too.
    fn without_tls(self) -> bool {
        matches!(
            self,
            Self::RestPatch
                | Self::RestSwitchover
                | Self::PostgresqlSuperuser
                | Self::PostgresqlReplication
                | Self::HaproxySuperuser
                | Self::HaproxyStatistics
        )
    }

    /// Whether `node` has it, and it is to be closed.
    fn is_at(self, cluster: &Cluster, node: &Node) -> bool {
        node.has(self.role())
            && (cluster.tls.enabled || self.without_tls())
            // Somebody who opens the page to the network and asks for no password wants that.
            && (self != Self::HaproxyStatistics
                || is_loopback(&node.haproxy.stats_listen)
                || cluster.haproxy.stats_username.is_some())
            && (self != Self::HaproxySuperuser || super::probe::client_address(node).is_some())
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EtcdClientPlain => "etcd's client port answers in clear text",
            Self::EtcdClientCertificate => "etcd answers clients without a certificate",
            Self::EtcdPassword => "etcd gives its keys away without a password",
            Self::EtcdPeerPlain => "etcd's peer port answers in clear text",
            Self::EtcdPeerCertificate => "etcd's peer port answers without a certificate",
            Self::RestPlain => "the REST API answers in clear text",
            Self::RestPatch => "the REST API takes a PATCH from anybody",
            Self::RestSwitchover => "the REST API takes a switchover from anybody",
            Self::RestPassword => "the REST API takes a PATCH without a password",
            Self::PostgresqlPlain => "PostgreSQL lets clients in without TLS",
            Self::PostgresqlSuperuser => "PostgreSQL lets the superuser in",
            Self::PostgresqlReplication => "PostgreSQL lets the replication user in",
            Self::HaproxySuperuser => "PostgreSQL lets the superuser in through it",
            Self::HaproxyStatistics => "its statistics page is open",
        })
    }
}

fn is_loopback(address: &str) -> bool {
    let address = address.trim_matches(['[', ']']).parse();
    address.is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// What became of a knock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Closed,
    /// What was answered.
    Open(String),
    /// Nobody was there, or what came was not understood.
    Unknown(String),
}

/// A knock at one door of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knock {
    /// Whose door.
    pub node: NodeName,
    /// Which one.
    pub door: Door,
    /// Whether it was closed.
    pub outcome: Outcome,
}

/// Who knocks at whose doors: every node is knocked at by another one with PostgreSQL's and
/// curl's programs, as long as there is one.
pub fn visits<'a>(cluster: &'a Cluster, able: &[&'a Node]) -> Vec<(&'a Node, Vec<&'a Node>)> {
    let mut visits: Vec<(&Node, Vec<&Node>)> =
        able.iter().map(|&from| (from, Vec::new())).collect();
    for (at, node) in cluster.nodes.iter().enumerate() {
        let count = visits.len();
        let other = (0..count)
            .map(|turn| (at + 1 + turn) % count)
            .find(|&from| visits[from].0.name != node.name)
            .or((count > 0).then_some(0));
        if let Some(from) = other {
            visits[from].1.push(node);
        }
    }
    visits
}

/// etcd is closed to whoever has no certificate and no password.
pub(super) fn etcd(view: &View, judge: &mut Judge) {
    closed(view, judge, Role::Etcd);
}

/// The REST API is closed to whoever has no certificate and no password.
pub(super) fn patroni(view: &View, judge: &mut Judge) {
    closed_where(view, judge, |door| {
        matches!(
            door,
            Door::RestPlain | Door::RestPatch | Door::RestSwitchover | Door::RestPassword
        )
    });
}

/// PostgreSQL is closed to clear text, and the superuser to whoever has no certificate.
pub(super) fn postgresql(view: &View, judge: &mut Judge) {
    closed_where(view, judge, |door| {
        matches!(
            door,
            Door::PostgresqlPlain | Door::PostgresqlSuperuser | Door::PostgresqlReplication
        )
    });
}

/// What HAProxy leads to is as closed as by itself.
pub(super) fn haproxy(view: &View, judge: &mut Judge) {
    closed(view, judge, Role::Haproxy);
}

fn closed(view: &View, judge: &mut Judge, role: Role) {
    closed_where(view, judge, |door| door.role() == role);
}

fn closed_where(view: &View, judge: &mut Judge, wanted: impl Fn(Door) -> bool) {
    let mut held = 0;
    for node in &view.cluster.nodes {
        let doors = Door::ALL.into_iter();
        let mut untried = Vec::new();
        for door in doors.filter(|&door| wanted(door) && door.is_at(view.cluster, node)) {
            let knock = view
                .doors
                .iter()
                .find(|knock| knock.node == node.name && knock.door == door);
            match knock.map(|knock| &knock.outcome) {
                Some(Outcome::Closed) => held += 1,
                Some(Outcome::Open(answer)) => {
                    judge.error(&node.name, format!("{door}: {answer}"));
                }
                Some(Outcome::Unknown(why)) => untried.push(format!("{} ({why})", door.as_str())),
                // From the node itself the page is open.
                None if door == Door::HaproxyStatistics => {}
                None => untried.push(door.as_str().to_owned()),
            }
        }
        // A node that is down is told by other checks.
        if !untried.is_empty() && view.facts.nodes.contains_key(&node.name) {
            judge.warning(
                &node.name,
                format!("whether it is closed is not known: {}", list(untried)),
            );
        }
    }
    if held > 0 {
        judge.holds(format!("{} tried and found closed", count(held, "door")));
    }
}

/// TLS is on, or it is said that it is not.
pub(super) fn tls(view: &View, judge: &mut Judge) {
    if !view.cluster.tls.enabled {
        judge
            .warning(None, OFF)
            .hint("`tls: on` in the inventory; the next deploy turns it on in a running cluster");
    }
    let external = view.cluster.etcd.external.as_ref();
    if external.is_some_and(ExternalEtcd::is_in_clear) {
        judge
            .warning(None, EXTERNAL_IN_CLEAR)
            .hint("`protocol: https` and `ca_file` in `etcd.external`");
    }
    judge.holds("etcd, Patroni and PostgreSQL speak TLS");
}
