//! The entry point on real nodes: a virtual address that moves, and what clients do without one.
//! HAProxy is stopped, its node loses power, it is cut off from the leader; clients write meanwhile.

use std::time::Duration;

use crate::cluster::{await_that, leader};
use crate::ledger::{Figures, Ledger};
use crate::operator::{TestLab, lab_or_skip, tell};

/// How a client notices that its connection is dead: what it has sent, and what it waits for.
const PATIENCE: &str = "user=ledger dbname=postgres connect_timeout=2 tcp_user_timeout=3000 \
     keepalives_idle=1 keepalives_interval=1 keepalives_count=3";

/// The lab's hundredth address.
pub(crate) fn address(lab: &TestLab) -> String {
    let first = lab.address(&lab.node_names()[0]);
    let (network, _) = first.rsplit_once('.').expect("an address");
    format!("{network}.100")
}

/// Who has it, by the nodes' own word.
fn holders(lab: &TestLab, powered: &[&String]) -> Vec<String> {
    let script = format!("ip -4 -o address show to {}/32 | grep -c .", address(lab));
    let holds = |node: &&&String| lab.on(node, &script).stdout.trim() == "1";
    powered
        .iter()
        .filter(holds)
        .map(|node| (*node).clone())
        .collect()
}

/// Has the address go to a node: the others stop keepalived for a moment.
fn move_to(lab: &TestLab, node: &String) {
    let names = lab.node_names();
    let others: Vec<&String> = names.iter().filter(|name| *name != node).collect();
    for other in &others {
        lab.on(other, "systemctl stop keepalived").succeeds();
    }
    holds(lab, &[node], node);
    for other in others {
        lab.on(other, "systemctl start keepalived").succeeds();
    }
}

#[track_caller]
fn holds(lab: &TestLab, powered: &[&String], node: &String) {
    await_that(
        &format!("{node} alone holds the address"),
        Duration::from_secs(60),
        || holders(lab, powered) == [node.clone()],
    );
}

/// Three clients on one node: by the virtual address, by all HAProxy nodes, past HAProxy.
struct Clients<'a>(Vec<(&'static str, Ledger<'a>)>);

impl<'a> Clients<'a> {
    /// `first` is the node that comes first where there are several.
    fn open(lab: &'a TestLab, leader: &str, on: &str, first: &str) -> Self {
        let names = lab.node_names();
        let rest = names.iter().filter(|name| *name != first);
        let hosts: Vec<String> = std::iter::once(&first.to_owned())
            .chain(rest)
            .map(|name| lab.address(name))
            .collect();
        let (hosts, vip) = (hosts.join(","), address(lab));
        let read_write = "target_session_attrs=read-write";
        let targets = [
            ("vip", format!("host={vip} port=5000 {PATIENCE}")),
            (
                "haproxy",
                format!("host={hosts} port=5000 {read_write} {PATIENCE}"),
            ),
            (
                "direct",
                format!("host={hosts} port=5432 {read_write} {PATIENCE}"),
            ),
        ];
        let ledgers =
            targets.map(|(name, target)| (name, Ledger::open_by(lab, leader, on, (name, &target))));
        Self(ledgers.into())
    }

    /// What they saw; none has lost a write that was acknowledged.
    fn close(self, what: &str, leader: &str) -> Vec<Figures> {
        let mut all = Vec::new();
        for (name, ledger) in self.0 {
            ledger.goes_on();
            let figures = ledger.close(leader);
            tell(&format!("{what}, {name}: {figures}"));
            assert_eq!(figures.lost, [0_u64; 0], "{what}, {name}: {figures:?}");
            all.push(figures);
        }
        all
    }
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// What `status` and `deploy` print leads where it says, from node `from`, as it is printed but for
/// where this machine keeps the authorities. Returns the URL for writes.
pub(crate) fn printed(lab: &TestLab, deployed: &str, from: &str) -> String {
    let status = lab.mahout(&["status", "--output", "json"]);
    // Of a cluster that is not sound, too: with 4.
    let status: serde_json::Value = serde_json::from_str(&status.stdout).expect("an object");
    let text = |key: &str| status["connect"][key].as_str().expect("a URL").to_owned();
    let read_write = text("read_write");
    assert!(deployed.contains(&read_write), "{deployed}");
    let password = lab.secret("user.app");
    let authorities = lab.secrets_file().with_extension("ca.crt");
    let authorities = authorities.to_str().expect("a path");
    for (key, standby) in [("read_write", "f"), ("direct", "f"), ("read_only", "t")] {
        let url = text(key).replace(authorities, "/etc/mahout/ca.crt");
        let run = lab.on(
            from,
            &format!(
                "PGPASSWORD='{password}' PGUSER=app psql '{url}' -XAtqc 'select pg_is_in_recovery()'"
            ),
        );
        run.succeeds();
        assert_eq!(run.stdout.trim(), standby, "{run}");
    }
    read_write
}

#[test]
fn a_virtual_address_survives_what_befalls_its_holder() {
    let Some(lab) = lab_or_skip("vip", "bookworm", "installed", 3) else {
        return;
    };
    lab.is_quiet();
    lab.append_to_inventory(&format!(
        "timings: fast\npatroni: {{ synchronous_mode: on }}\npostgresql: {{ users: [{{ name: app }}] }}\n\
         vip: {{ address: {} }}\n",
        address(&lab)
    ));
    let deployed = lab.mahout(&["deploy", "--yes"]);
    deployed.succeeds();
    assert!(deployed.stdout.contains(" 0 errors"), "{deployed}");
    let run = lab.mahout(&["deploy", "--yes"]);
    run.succeeds();
    assert!(run.stdout.contains("nothing to change"), "{run}");

    let names = lab.node_names();
    let all: Vec<&String> = names.iter().collect();
    let first = leader(&lab).expect("a leader");
    let url = printed(&lab, &deployed.stdout, &first);
    let vip = address(&lab);
    assert!(
        url.starts_with(&format!("postgresql://{vip}:5000/")),
        "{url}"
    );
    assert_eq!(holders(&lab, &all), [names[0].clone()]);
    let replicas: Vec<&String> = names.iter().filter(|name| **name != first).collect();
    let [standby, other] = by_role(&lab, &first, &replicas);

    // HAProxy is stopped on the node that holds the address.
    move_to(&lab, other);
    let clients = Clients::open(&lab, &first, standby, other);
    lab.on(other, "systemctl stop haproxy").succeeds();
    await_that("it is elsewhere", seconds(20), || {
        holders(&lab, &all).iter().all(|holder| holder != other)
    });
    let figures = clients.close("HAProxy stopped", &first);
    assert!(figures[0].longest_gap < seconds(6), "{figures:?}");
    let run = lab.mahout(&["explain", other]);
    run.exits_with(4);
    assert!(run.stdout.contains("(vip-unfit)"), "{run}");
    lab.on(other, "systemctl start haproxy").succeeds();

    // It comes back, and does not take the address back.
    let holder = holders(&lab, &all);
    await_that("HAProxy is judged well", seconds(20), || {
        let run = lab.on(other, "journalctl -u keepalived -n 1 -o cat");
        run.stdout.contains("BACKUP")
    });
    assert_eq!(holders(&lab, &all), holder);
    assert!(!holder.contains(other), "{holder:?}");

    // Its HAProxy is cut off from the leader. Once so that the nodes still hear who holds it: the
    // leader answers nothing over TCP. Then altogether: the leader's own node takes it, too.
    let rule = format!("to {} ipproto tcp blackhole", lab.address(other));
    for (what, whole) in [
        ("cut off from the leader", false),
        ("cut off from the leader's node", true),
    ] {
        move_to(&lab, other);
        let clients = Clients::open(&lab, &first, standby, other);
        let cut = |begins: bool| match (whole, begins) {
            (true, true) => lab.lab(&["cut", other, "--from", &first]),
            (true, false) => lab.lab(&["heal", other, "--from", &first]),
            (false, true) => lab.on(&first, &format!("ip rule add {rule}")).succeeds(),
            (false, false) => lab.on(&first, &format!("ip rule del {rule}")).succeeds(),
        };
        cut(true);
        await_that("it is elsewhere", seconds(40), || {
            holders(&lab, &all).iter().all(|holder| holder != other)
        });
        clients.0[0].1.goes_on();
        // libpq does not go on to the next HAProxy from one that accepts and leads nowhere.
        cut(false);
        let figures = clients.close(what, &first);
        assert!(figures[0].longest_gap < seconds(25), "{figures:?}");
    }

    // Its node loses power; it is not the leader's.
    move_to(&lab, other);
    let clients = Clients::open(&lab, &first, standby, other);
    lab.lab(&["kill", other]);
    holds_any(&lab, &[&first, standby]);
    let figures = clients.close("its node powered off", &first);
    assert!(figures[0].longest_gap < seconds(12), "{figures:?}");
    lab.lab(&["start", other]);

    // Its node loses power, and is the leader's.
    await_that("its replica streams", seconds(60), || {
        let ask = "select status from pg_stat_wal_receiver";
        lab.on(other, "systemctl is-active etcd").code == 0
            && as_postgres(&lab, other, ask) == "streaming"
    });
    move_to(&lab, &first);
    let clients = Clients::open(&lab, &first, other, &first);
    lab.lab(&["kill", &first]);
    await_that("another leader", seconds(60), || {
        replicas.iter().any(|node| takes_writes(&lab, node))
    });
    let second = replicas.iter().find(|node| takes_writes(&lab, node));
    let second = second.expect("a leader");
    let figures = clients.close("its node, the leader's, powered off", second);
    assert!(figures[0].longest_gap < seconds(45), "{figures:?}");
    lab.lab(&["start", &first]);
    await_that("verify is green", seconds(90), || {
        lab.mahout(&["verify"]).code == 0
    });
}

/// What a node's PostgreSQL says; nothing if it does not answer.
fn as_postgres(lab: &TestLab, node: &str, statement: &str) -> String {
    let psql = format!("cd / && runuser -u postgres -- psql -XAtqc \"{statement}\"");
    lab.on(node, &psql).stdout.trim().to_owned()
}

/// Whether a node's PostgreSQL is a primary, by its own word.
fn takes_writes(lab: &TestLab, node: &str) -> bool {
    as_postgres(lab, node, "select pg_is_in_recovery()") == "f"
}

/// The synchronous standby, and the other replica.
fn by_role<'n>(lab: &TestLab, first: &str, replicas: &[&'n String]) -> [&'n String; 2] {
    let [one, other] = replicas else {
        panic!("two replicas");
    };
    let ask = "select application_name from pg_stat_replication where sync_state = 'sync'";
    if as_postgres(lab, first, ask) == other.as_str() {
        [other, one]
    } else {
        [one, other]
    }
}

fn holds_any(lab: &TestLab, powered: &[&String]) {
    await_that("somebody holds it", seconds(20), || {
        holders(lab, powered).len() == 1
    });
}
