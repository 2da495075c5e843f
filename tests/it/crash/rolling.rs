//! A change of settings that is struck, in a cluster that runs: etcd restarts, Patroni, PostgreSQL
//! and HAProxy read their files anew, and a client writes all the while. A cluster serves many
//! points, for the settings of the one before are taken back by the next.

use std::time::Duration;

use super::blow::strike;
use super::fresh::{SETTINGS, nodes, undisturbed};
use super::point::{Blow, Point};
use super::results::{Outcome, Writes};
use super::shape::Shape;
use super::sound::{is_sound, runs_again};
use crate::cluster::leader;
use crate::ledger::{Client, Ledger};
use crate::operator::{TestLab, tell};

/// A cluster, and what its inventory says at the moment.
pub(super) struct Cluster {
    lab: TestLab,
    inventory: String,
    turn: usize,
    synchronous: bool,
}

impl Cluster {
    /// A new one; none where this machine has no lab nodes.
    pub(super) fn new() -> Option<Self> {
        let lab = nodes("crash-rolling", "installed")?;
        let inventory = lab.read("inventory.yml");
        let mut cluster = Self {
            lab,
            inventory,
            turn: 0,
            synchronous: false,
        };
        cluster.change();
        undisturbed(&cluster.lab);
        Some(cluster)
    }

    /// The inventory's settings become other ones.
    fn change(&mut self) {
        self.turn += 1;
        let odd = self.turn % 2;
        let mode = if self.synchronous { "on" } else { "off" };
        let settings = SETTINGS.replace(
            "postgresql: {",
            &format!("postgresql: {{ parameters: {{ work_mem: {}MB }},", 4 + odd),
        );
        let text = format!(
            "{}{settings}\
             system: {{ sysctl: {{ net.core.somaxconn: {} }} }}\n\
             etcd: {{ settings: {{ ETCD_SNAPSHOT_COUNT: {} }} }}\n\
             patroni: {{ synchronous_mode: {mode}, tags: {{ turn: {odd} }} }}\n\
             haproxy: {{ retries: {} }}\n",
            self.inventory,
            4096 + odd,
            50_000 + odd,
            2 + odd,
        );
        self.lab.write("inventory.yml".as_ref(), &text);
    }

    /// A change without a disturbance: what there is to do, and how long it takes.
    #[track_caller]
    pub(super) fn reference(&mut self) -> (Shape, Duration) {
        self.change();
        undisturbed(&self.lab)
    }

    /// One point, from a sound cluster to a sound cluster.
    #[track_caller]
    pub(super) fn hold(&mut self, point: &Point, whole: Duration) -> Outcome {
        if self.synchronous != point.synchronous {
            self.synchronous = point.synchronous;
            self.reference();
        }
        self.change();
        under_a_client(&self.lab, point, whole)
    }
}

/// Strikes, runs again, and compares what a client was told with what is there.
#[track_caller]
pub(super) fn under_a_client(lab: &TestLab, point: &Point, whole: Duration) -> Outcome {
    let mut names = lab.node_names();
    let first = leader(lab).expect("a leader");
    names.sort_by_key(|name| *name != first);
    // The client has power, and does not ask the leader's own HAProxy.
    let client = match point.blow {
        Blow::PowerOff(_, 1) | Blow::InPause(1) => &names[2],
        _ => &names[1],
    };
    let ledger = Ledger::open(lab, &first, (client, client), Client::Reconnecting);
    let note = strike(lab, point, whole, &names);
    let again_seconds = runs_again(lab);
    is_sound(lab);
    let figures = ledger.close(&leader(lab).expect("a leader"));
    tell(&format!("{point}: {figures}"));
    let leader_lost = matches!(point.blow, Blow::PowerOff(_, 0));
    if point.synchronous || !leader_lost {
        assert_eq!(figures.lost, [0_u64; 0], "{figures:?}");
    }
    let writes = Writes {
        acknowledged: figures.writes,
        failed: figures.failed.len(),
        lost: figures.lost.len(),
        longest_gap_seconds: figures.longest_gap.as_secs_f64(),
    };
    Outcome {
        note,
        again_seconds,
        writes: Some(writes),
    }
}

/// One point of turning TLS on, from nodes to a sound cluster.
#[track_caller]
pub(super) fn turns_tls_on(point: &Point) -> Outcome {
    let lab = nodes("crash-tls", "installed").expect("as others");
    let inventory = lab.read("inventory.yml");
    lab.append_to_inventory(&format!("{SETTINGS}tls: off\n"));
    undisturbed(&lab);
    let text = format!("{inventory}{SETTINGS}tls: on\n");
    lab.write("inventory.yml".as_ref(), &text);
    under_a_client(&lab, point, Duration::ZERO)
}
