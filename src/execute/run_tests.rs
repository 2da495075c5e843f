//! Plans carried out on nodes that are folders of this machine, by the real scripts.

use std::collections::BTreeMap;

use super::fixtures::{plan_of, write_file};
use super::local_node::{LocalNode, shells};
use super::*;
use crate::plan::{Action, Guard, NodeWork, Step};

pub(super) type Hosts = BTreeMap<NodeName, LocalNode>;

fn hosts(names: &[&str]) -> Hosts {
    let new = |name: &&str| (NodeName::from(*name), LocalNode::new(&["dash"]));
    names.iter().map(new).collect()
}

async fn lock(hosts: &Hosts) -> Lock {
    let me = Holder::this_process("deploy");
    let lock = Lock::acquire(hosts, &me, &Events::discarded()).await;
    lock.expect("the lock")
}

/// Runs `plan` and returns its end and its events.
pub(super) async fn run(plan: &Plan, hosts: &Hosts) -> (Result<(), ExecuteError>, Vec<Event>) {
    let lock = lock(hosts).await;
    let (events, mut receiver) = Events::channel();
    let (_sender, interrupt) = Interrupt::channel();
    let result = execute(plan, &Secrets::default(), hosts, &lock, &events, &interrupt).await;
    lock.release(hosts).await;
    drop(events);
    let mut seen = Vec::new();
    while let Some(event) = receiver.recv().await {
        seen.push(event);
    }
    (result, seen)
}

/// A file of whoever runs the tests.
fn own_file(path: &str, content: &str) -> Action {
    let mut action = write_file(path, content);
    if let Action::WriteFile { file, .. } = &mut action
        && !rustix::process::getuid().is_root()
    {
        // Only root may give a file away; the tests of ownership run as root.
        file.owner = "";
        file.group = "";
    }
    action
}

pub(super) fn step_events(events: &[Event]) -> Vec<String> {
    let told = |event: &Event| match event {
        Event::StepStarted { step, .. } => Some(format!("begin {step}")),
        Event::StepFinished { step, .. } => Some(format!("end {step}")),
        Event::Warning { message, .. } => Some(format!("warning {message}")),
        _ => None,
    };
    events.iter().filter_map(told).collect()
}

#[tokio::test]
async fn steps_are_done_in_order_and_told() {
    for shell in shells() {
        let node = LocalNode::new(shell);
        let (one, two) = (node.path("/etc/one"), node.path("/etc/two"));
        let hosts = BTreeMap::from([(NodeName::from("pg-1"), node)]);
        let plan = plan_of(vec![own_file(&one, "1\n"), own_file(&two, "2\n")]);
        let (result, events) = run(&plan, &hosts).await;
        result.expect("both steps");
        assert_eq!(
            step_events(&events),
            [
                format!("begin create {one}"),
                format!("end create {one}"),
                format!("begin create {two}"),
                format!("end create {two}"),
            ],
            "{shell:?}"
        );
        assert_eq!(std::fs::read_to_string(&two).expect("the file"), "2\n");
        assert_eq!(
            hosts[&"pg-1".into()].titles(),
            ["take the lock", "phase system", "give the lock back"]
        );
    }
}

#[tokio::test]
async fn a_failing_step_is_the_last_one_and_its_error_names_everything() {
    let hosts = hosts(&["pg-1", "pg-2"]);
    let folder = hosts[&"pg-1".into()].path("/etc/taken");
    std::fs::create_dir_all(&folder).expect("a folder in the way");
    let never = hosts[&"pg-1".into()].path("/etc/never");
    let other = hosts[&"pg-2".into()].path("/etc/other");
    let later = hosts[&"pg-2".into()].path("/etc/later");
    let mut plan = plan_of(vec![own_file(&folder, "x"), own_file(&never, "x")]);
    plan.phases[0].work.push(NodeWork {
        node: "pg-2".into(),
        steps: vec![own_file(&other, "x").into()],
    });
    let mut second = plan_of(vec![own_file(&later, "x")]);
    second.phases[0].work[0].node = "pg-2".into();
    plan.phases.extend(second.phases);

    let (result, events) = run(&plan, &hosts).await;
    let error = result.expect_err("a folder is in the way");
    assert_eq!(error.exit_code(), 1);
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "pg-1: {folder} is a directory\n  while: create {folder} (phase system, step 1 of 2)"
        )),
        "{text}"
    );
    assert!(!std::fs::exists(never).expect("a look"), "the next step");
    // The other node finished what it was at, and nothing new was begun.
    assert!(std::fs::exists(other).expect("a look"));
    assert!(!std::fs::exists(later).expect("a look"), "the next phase");
    assert!(!step_events(&events).contains(&format!("end create {folder}")));
}

#[tokio::test]
async fn a_guard_that_no_longer_holds_stops_before_its_step() {
    let hosts = hosts(&["pg-1"]);
    let node = &hosts[&"pg-1".into()];
    let (data, file) = (node.path("/data"), node.path("/etc/file"));
    std::fs::create_dir_all(format!("{data}/base")).expect("somebody's data");
    let mut plan = plan_of(Vec::new());
    plan.phases[0].work[0].steps.push(Step {
        action: own_file(&file, "x"),
        guard: Some(Guard::DataDirectoryEmpty { path: data.clone() }),
    });
    let (result, _) = run(&plan, &hosts).await;
    assert_eq!(
        result.expect_err("there is data").to_string(),
        format!(
            "the plan is out of date: there are files in {data} now\n  while: pg-1, phase system"
        )
    );
    assert!(!std::fs::exists(&file).expect("a look"));

    std::fs::remove_dir(format!("{data}/base")).expect("no data");
    let (result, _) = run(&plan, &hosts).await;
    result.expect("the guard holds now");
    assert!(std::fs::exists(&file).expect("a look"));
}

#[tokio::test]
async fn a_lock_that_was_taken_over_stops_the_run_on_that_node() {
    let hosts = hosts(&["pg-1"]);
    let node = &hosts[&"pg-1".into()];
    let file = node.path("/etc/file");
    let lock = lock(&hosts).await;
    let thief = "user=eve\\nhost=laptop\\npid=7\\ncommand=deploy\\n";
    let (code, _) = node.sh(&format!(
        "printf '{thief}' >/run/mahout/lock/owner; echo other >/run/mahout/lock/token"
    ));
    assert_eq!(code, 0);
    let (_sender, interrupt) = Interrupt::channel();
    let plan = plan_of(vec![own_file(&file, "x")]);
    let events = Events::discarded();
    let result = execute(
        &plan,
        &Secrets::default(),
        &hosts,
        &lock,
        &events,
        &interrupt,
    )
    .await;
    let text = result.expect_err("the lock is another's").to_string();
    assert!(
        text.starts_with("pg-1: the lock was taken over by eve@laptop (pid 7, deploy, for 0 s)"),
        "{text}"
    );
    assert!(!std::fs::exists(&file).expect("a look"));
    lock.release(&hosts).await;
    assert_eq!(node.sh("cat /run/mahout/lock/token").1, "other\n");
}

#[tokio::test]
async fn an_interrupted_run_begins_nothing_and_says_where_it_stopped() {
    let hosts = hosts(&["pg-1"]);
    let file = hosts[&"pg-1".into()].path("/etc/file");
    let plan = plan_of(vec![own_file(&file, "x")]);
    let lock = lock(&hosts).await;
    let (sender, interrupt) = Interrupt::channel();
    sender.send_replace(Some(Signal::Terminate));
    let events = Events::discarded();
    let result = execute(
        &plan,
        &Secrets::default(),
        &hosts,
        &lock,
        &events,
        &interrupt,
    )
    .await;
    let error = result.expect_err("interrupted");
    assert_eq!(error.exit_code(), 143);
    assert_eq!(
        error.to_string(),
        "interrupted before the first phase; what ran was finished, nothing else was started"
    );
    assert!(!std::fs::exists(&file).expect("a look"));
}
