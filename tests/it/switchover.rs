//! Switchovers on real nodes, under a client that writes through HAProxy.

use std::time::Duration;

use crate::cluster::leader;
use crate::ledger::{Client, Ledger};
use crate::operator::{lab_or_skip, tell};

#[test]
fn switchovers_under_a_writer() {
    let Some(lab) = lab_or_skip("switchover", "bookworm", "installed", 3) else {
        return;
    };
    lab.mahout(&["deploy", "--yes"]).succeeds();
    let names = lab.node_names();
    let first = leader(&lab).expect("a leader");
    let candidate = names.iter().find(|node| **node != first).expect("another");
    let through = names.iter().rfind(|node| **node != first).expect("a third");

    // Nothing to do, and what cannot be done.
    let run = lab.mahout(&["switchover", "--to", &first, "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("it leads already"), "{run}");
    let run = lab.mahout(&["switchover", "--to", "elsewhere", "--yes"]);
    run.exits_with(3);
    assert!(run.stderr.contains("`elsewhere` is no node"), "{run}");
    let run = lab.mahout(&["switchover", "--dry-run", "--exit-code"]);
    run.exits_with(5);
    assert_eq!(leader(&lab).as_ref(), Some(&first));

    let open = |client| Ledger::open(&lab, &first, (through, through), client);
    let ledgers = [open(Client::Reconnecting), open(Client::OneSession)];
    let run = lab.mahout(&["switchover", "--to", candidate, "--yes"]);
    run.succeeds();
    assert_eq!(leader(&lab).as_ref(), Some(candidate), "{run}");
    let waits = "is `stopped`";
    assert!(
        run.stderr.contains(waits) || run.stderr.contains("still leads to"),
        "{run}"
    );
    for ledger in ledgers {
        let figures = ledger.close(candidate);
        tell(&format!("switchover: {figures}"));
        assert_eq!(figures.lost, [0_u64; 0], "{figures:?}");
        assert!(!figures.failed.is_empty(), "the writer noticed nothing");
        assert!(figures.longest_gap < Duration::from_secs(15), "{figures:?}");
    }

    // To whom is Patroni's choice; verify holds, and nothing is left to deploy.
    lab.mahout(&["switchover", "--yes"]).succeeds();
    assert_ne!(leader(&lab).as_ref(), Some(candidate));
    lab.mahout(&["verify"]).succeeds();
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
}
