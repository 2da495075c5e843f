//! HAProxy: where it sends clients, by its own view and by probes through it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::probe::{Landing, ProbeKind};
use super::view::{Judge, View};
use super::words::{count, list};
use crate::cluster::{Node, Role};
use crate::facts::HaproxyFacts;
use crate::render::{read_only_listener, read_write_listener};

/// Every statistics page answers.
pub(super) fn answers(view: &View, judge: &mut Judge) {
    let all = view.cluster.with_role(Role::Haproxy).count();
    for (node, facts) in view.with_role(Role::Haproxy) {
        if facts.haproxy.is_none() {
            let port = node.haproxy.stats_port;
            judge
                .error(
                    &node.name,
                    format!("no answer on the statistics page, port {port}"),
                )
                .hint("`journalctl -u haproxy -n 50` on the node says why");
        }
    }
    if all > 0 {
        judge.holds(format!(
            "{} of {all} statistics pages answer",
            view.haproxy().len()
        ));
    }
}

/// The servers of a listener that are up.
fn up<'a>(said: &'a HaproxyFacts, listener: &str) -> BTreeSet<&'a str> {
    said.servers
        .iter()
        .filter(|server| server.proxy == listener && server.status.starts_with("UP"))
        .map(|server| server.server.as_str())
        .collect()
}

/// The leader alone takes writes, the replicas alone take reads.
pub(super) fn servers(view: &View, judge: &mut Judge) {
    if view.cluster.with_role(Role::Postgresql).next().is_none() {
        return;
    }
    let leader = view.leader().map(|leader| leader.name.as_str());
    let readers: BTreeSet<&str> = view
        .readers()
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    for (node, said) in view.haproxy() {
        let listener = read_write_listener(view.cluster);
        let writers = up(said, &listener);
        let wanted: BTreeSet<&str> = leader.into_iter().collect();
        if writers != wanted {
            judge.error(
                &node.name,
                format!(
                    "{listener} leads to {}, not to {}",
                    named(&writers),
                    named(&wanted)
                ),
            );
        }
        if node.haproxy.read_only_port.is_none() {
            continue;
        }
        let listener = read_only_listener(view.cluster);
        let reads = up(said, &listener);
        let (missing, foreign) = (readers.difference(&reads), reads.difference(&readers));
        for name in missing {
            let check = said
                .servers
                .iter()
                .find(|server| server.proxy == listener && server.server == *name)
                .map_or("not configured", |server| server.check.as_str());
            judge.error(
                &node.name,
                format!("{listener} does not lead to {name} ({check})"),
            );
        }
        for name in foreign {
            judge.error(
                &node.name,
                format!("{listener} leads to {name}, which is no replica"),
            );
        }
    }
    if !view.haproxy().is_empty() {
        judge.holds(format!(
            "writes go to {}, reads to {}",
            leader.unwrap_or("nobody"),
            named(&readers)
        ));
    }
}

fn named(names: &BTreeSet<&str>) -> String {
    if names.is_empty() {
        return "nobody".to_owned();
    }
    list(names)
}

/// A write through every HAProxy lands on the leader.
pub(super) fn write(view: &View, judge: &mut Judge) {
    if view.cluster.with_role(Role::Postgresql).next().is_none() {
        return;
    }
    let landed = landings(view, judge, ProbeKind::Write, |_| true);
    let leader = view.leader();
    for (node, landing) in &landed {
        let on = place(view, landing);
        if landing.in_recovery {
            judge.error(
                &node.name,
                format!(
                    "a write was sent to {}, a standby",
                    named_place(on, landing)
                ),
            );
        } else if on.is_none() || on.map(|on| &on.name) != leader.map(|leader| &leader.name) {
            judge.error(
                &node.name,
                format!(
                    "a write landed on {}, which is not the leader",
                    named_place(on, landing)
                ),
            );
        }
    }
    if let (Some(leader), false) = (leader, landed.is_empty()) {
        judge.holds(format!(
            "{} landed on {}",
            count(landed.len(), "write"),
            leader.name
        ));
    }
}

/// A read through every HAProxy's read-only port lands on a replica.
pub(super) fn read(view: &View, judge: &mut Judge) {
    if view.readers().is_empty() {
        return;
    }
    let landed = landings(view, judge, ProbeKind::Read, |node| {
        node.haproxy.read_only_port.is_some()
    });
    for (node, landing) in &landed {
        let on = place(view, landing);
        if !landing.in_recovery {
            judge.error(
                &node.name,
                format!(
                    "a read landed on {}, which is no replica",
                    named_place(on, landing)
                ),
            );
        } else if on.is_none() {
            judge.error(
                &node.name,
                format!(
                    "a read landed on {}, which is no node of the inventory",
                    landing.address
                ),
            );
        }
    }
    if !landed.is_empty() {
        let on: BTreeSet<String> = landed
            .iter()
            .map(|(_, landing)| named_place(place(view, landing), landing))
            .collect();
        judge.holds(format!(
            "{} landed on {}",
            count(landed.len(), "read"),
            list(on)
        ));
    }
}

/// Where the probes of one kind landed; those that did not, and those that were not sent, are
/// told.
fn landings<'a>(
    view: &View<'a>,
    judge: &mut Judge,
    kind: ProbeKind,
    wanted: impl Fn(&Node) -> bool,
) -> Vec<(&'a Node, &'a Landing)> {
    let mut landed = Vec::new();
    for node in view
        .cluster
        .with_role(Role::Haproxy)
        .filter(|node| wanted(node))
    {
        let probe = view
            .probes
            .iter()
            .find(|probe| probe.haproxy == node.name && probe.kind == kind);
        let what = kind.as_str();
        match probe.map(|probe| &probe.outcome) {
            Some(Ok(landing)) => landed.push((node, landing)),
            // In PostgreSQL's words: cannot assign TransactionIds during recovery.
            Some(Err(cause)) if cause.contains("during recovery") => {
                judge.error(
                    &node.name,
                    "a write was sent to a standby, which refused it",
                );
            }
            Some(Err(cause)) => {
                let finding = judge.error(
                    &node.name,
                    format!("a {what} did not come through: {cause}"),
                );
                if cause.contains("no pg_hba.conf entry") {
                    finding.hint(
                        "pg_hba needs a line for the role that probes, from HAProxy's address",
                    );
                } else if cause.contains("password authentication failed") {
                    finding.hint("the role that probes has another password than the vault");
                }
            }
            None => {
                judge.warning(&node.name, format!("no {what} was tried through it"));
            }
        }
    }
    landed
}

/// The node whose address a probe landed on.
pub(super) fn place<'a>(view: &View<'a>, landing: &Landing) -> Option<&'a Node> {
    let address: IpAddr = landing.address.parse().ok()?;
    view.cluster.with_role(Role::Postgresql).find(|node| {
        let others = view
            .facts
            .nodes
            .get(&node.name)
            .map(|facts| &facts.system.addresses);
        node.address == address
            || others
                .into_iter()
                .flatten()
                .any(|other| other.parse() == Ok(address) && !address.is_loopback())
    })
}

pub(super) fn named_place(on: Option<&Node>, landing: &Landing) -> String {
    on.map_or_else(|| landing.address.clone(), |node| node.name.to_string())
}
