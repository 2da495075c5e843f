//! restore-dcs: what is left of etcd decides what is planned, and whoever has the newest database
//! leads first.

use mahout::plan::{Action, Condition, Desired, Guard, Plan, UnitOperation};

use super::case::{Case, IDENTIFIER, operations, phase, steps, titles};

const MIB: u64 = 1 << 20;

pub(super) fn restore(
    case: &Case,
    from: Option<&str>,
    leader: Option<&str>,
) -> Result<Plan, String> {
    let desired = Desired {
        cluster: &case.cluster,
        secrets: &case.secrets,
        rendered: &case.rendered(),
        facts: &case.facts,
    };
    let (from, leader) = (from.map(Into::into), leader.map(Into::into));
    let plan = Plan::restore_dcs(&desired, from.as_ref(), leader.as_ref());
    plan.map(|(plan, _)| plan)
        .map_err(|error| error.to_string())
}

#[track_caller]
pub(super) fn planned(case: &Case) -> Plan {
    restore(case, None, None).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub(super) fn refused(plan: Result<Plan, String>, because: &[&str]) {
    match plan {
        Ok(plan) => panic!("planned: {:?}", steps(&plan)),
        Err(error) => {
            for because in because {
                assert!(error.contains(because), "no `{because}` in {error}");
            }
        }
    }
}

/// The members of these nodes have lost their data; that of another finds no leader.
pub(super) fn robbed(nodes: &[&str]) -> Case {
    let mut case = Case::running();
    for name in ["pg-1", "pg-2", "pg-3"] {
        let etcd = case.etcd(name);
        (etcd.healthy, etcd.unreadable, etcd.initialize) = (false, true, None);
        etcd.leader_id.clear();
        etcd.access = None;
        etcd.raft_index = 100;
    }
    for name in nodes {
        case.stop(name, "etcd.service");
        case.etcd(name).data_dir_has_member = false;
    }
    for (name, wal) in [("pg-1", 64 * MIB), ("pg-2", 65 * MIB), ("pg-3", 63 * MIB)] {
        let postgresql = case.postgresql(name);
        (postgresql.timeline, postgresql.wal_bytes) = (Some(2), Some(wal));
    }
    case
}

/// Patroni is down, and PostgreSQL with it.
pub(super) fn shut_down(case: &mut Case, name: &str, state: &str) {
    case.stop(name, "patroni.service");
    let postgresql = case.postgresql(name);
    (postgresql.answers, postgresql.wal_bytes) = (false, None);
    postgresql.control_state = Some(state.to_owned());
}

#[test]
fn the_others_join_the_member_that_has_its_data_while_the_leader_goes_on() {
    let case = robbed(&["pg-1", "pg-3"]);
    let refusal = case.refusal();
    assert!(refusal.contains("`mahout restore-dcs`"), "{refusal}");
    let plan = planned(&case);
    assert_eq!(
        steps(&plan)[..5],
        [
            "etcd survivor/pg-2: copy /var/lib/etcd/main to /var/lib/etcd/main.before-restore-TIME, \
             start etcd.service as the only member",
            "etcd member/pg-2: add a new member of etcd at https://10.0.0.11:2380",
            "etcd member joins/pg-1: start etcd.service as a new member",
            "etcd member/pg-2: add a new member of etcd at https://10.0.0.13:2380",
            "etcd member joins/pg-3: start etcd.service as a new member",
        ]
    );
    assert_eq!(operations(&plan, "patroni.service"), []);
    // Each one compares who is there with what it is told.
    let told = plan.phases.iter().flat_map(|phase| &phase.work);
    let told = told.flat_map(|work| &work.steps);
    let told: Vec<&str> = told
        .filter_map(|step| match &step.action {
            Action::JoinEtcd {
                initial_cluster, ..
            } => initial_cluster.as_deref(),
            _ => None,
        })
        .collect();
    let two = "pg-2=https://10.0.0.12:2380,pg-1=https://10.0.0.11:2380";
    assert_eq!(told, [two, &format!("{two},pg-3=https://10.0.0.13:2380")]);
    let quorums = plan.phases.iter().filter(|it| it.title == "etcd member");
    let quorums: Vec<usize> = quorums
        .filter_map(|phase| match &phase.work[0].steps[0].guard {
            Some(Guard::EtcdQuorumWithout { needed, .. }) => Some(*needed),
            _ => None,
        })
        .collect();
    assert_eq!(quorums, [1, 2]);
    let gates = plan.phases.iter().filter_map(|phase| phase.gate.as_ref());
    let members: Vec<usize> = gates
        .filter_map(|gate| match &gate.conditions[0].1 {
            Condition::EtcdMember { members, .. } => Some(*members),
            _ => None,
        })
        .collect();
    assert_eq!(members, [1, 2, 3]);
}

#[test]
fn where_nobody_leads_the_newest_database_leads_before_any_other() {
    let mut case = robbed(&["pg-1", "pg-3"]);
    case.lose_leader();
    let plan = planned(&case);
    let titles = titles(&plan);
    assert_eq!(titles[..2], ["patroni stops", "etcd survivor"]);
    assert_eq!(
        titles[titles.len() - 3..],
        ["leader", "replicas", "dynamic configuration"]
    );
    use UnitOperation::{Start, Stop};
    let expected = [
        ("pg-1", Stop),
        ("pg-3", Stop),
        ("pg-2", Start),
        ("pg-1", Start),
        ("pg-3", Start),
    ];
    let expected = expected.map(|(node, operation)| (node.to_owned(), operation));
    assert_eq!(operations(&plan, "patroni.service"), expected);
    let said = plan.notes.iter().map(|note| note.message.as_str());
    let said: Vec<&str> = said.collect();
    assert!(
        said.contains(&"pg-2 leads first: nobody has come further than timeline 2, 0/4100000"),
        "{said:?}"
    );
    // A later timeline counts more than more of an earlier one.
    case.postgresql("pg-3").timeline = Some(3);
    assert_eq!(phase(&planned(&case), "leader").work[0].node, "pg-3".into());
}

#[test]
fn an_etcd_without_anything_begins_anew_and_patroni_forgets_the_one_before() {
    let case = robbed(&["pg-1", "pg-2", "pg-3"]);
    let refusal = case.refusal();
    assert!(refusal.contains("`mahout restore-dcs`"), "{refusal}");
    let plan = planned(&case);
    assert_eq!(titles(&plan), ["etcd", "etcd access", "leader", "replicas"]);
    let told = steps(&plan);
    assert_eq!(
        told[told.len() - 3..],
        ["leader/pg-1", "replicas/pg-2", "replicas/pg-3"]
            .map(|place| format!("{place}: restart Patroni alone, as after a crash"))
    );
    let guard = &phase(&plan, "leader").work[0].steps[0].guard;
    assert!(matches!(guard, Some(Guard::LeaderIs { .. })), "{guard:?}");

    // A standby that finds nothing in the DCS gives up: none of them may look too early.
    let mut case = case;
    case.lose_leader();
    let plan = planned(&case);
    let stopped = operations(&plan, "patroni.service");
    let stopped = stopped.iter().filter(|(_, it)| *it == UnitOperation::Stop);
    assert_eq!(stopped.count(), 3);
    assert_eq!(titles(&plan)[..2], ["patroni stops", "etcd"]);
    assert_eq!(phase(&plan, "leader").work[0].node, "pg-2".into());
    // Its patroni.yml may lead to another etcd, which has lost nothing.
    let mut case = robbed(&["pg-1", "pg-2", "pg-3"]);
    case.drift("pg-1", "/etc/patroni/patroni.yml");
    refused(
        restore(&case, None, None),
        &["Patroni leads on pg-1, but its /etc/patroni/patroni.yml is not this inventory's"],
    );
}

#[test]
fn keys_that_are_gone_are_written_anew_by_whoever_has_the_newest_database() {
    let mut case = Case::running();
    for name in ["pg-1", "pg-2", "pg-3"] {
        case.etcd(name).initialize = None;
        case.stop(name, "patroni.service");
        let postgresql = case.postgresql(name);
        postgresql.answers = false;
        postgresql.timeline = Some(4);
        postgresql.control_state = Some("shut down in recovery".to_owned());
    }
    refused(
        restore(&case, None, None),
        &[
            "whose database is the newest cannot be seen",
            "pg-1 (does not answer, timeline 4, shut down in recovery)",
            "--leader NODE",
        ],
    );
    let plan = restore(&case, None, Some("pg-3")).expect("a plan");
    assert_eq!(
        titles(&plan),
        ["leader", "replicas", "dynamic configuration"]
    );
    assert_eq!(phase(&plan, "leader").work[0].node, "pg-3".into());
    refused(
        restore(&case, None, Some("pg-9")),
        &["`pg-9` has no database"],
    );
    // The primary was shut down in order, and nobody was made one after it.
    case.postgresql("pg-2").control_state = Some("shut down".to_owned());
    assert_eq!(phase(&planned(&case), "leader").work[0].node, "pg-2".into());
    case.postgresql("pg-3").timeline = Some(5);
    refused(restore(&case, None, None), &["cannot be seen"]);
    case.postgresql("pg-1").system_identifier = Some("99".to_owned());
    refused(
        restore(&case, None, None),
        &[
            "databases of different clusters",
            &format!("{IDENTIFIER} on pg-2, pg-3; 99 on pg-1"),
        ],
    );
}

#[test]
fn one_that_is_down_may_have_the_newest() {
    let mut case = robbed(&["pg-1", "pg-3"]);
    case.lose_leader();
    shut_down(&mut case, "pg-3", "shut down in recovery");
    refused(
        restore(&case, None, None),
        &["pg-2 (timeline 2, 0/4100000)"],
    );
    // Nobody has, where it must not lead.
    let text = super::case::THREE.replace(
        "10.0.0.13 }",
        "10.0.0.13, patroni: { tags: { nofailover: true } } }",
    );
    case.cluster = Case::bare(&text, "debian-12").cluster;
    assert!(restore(&case, None, None).is_ok());
}

#[test]
fn what_is_not_lost_is_not_restored() {
    refused(
        restore(&Case::running(), None, None),
        &["nothing is lost: etcd answers, and knows the cluster"],
    );
    // Only down.
    let mut case = robbed(&["pg-1"]);
    refused(
        restore(&case, None, None),
        &[
            "2 of 3 members of etcd have their data, on pg-2, pg-3",
            "systemctl start etcd",
        ],
    );
    refused(
        restore(&case, Some("pg-1"), None),
        &[
            "no data of etcd's member on `pg-1`",
            "there is on pg-2, pg-3",
        ],
    );
    // Somebody has decided that one of them is of no use: it is moved aside.
    let plan = restore(&case, Some("pg-3"), None).expect("a plan");
    let told = steps(&plan);
    assert_eq!(told[0], "etcd members stop/pg-2: stop etcd.service");
    assert!(
        told.contains(
            &"etcd member joins/pg-2: move /var/lib/etcd/main aside, to \
              /var/lib/etcd/main.before-restore-TIME"
                .to_owned()
        ),
        "{told:?}"
    );
    // A member away, the others at work.
    case = Case::running();
    case.stop("pg-3", "etcd.service");
    refused(
        restore(&case, None, None),
        &["nothing is lost", "`mahout deploy` starts what is stopped"],
    );
    // Nothing there at all.
    let bare = Case::bare(super::case::THREE, "debian-12");
    refused(
        restore(&bare, None, None),
        &["`mahout deploy` makes a cluster"],
    );
}

#[test]
fn of_five_members_the_one_that_has_come_the_furthest_counts() {
    let text = "scope: main\nnodes:\n  pg-1: { address: 10.0.0.11 }\n  pg-2: { address: 10.0.0.12 }\n  \
                pg-3: { address: 10.0.0.13 }\n  pg-4: { address: 10.0.0.14 }\n  \
                pg-5: { address: 10.0.0.15 }\n";
    let mut case = Case::bare(text, "debian-12").deployed();
    for (name, index) in [("pg-1", 100), ("pg-2", 120)] {
        let etcd = case.etcd(name);
        (etcd.healthy, etcd.unreadable, etcd.raft_index) = (false, true, index);
    }
    for name in ["pg-3", "pg-4", "pg-5"] {
        case.stop(name, "etcd.service");
        case.etcd(name).data_dir_has_member = false;
    }
    let told = steps(&planned(&case));
    assert_eq!(told[0], "etcd members stop/pg-1: stop etcd.service");
    assert!(told[1].starts_with("etcd survivor/pg-2: copy"), "{told:?}");
    case.stop("pg-2", "etcd.service");
    refused(
        restore(&case, None, None),
        &[
            "the one on pg-2 does not say how far it has come",
            "--from NODE",
        ],
    );
    assert!(restore(&case, Some("pg-2"), None).is_ok());
}
