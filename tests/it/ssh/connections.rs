//! How long a connection lives, and what its death does to the scripts on the node.

use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mahout::cluster::Node;
use mahout::transport::{Effect, Fleet, Host, Output, Transport, TransportError};
use rustix::process::Signal;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::sshd::{Place, Sshd, is_running, until};
use super::{command, exec, lasting, only, read, see_it_end};

/// The folder of the test that has started this process, and the port of its sshd.
const FOLDER: &str = "MAHOUT_TEST_FOLDER";
const PORT: &str = "MAHOUT_TEST_PORT";
const PERSIST: &str = "MAHOUT_TEST_PERSIST";

#[tokio::test]
async fn the_next_run_finds_the_connection() {
    let Some(sshd) = Sshd::start("") else { return };
    for _ in 0..3 {
        let fleet = sshd.fleet(Effect::ReadOnly).await;
        assert_eq!(read(&only(&fleet), "echo hello").await, "hello\n");
        fleet.close().await;
    }
    // Two at once find it, too.
    let (one, two) = tokio::join!(sshd.fleet(Effect::ReadOnly), sshd.fleet(Effect::Changes));
    let (one, two) = (only(&one), only(&two));
    tokio::join!(read(&one, "true"), read(&two, "true"));
    assert_eq!(sshd.logins(), 1);
    assert_eq!(sshd.logged("Connection from "), 1);
    assert_eq!(sshd.place.sockets().len(), 1);
}

#[tokio::test]
async fn two_first_runs_at_once_make_one_connection() {
    let Some(sshd) = Sshd::start("") else { return };
    let (one, two) = tokio::join!(sshd.fleet(Effect::ReadOnly), sshd.fleet(Effect::ReadOnly));
    let (one, two) = (only(&one), only(&two));
    tokio::join!(read(&one, "true"), read(&two, "true"));
    assert_eq!(sshd.logins(), 1);
}

/// A connection that does not outlive the run.
fn passing(sshd: &Sshd) -> Node {
    let mut node = sshd.node();
    node.ssh.persist = Duration::ZERO;
    node
}

#[tokio::test]
async fn without_persist_nothing_is_left_behind() {
    let Some(sshd) = Sshd::start("") else { return };
    let place = &sshd.place;
    for orderly in [true, false] {
        let fleet = Fleet::connect(&[passing(&sshd)], place.options(Effect::ReadOnly)).await;
        assert_eq!(read(&only(&fleet), "echo hello").await, "hello\n");
        assert!(!place.processes().is_empty());
        if orderly {
            fleet.close().await;
        } else {
            drop(fleet);
        }
        until("end of ssh", || place.processes().is_empty());
        assert!(place.sockets().is_empty());
    }
    assert_eq!(sshd.logins(), 2);
}

#[tokio::test]
async fn a_connection_ends_when_nobody_has_used_it_for_its_time() {
    let Some(sshd) = Sshd::start("") else { return };
    let place = &sshd.place;
    let mut node = sshd.node();
    node.ssh.persist = Duration::from_secs(1);
    let fleet = Fleet::connect(&[node], place.options(Effect::ReadOnly)).await;
    // Longer than that: it is used.
    assert_eq!(
        read(&only(&fleet), "sleep 1.5; echo hello").await,
        "hello\n"
    );
    fleet.close().await;
    until("end of ssh", || place.processes().is_empty());
    assert!(place.sockets().is_empty());
    assert_eq!(sshd.logins(), 1);
}

#[tokio::test]
async fn a_dead_connection_is_replaced() {
    let Some(sshd) = Sshd::start("") else { return };
    let fleet = sshd.fleet(Effect::Changes).await;
    let host = only(&fleet);
    assert_eq!(read(&host, "echo 1").await, "1\n");

    // By the run that has it.
    sshd.place.kill_master();
    assert_eq!(read(&host, "echo 2").await, "2\n");
    assert_eq!(sshd.logins(), 2);

    // By the next run, which finds its socket.
    sshd.place.kill_master();
    assert_eq!(sshd.place.sockets().len(), 1);
    let next = only(&sshd.fleet(Effect::Changes).await);
    assert_eq!(read(&next, "echo 3").await, "3\n");
    assert_eq!(sshd.logins(), 3);

    // A command that has begun is not sent twice.
    let task = under_way(&next, &sshd.place).await;
    sshd.place.kill_master();
    let error = task.await.expect("no panic").expect_err("lost");
    assert_eq!(error.to_string(), LOST);
    see_it_end(&sshd.place);
}

const LOST: &str =
    "pg-1: the connection was lost while `test` ran; if the node lives, it runs to its end there";

/// A changing script that has begun.
async fn under_way(host: &Arc<Host>, place: &Place) -> JoinHandle<Result<Output, TransportError>> {
    let script = lasting(place);
    let began = Arc::new(Notify::new());
    let task = tokio::spawn({
        let (host, began) = (Arc::clone(host), Arc::clone(&began));
        async move {
            let command = command(Effect::Changes, script);
            host.exec(&command, &mut |_| began.notify_one()).await
        }
    });
    began.notified().await;
    task
}

#[tokio::test]
async fn a_slow_node_is_waited_for_and_a_silent_one_is_given_up() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = only(&sshd.fleet(Effect::Changes).await);
    let task = under_way(&host, &sshd.place).await;
    sshd.signal_connections(Signal::STOP);
    // The time is what is tested: half of that after which a node is given up.
    tokio::time::sleep(Duration::from_secs(6)).await;
    sshd.signal_connections(Signal::CONT);
    assert_eq!(read(&host, "echo back").await, "back\n");
    assert!(!task.is_finished());
    assert_eq!(sshd.logins(), 1);

    // Long before the deadline of the script, and the script goes on.
    sshd.signal_connections(Signal::STOP);
    let error = task.await.expect("no panic").expect_err("silence");
    assert_eq!(error.to_string(), LOST);
    see_it_end(&sshd.place);
}

/// Our side of `when_we_die_…`, in a process of its own.
#[tokio::test]
#[ignore = "started by another test, which kills it"]
async fn our_side() {
    let (Some(folder), Ok(port), Ok(persist)) = (
        std::env::var_os(FOLDER),
        std::env::var(PORT),
        std::env::var(PERSIST),
    ) else {
        return;
    };
    let place = Place::lent(PathBuf::from(folder));
    let mut node = place.node(1, port.parse().expect("a port"));
    node.ssh.persist = Duration::from_secs(persist.parse().expect("seconds"));
    let fleet = Fleet::connect(&[node], place.options(Effect::Changes)).await;
    let host = only(&fleet);
    let reads = format!(
        "exec >{0}.new; sleep 40 & echo $!; mv {0}.new {0}; sleep 40",
        place.path("pid").display()
    );
    let mut reads = command(Effect::ReadOnly, reads);
    reads.timeout = Duration::from_secs(4);
    let changes = command(Effect::Changes, lasting(&place));
    let (_, _) = tokio::join!(exec(&host, &changes), exec(&host, &reads));
    unreachable!("it was to be killed");
}

fn us(sshd: &Sshd, persist: u32) -> Child {
    Process::new(std::env::current_exe().expect("this program"))
        .args(["ssh::connections::our_side", "--exact", "--ignored"])
        .env(FOLDER, sshd.place.path(""))
        .env(PORT, sshd.port.to_string())
        .env(PERSIST, persist.to_string())
        .stdout(Stdio::null())
        .spawn()
        .expect("our side")
}

#[tokio::test]
async fn a_login_that_a_killed_run_has_left_is_no_obstacle() {
    let Some(sshd) = Sshd::start("") else { return };
    let mut us = us(&sshd, 60);
    until("ssh", || !sshd.place.processes().is_empty());
    us.kill().expect("killed");
    us.wait().expect("its end");
    // It is about to make the socket that the next one is to have, too.
    let host = only(&sshd.fleet(Effect::ReadOnly).await);
    assert_eq!(read(&host, "echo hello").await, "hello\n");
}

fn when_we_die(persist: u32) {
    let Some(sshd) = Sshd::start("") else { return };
    let place = &sshd.place;
    let mut us = us(&sshd, persist);
    let (began, pid) = (place.path("count"), place.path("pid"));
    let mut ended = false;
    until("beginning of the scripts", || {
        ended = us.try_wait().expect("its state").is_some();
        ended || (began.exists() && pid.exists())
    });
    us.kill().expect("killed");
    us.wait().expect("its end");
    assert!(!ended, "it was to be killed");
    if persist == 0 {
        until("end of ssh", || place.processes().is_empty());
    }
    see_it_end(place);
    let pid = std::fs::read_to_string(pid).expect("a process");
    until("end of the reading script", || !is_running(&pid));
}

#[test]
fn when_we_die_with_our_connection_the_node_ends_what_reads_and_finishes_what_changes() {
    when_we_die(0);
}

#[test]
fn when_we_die_and_the_connection_stays_the_node_does_the_same() {
    when_we_die(60);
}
