//! Firewalls.

use std::collections::BTreeSet;

use crate::facts::firewall::{FirewallFacts, FirewallRule, NftablesChain, UfwFacts};
use crate::facts::section::Sections;
use crate::platform::firewall::VRRP;

/// The comment of ufw rules that are ours, as ufw keeps it: hexadecimal.
const OURS: &str = "comment=6d61686f7574";

pub(super) fn firewall(sections: &Sections<'_>) -> Option<FirewallFacts> {
    sections.get("firewall")?;
    let value = |key| sections.value("firewall", key);
    let ufw = value("ufw").map(|enabled| UfwFacts {
        enabled: enabled == "yes",
        input: value("ufw-input")
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned(),
        vrrp: value("ufw-vrrp").is_some(),
        rules: sections
            .values("firewall", "ufw-rule")
            .filter_map(ufw_rule)
            .collect(),
    });
    Some(FirewallFacts {
        firewalld: value("firewalld").is_some(),
        policies: value("policies").is_some(),
        live: value("live").map(|_| {
            let rules = sections.values("firewall", "live-rule");
            rules.filter_map(live_rule).collect()
        }),
        ufw,
        nftables: sections.all("nftables").map(chain).collect(),
    })
}

/// `allow tcp 2379,2380 0.0.0.0/0 any 10.0.0.12 in comment=6d61686f7574`.
fn ufw_rule(tuple: &str) -> Option<FirewallRule> {
    let words: Vec<&str> = tuple.split_whitespace().collect();
    match words.as_slice() {
        ["allow", "tcp", ports, _, "any", source, "in", OURS] => Some(FirewallRule {
            source: (*source).to_owned(),
            ports: (*ports).to_owned(),
        }),
        // `allow vrrp any 0.0.0.0/0 any 10.0.0.12 in comment=6d61686f7574`.
        ["allow", VRRP, "any", _, "any", source, "in", OURS] => Some(FirewallRule {
            source: (*source).to_owned(),
            ports: VRRP.to_owned(),
        }),
        _ => None,
    }
}

/// `rule family="ipv4" source address="10.0.0.12" port port="2379" protocol="tcp" accept`.
fn live_rule(rule: &str) -> Option<FirewallRule> {
    let value = |key: &str| {
        let (_, rest) = rule.split_once(&format!(" {key}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    rule.ends_with(" accept").then_some(())?;
    // `protocol value="vrrp"` stands in the place of the port.
    let protocol = || value("value").filter(|name| name == VRRP);
    Some(FirewallRule {
        source: value("address")?,
        ports: value("port").or_else(protocol)?,
    })
}

fn chain(section: &crate::facts::section::Section<'_>) -> NftablesChain {
    let rules = section.lines.iter();
    let ports: BTreeSet<u16> = rules
        .filter_map(|rule| rule.split_once("dport "))
        .flat_map(|(_, ports)| ports.split(|c: char| !c.is_ascii_digit()))
        .filter_map(|number| number.parse().ok())
        .collect();
    NftablesChain {
        name: section.argument.to_owned(),
        ports,
        vrrp: section
            .lines
            .iter()
            .any(|rule| rule.contains("protocol 112")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_ours_are_told_from_others() {
        let sections = Sections::of(
            "@firewall\nfirewalld yes\npolicies yes\nufw yes\nufw-input \"DROP\"\n\
             live yes\nlive-rule rule family=\"ipv4\" source address=\"10.0.0.12\" port \
             port=\"2379\" protocol=\"tcp\" accept\nlive-rule \n\
             ufw-rule allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n\
             ufw-rule allow tcp 2379,2380 0.0.0.0/0 any 10.0.0.12 in comment=6d61686f7574\n\
             ufw-rule allow tcp 5432 ::/0 any fd00::/64 in comment=6d61686f7574\n\
             @nftables inet filter input\n \t\ttcp dport { 22, 2379 } accept\n\n",
        );
        let facts = firewall(&sections).expect("asked");
        assert!(facts.firewalld && facts.policies);
        let live = FirewallRule {
            source: "10.0.0.12".to_owned(),
            ports: "2379".to_owned(),
        };
        assert_eq!(facts.live, Some(BTreeSet::from([live])));
        let ufw = facts.ufw.expect("ufw");
        assert!(ufw.enabled && ufw.input == "DROP");
        let rules: Vec<String> = ufw
            .rules
            .iter()
            .map(|rule| format!("{} {}", rule.source, rule.ports))
            .collect();
        assert_eq!(rules, ["10.0.0.12 2379,2380", "fd00::/64 5432"]);
        assert_eq!(facts.nftables[0].name, "inet filter input");
        assert_eq!(facts.nftables[0].ports, BTreeSet::from([22, 2379]));
        assert_eq!(firewall(&Sections::of("@facts\n")), None);
    }
}
