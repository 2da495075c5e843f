//! Facts are asked for as soon as a node is connected, while others still log in.

use std::fs;
use std::process::Output;

use super::scale::{inventory, mahout, sshd};
use super::sshd::{Sshd, until};

/// Notes that somebody was asked.
const NOTE: &str = "echo asked >>asked";

/// Has the login at `n1` wait for `condition`, a shell's.
fn n1_waits(sshd: &Sshd, condition: &str) {
    let path = sshd.place.path("ssh_config");
    let mut text = fs::read_to_string(&path).expect("read");
    let folder = sshd.place.path("").display().to_string();
    text += &format!("Match originalhost n1 exec \"cd {folder} && {condition}\"\n");
    fs::write(path, text).expect("written");
}

/// Runs it on `n0` and `n1`.
fn run(sshd: &Sshd, words: &str, change: impl Fn(String) -> String) -> Output {
    let path = inventory(sshd, "early", 0..2);
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, change(text)).expect("written");
    let child = mahout(sshd, &path, words);
    let output = child.wait_with_output().expect("an end");
    Output {
        stderr: fs::read(path.with_extension("err")).expect("read"),
        ..output
    }
}

fn asked(sshd: &Sshd) -> usize {
    let notes = fs::read_to_string(sshd.place.path("asked")).unwrap_or_default();
    notes.lines().count()
}

#[test]
fn a_node_is_asked_while_another_logs_in() {
    let Some(sshd) = sshd(NOTE) else { return };
    // Nobody but n0 can have been asked before.
    n1_waits(&sshd, "until test -e asked; do sleep 0.05; done");
    let output = run(&sshd, "facts", |text| text);
    assert!(output.status.success(), "{output:?}");
    assert!(asked(&sshd) >= 2);
}

#[test]
fn what_was_said_long_before_the_others_is_asked_once_more() {
    let Some(sshd) = sshd(NOTE) else { return };
    n1_waits(&sshd, "until test -e asked; do sleep 0.05; done; sleep 3.5");
    let output = run(&sshd, "facts", |text| text);
    assert!(output.status.success(), "{output:?}");
    assert!(asked(&sshd) >= 3);
}

#[test]
fn who_is_still_asked_when_a_run_gives_up_keeps_no_connection() {
    // Until it is enough, or the test has gone with its folder.
    let waits = format!("{NOTE}; while test -e asked && ! test -e enough; do sleep 0.05; done");
    let Some(sshd) = sshd(&waits) else { return };
    n1_waits(&sshd, "until test -e asked; do sleep 0.05; done");
    // Nobody listens at port 1.
    let output = run(&sshd, "deploy --yes", |text| {
        text.replace("connect_timeout: 60s", "connect_timeout: 60s, persist: 0s")
            .replace("destination: n1 }", "destination: n1, port: 1 }")
    });
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    until("end of ssh", || sshd.place.processes().is_empty());
    fs::write(sshd.place.path("enough"), "").expect("written");
}
