//! What a run may cost a node: connections, executions and bytes, counted by the node's own sshd.

use std::collections::BTreeMap;
use std::path::Path;

use crate::operator::TestLab;

/// What a node may be sent by a run with nothing to change, its login included.
const SENT: u64 = 50 << 10;

/// What sshd has noted of the runs of mahout.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cost {
    connections: usize,
    executions: usize,
    /// In bytes, by the connections that are there.
    received: u64,
}

/// A place in the journal of each node.
struct Mark(BTreeMap<String, String>);

/// From now on each node notes what a session is for.
fn note_sessions(lab: &TestLab) {
    for node in lab.node_names() {
        // A restart, which leaves sessions alone, ends once sshd is ready; a reload before.
        let script = "echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/budget.conf; \
                      systemctl restart ssh";
        lab.on(&node, script).succeeds();
    }
}

impl Mark {
    fn now(lab: &TestLab) -> Self {
        let place = |node: String| {
            // The last line of sshd's: after one that is not, journalctl of systemd 252 leaves out
            // the first that is.
            let script = "journalctl --sync; journalctl -q -u ssh -n 1 --show-cursor";
            let run = lab.on(&node, script);
            let (_, cursor) = run.stdout.split_once("cursor: ").expect("a cursor");
            (node, cursor.trim().to_owned())
        };
        Self(lab.node_names().into_iter().map(place).collect())
    }

    /// What has been noted since, by node.
    fn costs(&self, lab: &TestLab) -> Vec<Cost> {
        let cost = |(node, cursor): (&String, &String)| {
            let script = format!(
                "journalctl --sync; journalctl -q -u ssh -o cat --after-cursor='{cursor}'; \
                 ss -tinHO 'sport = :22'"
            );
            let run = lab.on(node, &script);
            run.succeeds();
            read(&run.stdout)
        };
        self.0.iter().map(cost).collect()
    }
}

/// The lines of sshd's journal and those of the kernel about its connections.
fn read(noted: &str) -> Cost {
    let count = |what| noted.lines().filter(|line| line.starts_with(what)).count();
    // `Accepted publickey for root from 10.89.0.1 port 41874 ssh2: …`
    let ports = noted
        .split("Accepted publickey ")
        .skip(1)
        .filter_map(|rest| {
            let (port, _) = rest.split_once(" port ")?.1.split_once(' ')?;
            Some(format!(":{port} "))
        });
    let ports: Vec<String> = ports.collect();
    let received = noted.lines().filter_map(|line| {
        let (_, rest) = line.split_once("bytes_received:")?;
        let ours = ports.iter().any(|port| line.contains(port.as_str()));
        let bytes = rest.split(' ').next().expect("a word");
        ours.then(|| bytes.parse::<u64>().expect("a number"))
    });
    Cost {
        connections: count("Accepted publickey"),
        executions: count("Starting session: command"),
        received: received.sum(),
    }
}

/// On a cluster of three nodes to which nothing is to be done: counts what runs cost.
pub(crate) fn is_kept(lab: &TestLab) {
    note_sessions(lab);
    let run = |what: &str| {
        let mark = Mark::now(lab);
        let mut command = lab.command(Path::new("inventory.yml"), &["deploy", "--yes"]);
        // No connection of an earlier command is there.
        command.env("XDG_RUNTIME_DIR", lab.file("budget"));
        let output = command.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(said.contains(what), "{said}");
        mark.costs(lab)
    };
    std::fs::create_dir(lab.file("budget")).expect("a folder");

    // With nothing to change, a login and an execution; the next run finds the connection.
    for connections in [1, 0] {
        for cost in run("nothing to change") {
            assert_eq!((cost.connections, cost.executions), (connections, 1));
            if connections == 1 {
                assert!(cost.received > 1 << 10 && cost.received < SENT, "{cost:?}");
            }
        }
    }

    // A phase is one execution where it has work; beside it there are the facts, the lock, the
    // facts under the lock, three to verify (facts, doors, paths), one that gives the lock back;
    // and the first node probes every HAProxy.
    let drifted = &lab.node_names()[1];
    let script = "echo '# by hand' >>/etc/security/limits.d/60-mahout.conf";
    lab.on(drifted, script).succeeds();
    let costs = run("done; ");
    let executions: Vec<usize> = costs.iter().map(|cost| cost.executions).collect();
    assert_eq!(executions, [7 + 1, 7 + 1, 7]);
}
