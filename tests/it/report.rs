//! What a person and a program see, as snapshots: plans here, the rest beneath.

mod findings;
mod secrets;
mod status;
mod timings;

use std::time::Duration;

use mahout::facts::FileFacts;
use mahout::plan::{
    Action, Condition, Gate, Guard, LocalConnection, NodeWork, Note, PackageChange, Phase, Plan,
    Rollout, Step, UnitOperation,
};
use mahout::platform::{Family, Sources};
use mahout::render::File;
use mahout::report::{
    Detail, PlanView, Status, write_findings, write_findings_json, write_plan, write_plan_json,
    write_status, write_status_json,
};
use mahout::secret::Secret;
use serde_json::{Value, json};

use crate::sample::{Sample, map, name, on_node, patroni_yml};

fn broken() -> Sample {
    let mut sample = Sample::healthy();
    sample.lose(3);
    sample.etcd(1).db_size_bytes = 3 << 29;
    for number in 1..=2 {
        let live = sample
            .node(number)
            .sysctl
            .get_mut("vm.swappiness")
            .expect("the key");
        (live.value, live.writable) = ("60".to_owned(), false);
        sample.haproxy(number).servers[5].status = "DOWN".to_owned();
        sample.haproxy(number).servers[5].check = "L4TOUT".to_owned();
    }
    sample
}

fn text(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("memory takes everything");
    String::from_utf8(out).expect("text")
}

fn systemd(unit: &str, operation: UnitOperation) -> Action {
    Action::Systemd {
        unit: unit.to_owned(),
        operation,
    }
}

fn package(name: &str, installed: Option<&str>, version: Option<&str>) -> PackageChange {
    PackageChange {
        name: name.to_owned(),
        installed: installed.map(str::to_owned),
        version: version.map(str::to_owned),
        pinned: false,
    }
}

fn phase(title: &'static str, rollout: Rollout, work: Vec<(usize, Vec<Step>)>) -> Phase {
    let work = work
        .into_iter()
        .map(|(number, steps)| NodeWork {
            node: name(number),
            steps,
        })
        .collect();
    Phase {
        title,
        rollout,
        work,
        gate: None,
    }
}

fn plain_file(path: &str, content: &str) -> File {
    File {
        path: path.to_owned(),
        content: Secret::new(content),
        mode: 0o644,
        owner: "root",
        group: "root",
        sensitive: false,
        ..patroni_yml(&crate::sample::cluster(1).nodes[0], "")
    }
}

/// A bit of everything that a plan can hold.
fn plan(sample: &Sample) -> Plan {
    let nodes = &sample.cluster.nodes;
    let packages = |number| {
        let install = Action::InstallPackages {
            family: Family::Debian,
            packages: vec![
                package("etcd-server", None, Some("3.4.23")),
                package("etcd-client", None, None),
            ],
            sources: Sources::default(),
        };
        (number, vec![Step::from(install)])
    };
    let etcd = |number: usize| {
        let node = &nodes[number - 1];
        let content = format!(
            "ETCD_NAME={}\nETCD_LISTEN_PEER_URLS=http://{}:2380\nETCD_INITIAL_CLUSTER=pg-1=http://10.0.0.11:2380,pg-2=http://10.0.0.12:2380,pg-3=http://10.0.0.13:2380\n",
            node.name, node.address
        );
        let write = Action::WriteFile {
            before: None,
            file: plain_file("/etc/default/etcd", &content),
        };
        let start = systemd("etcd.service", UnitOperation::Start);
        (number, vec![Step::from(write), Step::from(start)])
    };
    let mut etcd_phase = phase("etcd", Rollout::Parallel, vec![etcd(1), etcd(2), etcd(3)]);
    etcd_phase.gate = Some(Gate {
        title: "every etcd member is healthy".to_owned(),
        conditions: vec![(
            name(1),
            Condition::EtcdMember {
                url: "http://10.0.0.11:2379".to_owned(),
                members: 3,
            },
        )],
        deadline: Duration::from_secs(60),
        concerns: Vec::new(),
    });

    let before = patroni_yml(&nodes[1], "    ttl: 20");
    let content = before
        .content
        .expose()
        .replace("s3cret-restapi", "an-older-one");
    let before = FileFacts {
        mode: "644".to_owned(),
        content: Some(Secret::new(content)),
        ..on_node(&before)
    };
    let update = Action::WriteFile {
        before: Some(before),
        file: patroni_yml(&nodes[1], "    ttl: 30"),
    };
    let reload = Step {
        action: systemd("patroni.service", UnitOperation::Reload),
        guard: Some(Guard::LeaderIs {
            node: name(1),
            url: "http://10.0.0.11:8008".to_owned(),
        }),
    };
    let rest = vec![
        Step::from(Action::SetSysctl {
            values: (1..=9)
                .map(|n| (format!("vm.setting_number_{n}"), n.to_string()))
                .collect(),
        }),
        Step::from(Action::RemoveFile {
            path: "/etc/old.conf".to_owned(),
        }),
        Step::from(systemd("postgresql.service", UnitOperation::Disable)),
    ];
    let patch = Action::PatchDynamicConfiguration {
        url: "http://10.0.0.11:8008".to_owned(),
        username: "patroni".to_owned(),
        password: Secret::new("s3cret-restapi"),
        before: map(json!({
            "ttl": 20, "slots": {"a": {"type": "physical"}},
            "postgresql": {"parameters": {"archive_command": "PGPASSWORD=old-one x %p", "max_connections": 100}},
        })),
        patch: map(json!({
            "ttl": 30, "slots": null, "failsafe_mode": true,
            "postgresql": {"parameters": {"archive_command": "PGPASSWORD=new-one x %p", "max_connections": 200}},
        })),
    };
    let role = Action::CreateRole {
        connection: LocalConnection {
            bin_dir: "/usr/lib/postgresql/15/bin".to_owned(),
            port: 5432,
            superuser: "postgres".to_owned(),
        },
        name: "app".to_owned(),
        options: vec!["LOGIN".to_owned(), "CREATEDB".to_owned()],
        password: Some(Secret::new("s3cret-app")),
        functions: &[],
    };
    Plan {
        phases: vec![
            phase(
                "packages",
                Rollout::Parallel,
                vec![packages(1), packages(2), packages(3)],
            ),
            etcd_phase,
            phase("system", Rollout::Parallel, vec![(3, rest)]),
            phase(
                "patroni configuration",
                Rollout::Rolling,
                vec![(2, vec![update.into(), reload])],
            ),
            phase(
                "dynamic configuration",
                Rollout::Parallel,
                vec![(1, vec![patch.into()])],
            ),
            phase("roles", Rollout::Parallel, vec![(1, vec![role.into()])]),
        ],
        notes: vec![
            Note {
                node: Some(name(3)),
                message: "PostgreSQL must be restarted before max_connections takes effect"
                    .to_owned(),
            },
            Note {
                node: None,
                message: "the nodes differ in Patroni".to_owned(),
            },
        ],
    }
}

fn view<'a>(sample: &'a Sample, plan: &'a Plan, detail: Detail) -> PlanView<'a> {
    PlanView {
        cluster: &sample.cluster,
        plan,
        secrets: &sample.secrets,
        goal: "converge",
        detail,
    }
}

#[test]
fn a_plan_before_it_is_confirmed() {
    let sample = Sample::healthy();
    let plan = plan(&sample);
    insta::assert_snapshot!(text(|out| write_plan(
        out,
        &view(&sample, &plan, Detail::Summary)
    )));
}

#[test]
fn a_plan_of_a_dry_run() {
    let sample = Sample::healthy();
    let plan = plan(&sample);
    insta::assert_snapshot!(text(|out| write_plan(
        out,
        &view(&sample, &plan, Detail::Full)
    )));
}

#[test]
fn a_plan_for_programs() {
    let sample = Sample::healthy();
    let plan = plan(&sample);
    insta::assert_snapshot!(text(|out| write_plan_json(
        out,
        &view(&sample, &plan, Detail::Full)
    )));
}

#[test]
fn an_empty_plan_says_so() {
    let sample = Sample::healthy();
    let plan = Plan::default();
    let shown = text(|out| write_plan(out, &view(&sample, &plan, Detail::Full)));
    assert_eq!(shown, "nothing to change\n");
    let shown = text(|out| write_plan_json(out, &view(&sample, &plan, Detail::Full)));
    let object: Value = serde_json::from_str(&shown).expect("one object");
    assert_eq!(
        (&object["empty"], &object["steps"]),
        (&json!(true), &json!(0))
    );
}

#[test]
fn files_that_cannot_be_compared_are_said_to_differ() {
    let sample = Sample::healthy();
    let file = plain_file("/etc/default/etcd", "a\n");
    let write = |before: FileFacts| Action::WriteFile {
        before: Some(before),
        file: file.clone(),
    };
    let unknown = FileFacts {
        sha256: "00".to_owned(),
        content: None,
        ..on_node(&file)
    };
    let link = FileFacts {
        link: Some("/tmp/etcd".to_owned()),
        ..on_node(&file)
    };
    let plan = Plan {
        phases: vec![phase(
            "etcd",
            Rollout::Parallel,
            vec![(1, vec![write(unknown).into(), write(link).into()])],
        )],
        notes: Vec::new(),
    };
    insta::assert_snapshot!(text(|out| write_plan(
        out,
        &view(&sample, &plan, Detail::Summary)
    )));
}

#[test]
fn a_closed_stdout_is_an_error_and_no_panic() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sample = Sample::healthy();
    let plan = plan(&sample);
    let view = view(&sample, &plan, Detail::Full);
    let status = Status::of(&sample.cluster, &sample.facts);
    let findings = sample.verify();
    for result in [
        write_plan(&mut Closed, &view),
        write_plan_json(&mut Closed, &view),
        write_findings(&mut Closed, &findings),
        write_findings_json(&mut Closed, &findings),
        write_status(&mut Closed, &status),
        write_status_json(&mut Closed, &status),
    ] {
        let error = result.expect_err("nothing can be written");
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    }
}

#[test]
fn hundreds_of_equal_nodes_are_one_line() {
    let mut sample = Sample::healthy();
    sample.cluster = crate::sample::cluster(200);
    let work = |number| {
        (
            number,
            vec![Step::from(systemd("etcd.service", UnitOperation::Start))],
        )
    };
    let plan = Plan {
        phases: vec![phase(
            "etcd",
            Rollout::Parallel,
            (1..=200).map(work).collect(),
        )],
        notes: Vec::new(),
    };
    let shown = text(|out| write_plan(out, &view(&sample, &plan, Detail::Full)));
    assert!(shown.lines().count() < 10, "{shown}");
    assert!(shown.contains("pg-200  same as pg-1\n"), "{shown}");
    assert!(
        shown.ends_with("200 steps on 200 nodes; nothing was changed\n"),
        "{shown}"
    );
}
