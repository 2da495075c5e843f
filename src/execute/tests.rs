//! A plan carried out over a strict fake: a command that nobody expects fails the test.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::fixtures::write_file;
use super::*;
use crate::plan::{Action, Condition, Gate, Guard, Step, UnitOperation};
use crate::transport::{Command, Output, TransportError};

/// What a node answers to one command. `@` at the begin of a line stands for the mark.
pub(super) struct Answer {
    /// How the command's title begins.
    title: &'static str,
    code: i32,
    says: &'static str,
    /// The operator stops the run while it is carried out.
    signal: Option<Signal>,
}

pub(super) fn answer(title: &'static str, code: i32, says: &'static str) -> Answer {
    Answer {
        title,
        code,
        says,
        signal: None,
    }
}

/// What all nodes were asked, in order.
type Journal = Arc<Mutex<Vec<String>>>;
type Sender = tokio::sync::watch::Sender<Option<Signal>>;

struct Fake {
    node: NodeName,
    answers: Mutex<VecDeque<Answer>>,
    journal: Journal,
    sender: Sender,
}

impl Transport for Fake {
    async fn exec(
        &self,
        command: &Command,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Output, TransportError> {
        let Self { node, journal, .. } = self;
        let next = self.answers.lock().expect("a lock").pop_front();
        let answer = next.unwrap_or_else(|| panic!("{node}: unexpected: {}", command.title));
        assert!(
            command.title.starts_with(answer.title),
            "{node}: {} instead of {}",
            command.title,
            answer.title
        );
        journal
            .lock()
            .expect("a lock")
            .push(format!("{node}: {}", command.title));
        // Others get their turn, as over a network.
        tokio::task::yield_now().await;
        if let Some(signal) = answer.signal {
            self.sender.send_replace(Some(signal));
        }
        let script = command.script.expose();
        let mark = script
            .lines()
            .find_map(|line| line.strip_prefix("mahout="))
            .expect("a mark");
        let mut stdout = String::new();
        for line in answer.says.lines() {
            let line = match line.strip_prefix('@') {
                Some(rest) => format!("{mark} {rest}"),
                None => line.to_owned(),
            };
            on_line(&line);
            stdout.push_str(&line);
            stdout.push('\n');
        }
        if answer.code == -1 {
            return Err(TransportError {
                node: node.clone(),
                cause: "the connection was lost".to_owned(),
                hint: None,
            });
        }
        Ok(Output {
            code: answer.code,
            stdout,
            stderr: String::new(),
        })
    }
}

/// Carries `phases` out; each node answers what it is given, all of it.
pub(super) async fn run(
    phases: Vec<Phase>,
    answers: Vec<(&str, Vec<Answer>)>,
) -> (Result<(), ExecuteError>, Vec<String>) {
    let journal = Journal::default();
    let (sender, interrupt) = Interrupt::channel();
    let lock = Lock::acquire(
        &BTreeMap::<NodeName, Fake>::new(),
        &Holder::default(),
        &Events::discarded(),
    )
    .await
    .expect("a lock of no node");
    let hosts: BTreeMap<NodeName, Fake> = answers
        .into_iter()
        .map(|(node, answers)| {
            let fake = Fake {
                node: node.into(),
                answers: Mutex::new(answers.into()),
                journal: Arc::clone(&journal),
                sender: sender.clone(),
            };
            (node.into(), fake)
        })
        .collect();
    let plan = Plan {
        phases,
        notes: Vec::new(),
    };
    let result = execute(
        &plan,
        &Secrets::default(),
        &hosts,
        &lock,
        &Events::discarded(),
        &interrupt,
    )
    .await;
    for (node, host) in &hosts {
        let left = host.answers.lock().expect("a lock").len();
        assert_eq!(left, 0, "{node} was not asked everything");
    }
    let asked = journal.lock().expect("a lock").clone();
    (result, asked)
}

fn start() -> Step {
    Step::from(Action::Systemd {
        unit: "patroni.service".to_owned(),
        operation: UnitOperation::Start,
    })
}

pub(super) fn phase(title: &'static str, rollout: Rollout, nodes: &[&str], gated: bool) -> Phase {
    Phase {
        title,
        rollout,
        work: nodes
            .iter()
            .map(|node| NodeWork {
                node: (*node).into(),
                steps: vec![write_file("/etc/x", "x").into(), start()],
            })
            .collect(),
        gate: gated.then(|| Gate {
            title: "every member runs".to_owned(),
            conditions: nodes
                .iter()
                .map(|node| {
                    let url = format!("http://{node}:8008");
                    ((*node).into(), Condition::PatroniMember { url })
                })
                .collect(),
            deadline: Duration::from_secs(50),
            concerns: Vec::new(),
        }),
    }
}

pub(super) const DONE: &str = "@begin 1\n@ok 1\n@begin 2\n@ok 2";

#[tokio::test]
async fn phases_come_one_after_the_other_and_rolling_nodes_each_pass_the_gate() {
    let (result, asked) = run(
        vec![
            phase("files", Rollout::Parallel, &["a", "b"], true),
            phase("settings", Rollout::Rolling, &["b", "a"], true),
        ],
        ["a", "b"]
            .map(|node| {
                let awaited = || answer("await that every member runs", 0, "");
                let answers = vec![
                    answer("phase files", 0, DONE),
                    awaited(),
                    answer("phase settings", 0, DONE),
                    awaited(),
                    awaited(),
                ];
                (node, answers)
            })
            .into(),
    )
    .await;
    result.expect("all went well");
    let awaited = |node: &str| format!("{node}: await that every member runs");
    assert_eq!(
        asked,
        [
            "a: phase files".to_owned(),
            "b: phase files".to_owned(),
            awaited("a"),
            awaited("b"),
            "b: phase settings".to_owned(),
            awaited("b"),
            "a: phase settings".to_owned(),
            awaited("a"),
            awaited("b"),
            awaited("a"),
        ]
    );
}

#[tokio::test]
async fn a_failing_step_is_told_with_cause_output_and_remedy() {
    let (result, asked) = run(
        vec![
            phase("replicas", Rollout::Parallel, &["a", "b", "c"], true),
            phase("haproxy", Rollout::Parallel, &["a"], false),
        ],
        vec![
            ("a", vec![answer("phase replicas", 0, DONE)]),
            (
                "b",
                vec![
                    answer(
                        "phase replicas",
                        10,
                        "@begin 1\nof another step\n@ok 1\n@begin 2\nfirst line\nJob failed\n@fail 2 3",
                    ),
                    answer(
                        "collect evidence",
                        0,
                        "@section journal patroni.service\nCRITICAL: system ID mismatch, node b belongs to a different cluster: 7412 != 7399\n@section end",
                    ),
                ],
            ),
            (
                "c",
                vec![
                    answer("phase replicas", -1, "@begin 1"),
                    answer("collect evidence", -1, ""),
                ],
            ),
        ],
    )
    .await;
    let error = result.expect_err("b fails");
    assert_eq!(error.exit_code(), 1);
    assert_eq!(
        error.to_string(),
        "b: Job failed\n  \
           while: start patroni.service (phase replicas, step 2 of 2)\n  \
           cause: its data directory comes from another cluster: \"CRITICAL: system ID mismatch, node b belongs to a different cluster: 7412 != 7399\"\n  \
           evidence: journal patroni.service:\n    \
             CRITICAL: system ID mismatch, node b belongs to a different cluster: 7412 != 7399\n  \
           output:\n    \
             first line\n    \
             Job failed\n\
         also: c: the connection was lost"
    );
    assert_eq!(
        error.remedy(),
        Some("`mahout reinit b` moves it aside and copies the leader's")
    );
    assert!(!asked.iter().any(|asked| asked.contains("haproxy")));
}

#[tokio::test]
async fn a_guard_that_no_longer_holds_and_a_lost_lock_are_not_explained_further() {
    let mut guarded = phase("roles", Rollout::Parallel, &["a"], false);
    guarded.work[0].steps[1].guard = Some(Guard::LeaderIs {
        node: "a".into(),
        url: "http://a:8008".to_owned(),
    });
    let says = "@begin 1\n@ok 1\n@begin 2\n@guard 2 the leader is now `b`";
    let (result, _) = run(
        vec![guarded],
        vec![("a", vec![answer("phase roles", 11, says)])],
    )
    .await;
    let error = result.expect_err("refused");
    assert_eq!(
        error.to_string(),
        "the plan is out of date: the leader is now `b`\n  while: a, phase roles"
    );
    assert_eq!((error.exit_code(), error.remedy()), (1, None));

    let says =
        "@begin 1\n@ok 1\n@lost\nuser=eve\nhost=desk\npid=7\ncommand=deploy\nsince=10\nnow=58";
    let (result, _) = run(
        vec![phase("roles", Rollout::Parallel, &["a"], false)],
        vec![("a", vec![answer("phase roles", 12, says)])],
    )
    .await;
    assert_eq!(
        result.expect_err("lost").to_string(),
        "a: the lock was taken over by eve@desk (pid 7, deploy, for 48 s) (phase roles)"
    );
}

#[tokio::test]
async fn a_gate_is_asked_in_slices_and_tells_what_was_missing_at_the_end() {
    let missing = "@missing PostgreSQL is `starting` as replica";
    let (result, asked) = run(
        vec![phase("members", Rollout::Parallel, &["a"], true)],
        vec![(
            "a",
            vec![
                answer("phase members", 0, DONE),
                answer("await", 20, "@missing no answer"),
                answer("await", 20, missing),
                // The unit has failed: no further slice.
                answer("await", 21, ""),
                answer("collect evidence", 0, "@section units"),
            ],
        )],
    )
    .await;
    assert_eq!(
        result.expect_err("in vain").to_string(),
        "a: PostgreSQL is `starting` as replica, after 0 s\n  \
           while: waiting until every member runs (phase members)"
    );
    assert_eq!(asked.len(), 5);
}

#[tokio::test]
async fn an_interrupted_run_ends_what_runs_and_begins_nothing_else() {
    for (signal, code) in [
        (Signal::Hangup, 129),
        (Signal::Interrupt, 130),
        (Signal::Terminate, 143),
    ] {
        let stopped = |title, says| Answer {
            signal: Some(signal),
            ..answer(title, 0, says)
        };
        let files = phase("files", Rollout::Parallel, &["a", "b"], false);
        let leader = phase("leader", Rollout::Parallel, &["a"], true);
        let (result, _) = run(
            vec![files.clone(), leader.clone()],
            vec![
                ("a", vec![stopped("phase files", DONE)]),
                ("b", vec![answer("phase files", 0, DONE)]),
            ],
        )
        .await;
        let error = result.expect_err("interrupted");
        assert_eq!(error.exit_code(), code);
        assert_eq!(
            error.to_string(),
            "interrupted after phase files; what ran was finished, nothing else was started"
        );
        assert_eq!(error.remedy(), None);

        // While the gate is awaited, and between the nodes of a rolling phase.
        let (result, _) = run(
            vec![leader],
            vec![(
                "a",
                vec![answer("phase leader", 0, DONE), stopped("await", "")],
            )],
        )
        .await;
        let said = result.expect_err("interrupted").to_string();
        assert!(said.starts_with("interrupted "), "{said}");
        let (result, _) = run(
            vec![phase("settings", Rollout::Rolling, &["b", "a"], false)],
            vec![
                ("a", Vec::new()),
                ("b", vec![stopped("phase settings", DONE)]),
            ],
        )
        .await;
        let said = result.expect_err("interrupted").to_string();
        assert!(
            said.starts_with("interrupted in phase settings; "),
            "{said}"
        );
    }
}
