//! Turning TLS on in a cluster that runs without it, stage by stage.

use mahout::cluster::tls::TlsStage;
use mahout::cluster::{CertificateName, Cluster, Secrets};
use mahout::plan::stages::stages;
use mahout::plan::{Action, Guard, Plan};
use mahout::secret::Secret;

use super::case::{Case, THREE, phase, steps, titles};

/// A cluster that was deployed without TLS, and the inventory that has it now.
fn turned_on() -> Case {
    let clear = Case::bare(&format!("{THREE}tls: off\n"), "debian-12").deployed();
    let mut case = Case::bare(&format!("{THREE}tls: on\n"), "debian-12");
    case.facts = clear.facts;
    let names: Vec<CertificateName> = case
        .cluster
        .certificates()
        .into_iter()
        .map(|certificate| certificate.name)
        .collect();
    let pem = |name: &CertificateName| Secret::new(format!("certificate of {name}"));
    case.secrets = Secrets {
        certificates: names.iter().map(|name| (name.clone(), pem(name))).collect(),
        ca_bundle: "the authority".to_owned(),
        ..case.secrets
    };
    for name in ["pg-1", "pg-2", "pg-3"] {
        case.etcd(name).healthy = true;
    }
    case
}

fn left(case: &Case) -> Vec<TlsStage> {
    let stages = stages(&case.cluster, &case.facts);
    stages.iter().map(|cluster| cluster.tls.stage).collect()
}

/// The plan of each stage that is left, and the case as each leaves it.
fn walk(mut case: Case) -> Vec<(Plan, Case)> {
    let whole = case.cluster.clone();
    let mut walked = Vec::new();
    for cluster in stages(&whole, &case.facts) {
        case.cluster = cluster;
        let (plan, facts) = case.project();
        case.facts = facts;
        let after = Case {
            cluster: whole.clone(),
            ..case.clone()
        };
        walked.push((plan, after));
    }
    walked
}

fn urls(cluster: &Cluster) -> Vec<String> {
    let node = &cluster.nodes;
    vec![
        cluster.etcd_client_url(&node[0]),
        cluster.etcd_peer_url(&node[1]),
        cluster.rest_url(&node[0]),
    ]
}

#[test]
fn a_cluster_that_is_new_or_whole_has_one_stage() {
    let bare = Case::bare(&format!("{THREE}tls: on\n"), "debian-12");
    assert_eq!(left(&bare), [TlsStage::Whole]);
    let (_, case) = walk(turned_on()).pop().expect("stages");
    assert_eq!(left(&case), [TlsStage::Whole]);
    let plan = case.plan();
    assert!(plan.is_empty(), "{:?}", steps(&plan));
    let off = Case::bare(&format!("{THREE}tls: off\n"), "debian-12").deployed();
    assert_eq!(left(&off), [TlsStage::Whole]);
}

#[test]
fn services_change_over_one_after_the_other() {
    let case = turned_on();
    let reached: Vec<Vec<String>> = stages(&case.cluster, &case.facts)
        .iter()
        .map(urls)
        .collect();
    let schemes: Vec<Vec<&str>> = reached
        .iter()
        .map(|urls| {
            urls.iter()
                .map(|url| url.split(':').next().expect("one"))
                .collect()
        })
        .collect();
    assert_eq!(
        schemes,
        [
            ["http", "http", "http"],
            ["https", "http", "http"],
            ["https", "https", "http"],
            ["https", "https", "https"],
        ]
    );
    let walked = walk(case);
    let phases: Vec<Vec<&str>> = walked.iter().map(|(plan, _)| titles(plan)).collect();
    assert_eq!(
        phases,
        [
            vec!["certificates", "etcd settings", "haproxy"],
            vec!["etcd settings", "patroni configuration"],
            vec!["etcd settings", "patroni configuration"],
            vec!["etcd access", "patroni configuration", "haproxy"],
        ]
    );
}

#[test]
fn a_run_that_was_interrupted_goes_on_with_the_stage_that_it_was_in() {
    let walked = walk(turned_on());
    let left_after: Vec<usize> = walked.iter().map(|(_, case)| left(case).len()).collect();
    // Certificates, and each stage that nothing is left of but the next one has not begun.
    assert_eq!(left_after, [4, 3, 2, 1]);
    for (_, case) in walked {
        let again = walk(case);
        let (first, _) = again.first().expect("a stage");
        assert!(first.is_empty(), "{:?}", steps(first));
    }
    // The first member has been told of, and has not restarted.
    let mut case = turned_on();
    for name in ["pg-1", "pg-2", "pg-3"] {
        case.etcd(name).members[0].peer_urls = vec!["https://10.0.0.11:2380".to_owned()];
    }
    assert_eq!(left(&case)[0], TlsStage::Patroni);
    for name in ["pg-1", "pg-2", "pg-3"] {
        case.etcd(name).members[2].peer_urls = vec!["https://10.0.0.13:2380".to_owned()];
    }
    assert_eq!(left(&case)[0], TlsStage::Etcd);
    "https://10.0.0.12:8008".clone_into(&mut case.patroni("pg-2").url);
    assert_eq!(left(&case), [TlsStage::Whole]);
}

#[test]
fn a_member_of_etcd_is_announced_where_it_will_listen_and_asked_where_it_does() {
    let walked = walk(turned_on());
    let (second, _) = &walked[1];
    assert_eq!(
        steps(second)[1..3],
        [
            "etcd settings/pg-1: tell etcd that the member here is at https://10.0.0.11:2380",
            "etcd settings/pg-1: restart etcd.service",
        ]
    );
    // pg-2 leads etcd and comes last; by then pg-3 has changed over.
    let settings = phase(&walked[2].0, "etcd settings");
    let last = settings.work.last().expect("work");
    assert_eq!(last.node.as_str(), "pg-2");
    let Some(Guard::EtcdQuorumWithout { others, .. }) = &last.steps[1].guard else {
        panic!("{:?}", last.steps[1]);
    };
    let places = [
        ("pg-1", "https://10.0.0.11:2379"),
        ("pg-3", "https://10.0.0.13:2379"),
    ];
    assert_eq!(*others, places.map(|(node, url)| (node.into(), url.into())));
    let first = &settings.work[0].steps[1];
    let Action::EtcdPeerUrl { url, .. } = &first.action else {
        panic!("{first:?}");
    };
    assert_eq!(url, "http://10.0.0.13:2379");
}

#[test]
fn patroni_restarts_once_and_reloads_after_that() {
    let mut restarts = Vec::new();
    for (plan, _) in walk(turned_on()) {
        let works = plan.phases.iter().flat_map(|phase| &phase.work);
        let restarted = works.filter(|work| {
            let mut steps = work.steps.iter();
            steps.any(|step| matches!(step.action, Action::RestartPatroni { .. }))
        });
        restarts.push(
            restarted
                .map(|work| work.node.to_string())
                .collect::<Vec<_>>(),
        );
    }
    let none: [&str; 0] = [];
    assert_eq!(restarts[0], none);
    assert_eq!(
        restarts[1],
        ["pg-2", "pg-3", "pg-1"],
        "the leader is the last"
    );
    assert_eq!(restarts[2], none);
    assert_eq!(restarts[3], none);
}

#[test]
fn nobody_is_locked_out_before_everybody_speaks_tls() {
    let case = turned_on();
    for cluster in stages(&case.cluster, &case.facts) {
        let refuses = cluster
            .postgresql
            .pg_hba
            .iter()
            .any(|line| line.starts_with("hostssl"));
        assert_eq!(refuses, cluster.tls.stage == TlsStage::Whole);
        let asks = cluster.etcd_asks_for_login();
        assert_eq!(asks, cluster.tls.stage == TlsStage::Whole);
    }
}

#[test]
fn a_lone_member_of_etcd_and_turning_tls_off_are_refused() {
    let (_, whole) = walk(turned_on()).pop().expect("stages");
    let mut off = Case::bare(&format!("{THREE}tls: off\n"), "debian-12");
    off.facts = whole.facts;
    let refusal = off.refusal();
    assert!(
        refusal.contains("the inventory says `tls: off`"),
        "{refusal}"
    );

    let text = "scope: main\nnodes:\n  pg-1: { address: 10.0.0.11 }\n  pg-2: { address: 10.0.0.12, roles: \
                [postgresql, haproxy] }\n";
    let clear = Case::bare(&format!("{text}tls: off\n"), "debian-12").deployed();
    let mut case = Case::bare(&format!("{text}tls: on\n"), "debian-12");
    case.facts = clear.facts;
    case.cluster = stages(&case.cluster, &case.facts).remove(0);
    let refusal = case.refusal();
    assert!(refusal.contains("etcd has one member"), "{refusal}");
}
