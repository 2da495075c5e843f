//! An SSH server within this process that stands for many nodes, and one that loses a connection
//! at a byte of our choice. The client is the real one.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mahout::cluster::{Node, NodeName};
use mahout::transport::{Effect, Fleet, Transport};
use russh::server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Session};
use russh::{Channel, ChannelId, ChannelMsg, Disconnect};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::sshd::{Place, Sshd, until};
use super::{command, exec, only, read};

/// What the server is on one port.
#[derive(Clone)]
struct Served {
    /// In `$NODE` of its scripts.
    name: NodeName,
    /// So many bytes of a script reach the shell; then the connection is cut.
    cut: Option<usize>,
}

/// One connection.
struct Connection {
    served: Served,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: russh::server::VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let channel = self.channels.remove(&id).expect("an open channel");
        session.channel_success(id)?;
        let line = String::from_utf8_lossy(line).into_owned();
        let (served, handle) = (self.served.clone(), session.handle());
        tokio::spawn(async move {
            if served.cut.is_some() {
                cut(&served, &line, channel, &handle).await;
            } else {
                serve(&served, &line, channel).await;
            }
        });
        Ok(())
    }
}

fn shell(served: &Served, line: &str) -> tokio::process::Command {
    let mut shell = tokio::process::Command::new("sh");
    shell
        .args(["-c", line])
        .env("NODE", served.name.as_str())
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    shell
}

/// Runs `line` as sshd does.
async fn serve(served: &Served, line: &str, channel: Channel<Msg>) {
    let shell = shell(served, line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut shell = shell.expect("a shell");
    let mut stdin = shell.stdin.take();
    let mut stdout = shell.stdout.take().expect("a pipe");
    let mut stderr = shell.stderr.take().expect("a pipe");
    let (mut from, to) = channel.split();
    let input = async {
        while let Some(message) = from.wait().await {
            match (message, &mut stdin) {
                (ChannelMsg::Data { data }, Some(pipe)) => {
                    let _ = pipe.write_all(&data).await;
                }
                (ChannelMsg::Eof, _) => stdin = None,
                _ => {}
            }
        }
    };
    let (mut to_stdout, mut to_stderr) = (to.make_writer(), to.make_writer_ext(Some(1)));
    let output = async {
        let (_, _) = tokio::join!(
            tokio::io::copy(&mut stdout, &mut to_stdout),
            tokio::io::copy(&mut stderr, &mut to_stderr),
        );
        shell.wait().await.expect("an end").code().unwrap_or(255)
    };
    // The input ends before the output only if the other side has closed.
    tokio::select! {
        () = input => {}
        code = output => {
            let _ = to.exit_status(code.cast_unsigned()).await;
            let _ = to.eof().await;
            let _ = to.close().await;
        }
    }
}

/// Runs `line` with the first bytes of its input, waits for the end of all that this started, and
/// cuts the connection.
async fn cut(served: &Served, line: &str, mut channel: Channel<Msg>, handle: &Handle) {
    let shell = shell(served, line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut shell = shell.expect("a shell");
    let mut stdin = shell.stdin.take().expect("a pipe");
    let mut left = served.cut.unwrap_or_default();
    while left > 0 {
        let Some(message) = channel.wait().await else {
            break;
        };
        if let ChannelMsg::Data { data } = message {
            let count = left.min(data.len());
            left -= count;
            let _ = stdin.write_all(&data[..count]).await;
        }
    }
    drop(stdin);
    // Also of what holds its output.
    shell.wait_with_output().await.expect("an end");
    let cut = handle.disconnect(Disconnect::ByApplication, String::new(), String::new());
    let _ = cut.await;
}

/// Serves each of `all` on a port of its own, and returns them as nodes.
async fn start(place: &Place, all: impl IntoIterator<Item = Option<usize>>) -> Vec<Node> {
    let key = russh::keys::load_secret_key(place.path("host"), None).expect("a host key");
    let public = std::fs::read_to_string(place.path("host.pub")).expect("a key");
    let config = Arc::new(Config {
        keys: vec![key],
        auth_rejection_time: Duration::ZERO,
        ..Config::default()
    });
    let mut nodes = Vec::new();
    for (index, cut) in all.into_iter().enumerate() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        place.know(port, &public);
        let node = place.node(index + 1, port);
        let served = Served {
            name: node.name.clone(),
            cut,
        };
        nodes.push(node);
        let config = Arc::clone(&config);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = Connection {
                    served: served.clone(),
                    channels: HashMap::new(),
                };
                let session = russh::server::run_stream(Arc::clone(&config), stream, connection);
                tokio::spawn(async move {
                    if let Ok(session) = session.await {
                        let _ = session.await;
                    }
                });
            }
        });
    }
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_nodes_work_at_once() {
    let Some(place) = Place::new() else { return };
    let mut nodes = start(&place, [None; 20]).await;
    // One of them is down.
    nodes[6].ssh.port = Some(1);
    let fleet = Fleet::connect(&nodes, place.options(Effect::Changes)).await;
    let lost: Vec<String> = fleet.unreachable().map(ToString::to_string).collect();
    assert_eq!(lost, ["pg-7: connection refused by 127.0.0.1 port 1"]);
    let names: Vec<&NodeName> = fleet.names().collect();
    assert_eq!(
        names,
        nodes.iter().map(|node| &node.name).collect::<Vec<_>>()
    );
    assert_eq!(fleet.hosts().count(), 19);
    assert_eq!(place.sockets().len(), 19);

    // Each ends only when all have begun: none waits for another one's end.
    let meeting = place.path("meeting");
    std::fs::create_dir(&meeting).expect("a folder");
    let script = format!(
        "cd {}; echo $NODE; : >$NODE; until [ $(ls | wc -l) = 19 ]; do sleep 0.05; done; echo met",
        meeting.display()
    );
    let mut work = JoinSet::new();
    for (name, host) in fleet.hosts() {
        let (name, host, command) = (
            name.clone(),
            Arc::clone(host),
            command(Effect::Changes, &script),
        );
        work.spawn(async move {
            let mut lines = Vec::new();
            let output = host
                .exec(&command, &mut |line| lines.push(line.to_owned()))
                .await
                .expect("an end");
            let all = [name.to_string(), "met".to_owned()];
            assert_eq!((output.code, lines), (0, all.to_vec()));
            assert_eq!(output.stdout, format!("{name}\nmet\n"));
        });
    }
    assert_eq!(work.join_all().await.len(), 19);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_do_not_answer_are_waited_for_side_by_side() {
    let Some(place) = Place::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // It accepts, and never says a word.
    let callers = Arc::new(AtomicUsize::new(0));
    let silent = tokio::spawn({
        let callers = Arc::clone(&callers);
        async move {
            let mut open = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let callers = Arc::clone(&callers);
                callers.fetch_add(1, Ordering::Relaxed);
                open.spawn(async move {
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                    callers.fetch_sub(1, Ordering::Relaxed);
                });
            }
        }
    });
    let nodes: Vec<Node> = (0..40)
        .map(|number| {
            let mut node = place.node(1, port);
            node.name = format!("pg-{number}").as_str().into();
            // What makes its connection another one.
            node.ssh.persist = Duration::from_secs(60 + number);
            node
        })
        .collect();
    let options = place.options(Effect::ReadOnly);
    let connect = tokio::spawn(async move { Fleet::connect(&nodes, options).await });
    // All of them before the first is given up, though sixteen log in at once.
    tokio::task::spawn_blocking(move || {
        until("forty callers", || callers.load(Ordering::Relaxed) == 40);
    })
    .await
    .expect("no panic");
    silent.abort();
    let fleet = connect.await.expect("no panic");
    assert_eq!(fleet.unreachable().count(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_script_never_runs() {
    let Some(place) = Place::new() else { return };
    // The wrapping is some hundred bytes; the script is longer than all these together.
    let cuts = [1, 100, 300, 450, 600, 800, 1_000, 40_000, 400_000];
    let nodes = start(&place, cuts.map(Some)).await;
    for effect in [Effect::ReadOnly, Effect::Changes] {
        for node in &nodes {
            let trace = place.path("trace");
            let script = format!("touch {}\n: {}", trace.display(), "x".repeat(500_000));
            let fleet =
                Fleet::connect(std::slice::from_ref(node), place.options(Effect::Changes)).await;
            let error = exec(&only(&fleet), &command(effect, script)).await;
            assert_eq!(
                error.expect_err("cut").cause,
                "the connection was lost before `test` began"
            );
            assert!(!trace.exists(), "{} ran half a script", node.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_runs_at_once_share_one_node_and_do_not_disturb_each_other() {
    let Some(sshd) = Sshd::start("") else { return };
    let place = &sshd.place;
    // Sixty of the usual exchanges cost two cores seven seconds.
    let text = "IdentityAgent none\nKexAlgorithms curve25519-sha256\n";
    std::fs::write(place.path("ssh_config"), text).expect("written");
    let mut runs = JoinSet::new();
    for number in 0..60 {
        let shared = sshd.node();
        let mut own = place.node(2, sshd.port);
        // What makes its connection another one.
        own.ssh.persist = Duration::from_secs(61 + number);
        let options = place.options(Effect::ReadOnly);
        runs.spawn(async move {
            let fleet = Fleet::connect(&[shared, own], options).await;
            let lost: Vec<String> = fleet.unreachable().map(ToString::to_string).collect();
            assert!(lost.is_empty(), "{lost:?}");
            for (_, host) in fleet.hosts() {
                let said = read(host, &format!("echo {number}")).await;
                assert_eq!(said, format!("{number}\n"));
            }
            fleet.close().await;
        });
    }
    runs.join_all().await;
    assert_eq!(sshd.logins(), 61);
    assert_eq!(place.sockets().len(), 61);
}
