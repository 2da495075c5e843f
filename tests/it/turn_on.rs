//! TLS is turned on in a cluster that runs without it, under clients that write through HAProxy.

use std::time::Duration;

use crate::cluster::{await_that, leader};
use crate::ledger::{Client, Ledger};
use crate::operator::{TestLab, lab_or_skip, tell};

/// A lab with a cluster that was deployed without TLS; the inventory has it turned on since.
fn turned_on(name: &str, suite: &str) -> Option<TestLab> {
    let lab = lab_or_skip(name, suite, "installed", 3)?;
    let inventory = lab.read("inventory.yml");
    lab.append_to_inventory("tls: off\n");
    lab.mahout(&["deploy", "--yes"]).succeeds();
    lab.write("inventory.yml".as_ref(), &format!("{inventory}tls: on\n"));
    Some(lab)
}

fn is_whole(lab: &TestLab) {
    lab.mahout(&["verify"]).succeeds();
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
    // Every Patroni reaches etcd.
    for node in lab.node_names() {
        let run = lab.on(&node, "patronictl -c /etc/patroni/patroni.yml list");
        run.succeeds();
        assert!(
            lab.node_names()
                .iter()
                .all(|node| run.stdout.contains(node)),
            "{run}"
        );
    }
}

fn nobody_noticed(suite: &str, ledgers: Vec<Ledger<'_>>, leader: &str) {
    for ledger in ledgers {
        let figures = ledger.close(leader);
        tell(&format!("TLS turned on, {suite}: {figures}"));
        assert!(figures.failed.is_empty(), "{figures:?}");
        assert!(figures.lost.is_empty(), "{figures:?}");
        assert!(figures.longest_gap < Duration::from_secs(10), "{figures:?}");
    }
}

fn turn_on(suite: &str) {
    let Some(lab) = turned_on(&format!("turn-on-{suite}"), suite) else {
        return;
    };
    let first = leader(&lab).expect("a leader");
    let names = lab.node_names();
    let other = names.iter().find(|node| **node != first).expect("another");
    let open = |client| Ledger::open(&lab, &first, (other, other), client);
    let ledgers = vec![open(Client::Reconnecting), open(Client::OneSession)];
    let run = lab.mahout(&["deploy", "--dry-run"]);
    run.succeeds();
    assert!(run.stdout.contains("TLS is turned on in 4 stages"), "{run}");
    lab.mahout(&["deploy", "--yes"]).succeeds();
    assert_eq!(leader(&lab).as_ref(), Some(&first));
    nobody_noticed(suite, ledgers, &first);
    is_whole(&lab);

    // The way back is not taken by accident.
    let inventory = lab.read("inventory.yml");
    lab.write(
        "off.yml".as_ref(),
        &inventory.replace("tls: on", "tls: off"),
    );
    let run = lab.mahout_with("off.yml".as_ref(), &["deploy", "--yes"]);
    run.exits_with(3);
    assert!(
        run.stderr.contains("the inventory says `tls: off`"),
        "{run}"
    );
}

#[test]
fn tls_is_turned_on_under_writers_on_bookworm() {
    turn_on("bookworm");
}

#[test]
fn tls_is_turned_on_under_writers_on_trixie() {
    turn_on("trixie");
}

#[test]
fn an_interrupted_run_is_continued_by_the_next() {
    let Some(lab) = turned_on("turn-on-again", "bookworm") else {
        return;
    };
    let first = leader(&lab).expect("a leader");
    let path = (first.as_str(), first.as_str());
    let ledgers = vec![Ledger::open(&lab, &first, path, Client::Reconnecting)];
    // While etcd has its certificates loaded, while Patroni restarts, while etcd changes over, and
    // while the REST API does.
    for place in [
        "restart etcd.service: done",
        "restart Patroni alone, paused for that time: done",
        "pg-3: restart etcd.service: done",
        "have etcd ask for a login: done",
        "reload patroni.service: done",
    ] {
        let run = lab.mahout_begins(&["deploy", "--yes"]);
        let told = run.stderr.clone();
        await_that(place, Duration::from_secs(300), || {
            std::fs::read_to_string(&told).is_ok_and(|text| text.contains(place))
        });
        run.signal("INT");
        run.ends().exits_with(130);
    }
    lab.mahout(&["deploy", "--yes"]).succeeds();
    nobody_noticed("interrupted", ledgers, &first);
    is_whole(&lab);
}
