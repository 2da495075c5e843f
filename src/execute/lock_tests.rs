//! The lock, fought for on nodes that are folders of this machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::local_node::{LocalNode, shells};
use super::lock::{Lock, LockError};
use super::{Event, Events, Holder, Interrupt, NodeName, Signal, locks, recorded, unlock};
use crate::execute::concurrent::join_all;

type Hosts = BTreeMap<NodeName, LocalNode>;

fn hosts(shell: &'static [&'static str]) -> Hosts {
    let new = |name| (NodeName::from(name), LocalNode::new(shell));
    ["pg-1", "pg-2", "pg-3"].map(new).into()
}

async fn acquire(hosts: &Hosts, me: &Holder) -> Result<Lock, LockError> {
    Lock::acquire(hosts, me, &Events::discarded()).await
}

fn somebody_else() -> Holder {
    Holder {
        user: "eve".to_owned(),
        host: "elsewhere".to_owned(),
        ..Holder::this_process("deploy")
    }
}

#[tokio::test]
async fn of_many_at_once_exactly_one_gets_the_lock() {
    for shell in shells() {
        let hosts = hosts(shell);
        let me = Holder::this_process("deploy");
        let mut won: Vec<Lock> = Vec::new();
        for result in join_all((0..6).map(|_| acquire(&hosts, &me))).await {
            match result {
                Ok(lock) => won.push(lock),
                Err(LockError::Held { node, holder }) => {
                    assert_eq!(node.as_str(), "pg-1");
                    assert_eq!(holder.pid, me.pid);
                }
                Err(other) => panic!("{shell:?}: {other}"),
            }
        }
        assert_eq!(won.len(), 1, "{shell:?}");
        for lock in won {
            lock.release(&hosts).await;
        }
        acquire(&hosts, &me).await.expect("it is free again");
    }
}

#[tokio::test]
async fn who_is_refused_learns_by_whom_and_keeps_no_node_locked() {
    let node = |name: &str| (NodeName::from(name), Arc::new(LocalNode::new(&["dash"])));
    let only_last = BTreeMap::from([node("pg-3")]);
    let mut hosts = BTreeMap::from([node("pg-1"), node("pg-2")]);
    hosts.extend(only_last.clone());
    let first = Lock::acquire(&only_last, &somebody_else(), &Events::discarded())
        .await
        .expect("free");
    let me = Holder::this_process("deploy");
    let refused = Lock::acquire(&hosts, &me, &Events::discarded()).await;
    let error = refused.expect_err("pg-3 is locked");
    let text = error.to_string();
    assert!(
        text.starts_with("pg-3: locked by eve@elsewhere (pid "),
        "{text}"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("30 s")));
    for name in ["pg-1", "pg-2"] {
        let (code, _) = hosts[&name.into()].sh("[ -e /run/mahout/lock ]");
        assert_eq!(code, 1, "{name} was left locked");
    }
    first.release(&only_last).await;
}

#[tokio::test]
async fn a_holder_of_this_machine_that_has_died_is_taken_over_at_once() {
    let hosts = hosts(&["dash"]);
    let mut ended = std::process::Command::new("true").spawn().expect("true");
    let dead = Holder {
        pid: ended.id(),
        ..Holder::this_process("deploy")
    };
    ended.wait().expect("its end");
    let old = acquire(&hosts, &dead).await.expect("free");

    let (events, mut receiver) = Events::channel();
    let me = Holder::this_process("deploy");
    let lock = Lock::acquire(&hosts, &me, &events)
        .await
        .expect("taken over");
    let told = receiver.recv().await;
    assert!(
        matches!(&told, Some(Event::Warning { message, .. }) if message.contains("which is gone")),
        "{told:?}"
    );
    // What the dead one's scripts still want to do is refused, and it cannot give away ours.
    old.release(&hosts).await;
    assert!(acquire(&hosts, &somebody_else()).await.is_err());
    lock.release(&hosts).await;
}

#[tokio::test]
async fn a_lock_expires_without_signs_of_life_and_not_before() {
    let hosts = hosts(&["dash"]);
    let _silent = acquire(&hosts, &somebody_else()).await.expect("free");
    let age = |seconds: u32| {
        for node in hosts.values() {
            let beat = "/run/mahout/lock/beat";
            let (code, said) = node.sh(&format!(
                "read -r up rest </proc/uptime; echo $((${{up%%.*}} - {seconds})) >{beat}"
            ));
            assert_eq!(code, 0, "{said}");
        }
    };
    let me = Holder::this_process("deploy");
    age(20);
    assert!(matches!(
        acquire(&hosts, &me).await,
        Err(LockError::Held { holder, .. }) if holder.silent >= Duration::from_secs(20)
    ));
    age(31);
    acquire(&hosts, &me).await.expect("it has expired");
}

/// Holds the run lock of a node until its stdin is closed, as a script that still runs would.
async fn orphan(node: &LocalNode) -> std::process::Child {
    let (_, said) = node.sh("mkdir -p /run/mahout; echo 'install etcd' >/run/mahout/running");
    assert_eq!(said, "");
    let lock_file = node.path("/run/mahout/run.lock");
    let orphan = std::process::Command::new("flock")
        .args([&lock_file, "cat"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("flock");
    while std::process::Command::new("flock")
        .args(["-n", &lock_file, "true"])
        .status()
        .expect("flock")
        .success()
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    orphan
}

#[tokio::test]
async fn the_next_run_waits_for_a_script_of_the_last_one_and_shows_it() {
    let hosts = hosts(&["dash"]);
    let mut orphan = orphan(&hosts[&"pg-2".into()]).await;
    let (events, mut receiver) = Events::channel();
    let me = Holder::this_process("deploy");
    let (lock, shown) = tokio::join!(Lock::acquire(&hosts, &me, &events), async {
        let shown = receiver.recv().await;
        drop(orphan.stdin.take());
        shown
    });
    orphan.wait().expect("its end");
    lock.expect("the script has ended").release(&hosts).await;
    assert!(
        matches!(&shown, Some(Event::Waiting { node, missing, .. })
            if node.as_str() == "pg-2" && missing == "install etcd"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn who_is_interrupted_while_it_waits_stops_waiting_and_keeps_no_node_locked() {
    let hosts = hosts(&["dash"]);
    let mut orphan = orphan(&hosts[&"pg-2".into()]).await;
    let (events, mut receiver) = Events::channel();
    let (sender, interrupt) = Interrupt::channel();
    let me = Holder::this_process("deploy");
    let (lock, _) = tokio::join!(
        Lock::acquire_unless(&interrupt, &hosts, &me, &events),
        async {
            receiver.recv().await.expect("it waits");
            sender.send_replace(Some(Signal::Interrupt));
        }
    );
    let error = lock.expect_err("interrupted");
    assert_eq!(error.exit_code(), 130);
    assert_eq!(
        error.to_string(),
        "interrupted while the lock was taken; nothing was changed"
    );
    for (name, node) in &hosts {
        let (code, _) = node.sh("[ -e /run/mahout/lock ]");
        assert_eq!(code, 1, "{name} was left locked");
    }
    drop(orphan.stdin.take());
    orphan.wait().expect("its end");
}

fn recording(line: &str) -> Holder {
    let mut holder = somebody_else();
    line.clone_into(&mut holder.record);
    holder
}

#[tokio::test]
async fn whoever_ends_leaves_one_line_on_every_node_and_whoever_does_not_is_put_on_record() {
    for shell in shells() {
        let hosts = hosts(shell);
        let first = recording("the first did not end: \"it's $HOME\"");
        let lock = acquire(&hosts, &first).await.expect("free");
        lock.release_recording(&hosts, "the first is done").await;
        let _silent = acquire(&hosts, &recording("the second did not end"))
            .await
            .expect("free");
        for node in hosts.values() {
            node.sh("echo 1 >/run/mahout/lock/beat");
        }
        let lock = acquire(&hosts, &first).await.expect("it has expired");
        lock.release(&hosts).await;
        let logs = recorded(&hosts, 10).await.expect("the logs");
        for (node, lines) in logs {
            let expected = ["the first is done", "the second did not end"];
            assert_eq!(lines, expected, "{shell:?}: {node}");
        }
        let node = &hosts[&"pg-1".into()];
        let (_, modes) = node.sh("stat -c %a /var/log/mahout /var/log/mahout/audit.log");
        assert_eq!(modes, "700\n600\n", "{shell:?}");
    }
}

#[tokio::test]
async fn a_lock_is_shown_and_taken_away_from_that_very_holder() {
    for shell in shells() {
        let hosts = hosts(shell);
        assert!(locks(&hosts).await.expect("asked").is_empty());
        let eve = acquire(&hosts, &recording("eve did not end"))
            .await
            .expect("free");
        let node = &hosts[&"pg-2".into()];
        node.sh("echo 'install etcd' >/run/mahout/running");
        let held = locks(&hosts).await.expect("asked");
        assert_eq!(held.len(), 3);
        let of = |name: &str| &held[&NodeName::from(name)];
        assert_eq!(of("pg-1").holder.name(), "eve@elsewhere");
        assert!(of("pg-1").holder.is_alive(&Holder::this_process("unlock")));
        assert_eq!(of("pg-2").running.as_deref(), Some("install etcd"));

        unlock(&hosts, &held, "unlocked").await.expect("taken away");
        assert!(locks(&hosts).await.expect("asked").is_empty());
        let logs = recorded(&hosts, 1).await.expect("the logs");
        assert!(
            logs.values().all(|lines| *lines == ["unlocked"]),
            "{logs:?}"
        );
        eve.release(&hosts).await;

        // Somebody else's by now: it stays.
        let next = acquire(&hosts, &somebody_else()).await.expect("free");
        let refused = unlock(&hosts, &held, "unlocked").await;
        assert!(
            matches!(refused, Err(LockError::Held { .. })),
            "{refused:?}"
        );
        assert_eq!(locks(&hosts).await.expect("asked").len(), 3);
        next.release(&hosts).await;
    }
}
