//! Nodes behind a jump host: one connection to it, however many they are.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use mahout::cluster::Node;
use mahout::transport::{Effect, Fleet};

use super::sshd::{Sshd, until};
use super::{only, read};

/// Two servers: a jump host as it is installed, and a node that is reached through it.
fn servers() -> Option<(Sshd, Sshd)> {
    let (jump, sshd) = (Sshd::start("MaxStartups 10:30:100")?, Sshd::start("")?);
    // What is said for the node does not count for the jump host. Fifty of the usual exchanges
    // cost two cores six seconds.
    let place = &sshd.place;
    let key = fs::read_to_string(jump.place.path("host.pub")).expect("a key");
    place.know(jump.port, &key);
    let text = format!(
        "IdentityAgent none\nIdentityFile {}\nUserKnownHostsFile {}\n\
         KexAlgorithms curve25519-sha256\n",
        jump.place.path("id").display(),
        place.path("known_hosts").display(),
    );
    fs::write(place.path("ssh_config"), text).expect("written");
    Some((jump, sshd))
}

fn behind(jump: &Sshd, mut node: Node) -> Node {
    node.ssh.proxy_jump = Some(format!("127.0.0.1:{}", jump.port));
    node
}

#[tokio::test]
async fn a_node_behind_a_jump_host_is_reached_through_it() {
    let Some((jump, sshd)) = servers() else {
        return;
    };
    let place = &sshd.place;
    let mut node = behind(&jump, sshd.node());
    node.ssh.persist = Duration::ZERO;
    let fleet = Fleet::connect(&[node], place.options(Effect::ReadOnly)).await;
    assert_eq!(read(&only(&fleet), "echo hello").await, "hello\n");
    assert_eq!((jump.logins(), sshd.logins()), (1, 1));
    fleet.close().await;
    until("end of both ssh", || place.processes().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_at_once_need_one_login_at_the_jump_host() {
    let Some((jump, sshd)) = servers() else {
        return;
    };
    let place = &sshd.place;
    let nodes: Vec<Node> = (0..50)
        .map(|number| {
            let mut node = behind(&jump, sshd.node());
            node.name = format!("pg-{number}").as_str().into();
            // What makes the connections different ones.
            node.ssh.persist = Duration::from_secs(60 + number);
            node
        })
        .collect();
    let mut options = place.options(Effect::ReadOnly);
    options.parallel = 50;
    let fleet = Fleet::connect(&nodes, options).await;
    let lost: Vec<String> = fleet.unreachable().map(ToString::to_string).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    assert_eq!((jump.logins(), sshd.logins()), (1, 50));
    assert_eq!(jump.logged("Connection from "), 1);

    // Without the connection to it all others are gone, and are made anew.
    let (_, host) = fleet.hosts().next().expect("a node");
    let host = Arc::clone(host);
    jump.drop_connections();
    assert_eq!(read(&host, "echo again").await, "again\n");
    assert_eq!(jump.logins(), 2);
}

#[tokio::test]
async fn what_is_not_there_behind_the_jump_host_is_told() {
    let Some((jump, sshd)) = servers() else {
        return;
    };
    let mut node = behind(&jump, sshd.node());
    node.ssh.port = Some(1);
    let fleet = Fleet::connect(&[node], sshd.place.options(Effect::ReadOnly)).await;
    let error = fleet.unreachable().next().expect("nobody is there").clone();
    assert_eq!(
        error.cause,
        "at the jump host: cannot reach the node from there"
    );

    // Nor is the jump host itself.
    let mut node = sshd.node();
    node.ssh.proxy_jump = Some("127.0.0.1:1".to_owned());
    let fleet = Fleet::connect(&[node], sshd.place.options(Effect::ReadOnly)).await;
    let error = fleet.unreachable().next().expect("nobody is there").clone();
    assert_eq!(
        error.cause,
        "at the jump host: connection refused by 127.0.0.1 port 1"
    );
}
