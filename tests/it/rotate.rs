//! Rotation on real nodes: certificates, the authority, passwords, under clients that write through
//! HAProxy; and what an interruption leaves is gone on with.

use std::collections::BTreeMap;
use std::time::Duration;

use mahout::x509::Certificate;

use crate::cluster::leader;
use crate::failures::await_line;
use crate::ledger::{Client, Ledger};
use crate::operator::{TestLab, lab_or_skip, tell};

/// What mahout has written for clients.
fn bundle(lab: &TestLab) -> String {
    let path = lab.secrets_file().with_extension("ca.crt");
    std::fs::read_to_string(path).expect("the authorities")
}

fn authorities(lab: &TestLab) -> Vec<Certificate> {
    Certificate::all_of(&bundle(lab)).expect("certificates")
}

/// The certificate that PostgreSQL shows on each node.
fn shown(lab: &TestLab) -> Vec<Certificate> {
    let ask = |node: String| {
        let run = lab.on(&node, "cat /etc/mahout/postgresql.pem");
        run.succeeds();
        Certificate::first_of(&run.stdout).expect("a certificate")
    };
    lab.node_names().into_iter().map(ask).collect()
}

fn nothing_is_left_to_do(lab: &TestLab) {
    lab.mahout(&["verify"]).succeeds();
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");
}

/// Runs `what` once or again under two clients; none of their writes fails, none is lost. After
/// each run the clients are given the authorities of now.
fn under_writers(lab: &TestLab, what: &[&str], runs: usize) {
    let first = leader(lab).expect("a leader");
    let names = lab.node_names();
    let through = names.iter().find(|node| **node != first).expect("another");
    let open = |client| Ledger::open(lab, &first, (through, through), client);
    let ledgers = [open(Client::Reconnecting), open(Client::OneSession)];
    for _ in 0..runs {
        lab.mahout(what).succeeds();
        for ledger in &ledgers {
            ledger.is_given(&bundle(lab));
        }
    }
    assert_eq!(leader(lab).as_ref(), Some(&first), "nobody switched over");
    for ledger in ledgers {
        let figures = ledger.close(&first);
        tell(&format!("{}: {figures}", what.join(" ")));
        assert_eq!(figures.lost, [0_u64; 0], "{figures:?}");
        assert_eq!(figures.failed, [""; 0], "{figures:?}");
        assert!(figures.longest_gap < Duration::from_secs(5), "{figures:?}");
    }
    nothing_is_left_to_do(lab);
}

fn rotations(suite: &str) {
    let name = format!("rotate-{suite}");
    let Some(lab) = lab_or_skip(&name, suite, "installed", 3) else {
        return;
    };
    lab.append_to_inventory("tls: on\n");
    lab.mahout(&["deploy", "--yes"]).succeeds();

    // Certificates: others, of the same authority.
    let (before, authority) = (shown(&lab), authorities(&lab));
    let run = lab.mahout(&["rotate", "certificates", "--dry-run"]);
    run.succeeds();
    assert!(
        run.stdout.contains("~ update /etc/mahout/patroni.pem"),
        "{run}"
    );
    assert_eq!(shown(&lab), before, "a dry run changes nothing");
    under_writers(&lab, &["rotate", "certificates", "--yes"], 1);
    assert!(
        shown(&lab)
            .iter()
            .zip(&before)
            .all(|(now, before)| now != before)
    );
    assert_eq!(authorities(&lab), authority);

    // The authority: another one, of which every certificate is. Between the two runs clients that
    // check whom they talk to are given it.
    let run = lab.mahout(&["rotate", "ca", "--dry-run"]);
    run.succeeds();
    assert!(!run.stdout.contains("stage 2 of 3"), "{run}");
    let run = lab.mahout(&["rotate", "ca", "--all", "--dry-run"]);
    run.succeeds();
    assert!(run.stdout.contains("stage 3 of 3"), "{run}");
    under_writers(&lab, &["rotate", "ca", "--yes"], 2);
    let new = authorities(&lab);
    assert!(new.len() == 1 && new != authority);
    assert!(shown(&lab).iter().all(|leaf| leaf.is_issued_by(&new[0])));

    // Passwords: every one of the services.
    let before: BTreeMap<String, String> = lab.secrets().into_iter().collect();
    under_writers(&lab, &["rotate", "passwords", "--yes"], 1);
    for (name, value) in lab.secrets() {
        assert_ne!(before[&name], value, "{name}");
    }
}

#[test]
fn rotations_under_writers() {
    rotations("bookworm");
}

#[test]
fn rotations_under_writers_on_the_newer_release() {
    rotations("trixie");
}

#[test]
fn what_was_interrupted_is_gone_on_with() {
    let Some(lab) = lab_or_skip("rotate-resume", "bookworm", "installed", 3) else {
        return;
    };
    lab.append_to_inventory("tls: on\n");
    lab.mahout(&["deploy", "--yes"]).succeeds();
    let old_vault = std::fs::read(lab.secrets_file()).expect("the vault");

    // Killed in the first stage; a deploy brings everybody to it and no further.
    let run = lab.mahout_begins(&["rotate", "ca", "--yes"]);
    await_line(&run.stderr, "phase patroni configuration");
    run.signal("KILL");
    run.ends();
    lab.mahout(&["deploy", "--yes"]).succeeds();
    assert_eq!(authorities(&lab).len(), 2);
    nothing_is_left_to_do(&lab);
    let run = lab.mahout(&["rotate", "ca", "--yes"]);
    run.succeeds();
    assert!(!run.stdout.contains("stage 1 of 3"), "{run}");
    assert_eq!(authorities(&lab).len(), 1);
    nothing_is_left_to_do(&lab);

    // Passwords: the old ones are known until the new ones are everywhere.
    let run = lab.mahout_begins(&["rotate", "passwords", "--yes"]);
    await_line(&run.stderr, "phase passwords");
    run.signal("KILL");
    run.ends();
    let list = lab.mahout(&["secrets", "list"]);
    assert!(list.stdout.contains("changed; the next deploy"), "{list}");
    lab.mahout(&["deploy", "--yes"]).succeeds();
    let list = lab.mahout(&["secrets", "list"]);
    assert!(!list.stdout.contains("changed; the next deploy"), "{list}");
    nothing_is_left_to_do(&lab);

    // A vault from before all that, another one, none.
    let vault = std::fs::read(lab.secrets_file()).expect("the vault");
    std::fs::write(lab.secrets_file(), old_vault).expect("an older one");
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(3);
    assert!(run.stderr.contains("an older copy"), "{run}");
    std::fs::remove_file(lab.secrets_file()).expect("removed");
    let run = lab.mahout(&["deploy", "--yes"]);
    run.exits_with(3);
    assert!(run.stderr.contains("lacks its secrets"), "{run}");
    assert!(run.stderr.contains("authority"), "{run}");
    assert!(!lab.secrets_file().exists());
    std::fs::write(lab.secrets_file(), vault).expect("the right one");
    // It is open to others until its mode is right again.
    use std::os::unix::fs::PermissionsExt;
    let closed = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(lab.secrets_file(), closed).expect("chmod");
    nothing_is_left_to_do(&lab);
}
