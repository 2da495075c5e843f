//! Judges fresh facts against the cluster: pure checks, each with a name.
//!
//! A check is a function of what the inventory says and what the nodes say. It tells every fault
//! that it sees, each with its node and, where one is known, the remedy; if there is none, it
//! tells in one line what holds. A check that has nothing to judge (no HAProxy in the inventory)
//! says nothing. A node that could not be reached is a finding of its own; the others are judged
//! all the same.

mod abreast;
mod certificates;
mod disk;
pub mod doors;
mod etcd;
mod etcd_access;
mod files;
mod firewall;
mod haproxy;
mod kernel;
pub mod paths;
mod patroni;
mod postgresql;
mod postgresql_access;
pub mod probe;
mod replication;
mod selinux;
mod system;
mod time;
mod versions;
mod view;
mod vip;
pub mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::{Cluster, NodeName};
use crate::facts::Facts;
use crate::render::Rendered;
use doors::Knock;
use paths::Walk;
use probe::ProbeResult;
pub use view::leader;
use view::{Judge, View};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The check holds.
    Ok,
    /// To be looked at.
    Warning,
    /// The cluster is not what the inventory says, or not safe.
    Error,
}

/// The result of one check on one node, or on the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The group: `etcd`, `patroni`, `postgresql`, `haproxy`, `vip`, `system`.
    pub group: &'static str,
    /// The check's stable name: `etcd.one_leader`.
    pub check: &'static str,
    /// Whom it is about; `None` for the cluster.
    pub node: Option<NodeName>,
    /// What was found, in words.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

type Check = fn(&View, &mut Judge);

/// Every check by its name.
const CHECKS: &[(&str, Check)] = &[
    ("etcd.members_healthy", etcd::members_healthy),
    ("etcd.members", etcd::members),
    ("etcd.one_leader", etcd::one_leader),
    ("etcd.one_cluster_id", etcd::one_cluster_id),
    ("etcd.alarms", etcd::alarms),
    ("etcd.database_size", etcd::database_size),
    ("etcd.applied", etcd::applied),
    ("etcd.versions", versions::etcd),
    ("etcd.access", etcd_access::access),
    ("etcd.closed", doors::etcd),
    ("patroni.answers", patroni::answers),
    ("patroni.one_leader", patroni::one_leader),
    ("patroni.members", patroni::members),
    ("patroni.running", patroni::running),
    (
        "patroni.replicas_streaming",
        replication::replicas_streaming,
    ),
    ("patroni.lag", replication::lag),
    ("patroni.synchronous", replication::synchronous),
    ("patroni.pending_restart", patroni::pending_restart),
    ("patroni.paused", patroni::paused),
    (
        "patroni.dynamic_configuration",
        patroni::dynamic_configuration,
    ),
    ("patroni.closed", doors::patroni),
    ("postgresql.answers", postgresql::answers),
    ("postgresql.one_writable", postgresql::one_writable),
    ("postgresql.durability", postgresql::durability),
    (
        "postgresql.system_identifier",
        postgresql::system_identifier,
    ),
    ("postgresql.versions_equal", versions::postgresql),
    ("postgresql.stray", postgresql::stray),
    ("postgresql.hba", postgresql::hba),
    ("postgresql.hba_rules", postgresql_access::hba_rules),
    ("postgresql.encryption", postgresql_access::encryption),
    ("postgresql.passwords", postgresql_access::passwords),
    (
        "postgresql.distribution_units",
        postgresql::distribution_units,
    ),
    ("postgresql.closed", doors::postgresql),
    ("haproxy.answers", haproxy::answers),
    ("haproxy.servers", haproxy::servers),
    ("haproxy.write", haproxy::write),
    ("haproxy.read", haproxy::read),
    ("haproxy.closed", doors::haproxy),
    ("vip.held", vip::held),
    ("vip.write", vip::write),
    ("system.reachable", system::reachable),
    ("system.paths", paths::needed),
    ("system.firewall", firewall::firewall),
    ("system.selinux", selinux::selinux),
    ("system.tls", doors::tls),
    ("system.units", system::units),
    ("system.files", files::files),
    ("system.certificates", certificates::certificates),
    ("system.sysctl", kernel::sysctl),
    (
        "system.transparent_huge_pages",
        kernel::transparent_huge_pages,
    ),
    ("system.limits", kernel::limits),
    ("system.watchdog", kernel::watchdog),
    ("system.time", time::time),
    ("system.clocks", time::clocks),
    ("system.disk", disk::disk),
    ("system.machine_ids", system::machine_ids),
    ("system.hostname", system::hostname),
    ("system.resolves", system::resolves),
    ("system.versions", versions::packages),
    ("system.libc", versions::libc),
];

/// The stable names of all checks, in the order in which they are made.
pub fn checks() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|(name, _)| *name)
}

/// Makes every check.
///
/// `rendered` holds what every node that told its facts is to have; `probes` what
/// [`probe::parse`] made of the probes through HAProxy, `doors` what [`doors::parse`] made of the
/// knocks, `walks` what [`paths::parse`] made of the paths; each is empty if none were sent. `now`
/// is in seconds since the epoch.
pub fn verify(
    cluster: &Cluster,
    facts: &Facts,
    rendered: &BTreeMap<NodeName, Rendered>,
    probes: &[ProbeResult],
    doors: &[Knock],
    walks: &[Walk],
    now: i64,
) -> Vec<Finding> {
    let view = View {
        cluster,
        facts,
        rendered,
        probes,
        doors,
        walks,
        now,
    };
    let mut findings = Vec::new();
    for (name, check) in CHECKS {
        let mut judge = Judge::new(name);
        check(&view, &mut judge);
        findings.extend(judge.findings);
    }
    findings
}

/// The worst of the findings: an error means exit code 4.
pub fn worst(findings: &[Finding]) -> Severity {
    let severities = findings.iter().map(|finding| finding.severity);
    severities.max().unwrap_or(Severity::Ok)
}
