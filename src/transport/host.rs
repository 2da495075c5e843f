//! A connected node: the single funnel through which every command goes.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openssh::{Child, Session, Stdio};
use tokio::sync::{Mutex, SemaphorePermit};

use super::answer::Stage;
use super::conversation::{Conversation, End};
use super::fault::Fault;
use super::fleet::{ConnectOptions, Watch};
use super::folder;
use super::master::{Master, Masters};
use super::refusal::{self, Refusal};
use super::sessions::Sessions;
use super::wire::{LOGIN, Wire};
use super::{Command, Effect, Output, Transport, TransportError};
use crate::cluster::{Node, NodeName, SshSpec};
use crate::secret::Secret;

/// How long a connection that an earlier run left may take to open a session. Beyond, its node
/// has most likely gone since, and a new connection shows what is the matter.
const UNPROVEN: Duration = Duration::from_secs(5);

/// How long the end of a session is awaited after the end of its output.
const FAREWELL: Duration = Duration::from_millis(300);

/// The longest pause before a refused session is asked for again.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A connected node.
///
/// One connection, at most four commands at once on it (fewer where the node refuses more). A
/// connection that is lost is made anew by the next command; a command that has begun is never
/// sent twice.
#[derive(Debug)]
pub struct Host {
    node: NodeName,
    ssh: SshSpec,
    limit: Effect,
    sudo_password: Option<Secret>,
    watch: Option<Watch>,
    masters: Arc<Masters>,
    master: Mutex<Option<Arc<Master>>>,
    sessions: Sessions,
}

impl Host {
    /// Connects to `node`. Commands whose effect is above the limit are refused before they reach
    /// the wire.
    pub(super) async fn connect(
        node: &Node,
        options: ConnectOptions,
        masters: Arc<Masters>,
    ) -> Result<Self, TransportError> {
        let begin = Instant::now();
        let master = masters.connect(&node.ssh, false).await;
        if let Some(Watch(tell)) = &options.watch {
            tell(&node.name, "connect", begin);
        }
        let master = master.map_err(|fault| fault.at(&node.name))?;
        Ok(Self {
            node: node.name.clone(),
            ssh: node.ssh.clone(),
            limit: options.effect_limit,
            sudo_password: options.sudo_password,
            watch: options.watch,
            masters,
            master: Mutex::new(Some(Arc::new(master))),
            sessions: Sessions::new(),
        })
    }

    /// The name of the node.
    pub fn node(&self) -> &NodeName {
        &self.node
    }

    /// Ends the connection if it is not to outlive the run (`ssh.persist: 0`).
    pub async fn close(&self) {
        let master = self.master.lock().await.take();
        if let Some(master) = master.and_then(Arc::into_inner) {
            master.end().await;
        }
    }

    /// The connection; a new one instead of `lost`.
    async fn master(&self, lost: Option<&Arc<Master>>) -> Result<Arc<Master>, Fault> {
        let mut current = self.master.lock().await;
        if let Some(master) = current.as_ref() {
            // Another command may have replaced it already.
            if lost.is_none_or(|lost| !Arc::ptr_eq(lost, master)) {
                return Ok(Arc::clone(master));
            }
        }
        *current = None;
        let master = self.masters.connect(&self.ssh, lost.is_some()).await?;
        let master = Arc::new(master);
        *current = Some(Arc::clone(&master));
        Ok(master)
    }

    /// Opens a session on the node, with the script still in our hands: whatever goes wrong here
    /// may be tried again.
    async fn open(&self, patience: Duration) -> Result<Opened<'_>, Fault> {
        let mut master = self.master(None).await?;
        let mut is_new = false;
        let mut pause = Duration::from_millis(8);
        let mut since = None;
        loop {
            let Some(permit) = self.sessions.acquire().await else {
                return Err(Fault::new("its connection has been closed"));
            };
            let wait = match master.is_proven() {
                true => patience,
                false => UNPROVEN,
            };
            let lost = match tokio::time::timeout(wait, spawn(master.session())).await {
                Ok(Ok(child)) => {
                    master.prove();
                    return Ok(Opened {
                        child,
                        master,
                        _permit: permit,
                    });
                }
                Ok(Err(error)) if is_refusal(&error) => {
                    self.sessions.refused(permit);
                    let since = *since.get_or_insert_with(Instant::now);
                    if since.elapsed() > patience {
                        return Err(Fault::new("sshd there grants no session (MaxSessions)")
                            .hint("another run of mahout may be using the connection to it"));
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
                Ok(Err(openssh::Error::Disconnected)) => "the connection is lost".to_owned(),
                Ok(Err(error)) => in_words(&error),
                Err(_) => format!("no session within {} s", wait.as_secs_f64()),
            };
            drop(permit);
            if is_new {
                return Err(Fault::new(lost));
            }
            is_new = true;
            master = self.master(Some(&master)).await?;
        }
    }

    async fn run(
        &self,
        command: &Command,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Output, Fault> {
        if command.effect > self.limit {
            return Err(Fault::new(format!(
                "`{}` was not sent: it {}, and this run only {}",
                command.title,
                deed(command.effect),
                match self.limit {
                    Effect::ReadOnly => "reads",
                    Effect::Probe | Effect::Changes => "probes",
                }
            )));
        }
        let _turn = match command.effect {
            Effect::Changes => None,
            // The semaphore is never closed: without a turn nobody runs.
            Effect::ReadOnly | Effect::Probe => self.masters.turns.acquire().await.ok(),
        };
        let nonce = folder::word();
        let wire = Wire::new(command, &nonce, self.sudo_password.as_ref());
        let Opened {
            mut child,
            master,
            _permit,
        } = self.open(command.timeout).await?;
        let mut conversation = Conversation::new(&nonce, command.keeps_stdout);
        let start = Instant::now();
        let input = command.input.as_deref();
        let talk = conversation.hold(&mut child, &wire, input, on_line);
        let end = tokio::time::timeout(command.timeout, talk).await;
        match end {
            Ok(End::Complete) => {
                // So that the node has freed the session when we ask for the next one.
                let _ = tokio::time::timeout(FAREWELL, child.wait()).await;
            }
            Ok(End::TooLong) => {
                return Err(Fault::new(format!(
                    "`{}` prints without end",
                    command.title
                )));
            }
            Ok(End::Closed) if !master.is_alive().await => {
                return Err(self.cut(command, conversation.stage()));
            }
            // The node's own deadline may be seen a moment before ours.
            Ok(End::Closed) if start.elapsed() < command.timeout => {}
            Ok(End::Closed) | Err(_) => return Err(late(command)),
        }
        let stage = conversation.stage();
        let no_sudo = conversation.no_sudo();
        let (stdout, stderr) = conversation.into_texts();
        match stage {
            Stage::Ended(code) => Ok(Output {
                code,
                stdout,
                stderr,
            }),
            Stage::Inside => Err(Fault::new(format!(
                "the shell that ran `{}` was killed there",
                command.title
            ))
            .hint("`dmesg` on the node tells if memory ran out")),
            Stage::Before => Err(refusal::explain(&Refusal {
                destination: &self.ssh.destination,
                title: &command.title,
                stdout: &stdout,
                stderr: &stderr,
                no_sudo,
                had_password: self.sudo_password.is_some(),
            })),
        }
    }

    /// The connection was lost under `command`.
    fn cut(&self, command: &Command, stage: Stage) -> Fault {
        let title = &command.title;
        match (stage, command.effect) {
            (Stage::Before, _) => {
                Fault::new(format!("the connection was lost before `{title}` began"))
            }
            (_, Effect::Changes) => Fault::new(format!(
                "the connection was lost while `{title}` ran; if the node lives, it runs to its end there"
            )),
            _ => Fault::new(format!("the connection was lost while `{title}` ran")),
        }
        .hint("run it again when the node is back")
    }
}

impl Transport for Host {
    async fn exec(
        &self,
        command: &Command,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Output, TransportError> {
        let begin = Instant::now();
        let result = self.run(command, on_line).await;
        if let Some(Watch(tell)) = &self.watch {
            tell(&self.node, &command.title, begin);
        }
        result.map_err(|fault| fault.at(&self.node))
    }
}

/// A session on the node, in which the shell waits for its script.
struct Opened<'a> {
    child: Child<Arc<Session>>,
    master: Arc<Master>,
    _permit: SemaphorePermit<'a>,
}

async fn spawn(session: Arc<Session>) -> Result<Child<Arc<Session>>, openssh::Error> {
    session
        .arc_raw_command(LOGIN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .await
}

/// sshd's MaxSessions, in the words of ssh's multiplexer.
fn is_refusal(error: &openssh::Error) -> bool {
    matches!(error, openssh::Error::SshMux(_)) && in_words(error).contains("Session open refused")
}

/// An error with its causes.
fn in_words(error: &openssh::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn deed(effect: Effect) -> &'static str {
    match effect {
        Effect::ReadOnly => "reads",
        Effect::Probe => "probes with a write",
        Effect::Changes => "changes the node",
    }
}

fn late(command: &Command) -> Fault {
    let fault = Fault::new(format!(
        "`{}` did not end within {} s",
        command.title,
        command.timeout.as_secs_f64()
    ));
    match command.effect {
        Effect::Changes => fault.hint("it goes on there; run again when it has ended"),
        Effect::ReadOnly | Effect::Probe => fault,
    }
}
