//! One writer: a lock on every node, which works while etcd is down.
//!
//! A folder on each node, in the order of their names, the first one as arbiter. It expires 30 s
//! after its holder's last sign of life (by a clock of the node that nobody sets), shown every
//! 10 s by [`Lock::hold`] and every 5 s by each changing script. A holder on this very machine
//! whose process is gone is taken over at once. Each changing script checks before each step that
//! the lock is still this run's, and holds a lock of its own while it runs, so that a script
//! whose run has died goes on to the end of its step and the next run waits for it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::concurrent::join_all;
use super::holder::Holder;
use super::interrupt::{Interrupt, Signal};
use super::quote::sh;
use super::script::{ACQUIRE, Line, Script, random_word};
use crate::cluster::NodeName;
use crate::report::{Event, Events};
use crate::transport::{Effect, Transport, TransportError};

/// How often the holder shows a sign of life.
const BEAT: Duration = Duration::from_secs(10);
/// How long the next run waits for a script of one that has died: as long as the longest step.
const SCRIPT_END: Duration = Duration::from_secs(1800);

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else works on the cluster.
    #[error("{node}: locked by {holder}")]
    Held {
        /// The first node that is locked.
        node: NodeName,
        /// By whom.
        holder: Box<Holder>,
    },
    /// Somebody's lock is to be taken away, and they are at work.
    #[error("{node}: {holder} is at work: it showed a sign of life {} s ago", holder.silent.as_secs())]
    Alive {
        /// The first such node.
        node: NodeName,
        /// Who.
        holder: Box<Holder>,
    },
    /// A script of an earlier run does not end.
    #[error("{node}: a step of an earlier run has not ended within {} min: {step}", SCRIPT_END.as_secs() / 60)]
    ScriptRuns {
        /// The node.
        node: NodeName,
        /// What it does.
        step: String,
    },
    /// The node said something else.
    #[error("{node}: the lock could not be taken: {reason}")]
    Failed {
        /// The node.
        node: NodeName,
        /// In words.
        reason: String,
    },
    /// The node was not reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The operator stopped it.
    #[error("interrupted while the lock was taken; nothing was changed")]
    Interrupted(Signal),
}

impl From<Signal> for LockError {
    fn from(signal: Signal) -> Self {
        LockError::Interrupted(signal)
    }
}

impl LockError {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            LockError::Interrupted(signal) => signal.exit_code(),
            _ => 3,
        }
    }

    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            LockError::Held { holder, .. } => Some(format!(
                "wait until it has ended; a lock without a sign of life (the last one was {} s ago) expires after 30 s",
                holder.silent.as_secs()
            )),
            LockError::Alive { holder, .. } => Some(format!(
                "wait for it or end it; if it is stuck and you answer for it, name it: `mahout \
                 unlock --holder {}`",
                holder.name()
            )),
            LockError::Transport(error) => error.hint.clone(),
            LockError::ScriptRuns { .. } | LockError::Failed { .. } | LockError::Interrupted(_) => {
                None
            }
        }
    }
}

/// What taking the lock is about, on each node the same.
struct Ask<'a> {
    me: &'a Holder,
    events: &'a Events,
    interrupt: &'a Interrupt,
}

/// The lock on every node, held.
#[derive(Debug)]
pub struct Lock {
    token: String,
    /// Where somebody else was found to hold it.
    lost: Mutex<BTreeMap<NodeName, Holder>>,
}

impl Lock {
    /// As [`Lock::acquire_unless`], for whoever cannot be interrupted.
    ///
    /// # Errors
    /// As there.
    pub async fn acquire<T: Transport>(
        hosts: &BTreeMap<NodeName, T>,
        me: &Holder,
        events: &Events,
    ) -> Result<Self, LockError> {
        let (_sender, interrupt) = Interrupt::channel();
        Self::acquire_unless(&interrupt, hosts, me, events).await
    }

    /// Takes the lock on every one of `hosts` for `me` ([`Holder::this_process`]), unless
    /// `interrupt` is triggered while a script of an earlier run is waited for.
    ///
    /// # Errors
    /// If a node is locked by somebody else or cannot be reached, or the run is interrupted. Then
    /// no node stays locked.
    pub async fn acquire_unless<T: Transport>(
        interrupt: &Interrupt,
        hosts: &BTreeMap<NodeName, T>,
        me: &Holder,
        events: &Events,
    ) -> Result<Self, LockError> {
        let ask = Ask {
            me,
            events,
            interrupt,
        };
        let lock = Self {
            token: random_word(),
            lost: Mutex::default(),
        };
        let mut nodes = hosts.iter();
        let Some((arbiter, host)) = nodes.next() else {
            return Ok(lock);
        };
        let mut taken = lock.acquire_on(arbiter, host, &ask).await;
        if taken.is_ok() {
            let others = nodes.map(|(node, host)| lock.acquire_on(node, host, &ask));
            taken = join_all(others).await.into_iter().collect();
        }
        // The wish may have come while nothing was waited for.
        match taken.and_then(|()| interrupt.signal().map_or(Ok(()), |s| Err(s.into()))) {
            Ok(()) => Ok(lock),
            Err(error) => {
                lock.release(hosts).await;
                Err(error)
            }
        }
    }

    async fn acquire_on<T: Transport>(
        &self,
        node: &NodeName,
        host: &T,
        ask: &Ask<'_>,
    ) -> Result<(), LockError> {
        let holder = match self.try_acquire(node, host, ask, "").await? {
            None => return Ok(()),
            Some(holder) => holder,
        };
        let held = |holder| LockError::Held {
            node: node.clone(),
            holder: Box::new(holder),
        };
        if !holder.is_dead(ask.me) {
            return Err(held(holder));
        }
        // The node takes over only from that very holder.
        match self.try_acquire(node, host, ask, &holder.token).await? {
            None => Ok(()),
            Some(holder) => Err(held(holder)),
        }
    }

    /// The holder, if somebody else is it.
    async fn try_acquire<T: Transport>(
        &self,
        node: &NodeName,
        host: &T,
        ask: &Ask<'_>,
        dead: &str,
    ) -> Result<Option<Holder>, LockError> {
        let Ask { me, events, .. } = ask;
        let mut script = self.script();
        script
            .line(&format!("take_lock {} {}", sh(&me.to_lines()), sh(dead)))
            .line(&format!("await_scripts {}", SCRIPT_END.as_secs()));
        let marks = script.marks();
        let command = script.command(
            "take the lock".to_owned(),
            Effect::Changes,
            SCRIPT_END + Duration::from_secs(60),
        );
        let mut running = String::new();
        let waits = Notify::new();
        let output = {
            let mut on_line = |line: &str| {
                if let Line::Mark {
                    word: "wait", text, ..
                } = marks.read(line)
                {
                    running = text.to_owned();
                    waits.notify_one();
                    events.send(Event::Waiting {
                        node: node.clone(),
                        what: "an earlier run's step ends".to_owned(),
                        missing: running.clone(),
                        left: SCRIPT_END,
                    });
                }
            };
            // Before it waits, its end is near, and only then what it has taken can be given back.
            let stop = async {
                waits.notified().await;
                ask.interrupt.triggered().await
            };
            tokio::select! {
                output = host.exec(&command, &mut on_line) => output?,
                signal = stop => return Err(signal.into()),
            }
        };
        let told = |mark: &str| {
            let mut lines = output.stdout.lines();
            lines
                .find(|line| matches!(marks.read(line), Line::Mark { word, .. } if word == mark))?;
            Some(Holder::from_lines(lines.take_while(|line| {
                matches!(marks.read(line), Line::Output(_))
            })))
        };
        match output.code {
            0 => {
                if let Some(before) = told("taken") {
                    events.send(Event::Warning {
                        node: Some(node.clone()),
                        message: format!("took over the lock of {before}, which is gone"),
                    });
                }
                Ok(None)
            }
            13 => Err(LockError::ScriptRuns {
                node: node.clone(),
                step: running,
            }),
            14 => Ok(Some(told("held").unwrap_or_default())),
            _ => Err(LockError::Failed {
                node: node.clone(),
                reason: last_line(&output.stdout, &output.stderr),
            }),
        }
    }

    /// Shows signs of life on every node while `work` runs.
    pub async fn hold<T: Transport, F: Future>(
        &self,
        hosts: &BTreeMap<NodeName, T>,
        work: F,
    ) -> F::Output {
        let mut work = pin!(work);
        let mut ticks = interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                _ = ticks.tick() => {}
            }
            let mut beat = pin!(join_all(
                hosts.iter().map(|(node, host)| self.renew(node, host))
            ));
            tokio::select! {
                biased;
                result = &mut work => {
                    // A question that is under way is not dropped: its connection is used again.
                    beat.await;
                    return result;
                }
                _ = &mut beat => {}
            }
        }
    }

    async fn renew<T: Transport>(&self, node: &NodeName, host: &T) {
        let mut script = self.script();
        script.line("renew_lock");
        let marks = script.marks();
        let command = script.command(
            "renew the lock".to_owned(),
            Effect::Changes,
            Duration::from_secs(15),
        );
        // A node that cannot be reached now is the business of whoever works on it.
        if let Ok(output) = host.exec(&command, &mut |_| {}).await
            && output.code == 12
        {
            let lines = output.stdout.lines();
            let holder = Holder::from_lines(
                lines.filter(|line| matches!(marks.read(line), Line::Output(_))),
            );
            self.lose(node.clone(), holder);
        }
    }

    pub(super) fn lose(&self, node: NodeName, holder: Holder) {
        if let Ok(mut lost) = self.lost.lock() {
            lost.insert(node, holder);
        }
    }

    /// The first node on which somebody else has taken the lock over.
    pub fn lost(&self) -> Option<(NodeName, Holder)> {
        let lost = self.lost.lock().ok()?;
        let (node, holder) = lost.first_key_value()?;
        Some((node.clone(), holder.clone()))
    }

    /// Gives the lock back on every node where it is still ours. A node that is not reached keeps
    /// it until it expires.
    pub async fn release<T: Transport>(self, hosts: &BTreeMap<NodeName, T>) {
        self.release_recording(hosts, "").await;
    }

    /// As [`Lock::release`]; on every node `line` goes to the log of runs, in the same execution.
    pub async fn release_recording<T: Transport>(self, hosts: &BTreeMap<NodeName, T>, line: &str) {
        join_all(hosts.values().map(|host| async {
            let mut script = self.script();
            script
                .line(&format!("record {}", sh(line)))
                .line("release_lock");
            let command = script.command(
                "give the lock back".to_owned(),
                Effect::Changes,
                Duration::from_secs(30),
            );
            let _ = host.exec(&command, &mut |_| {}).await;
        }))
        .await;
    }

    fn script(&self) -> Script {
        let mut script = Script::new();
        script.with(&ACQUIRE).line(&self.token_line());
        script
    }

    /// The line that tells a script whose lock it works under.
    pub(super) fn token_line(&self) -> String {
        format!("token={}", self.token)
    }
}

/// The last thing that was said.
pub(super) fn last_line(stdout: &str, stderr: &str) -> String {
    stdout
        .lines()
        .chain(stderr.lines())
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing")
        .trim()
        .to_owned()
}
