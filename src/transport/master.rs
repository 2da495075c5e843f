//! The `ssh` process that holds a connection. We start it ourselves, because the openssh crate
//! offers neither its options nor its stderr nor its end.
//!
//! Two forms, never mixed: with `ssh.persist: 0` a child in the foreground that ends with us;
//! else a master that ssh sends into the background and ends itself once it has been idle for
//! that time. The next run finds its socket and pays for no key exchange.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use openssh::Session;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::explain;
use super::fault::Fault;
use super::fleet::EXECUTIONS;
use super::folder::{self, Folder};
use super::jump::Jumps;
use super::keys::Identities;
use super::name::connection_name;
use super::ssh;
use crate::cluster::SshSpec;

/// How long a master that lives may take to say so.
const ALIVE: Duration = Duration::from_secs(2);

/// How long a master may take to end.
const END: Duration = Duration::from_secs(2);

/// How often it is looked whether another has the socket by now.
const OVERTAKEN: Duration = Duration::from_millis(200);

/// How often a connection is tried that was dropped before the login (MaxStartups).
const TRIES: u32 = 4;

/// Starts `ssh` and ends it when our end of its stdin is gone, however we ended; a line on stdin
/// says that there is nothing left to end.
const WATCHED: &str = "exec 3<&0 </dev/null; \
                       { read -r l <&3 || kill $$; } 2>/dev/null & \
                       exec \"$@\" 3<&-";

/// What all connections of a run share.
#[derive(Debug)]
pub(super) struct Masters {
    folder: Folder,
    identities: Identities,
    pub(super) jumps: Jumps,
    /// Executions that only ask take turns.
    pub(super) turns: Semaphore,
}

/// A live connection.
#[derive(Debug)]
pub(super) struct Master {
    session: Arc<Session>,
    socket: PathBuf,
    foreground: Option<Foreground>,
    /// It has answered to us. One that an earlier run left may have lost its node since.
    proven: AtomicBool,
}

impl Masters {
    pub(super) fn new(folder: Folder) -> Self {
        Self {
            folder,
            identities: Identities::default(),
            jumps: Jumps::default(),
            turns: Semaphore::new(EXECUTIONS),
        }
    }

    /// A connection as `spec` describes it: one that is alive already, else a new one. With
    /// `anew`, the one that is there is no longer used; it is not ended either, for another run
    /// may still have work on it.
    pub(super) async fn connect(&self, spec: &SshSpec, anew: bool) -> Result<Master, Fault> {
        let deadline = Instant::now() + spec.connect_timeout;
        if spec.persist.is_zero() {
            self.identities.check(spec).await?;
            let socket = self.folder.file(&folder::word());
            return self.start(spec, &socket, deadline).await;
        }
        let name = connection_name(spec);
        let socket = self.folder.file(&name);
        if !anew && let Some(master) = alive(&socket).await {
            return Ok(master);
        }
        self.identities.check(spec).await?;
        let _lock = self.folder.lock(&name, deadline).await?;
        if !anew && let Some(master) = alive(&socket).await {
            return Ok(master);
        }
        let _ = std::fs::remove_file(&socket);
        self.start(spec, &socket, deadline).await
    }

    /// Starts a master, and once more where sshd had too many logins under way.
    async fn start(
        &self,
        spec: &SshSpec,
        socket: &Path,
        deadline: Instant,
    ) -> Result<Master, Fault> {
        let mut tried = 0;
        loop {
            tried += 1;
            let fault = match self.try_start(spec, socket, deadline).await {
                Ok(master) => return Ok(master),
                Err(fault) => fault,
            };
            let jitter = Duration::from_millis(u64::from(folder::word().as_bytes()[0]));
            let pause = Duration::from_millis(100 << tried) + jitter;
            if !fault.passes || tried == TRIES || Instant::now() + pause >= deadline {
                return Err(fault);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn try_start(
        &self,
        spec: &SshSpec,
        socket: &Path,
        deadline: Instant,
    ) -> Result<Master, Fault> {
        let way = self.way(spec).await?;
        let log = self.folder.scratch()?;
        let stays = spec.persist.is_zero();
        let persist = match stays {
            true => "ControlPersist=no".to_owned(),
            false => format!("ControlPersist={}", ssh::seconds(spec.persist)),
        };
        let mut arguments: Vec<OsString> = vec!["ssh".into(), "-M".into(), "-N".into()];
        arguments.extend(["-S".into(), ssh::literal(socket)]);
        let mut own: Vec<OsString> = vec![persist.into()];
        let is_led = way.is_some();
        own.extend(way);
        arguments.extend(ssh::arguments(spec, &own));
        let mut command = match stays {
            true => {
                let mut command = ssh::quiet("sh");
                command.args(["-c", WATCHED, "sh"]).args(arguments);
                command.stdin(std::process::Stdio::piped());
                command
            }
            false => {
                let mut command = ssh::quiet("ssh");
                command.args(&arguments[1..]);
                command
            }
        };
        let copy = log.try_clone();
        let copy =
            copy.map_err(|error| Fault::new(format!("cannot log what ssh says: {error}")))?;
        command.stderr(copy);
        let mut child = command
            .spawn()
            .map_err(|error| ssh::not_started("ssh", &error))?;
        let started = if stays {
            let foreground = Foreground::new(child, socket);
            foreground.ready(deadline).await
        } else {
            match timeout_at(deadline.into(), logged_in(&mut child, socket)).await {
                Ok(true) => Ok(None),
                Ok(false) => Err(Stopped::Ended),
                Err(_) => {
                    signal(&child, Signal::TERM);
                    Err(Stopped::Late)
                }
            }
        };
        match started {
            Ok(foreground) => Ok(Master {
                session: session(socket),
                socket: socket.to_owned(),
                foreground,
                proven: AtomicBool::new(true),
            }),
            Err(Stopped::Ended) if is_led => Err(explain::explain_behind(&text(&log))),
            Err(Stopped::Ended) => Err(explain::explain(&text(&log))),
            Err(Stopped::Late) => Err(explain::timed_out(&text(&log), spec.connect_timeout)),
        }
    }
}

impl Master {
    pub(super) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    /// Where its process is spoken to.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether the process is there and answers.
    pub(super) async fn is_alive(&self) -> bool {
        is_alive(&self.session).await
    }

    /// Whether the node has answered through it in this run.
    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    pub(super) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Ends the process if it is ours alone.
    pub(super) async fn end(mut self) {
        if let Some(foreground) = &mut self.foreground {
            foreground.end().await;
        }
    }
}

/// Waits until ssh has logged in and gone into the background; false if it gave up. One whose
/// mahout was killed while it logged in may be quicker with the socket: then ours does without
/// one, and stays in the foreground for nothing.
async fn logged_in(child: &mut Child, socket: &Path) -> bool {
    loop {
        if let Ok(ended) = tokio::time::timeout(OVERTAKEN, child.wait()).await {
            return ended.is_ok_and(|status| status.success());
        }
        if socket.exists() && is_alive(&session(socket)).await {
            // Should it be ours after all: it is in a process group of its own by now.
            signal(child, Signal::TERM);
            return true;
        }
    }
}

/// Why there is no connection.
enum Stopped {
    /// ssh has given up.
    Ended,
    /// We have.
    Late,
}

/// A master in the foreground; it ends when this value does.
#[derive(Debug)]
struct Foreground {
    child: Child,
    watch: Option<ChildStdin>,
    socket: PathBuf,
}

impl Foreground {
    fn new(mut child: Child, socket: &Path) -> Self {
        Self {
            watch: child.stdin.take(),
            child,
            socket: socket.to_owned(),
        }
    }

    /// Waits for the socket, which ssh makes once it is logged in.
    async fn ready(mut self, deadline: Instant) -> Result<Option<Self>, Stopped> {
        let mut pause = Duration::from_millis(4);
        loop {
            if self.socket.exists() && is_alive(&session(&self.socket)).await {
                return Ok(Some(self));
            }
            if !matches!(self.child.try_wait(), Ok(None)) {
                return Err(Stopped::Ended);
            }
            if Instant::now() >= deadline {
                return Err(Stopped::Late);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_millis(30));
        }
    }

    async fn end(&mut self) {
        signal(&self.child, Signal::TERM);
        if tokio::time::timeout(END, self.child.wait()).await.is_err() {
            signal(&self.child, Signal::KILL);
            let _ = self.child.wait().await;
        }
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        // The group: ssh, the shell that watches over it, a ProxyCommand. A child that has been
        // waited for has no id any more, and another process may have it by now.
        signal(&self.child, Signal::TERM);
        let _ = std::fs::remove_file(&self.socket);
        let watch = self.watch.take().map(ChildStdin::into_owned_fd);
        if self.child.id().is_none()
            && let Some(Ok(watch)) = watch
        {
            let _ = File::from(watch).write_all(b"\n");
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(pid) = pid {
        let _ = kill_process_group(pid, signal);
    }
}

fn session(socket: &Path) -> Arc<Session> {
    Arc::new(Session::resume_mux(socket.into(), None))
}

async fn is_alive(session: &Session) -> bool {
    matches!(
        tokio::time::timeout(ALIVE, session.check()).await,
        Ok(Ok(()))
    )
}

/// The master behind `socket`, if there is one that answers.
async fn alive(socket: &Path) -> Option<Master> {
    let session = session(socket);
    (socket.exists() && is_alive(&session).await).then(|| Master {
        session,
        socket: socket.to_owned(),
        foreground: None,
        proven: AtomicBool::new(false),
    })
}

/// What ssh has written so far.
fn text(log: &File) -> String {
    let length = log.metadata().map_or(0, |found| found.len()).min(1 << 20);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let mut read = 0;
    while read < bytes.len() {
        match log.read_at(&mut bytes[read..], read as u64) {
            Ok(0) | Err(_) => break,
            Ok(count) => read += count,
        }
    }
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}
