//! The virtual address: keepalived on every HAProxy node, one after the other, and what stands in
//! its way.

use mahout::facts::firewall::{FirewallFacts, UfwFacts};
use mahout::facts::vip::{NetworkFacts, VipFacts};
use mahout::facts::{FileFacts, UnitFacts};
use mahout::plan::{Condition, Desired, Plan, Rollout};
use mahout::secret::Secret;

use super::case::{Case, THREE, nodes, operations, phase, steps};
use super::preflight::{noted, refused};

const UNIT: &str = "keepalived.service";
const CONFIG: &str = "/etc/keepalived/keepalived.conf";
const VIP: &str = "vip: { address: 10.0.0.100 }\n";

fn facts(number: u8) -> VipFacts {
    VipFacts {
        networks: vec![NetworkFacts {
            interface: "eth0".to_owned(),
            network: "10.0.0.0/24".parse().expect("a network"),
        }],
        hardware: vec![format!("02:00:00:00:00:0{number}")],
        answers: None,
    }
}

/// Bare nodes with a virtual address.
fn bare_on(text: &str, distribution: &str) -> Case {
    let mut case = Case::bare(text, distribution);
    for (number, node) in (1..).zip(["pg-1", "pg-2", "pg-3"]) {
        case.node(node).vip = Some(facts(number));
    }
    case
}

fn bare() -> Case {
    bare_on(&format!("{THREE}{VIP}"), "debian-12")
}

/// After their deploy; pg-1 holds it.
fn running() -> Case {
    let mut case = bare().deployed();
    case.node("pg-1")
        .system
        .addresses
        .push("10.0.0.100".to_owned());
    for node in ["pg-2", "pg-3"] {
        let vip = case.node(node).vip.as_mut().expect("asked");
        vip.answers = Some("02:00:00:00:00:01".to_owned());
    }
    assert_eq!(steps(&case.plan()), [""; 0]);
    case
}

fn content(plan: &Plan, node: &str, path: &str) -> String {
    let work = phase(plan, "virtual address").work.iter();
    let mut steps = work
        .filter(|work| work.node.as_str() == node)
        .flat_map(|work| &work.steps);
    let found = steps.find_map(|step| match &step.action {
        mahout::plan::Action::WriteFile { file, .. } if file.path == path => {
            Some(file.content.expose().to_owned())
        }
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{node} gets no {path}"))
}

#[test]
fn keepalived_comes_after_haproxy_on_one_node_after_the_other() {
    for distribution in ["debian-12", "rocky-9.4"] {
        let case = bare_on(&format!("{THREE}{VIP}"), distribution);
        let plan = case.plan();
        let of_first: Vec<String> = steps(&plan)
            .into_iter()
            .filter_map(|step| {
                step.strip_prefix("virtual address/pg-1: ")
                    .map(str::to_owned)
            })
            .collect();
        assert_eq!(
            of_first,
            [
                "create /usr/libexec/keepalived/mahout-check",
                "create /etc/systemd/system/keepalived.service.d/mahout.conf",
                "create /etc/keepalived/keepalived.conf",
                "reload systemd's units",
                "enable keepalived.service",
                "start keepalived.service",
            ]
        );
        let phases: Vec<&str> = plan.phases.iter().map(|phase| phase.title).collect();
        assert!(
            phases.ends_with(&["haproxy", "virtual address"]),
            "{phases:?}"
        );
        let phase = phase(&plan, "virtual address");
        assert_eq!(phase.rollout, Rollout::Rolling);
        assert_eq!(nodes(phase), ["pg-1", "pg-2", "pg-3"]);
        let gate = phase.gate.as_ref().expect("a gate");
        let wanted = Condition::VipHeld {
            address: [10, 0, 0, 100].into(),
            port: 5000,
        };
        assert_eq!(gate.conditions[2].1, wanted);
        let installs = steps(&plan);
        assert!(
            installs
                .iter()
                .any(|step| step.contains("keepalived") && step.contains("install")),
            "{installs:?}"
        );
        let worst = case.cluster.worst_takeover().expect("a virtual address");
        assert_eq!(worst.as_secs_f64().ceil(), 4.0);
    }
}

#[test]
fn each_node_names_the_others_and_has_a_rank_of_its_own() {
    let plan = bare().plan();
    for (node, own, priority, others) in [
        ("pg-1", "10.0.0.11", 250, ["10.0.0.12", "10.0.0.13"]),
        ("pg-3", "10.0.0.13", 150, ["10.0.0.11", "10.0.0.12"]),
    ] {
        let config = content(&plan, node, CONFIG);
        let lines = [
            "    state BACKUP\n    nopreempt\n".to_owned(),
            "    interface eth0\n    virtual_router_id 100\n".to_owned(),
            format!("    priority {priority}\n    advert_int 1\n    unicast_src_ip {own}\n"),
            format!(
                "    unicast_peer {{\n        {}\n        {}\n    }}\n",
                others[0], others[1]
            ),
            "        10.0.0.100/32 dev eth0\n".to_owned(),
            format!("mahout-check leader {} {}\"\n", others[0], others[1]),
        ];
        for line in lines {
            assert!(config.contains(&line), "no `{line}` in:\n{config}");
        }
    }
    let settings = "vip: { address: 10.0.0.100, interface: eth0, virtual_router_id: 7, \
                    advert_interval: 200ms }\n";
    let plan = bare_on(&format!("{THREE}{settings}"), "debian-12").plan();
    let config = content(&plan, "pg-2", CONFIG);
    assert!(config.contains("virtual_router_id 7\n"), "{config}");
    assert!(config.contains("advert_int 0.2\n"), "{config}");
}

#[test]
fn a_changed_file_is_read_again_and_whoever_holds_the_address_is_the_last() {
    let mut case = running();
    for node in ["pg-1", "pg-2"] {
        case.drift(node, CONFIG);
    }
    let plan = case.plan();
    assert_eq!(nodes(phase(&plan, "virtual address")), ["pg-2", "pg-1"]);
    let reload = mahout::plan::UnitOperation::Reload;
    assert_eq!(
        operations(&plan, UNIT),
        [("pg-2".to_owned(), reload), ("pg-1".to_owned(), reload)]
    );
    let mut case = running();
    case.drift(
        "pg-3",
        "/etc/systemd/system/keepalived.service.d/mahout.conf",
    );
    let restart = mahout::plan::UnitOperation::Restart;
    assert_eq!(
        operations(&case.plan(), UNIT),
        [("pg-3".to_owned(), restart)]
    );
    let mut case = running();
    case.stop("pg-2", UNIT);
    let start = mahout::plan::UnitOperation::Start;
    assert_eq!(operations(&case.plan(), UNIT), [("pg-2".to_owned(), start)]);
}

#[test]
fn switched_off_it_goes_and_what_is_not_ours_stays() {
    let mut case = Case::bare(THREE, "debian-12");
    case.facts = running().facts;
    let of_first: Vec<String> = steps(&case.plan())
        .into_iter()
        .filter_map(|step| step.strip_prefix("system/pg-1: ").map(str::to_owned))
        .collect();
    assert_eq!(
        of_first,
        [
            "disable keepalived.service",
            "remove /etc/keepalived/keepalived.conf",
            "remove /etc/systemd/system/keepalived.service.d/mahout.conf",
            "remove /usr/libexec/keepalived/mahout-check",
            "reload systemd's units",
        ]
    );
    noted(&case, "this node holds no virtual address any more");
    let mut foreign = Case::running();
    foreign
        .node("pg-1")
        .files
        .insert(CONFIG.to_owned(), file("vrrp_instance theirs {}\n"));
    assert_eq!(steps(&foreign.plan()), [""; 0]);
}

#[test]
fn a_destroyed_cluster_lets_go_of_it_first() {
    let case = running();
    let plan = Plan::destroy(&Desired {
        cluster: &case.cluster,
        secrets: &case.secrets,
        rendered: &case.rendered(),
        facts: &case.facts,
    })
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan.phases[0].title, "virtual address");
    let all = steps(&plan);
    assert!(
        all.contains(&format!("files/pg-2: remove {CONFIG}")),
        "{all:?}"
    );
}

#[test]
fn an_address_that_cannot_work_is_refused() {
    let mut case = bare();
    case.node("pg-3").vip.as_mut().expect("asked").answers = Some("52:54:00:aa:bb:cc".to_owned());
    refused(
        &case,
        "pg-3: another machine has the virtual address 10.0.0.100: 52:54:00:aa:bb:cc answers",
    );
    // What a node of ours once held, a neighbour may still believe.
    let mut case = bare();
    case.node("pg-3").vip.as_mut().expect("asked").answers = Some("02:00:00:00:00:02".to_owned());
    case.plan();

    let mut case = bare();
    case.node("pg-2").vip.as_mut().expect("asked").networks[0].network =
        "10.0.0.0/26".parse().expect("a network");
    refused(
        &case,
        "pg-2: the virtual address 10.0.0.100 is in none of its networks; it has 10.0.0.0/26 on eth0",
    );
    let text = format!("{THREE}vip: {{ address: 10.0.0.100, interface: eth1 }}\n");
    refused(
        &bare_on(&text, "debian-12"),
        "pg-1: the virtual address 10.0.0.100 is not in a network of its interface eth1",
    );
    let text = THREE.replace("10.0.0.13 }", "10.0.0.13, roles: [etcd, postgresql] }");
    let mut case = bare_on(&format!("{text}{VIP}"), "debian-12");
    case.node("pg-3")
        .system
        .addresses
        .push("10.0.0.100".to_owned());
    refused(
        &case,
        "pg-3: it has the virtual address 10.0.0.100, and no HAProxy",
    );
}

#[test]
fn somebody_elses_keepalived_is_not_taken_over_while_it_runs() {
    let mut case = bare();
    case.node("pg-2")
        .files
        .insert(CONFIG.to_owned(), file("vrrp_instance theirs {}\n"));
    case.plan();
    let unit = UnitFacts {
        active: "active".to_owned(),
        ..UnitFacts::default()
    };
    case.node("pg-2").units.insert(UNIT.to_owned(), unit);
    refused(
        &case,
        "pg-2: keepalived runs here already, and /etc/keepalived/keepalived.conf is not mahout's",
    );
}

fn file(content: &str) -> FileFacts {
    FileFacts {
        content: Some(Secret::new(content)),
        ..FileFacts::default()
    }
}

#[test]
fn the_certificates_carry_it_and_haproxy_lets_in_who_comes_from_it() {
    let case = bare();
    let address = "10.0.0.100".parse().expect("an address");
    for spec in case.cluster.certificates() {
        let carries = spec.addresses.contains(&address);
        let is_postgresql = spec.name.purpose == mahout::cluster::CertificatePurpose::Postgresql;
        assert_eq!(carries, is_postgresql, "{}", spec.name);
    }
    let rendered = &case.rendered()[&"pg-1".into()];
    let haproxy = rendered
        .files
        .iter()
        .find(|file| file.path == "/etc/haproxy/haproxy.cfg");
    let haproxy = haproxy.expect("the file").content.expose();
    assert!(haproxy.contains("10.0.0.13 10.0.0.100"), "{haproxy}");
    assert!(haproxy.contains("bind *:5000"), "{haproxy}");
}

#[test]
fn haproxy_with_addresses_of_its_own_listens_on_it_before_it_is_there() {
    let text = format!("{THREE}{VIP}haproxy: {{ listen: [address] }}\n");
    let case = bare_on(&text, "debian-12");
    let rendered = &case.rendered()[&"pg-2".into()];
    let haproxy = rendered
        .files
        .iter()
        .find(|file| file.path == "/etc/haproxy/haproxy.cfg");
    let haproxy = haproxy.expect("the file").content.expose();
    assert!(
        haproxy.contains("    bind 10.0.0.12:5000\n    bind 10.0.0.100:5000\n"),
        "{haproxy}"
    );
    assert_eq!(rendered.kernel_settings["net.ipv4.ip_nonlocal_bind"], "1");
}

#[test]
fn firewalls_let_vrrp_through_between_the_holders() {
    let mut case = bare();
    case.node("pg-1").firewall = Some(FirewallFacts {
        firewalld: true,
        policies: true,
        ..FirewallFacts::default()
    });
    let firewalld = UnitFacts {
        active: "active".to_owned(),
        enabled: "enabled".to_owned(),
        ..UnitFacts::default()
    };
    case.node("pg-1")
        .units
        .insert("firewalld.service".to_owned(), firewalld);
    for (node, vrrp) in [("pg-2", true), ("pg-3", false)] {
        let ufw = UfwFacts {
            enabled: true,
            vrrp,
            ..UfwFacts::default()
        };
        case.node(node).firewall = Some(FirewallFacts {
            ufw: Some(ufw),
            ..FirewallFacts::default()
        });
    }
    let plan = case.plan();
    let all = steps(&plan).join("\n");
    assert!(all.contains("VRRP from 10.0.0.12, 10.0.0.13"), "{all}");
    assert!(all.contains("vrrp from 10.0.0.11"), "{all}");
    let rendered = &case.rendered()[&"pg-1".into()];
    let policy = rendered
        .files
        .iter()
        .find(|file| file.path.contains("firewalld"));
    let policy = policy.expect("a policy").content.expose();
    assert!(
        policy.contains(
            "<source address=\"10.0.0.13\"/>\n    <protocol value=\"vrrp\"/>\n    <accept/>"
        ),
        "{policy}"
    );
    noted(
        &case,
        "pg-3: its ufw does not know VRRP (before 0.36.2), by which nodes tell who holds the virtual \
         address; add to /etc/ufw/before.rules: `-A ufw-before-input -p vrrp -s 10.0.0.11 -j ACCEPT`",
    );
}
