//! Firewalls: whichever runs lets the cluster's own connections in, and nobody else's. SSH is never
//! touched.

use std::collections::BTreeSet;

use super::draft::{Draft, systemd, write_file};
use super::{Action, Desired, Rollout, Step, UnitOperation, tls};
use crate::cluster::firewall::{in_words, source, vrrp_in_words};
use crate::cluster::{FirewallUse, Node, NodeName};
use crate::facts::NodeFacts;
use crate::facts::firewall::{Fence, FirewallRule};
use crate::platform::firewall::{FIREWALLD_UNIT, VRRP};
use crate::render::Purpose;
use crate::render::firewall::{closed_chain, not_live, ufw_rules};

/// A change of a node's firewall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirewallChange {
    /// Start firewalld, if it keeps SSH open.
    StartFirewalld {
        /// Where sshd listens.
        ssh_ports: Vec<u16>,
        /// What it lets in, in words.
        opens: String,
    },
    /// Have firewalld read its files again, if that closes nothing.
    ReloadFirewalld {
        /// What it lets in, in words.
        opens: String,
    },
    /// Add rules to ufw, and remove rules of ours that are no longer wanted.
    Ufw {
        /// The new ones.
        add: Vec<FirewallRule>,
        /// The old ones.
        remove: Vec<FirewallRule>,
    },
}

impl FirewallChange {
    /// The change in words.
    pub(super) fn title(&self) -> String {
        let rules = |rules: &[FirewallRule]| {
            let words = |rule: &FirewallRule| {
                format!("{} from {}", rule.ports.replace(',', ", "), rule.source)
            };
            rules.iter().map(words).collect::<Vec<_>>().join("; ")
        };
        match self {
            Self::StartFirewalld { opens, .. } => format!("start firewalld, open to {opens}"),
            Self::ReloadFirewalld { opens } => format!("reload firewalld, open to {opens}"),
            Self::Ufw { add, remove } if remove.is_empty() => {
                format!("ufw: open {}", rules(add))
            }
            Self::Ufw { add, remove } if add.is_empty() => {
                format!("ufw: close {}", rules(remove))
            }
            Self::Ufw { add, remove } => {
                format!("ufw: open {}; close {}", rules(add), rules(remove))
            }
        }
    }
}

/// Adds the phase.
pub(super) fn plan(draft: &mut Draft, desired: &Desired) {
    let mut work = Vec::new();
    for node in &desired.cluster.nodes {
        if node.system.firewall == FirewallUse::Off {
            continue;
        }
        let facts = draft.facts(&node.name);
        let steps = match facts.fence() {
            Fence::Ufw => ufw(desired, node, facts),
            // Its policy is rendered where it runs, or is to run, and knows policies.
            _ if renders_policy(desired, &node.name) => firewalld(desired, node, facts),
            _ => Vec::new(),
        };
        let note = by_hand(desired, node, facts);
        work.push((node.name.clone(), steps));
        if let Some(note) = note {
            draft.note(Some(&node.name), note);
        }
    }
    draft.phase("firewall", Rollout::Parallel, work, |_| None);
}

fn renders_policy(desired: &Desired, node: &NodeName) -> bool {
    let files = &desired.rendered[node].files;
    files.iter().any(|file| file.purpose == Purpose::Firewall)
}

fn firewalld(desired: &Desired, node: &Node, facts: &NodeFacts) -> Vec<Step> {
    let files = desired.rendered[&node.name].files.iter();
    let mut steps: Vec<Step> = files
        .filter(|file| file.purpose == Purpose::Firewall)
        .filter_map(|file| write_file(facts, file))
        .map(Step::from)
        .collect();
    let opens = in_words(&desired.cluster.admitted(node)) + &vrrp_in_words(desired.cluster, node);
    let unit = facts.units.get(FIREWALLD_UNIT);
    if unit.is_none_or(|unit| unit.enabled != "enabled") && node.system.firewall == FirewallUse::On
    {
        steps.push(systemd(FIREWALLD_UNIT, UnitOperation::Enable).into());
    }
    if !facts.is_active(FIREWALLD_UNIT) {
        let ssh_ports = ssh_ports(facts);
        let start = FirewallChange::StartFirewalld { ssh_ports, opens };
        steps.push(Action::Firewall(start).into());
    } else if !steps.is_empty() || is_stale(desired, node, facts) {
        steps.push(Action::Firewall(FirewallChange::ReloadFirewalld { opens }).into());
    }
    steps
}

/// Whether firewalld's policy was written after firewalld last read it, or is not what it does.
fn is_stale(desired: &Desired, node: &Node, facts: &NodeFacts) -> bool {
    let unit = facts.units.get(FIREWALLD_UNIT);
    let read = unit.and_then(|unit| unit.active_since.max(unit.reloaded_at));
    tls::is_newer(desired, &node.name, facts, read, &[Purpose::Firewall])
        || !not_live(desired.cluster, node, facts).is_empty()
}

fn ssh_ports(facts: &NodeFacts) -> Vec<u16> {
    let listening = facts.ports.iter();
    let ports: BTreeSet<u16> = listening
        .filter(|port| port.process.starts_with("sshd"))
        .filter(|port| !["127.0.0.1", "::1"].contains(&port.address.as_str()))
        .map(|port| port.port)
        .collect();
    // With socket activation systemd listens for it.
    if ports.is_empty() {
        vec![22]
    } else {
        ports.into_iter().collect()
    }
}

fn ufw(desired: &Desired, node: &Node, facts: &NodeFacts) -> Vec<Step> {
    let mut wanted = ufw_rules(desired.cluster, node);
    let there = facts.firewall.as_ref().and_then(|all| all.ufw.as_ref());
    if there.is_none_or(|ufw| !ufw.vrrp) {
        wanted.retain(|rule| rule.ports != VRRP);
    }
    let there = there.map(|ufw| ufw.rules.clone()).unwrap_or_default();
    let change = FirewallChange::Ufw {
        add: wanted.difference(&there).cloned().collect(),
        remove: there.difference(&wanted).cloned().collect(),
    };
    match &change {
        FirewallChange::Ufw { add, remove } if add.is_empty() && remove.is_empty() => Vec::new(),
        _ => vec![Action::Firewall(change).into()],
    }
}

/// What is not ours to write: a ruleset that somebody wrote by hand, a firewalld without policies.
fn by_hand(desired: &Desired, node: &Node, facts: &NodeFacts) -> Option<String> {
    let firewall = facts.firewall.as_ref()?;
    let fence = facts.fence();
    if desired.cluster.admitted(node).is_empty() {
        return None;
    }
    if fence == Fence::Firewalld && !renders_policy(desired, &node.name) {
        return Some(format!(
            "its firewalld is too old for policies (0.9); this has to be let in by hand, if it is \
             not yet: {}",
            rich_rules(desired, node)
        ));
    }
    let ufw = firewall.ufw.as_ref().is_some_and(|ufw| !ufw.vrrp);
    let peers: Vec<String> = (desired.cluster.vip_peers(node))
        .map(|peer| {
            format!(
                "`-A ufw-before-input -p vrrp -s {} -j ACCEPT`",
                peer.address
            )
        })
        .collect();
    if fence == Fence::Ufw && ufw && !peers.is_empty() {
        return Some(format!(
            "its ufw does not know VRRP (before 0.36.2), by which nodes tell who holds the virtual \
             address; add to /etc/ufw/before.rules: {}",
            peers.join(", ")
        ));
    }
    if fence == Fence::None && node.system.firewall == FirewallUse::On && !firewall.firewalld {
        return Some("`system.firewall: on`, but firewalld is not installed".to_owned());
    }
    if fence != Fence::None {
        return None;
    }
    let chain = closed_chain(desired.cluster, node, facts)?;
    Some(format!(
        "{} drops what no rule accepts, and is not ours to write; add: {}",
        chain.0, chain.1
    ))
}

fn rich_rules(desired: &Desired, node: &Node) -> String {
    let mut rules = Vec::new();
    for (net, ports) in desired.cluster.admitted(node) {
        let family = if net.addr().is_ipv6() { "ipv6" } else { "ipv4" };
        for port in ports {
            rules.push(format!(
                "`firewall-cmd --permanent --add-rich-rule='rule family={family} source address={} \
                 port port={port} protocol=tcp accept'`",
                source(&net)
            ));
        }
    }
    for peer in desired.cluster.vip_peers(node) {
        rules.push(format!(
            "`firewall-cmd --permanent --add-rich-rule='rule family=ipv4 source address={} protocol \
             value=vrrp accept'`",
            peer.address
        ));
    }
    rules.join(", ")
}

impl NodeFacts {
    /// What firewalld did before it read its files again counts no more.
    fn forget_live(&mut self) {
        if let Some(firewall) = &mut self.firewall {
            firewall.live = None;
        }
    }

    /// Makes the facts say what they will say after `change`.
    pub(super) fn project_firewall(&mut self, change: &FirewallChange) {
        match change {
            FirewallChange::StartFirewalld { .. } => {
                self.forget_live();
                self.project_unit(FIREWALLD_UNIT, UnitOperation::Start);
            }
            FirewallChange::ReloadFirewalld { .. } => {
                self.forget_live();
                self.project_unit(FIREWALLD_UNIT, UnitOperation::Reload);
            }
            FirewallChange::Ufw { add, remove } => {
                let ufw = self
                    .firewall
                    .get_or_insert_default()
                    .ufw
                    .get_or_insert_default();
                ufw.rules.extend(add.iter().cloned());
                for rule in remove {
                    ufw.rules.remove(rule);
                }
            }
        }
    }
}
