//! The program by which keepalived judges HAProxy, as a shell runs it, before what it asks.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use mahout::cluster::VipSpec;

use super::sample::{cluster, content, platform, rendered};

const CHECK: &str = "/usr/libexec/keepalived/mahout-check";
const ROWS: &str = "# pxname,svname,qcur,status,weight\n\
    region_one_read_write,FRONTEND,,OPEN,\nregion_one_read_write,pg-1,0,UP,1\n";

/// What another node's HAProxy does with a connection.
#[derive(Clone, Copy)]
enum Peer {
    /// Leads to a PostgreSQL, which says whether it speaks TLS.
    Leads,
    /// Closes it: it leads nowhere.
    Closes,
    /// Says nothing: it has not noticed yet that the leader is gone.
    Hangs,
}

/// A port of 127.0.0.1 or 127.0.0.2 at which each connection is answered by `answer`.
fn listener(address: &str, answer: impl Fn(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind((address, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream);
        }
    });
    port
}

/// How the program ends: `what` is its first word, `state` that of the backend, none of an HAProxy
/// that does not answer.
fn judges(what: &str, state: Option<&str>, peer: Peer) -> Option<i32> {
    let rows = state.map(|state| format!("{ROWS}region_one_read_write,BACKEND,0,{state},1\n"));
    let stats_port = listener("127.0.0.1", move |mut stream| {
        let _ = stream.read(&mut [0; 512]);
        if let Some(rows) = &rows {
            let length = rows.len();
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let _ = stream.write_all((head + rows).as_bytes());
        }
    });
    let peer_port = listener("127.0.0.2", move |mut stream| match peer {
        Peer::Closes => {}
        Peer::Hangs => std::thread::sleep(Duration::from_secs(3)),
        Peer::Leads => {
            let mut request = [0; 8];
            if stream.read_exact(&mut request).is_ok() && request == *b"\0\0\0\x08\x04\xd2\x16\x2f"
            {
                let _ = stream.write_all(b"S");
            }
        }
    });
    let mut cluster = cluster();
    cluster.vip = Some(VipSpec {
        address: [10, 0, 0, 100].into(),
        interface: Some("eth0".to_owned()),
        router: 100,
        advert: Duration::from_secs(1),
    });
    for node in &mut cluster.nodes {
        node.haproxy.stats_port = stats_port;
        node.haproxy.read_write_port = peer_port;
    }
    let files = rendered(&cluster, 0, &platform("debian", "12"));
    let mut shell = Command::new("bash")
        .args(["-s", "--", what, "127.0.0.2"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("bash");
    let mut stdin = shell.stdin.take().expect("a pipe");
    stdin
        .write_all(content(&files, CHECK).as_bytes())
        .expect("it reads");
    drop(stdin);
    shell.wait().expect("its end").code()
}

#[test]
fn an_haproxy_that_answers_is_well_wherever_it_leads() {
    assert_eq!(judges("haproxy", Some("UP"), Peer::Closes), Some(0));
    assert_eq!(judges("haproxy", Some("DOWN"), Peer::Leads), Some(0));
    assert_eq!(judges("haproxy", None, Peer::Closes), Some(1));
}

#[test]
fn the_address_goes_only_where_another_haproxy_leads_to_the_leader() {
    assert_eq!(judges("leader", Some("UP"), Peer::Leads), Some(0));
    assert_eq!(judges("leader", Some("DOWN"), Peer::Leads), Some(1));
    assert_eq!(judges("leader", None, Peer::Leads), Some(1));
}

#[test]
fn without_a_leader_it_stays_where_it_is() {
    assert_eq!(judges("leader", Some("DOWN"), Peer::Closes), Some(0));
    assert_eq!(judges("leader", Some("DOWN"), Peer::Hangs), Some(0));
}
