//! Firewalls: what runs lets the cluster in, and nobody else.

use super::paths;
use super::view::{Judge, View};
use super::words::{count, list};
use crate::cluster::{FirewallUse, Node};
use crate::facts::NodeFacts;
use crate::facts::firewall::{Fence, FirewallRule};
use crate::platform::firewall::{FIREWALLD_POLICY, FIREWALLD_UNIT, VRRP};
use crate::render::firewall::{closed_chain, not_live, ufw_rules};

const RELOAD: &str = "`mahout deploy` has it reload";
const DEPLOY: &str = "`mahout deploy` opens what is missing";

/// A firewall that runs has our rules and no others of ours, and refuses what they do not name.
pub(super) fn firewall(view: &View, judge: &mut Judge) {
    let mut running = 0;
    for (node, facts) in view.nodes() {
        if node.system.firewall == FirewallUse::Off {
            continue;
        }
        match facts.fence() {
            Fence::Firewalld => firewalld(view, node, facts, judge),
            Fence::Ufw => ufw(view, node, facts, judge),
            Fence::None => {
                none(view, node, facts, judge);
                continue;
            }
        }
        running += 1;
    }
    for (to, from, port) in paths::let_through(view) {
        judge
            .warning(
                to,
                format!(
                    "its firewall lets {from} through to port {port}, which is in nobody's list"
                ),
            )
            .hint("the nodes' network is in a zone, or a rule, that accepts everything");
    }
    if running > 0 {
        judge.holds(format!(
            "{} with a firewall: the cluster's own ports are open to its own addresses",
            count(running, "node")
        ));
    } else {
        judge.holds("none runs that would have to let the cluster in");
    }
}

/// Its policy is judged as a file; here, whether firewalld has read it.
fn firewalld(view: &View, node: &Node, facts: &NodeFacts, judge: &mut Judge) {
    let unit = facts.units.get(FIREWALLD_UNIT);
    let read = unit.and_then(|unit| unit.active_since.max(unit.reloaded_at));
    let written = facts.files.get(FIREWALLD_POLICY);
    if written.is_some_and(|file| read.is_some_and(|read| file.modified > read)) {
        judge
            .error(
                &node.name,
                format!("firewalld has not read {FIREWALLD_POLICY} since it was written"),
            )
            .hint(RELOAD);
    }
    let missing = not_live(view.cluster, node, facts);
    if !missing.is_empty() {
        let rules = missing.iter();
        let rules = rules.map(|rule| format!("{} from {}", rule.ports, rule.source));
        let message = format!(
            "firewalld does not let in, although its policy says so: {}",
            list(rules)
        );
        judge.error(&node.name, message).hint(RELOAD);
    }
}

fn ufw(view: &View, node: &Node, facts: &NodeFacts, judge: &mut Judge) {
    let mut wanted = ufw_rules(view.cluster, node);
    let ufw = facts.firewall.as_ref().and_then(|all| all.ufw.as_ref());
    if ufw.is_none_or(|ufw| !ufw.vrrp) {
        wanted.retain(|rule| rule.ports != VRRP);
    }
    let there = ufw.map(|ufw| ufw.rules.clone()).unwrap_or_default();
    for rule in wanted.difference(&there) {
        judge
            .error(
                &node.name,
                format!("ufw has no rule for {} from {}", what(rule), rule.source),
            )
            .hint(DEPLOY);
    }
    for rule in there.difference(&wanted) {
        judge
            .warning(
                &node.name,
                format!(
                    "ufw opens {} to {}, as once was needed",
                    what(rule),
                    rule.source
                ),
            )
            .hint("`mahout deploy` removes the rule");
    }
}

fn what(rule: &FirewallRule) -> String {
    match rule.ports.as_str() {
        VRRP => "VRRP".to_owned(),
        ports => format!("ports {ports}"),
    }
}

fn none(view: &View, node: &Node, facts: &NodeFacts, judge: &mut Judge) {
    if node.system.firewall == FirewallUse::On {
        let message = "`system.firewall: on`, and neither firewalld nor ufw runs";
        judge
            .error(&node.name, message)
            .hint("install firewalld; `mahout deploy` starts it");
    }
    if let Some((chain, rules)) = closed_chain(view.cluster, node, facts) {
        judge
            .warning(
                &node.name,
                format!("{chain} drops what no rule accepts, and has none for some of our ports"),
            )
            .hint(format!("add: {rules}"));
    }
}
