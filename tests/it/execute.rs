//! A run that dies in the middle of an installation, and the runs after it, on a real node.

use std::path::Path;
use std::time::Duration;

use crate::operator::{TestLab, lab_or_skip};

/// apt holds on before it unpacks anything, for as long as a file is there.
const HOLD: &str = r#"
touch /run/hold
echo 'DPkg::Pre-Invoke { "while [ -e /run/hold ]; do sleep 0.1; done"; };' >/etc/apt/apt.conf.d/99hold
"#;

/// Waits until the script succeeds on the node.
#[track_caller]
fn await_on(lab: &TestLab, script: &str) {
    // A minute: nothing here takes longer than seconds.
    for _ in 0..600 {
        if lab.on("pg-1", script).code == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("never came true: {script}");
}

#[test]
fn a_run_that_is_killed_leaves_nothing_that_the_next_ones_do_not_mend() {
    let Some(lab) = lab_or_skip("killed", "bookworm", "prepared", 1) else {
        return;
    };
    // etcd alone: what is looked at is the same, and it is quick.
    let inventory = format!(
        "scope: killed\n{}nodes:\n  pg-1: {{ address: {}, roles: [etcd] }}\n",
        lab.inventory_ssh_section(),
        lab.address("pg-1")
    );
    lab.write(Path::new("inventory.yml"), &inventory);
    lab.on("pg-1", HOLD).succeeds();

    let first = lab.mahout_begins(&["deploy", "--yes"]);
    await_on(
        &lab,
        "grep -q '^install ' /run/mahout/running && ! sh /usr/sbin/policy-rc.d",
    );
    // SIGKILL: nothing of it says good-bye.
    first.signal("KILL");
    first.ends();

    // The next run takes the lock over from the dead one at once and waits for its step, which
    // goes on; meanwhile a third one is refused.
    let second = lab.mahout_begins(&["deploy", "--yes"]);
    let owner = format!("grep -q '^pid={}$' /run/mahout/lock/owner", second.pid());
    await_on(&lab, &owner);
    let third = lab.mahout(&["deploy", "--yes"]);
    third.exits_with(3);
    assert!(third.stderr.contains("pg-1: locked by "), "{third}");

    lab.on("pg-1", "rm /run/hold").succeeds();
    let second = second.ends();
    second.succeeds();
    for words in [
        "took over the lock of",
        "an earlier run's step ends",
        // The packages that it had shown are there by now; it goes on with the rest.
        "the plan is now another one",
    ] {
        assert!(second.stderr.contains(words), "no `{words}` in {second}");
    }
    // Whole packages, nothing left behind, and no member that the package's own start made.
    let node = lab.on(
        "pg-1",
        "ls -d /usr/sbin/policy-rc.d* /run/mahout/lock /run/mahout/running /var/lib/etcd/default \
         2>/dev/null; dpkg --audit; dpkg-query -W -f '${Package}\\n' etcd-server",
    );
    assert_eq!(node.stdout, "etcd-server\n", "{node}");

    let again = lab.mahout(&["deploy", "--yes"]);
    again.succeeds();
    assert!(again.stdout.contains("nothing to change"), "{again}");
}
