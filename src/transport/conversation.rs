//! The talk with the shell of one session: the script goes in while its output comes out.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use openssh::{Child, ChildStdin, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::answer::{Stage, Stderr, Stdout};
use super::wire::Wire;

/// How long sudo may take to accept a password. It asks again where it does not, in words that
/// its administrator may have chosen; we then have no other password to give.
const SUDO: Duration = Duration::from_secs(20);

/// How the talk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The script has ended, and all that it printed is here.
    Complete,
    /// The other side closed before.
    Closed,
    /// It printed more than anybody can want.
    TooLong,
}

/// What has come out so far.
pub(super) struct Conversation {
    stdout: Stdout,
    stderr: Stderr,
}

impl Conversation {
    pub(super) fn new(nonce: &str, keeps_stdout: bool) -> Self {
        Self {
            stdout: Stdout::new(nonce, keeps_stdout),
            stderr: Stderr::new(nonce),
        }
    }

    pub(super) fn stage(&self) -> Stage {
        self.stdout.stage()
    }

    pub(super) fn no_sudo(&self) -> bool {
        self.stdout.no_sudo
    }

    /// What was printed on stdout and on stderr.
    pub(super) fn into_texts(self) -> (String, String) {
        (self.stdout.into_text(), self.stderr.into_text())
    }

    /// Writes `wire` and `input`, and reads until both streams have come to their end marks, or are
    /// closed: a process that the script left behind may hold them open for ever.
    pub(super) async fn hold(
        &mut self,
        child: &mut Child<Arc<Session>>,
        wire: &Wire,
        input: Option<&File>,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> End {
        let streams = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        );
        let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) = streams else {
            return End::Closed;
        };
        let go = Notify::new();
        let stop = Notify::new();
        // A shell that has gone away is seen by the reader; here it is only the end of writing.
        let write = async {
            stdin.write_all(wire.head.as_bytes()).await?;
            if wire.waits {
                tokio::select! {
                    () = go.notified() => {}
                    () = stop.notified() => return Ok(()),
                    () = tokio::time::sleep(SUDO) => return Ok(()),
                }
            }
            stdin.write_all(wire.body.as_bytes()).await?;
            if let Some(input) = input {
                copy(input, &mut stdin).await?;
            }
            drop(stdin);
            Ok::<(), io::Error>(())
        };
        let read = async {
            let mut out = vec![0; 64 << 10];
            let mut err = vec![0; 16 << 10];
            let (mut out_open, mut err_open) = (true, true);
            loop {
                tokio::select! {
                    count = stdout.read(&mut out), if out_open => match count {
                        Ok(count) if count > 0 => {
                            self.stdout.push(&out[..count], on_line);
                            if self.stdout.ready {
                                go.notify_one();
                            }
                        }
                        _ => out_open = false,
                    },
                    count = stderr.read(&mut err), if err_open => match count {
                        Ok(count) if count > 0 => {
                            self.stderr.push(&err[..count]);
                            if wire.waits && !self.stdout.ready && self.stderr.asks_again() {
                                stop.notify_one();
                            }
                        }
                        _ => err_open = false,
                    },
                }
                if self.stdout.is_too_long() {
                    return End::TooLong;
                }
                let ended = matches!(self.stdout.stage(), Stage::Ended(_));
                if ended && (self.stderr.ended || !err_open) {
                    return End::Complete;
                }
                if !out_open && (!err_open || self.stderr.ended) {
                    return End::Closed;
                }
            }
        };
        tokio::pin!(write, read);
        tokio::select! {
            end = &mut read => end,
            _ = &mut write => read.await,
        }
    }
}

/// Writes what `file` holds. Several may read it at once, each from its begin.
async fn copy(file: &File, stdin: &mut ChildStdin) -> io::Result<()> {
    let mut part = vec![0; 64 << 10];
    let mut at = 0;
    loop {
        let count = file.read_at(&mut part, at)?;
        if count == 0 {
            return Ok(());
        }
        stdin.write_all(&part[..count]).await?;
        at += count as u64;
    }
}
