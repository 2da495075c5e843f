//! The named commands: reinit, replace, destroy; what is planned, what is refused.

use mahout::facts::EtcdFacts;
use mahout::facts::patroni::PatroniMember;
use mahout::plan::{Action, Condition, Desired, Guard, Plan, PlanError};

use super::case::{Case, IDENTIFIER, nodes, phase, steps, titles};

/// Three members, pg-1 leads, the others stream.
fn running() -> Case {
    let mut case = Case::running();
    let member = |name: &str| PatroniMember {
        name: name.to_owned(),
        ..PatroniMember::default()
    };
    let members: Vec<PatroniMember> = ["pg-1", "pg-2", "pg-3"].map(member).into();
    for name in ["pg-1", "pg-2", "pg-3"] {
        case.patroni(name).members.clone_from(&members);
        let streams = (name != "pg-1").then(|| "streaming".to_owned());
        case.postgresql(name).wal_receiver = streams;
        case.postgresql(name).system_identifier = Some(IDENTIFIER.to_owned());
        case.postgresql(name).data_dir_in_use = true;
    }
    case
}

fn with<T>(case: &Case, plan: impl Fn(&Desired) -> Result<T, PlanError>) -> Result<T, String> {
    let desired = Desired {
        cluster: &case.cluster,
        secrets: &case.secrets,
        rendered: &case.rendered(),
        facts: &case.facts,
    };
    plan(&desired).map_err(|error| error.to_string())
}

fn reinit(case: &Case, node: &str) -> Result<Plan, String> {
    with(case, |desired| Plan::reinitialize(desired, &node.into()))
}

fn replace(case: &Case, node: &str) -> Result<Plan, String> {
    with(case, |desired| Plan::replace(desired, &node.into())).map(|(plan, _)| plan)
}

#[track_caller]
fn refused(plan: Result<Plan, String>, because: &str) {
    match plan {
        Ok(plan) => panic!("planned: {:?}", steps(&plan)),
        Err(error) => assert!(error.contains(because), "{error}"),
    }
}

/// pg-3 came back with nothing of etcd, which still counts on it.
fn robbed() -> Case {
    let mut case = Case::running();
    case.stop("pg-3", "etcd.service");
    case.etcd("pg-3").data_dir_has_member = false;
    case
}

#[test]
fn a_replica_is_made_anew_by_patroni() {
    let plan = reinit(&running(), "pg-3").expect("a plan");
    assert_eq!(
        steps(&plan),
        [
            "reinit/pg-3: have Patroni replace /var/lib/postgresql/15/patroni by a copy of the leader's"
        ]
    );
    let phase = &plan.phases[0];
    let guard = &phase.work[0].steps[0].guard;
    assert!(matches!(guard, Some(Guard::LeaderIs { node, .. }) if node.as_str() == "pg-1"));
    let gate = phase.gate.as_ref().expect("a gate");
    assert!(matches!(
        gate.conditions[0].1,
        Condition::PatroniReplica { .. }
    ));
}

#[test]
fn what_is_not_this_clusters_is_moved_aside_and_not_deleted() {
    let mut case = running();
    case.postgresql("pg-3").system_identifier = Some("1".to_owned());
    let refusal = case.refusal();
    assert!(refusal.contains("`mahout reinit pg-3`"), "{refusal}");
    let anew = [
        "reinit/pg-3: stop patroni.service",
        "reinit/pg-3: move /var/lib/postgresql/15/patroni aside, to \
         /var/lib/postgresql/15/patroni.before-reinit-TIME",
        "reinit/pg-3: directory /var/lib/postgresql/15/patroni (postgres:postgres 700)",
        "reinit/pg-3: start patroni.service",
    ];
    let planned = reinit(&case, "pg-3").expect("a plan");
    assert_eq!(steps(&planned), anew);
    assert!(planned.phases[0].work[0].steps[0].guard.is_some());
    // Nor what nobody can read.
    case.postgresql("pg-3").system_identifier = None;
    assert_eq!(steps(&reinit(&case, "pg-3").expect("a plan")), anew);
    // With an empty directory there is nothing to move.
    case.postgresql("pg-3").data_dir_in_use = false;
    let planned = reinit(&case, "pg-3").expect("a plan");
    assert_eq!(steps(&planned), [anew[0], anew[3]]);
}

#[test]
fn no_copy_goes_without_a_sound_leader_or_as_the_last_but_one() {
    refused(reinit(&running(), "pg-1"), "pg-1: it leads");
    refused(
        reinit(&running(), "pg-9"),
        "`pg-9` is no node with PostgreSQL",
    );

    let mut case = running();
    case.lose_leader();
    refused(reinit(&case, "pg-2"), "nobody leads");

    let mut case = running();
    case.patroni("pg-1").paused = true;
    refused(reinit(&case, "pg-2"), "Patroni is paused");

    let mut case = running();
    case.postgresql("pg-1").answers = false;
    refused(
        reinit(&case, "pg-2"),
        "pg-1: it leads, but its PostgreSQL does not answer",
    );

    let mut case = running();
    case.postgresql("pg-2").wal_receiver = None;
    refused(
        reinit(&case, "pg-3"),
        "pg-3: it has the only copy beside the leader's: pg-2 does not stream",
    );
    // The broken one itself is what it is for.
    assert!(reinit(&case, "pg-2").is_ok());

    let mut case = running();
    "not-found".clone_into(&mut case.unit("pg-2", "patroni.service").load);
    refused(
        reinit(&case, "pg-2"),
        "`mahout replace pg-2` makes a node of it again",
    );
}

#[test]
fn a_member_without_its_data_leaves_etcd_and_joins_again() {
    let case = robbed();
    assert!(case.refusal().contains("`mahout replace pg-3`"));
    let plan = replace(&case, "pg-3").expect("a plan");
    assert_eq!(
        steps(&plan),
        [
            "etcd member/pg-1: remove etcd's member id-pg-3, add a new one at https://10.0.0.13:2380",
            "etcd member joins/pg-3: start etcd.service as a new member",
        ]
    );
    for phase in &plan.phases {
        let last = phase.work[0].steps.last().expect("a step");
        let Some(Guard::EtcdQuorumWithout {
            node,
            others,
            needed,
        }) = &last.guard
        else {
            panic!("{last:?}");
        };
        assert_eq!((node.as_str(), *needed), ("pg-3", 2));
        let places = [
            ("pg-1", "https://10.0.0.11:2379"),
            ("pg-2", "https://10.0.0.12:2379"),
        ];
        assert_eq!(*others, places.map(|(node, url)| (node.into(), url.into())));
    }
    assert!(phase(&plan, "etcd member joins").gate.is_some());
}

#[test]
fn an_interrupted_replacement_goes_on_where_it_stopped() {
    // Removed, and not added yet.
    let mut case = robbed();
    for node in ["pg-1", "pg-2"] {
        case.etcd(node).members.pop();
    }
    let plan = replace(&case, "pg-3").expect("a plan");
    assert_eq!(
        steps(&plan)[0],
        "etcd member/pg-1: add a new member of etcd at https://10.0.0.13:2380"
    );
    // Added, and not started yet.
    let mut case = robbed();
    for node in ["pg-1", "pg-2"] {
        let member = &mut case.etcd(node).members[2];
        member.name.clear();
        member.client_urls.clear();
    }
    let plan = replace(&case, "pg-3").expect("a plan");
    assert_eq!(titles(&plan), ["etcd member joins"]);
    // A node that has lost nothing is only deployed to.
    assert!(
        replace(&Case::running(), "pg-3")
            .expect("a plan")
            .is_empty()
    );
}

#[test]
fn a_member_whose_data_is_of_no_use_has_it_moved_aside() {
    let mut case = Case::running();
    case.stop("pg-3", "etcd.service");
    "activating".clone_into(&mut case.unit("pg-3", "etcd.service").active);
    let plan = replace(&case, "pg-3").expect("a plan");
    let told = steps(&plan);
    assert_eq!(told[0], "etcd member stops/pg-3: stop etcd.service");
    assert!(told[1].starts_with("etcd member/pg-1: remove"), "{told:?}");
    assert_eq!(
        told[2..4],
        [
            "etcd member joins/pg-3: move /var/lib/etcd/main aside, to /var/lib/etcd/main.before-replace-TIME",
            "etcd member joins/pg-3: directory /var/lib/etcd/main (etcd:etcd 700)",
        ]
    );
}

#[test]
fn a_bare_node_is_installed_first_and_its_replica_comes_last() {
    let mut case = running();
    let bare = Case::bare(super::case::THREE, "debian-12");
    let facts = bare.facts.nodes[&"pg-3".into()].clone();
    *case.node("pg-3") = facts;
    let plan = replace(&case, "pg-3").expect("a plan");
    let titles = titles(&plan);
    let at = |title: &str| titles.iter().position(|known| *known == title);
    assert!(at("packages") < at("etcd member"), "{titles:?}");
    assert!(at("etcd member joins") < at("replicas"), "{titles:?}");
    assert_eq!(at("etcd"), None, "{titles:?}");
}

#[test]
fn etcd_is_not_taken_from_without_a_quorum_of_the_others() {
    let mut case = robbed();
    case.etcd("pg-1").healthy = false;
    case.etcd("pg-2").healthy = false;
    refused(replace(&case, "pg-3"), "no other member of etcd is healthy");
    refused(
        replace(&robbed(), "pg-9"),
        "`pg-9` is no node of this inventory",
    );
    let mut alone = Case::bare(
        "scope: main\nnodes:\n  pg-1: { address: 10.0.0.11 }\n",
        "debian-12",
    );
    *alone.etcd("pg-1") = EtcdFacts::default();
    refused(replace(&alone, "pg-1"), "etcd has no other member");
}

#[test]
fn the_end_of_a_cluster_begins_with_its_clients_and_deletes_nothing() {
    let mut case = running();
    case.etcd("pg-1").keys = vec!["leader".to_owned()];
    let plan = with(&case, Plan::destroy).expect("a plan");
    assert_eq!(
        titles(&plan),
        [
            "clients", "replicas", "leader", "dcs keys", "etcd", "data", "files"
        ]
    );
    assert_eq!(nodes(phase(&plan, "replicas")), ["pg-2", "pg-3"]);
    assert_eq!(nodes(phase(&plan, "leader")), ["pg-1"]);
    assert_eq!(
        steps(&plan)
            .iter()
            .filter(|step| step.starts_with("data/pg-2"))
            .collect::<Vec<_>>(),
        [
            "data/pg-2: move /var/lib/postgresql/15/patroni aside, to \
             /var/lib/postgresql/15/patroni.destroyed-TIME",
            "data/pg-2: move /var/lib/etcd/main aside, to /var/lib/etcd/main.destroyed-TIME",
        ]
    );
    let files = phase(&plan, "files");
    let hosts = files.work[0]
        .steps
        .iter()
        .find_map(|step| match &step.action {
            Action::WriteFile { file, .. } => Some((file.path.as_str(), file.content.expose())),
            _ => None,
        });
    assert_eq!(hosts, Some(("/etc/hosts", "127.0.0.1 localhost\n")));
    let told = steps(&plan);
    for path in [
        "/etc/patroni/patroni.yml",
        "/etc/systemd/system/etcd.service",
    ] {
        assert!(
            told.contains(&format!("files/pg-3: remove {path}")),
            "{told:?}"
        );
    }

    // What another cluster has there is none of its business.
    case.patroni("pg-2").scope = "other".to_owned();
    let refusal = with(&case, Plan::destroy).expect_err("a refusal");
    assert!(
        refusal.contains("Patroni runs here for the cluster `other`"),
        "{refusal}"
    );
}

#[test]
fn after_the_end_there_is_nothing_to_end() {
    let bare = Case::bare(super::case::THREE, "debian-12");
    assert!(with(&bare, Plan::destroy).expect("a plan").is_empty());
}
