//! Firewalls: what runs is opened to the cluster, and to nobody else.

use std::collections::BTreeSet;

use mahout::facts::firewall::{FirewallFacts, FirewallRule, NftablesChain, UfwFacts};
use mahout::facts::{ListeningPort, UnitFacts};
use mahout::plan::Action;
use mahout::plan::firewall::FirewallChange;

use super::case::{Case, THREE, steps, titles};

const POLICY: &str = "/etc/firewalld/policies/mahout.xml";
const PORTS: &str = "2379, 2380, 5000, 5001, 5432, 8008";

fn with_firewalld(text: &str, active: &str) -> Case {
    let mut case = Case::bare(text, "debian-12");
    for node in ["pg-1", "pg-2", "pg-3"] {
        firewalld(&mut case, node, active);
    }
    case
}

fn firewalld(case: &mut Case, node: &str, active: &str) {
    case.node(node).firewall = Some(FirewallFacts {
        firewalld: true,
        policies: true,
        ..FirewallFacts::default()
    });
    let unit = UnitFacts {
        load: "loaded".to_owned(),
        active: active.to_owned(),
        enabled: if active == "active" {
            "enabled"
        } else {
            "disabled"
        }
        .to_owned(),
        active_since: (active == "active").then_some(500),
        ..UnitFacts::default()
    };
    case.node(node)
        .units
        .insert("firewalld.service".to_owned(), unit);
}

/// The steps of a node in the phase, and the policy that is written there.
fn firewall(case: &Case, node: &str) -> (Vec<String>, String) {
    let plan = case.plan();
    let mut said = Vec::new();
    let mut policy = String::new();
    for phase in plan.phases.iter().filter(|phase| phase.title == "firewall") {
        for work in phase.work.iter().filter(|work| work.node.as_str() == node) {
            for step in &work.steps {
                said.push(step.action.title());
                if let Action::WriteFile { file, .. } = &step.action {
                    file.content.expose().clone_into(&mut policy);
                }
            }
        }
    }
    (said, policy)
}

#[test]
fn firewalld_lets_in_the_nodes_and_the_clients_each_to_its_ports() {
    let text = format!("clients: [10.0.2.0/24]\n{THREE}");
    let case = with_firewalld(&text, "active");
    assert_eq!(
        titles(&case.plan())[..3],
        ["packages", "system", "firewall"]
    );
    let (steps, policy) = firewall(&case, "pg-1");
    assert_eq!(
        steps,
        [
            format!("create {POLICY}"),
            format!(
                "reload firewalld, open to {PORTS} from 10.0.0.12, 10.0.0.13; 5000, 5001, 5432 \
                 from 10.0.2.0/24"
            )
        ]
    );
    insta::assert_snapshot!("firewalld_policy_of_pg_1", policy);
}

#[test]
fn roles_decide_who_is_let_in() {
    let text = "scope: main\nhaproxy: { listen: [address], stats: { listen: \"*\" } }\nnodes:\n  \
                pg-1: { address: 10.0.0.11, roles: [etcd] }\n  \
                pg-2: { address: 10.0.0.12, roles: [postgresql] }\n  \
                pg-3: { address: \"fd00::13\", roles: [haproxy] }\n";
    let case = with_firewalld(text, "active");
    let opens = |node: &str| firewall(&case, node).0.pop().expect("a reload");
    // A member of etcd alone has no peers to let in.
    assert!(opens("pg-1").ends_with("2379 from 10.0.0.12"));
    assert!(opens("pg-2").ends_with("5432, 8008 from fd00::13"));
    assert!(opens("pg-3").ends_with("5000, 5001, 7000 from 10.0.0.11, 10.0.0.12"));
    assert!(
        firewall(&case, "pg-2")
            .1
            .contains(r#"<rule family="ipv6">"#)
    );
}

#[test]
fn once_it_is_open_nothing_is_to_be_done_and_drift_is_undone() {
    let mut case = with_firewalld(THREE, "active").deployed();
    assert!(case.plan().is_empty());
    case.drift("pg-2", POLICY);
    assert_eq!(
        steps(&case.plan())
            .iter()
            .map(|step| step.split(", open").next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>(),
        [
            format!("firewall/pg-2: update {POLICY}"),
            "firewall/pg-2: reload firewalld".to_owned()
        ]
    );
    // Written and not read, as after a run that was cut off.
    let mut case = with_firewalld(THREE, "active").deployed();
    case.node("pg-3")
        .files
        .get_mut(POLICY)
        .expect("it")
        .modified = 5_000;
    let plan = case.plan();
    assert_eq!(plan.step_count(), 1, "{:?}", steps(&plan));
    assert!(steps(&plan)[0].starts_with("firewall/pg-3: reload firewalld"));
    // Somebody closed it at run time.
    let mut case = with_firewalld(THREE, "active").deployed();
    let there = case.node("pg-1").firewall.as_mut().expect("it");
    there.live = Some(BTreeSet::new());
    assert!(steps(&case.plan())[0].starts_with("firewall/pg-1: reload firewalld"));
}

#[test]
fn what_does_not_run_is_started_only_where_that_is_asked_for() {
    assert!(!titles(&with_firewalld(THREE, "inactive").plan()).contains(&"firewall"));
    let off = format!("{THREE}system: {{ firewall: off }}\n");
    assert!(!titles(&with_firewalld(&off, "active").plan()).contains(&"firewall"));

    let on = format!("{THREE}system: {{ firewall: on }}\n");
    let mut case = with_firewalld(&on, "inactive");
    case.node("pg-1").ports.push(ListeningPort {
        address: "*".to_owned(),
        port: 2222,
        process: "sshd".to_owned(),
        pid: Some(1),
    });
    let (said, _) = firewall(&case, "pg-1");
    assert_eq!(
        said[..2],
        [
            format!("create {POLICY}"),
            "enable firewalld.service".to_owned()
        ]
    );
    let plan = case.plan();
    let started: Vec<&Vec<u16>> = plan
        .phases
        .iter()
        .flat_map(|phase| &phase.work)
        .flat_map(|work| &work.steps)
        .filter_map(|step| match &step.action {
            Action::Firewall(FirewallChange::StartFirewalld { ssh_ports, .. }) => Some(ssh_ports),
            _ => None,
        })
        .collect();
    assert_eq!(started, [&vec![2222], &vec![22], &vec![22]]);
    assert!(case.deployed().plan().is_empty());

    let none = Case::bare(&on, "debian-12");
    assert!(
        none.notes().is_empty(),
        "nothing is known of their firewalls"
    );
    let mut none = none;
    none.node("pg-2").firewall = Some(FirewallFacts::default());
    assert!(
        none.notes()
            .contains("pg-2: `system.firewall: on`, but firewalld is not installed")
    );
}

#[test]
fn ufw_gets_rules_and_loses_those_that_once_were_ours() {
    let mut case = Case::running();
    let rule = |source: &str, ports: &str| FirewallRule {
        source: source.to_owned(),
        ports: ports.to_owned(),
    };
    let ufw = UfwFacts {
        vrrp: true,
        enabled: true,
        input: "DROP".to_owned(),
        rules: BTreeSet::from([
            rule("10.0.0.12", "2379,2380,5000,5001,5432,8008"),
            rule("10.0.0.99", "5432"),
        ]),
    };
    case.node("pg-1").firewall = Some(FirewallFacts {
        ufw: Some(ufw.clone()),
        ..FirewallFacts::default()
    });
    assert_eq!(
        steps(&case.plan()),
        [format!(
            "firewall/pg-1: ufw: open {PORTS} from 10.0.0.13; close 5432 from 10.0.0.99"
        )]
    );
    let (_, facts) = case.project();
    case.facts = facts;
    assert!(case.plan().is_empty());

    let disabled = UfwFacts {
        vrrp: true,
        enabled: false,
        ..ufw
    };
    case.node("pg-1").firewall = Some(FirewallFacts {
        ufw: Some(disabled),
        ..FirewallFacts::default()
    });
    assert!(case.plan().is_empty());
}

#[test]
fn what_somebody_wrote_by_hand_is_not_written_but_said() {
    let mut case = Case::running();
    let chain = |ports: &[u16]| {
        Some(FirewallFacts {
            nftables: vec![NftablesChain {
                vrrp: false,
                name: "inet filter input".to_owned(),
                ports: ports.iter().copied().collect(),
            }],
            ..FirewallFacts::default()
        })
    };
    case.node("pg-1").firewall = chain(&[22, 2379]);
    assert!(case.plan().is_empty());
    let notes = case.notes();
    let line = "`nft insert rule inet filter input ip saddr 10.0.0.12 tcp dport { 2379, 2380, 5000, \
                5001, 5432, 8008 } accept`";
    assert!(notes.contains(line), "{notes}");
    case.node("pg-1").firewall = chain(&[22, 2379, 2380, 5000, 5001, 5432, 8008]);
    assert!(!case.notes().contains("nft insert"));

    // firewalld of EL 7.
    firewalld(&mut case, "pg-2", "active");
    let there = case.node("pg-2").firewall.as_mut().expect("it");
    there.policies = false;
    assert!(case.plan().is_empty());
    let notes = case.notes();
    let line = "`firewall-cmd --permanent --add-rich-rule='rule family=ipv4 source \
                address=10.0.0.11 port port=2379 protocol=tcp accept'`";
    assert!(
        notes.contains("pg-2: its firewalld is too old") && notes.contains(line),
        "{notes}"
    );
}
