//! The topology, for people, for programs, and on a screen.

use std::time::Duration;

use mahout::cluster::Role;
use mahout::report::{Screen, Status, redraw_status, write_status, write_status_json};
use serde_json::{Value, json};

use super::{broken, text};
use crate::sample::Sample;

#[test]
fn the_status_of_a_healthy_cluster() {
    let sample = Sample::healthy();
    let status = Status::of(&sample.cluster, &sample.facts);
    assert!(status.is_sound());
    insta::assert_snapshot!(text(|out| write_status(out, &status)));
}

#[test]
fn the_status_of_a_broken_cluster() {
    let mut sample = broken();
    sample.patroni(2).pending_restart = true;
    sample.patroni(1).paused = true;
    sample.node(2).haproxy = None;
    sample.cluster.nodes[2]
        .patroni
        .tags
        .insert("nofailover".to_owned(), json!(true));
    let status = Status::of(&sample.cluster, &sample.facts);
    assert!(!status.is_sound());
    insta::assert_snapshot!(text(|out| write_status(out, &status)));
}

#[test]
fn the_status_without_a_leader_and_without_haproxy() {
    let mut sample = Sample::healthy();
    sample.patroni(1).primary_status = 503;
    for node in &mut sample.cluster.nodes {
        node.roles.remove(&Role::Haproxy);
    }
    let status = Status::of(&sample.cluster, &sample.facts);
    assert!(!status.is_sound());
    insta::assert_snapshot!(text(|out| write_status(out, &status)));
}

#[test]
fn without_a_virtual_address_clients_name_every_haproxy() {
    let mut sample = Sample::healthy();
    sample.cluster.vip = None;
    let status = Status::of(&sample.cluster, &sample.facts);
    assert!(status.is_sound());
    let hosts = |port| format!("10.0.0.11:{port},10.0.0.12:{port},10.0.0.13:{port}");
    let read_write = "/postgres?target_session_attrs=read-write";
    let url = |port, rest| Some(format!("postgresql://{}{rest}", hosts(port)));
    assert_eq!(status.connect.read_write, url(5000, read_write));
    assert_eq!(status.connect.read_only, url(5001, "/postgres"));
    assert_eq!(status.connect.direct, url(5432, read_write));
    let shown = text(|out| write_status(out, &status));
    assert!(!shown.contains("virtual address"), "{shown}");
}

#[test]
fn a_virtual_address_that_nobody_or_two_hold_is_not_sound() {
    let mut sample = Sample::healthy();
    sample.node(2).system.addresses.pop();
    let status = Status::of(&sample.cluster, &sample.facts);
    assert!(!status.is_sound());
    let shown = text(|out| write_status(out, &status));
    assert!(shown.contains("10.0.0.100  nobody\n"), "{shown}");
    for number in [1, 3] {
        let addresses = &mut sample.node(number).system.addresses;
        addresses.push("10.0.0.100".to_owned());
    }
    let status = Status::of(&sample.cluster, &sample.facts);
    assert!(!status.is_sound());
}

#[test]
fn the_status_for_programs() {
    let sample = Sample::healthy();
    let status = Status::of(&sample.cluster, &sample.facts);
    let shown = text(|out| write_status_json(out, &status));
    assert_eq!(shown.lines().count(), 1);
    let object: Value = serde_json::from_str(&shown).expect("one object");
    insta::assert_snapshot!(serde_json::to_string_pretty(&object).expect("JSON"));
}

#[test]
fn a_small_screen_shows_the_beginning() {
    let sample = Sample::healthy();
    let status = Status::of(&sample.cluster, &sample.facts);
    let draw = |rows, columns| {
        let screen = Screen { rows, columns };
        text(|out| redraw_status(out, &status, Duration::from_secs(2), screen))
    };
    let whole = draw(100, 200);
    assert!(
        whole.starts_with("\u{1b}[H\u{1b}[2Jevery 2 s, Ctrl-C ends\n\ncluster demo: leader pg-1")
    );
    assert!(whole.contains("\nconnect\n"), "{whole}");
    for (rows, columns) in [(24, 80), (10, 40), (1, 1)] {
        let shown = draw(rows, columns);
        let used = |line: &str| line.chars().count().div_ceil(columns).max(1);
        let text = shown.trim_start_matches("\u{1b}[H\u{1b}[2J");
        // The last row is the cursor's.
        assert!(
            text.lines().map(used).sum::<usize>() < rows.max(1),
            "{shown}"
        );
        assert!(whole.starts_with(&*shown), "{shown}");
    }
}
