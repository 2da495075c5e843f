//! What happens during a run, as data.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::Timeline;
use crate::cluster::NodeName;

/// One thing that happened. Reporters (bars, lines, JSON) consume them; nothing else does.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Something without steps began: `connecting to 3 nodes`, `gathering facts`.
    Started {
        /// In words.
        what: String,
    },
    /// It ended.
    Finished {
        /// As it began.
        what: String,
        /// How long it took.
        took: Duration,
    },
    /// A phase began.
    PhaseStarted {
        /// Its title.
        phase: &'static str,
        /// How many nodes and steps it has.
        nodes: usize,
        /// Over all nodes.
        steps: usize,
    },
    /// A phase ended, its gate included.
    PhaseFinished {
        /// Its title.
        phase: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// A step began on a node.
    StepStarted {
        /// Its phase.
        phase: &'static str,
        /// The node.
        node: NodeName,
        /// In words: `install etcd-server`.
        step: String,
    },
    /// It ended well.
    StepFinished {
        /// Its phase.
        phase: &'static str,
        /// The node.
        node: NodeName,
        /// In words.
        step: String,
    },
    /// A step printed a line (shown with `-v`).
    StepOutput {
        /// The node.
        node: NodeName,
        /// The line.
        line: String,
    },
    /// A gate waits on a node.
    Waiting {
        /// The node.
        node: NodeName,
        /// For what.
        what: String,
        /// What is missing yet, as the node sees it.
        missing: String,
        /// How much longer it may.
        left: Duration,
    },
    /// Something to be told beside the progress.
    Warning {
        /// Whom it is about.
        node: Option<NodeName>,
        /// In words.
        message: String,
    },
}

/// Where events are sent. Cheap to clone; sending never blocks and never fails.
#[derive(Clone, Debug)]
pub struct Events {
    sender: Option<UnboundedSender<Message>>,
    timeline: Option<Arc<Timeline>>,
}

/// What goes from the sender to the reporter.
#[derive(Debug)]
pub(super) enum Message {
    /// Show this.
    Event(Event),
    /// Show all that came before, leave nothing that moves on the screen, and answer.
    Quiet(oneshot::Sender<()>),
}

/// The other end of [`Events`], for one reporter.
#[derive(Debug)]
pub struct Received(UnboundedReceiver<Message>);

impl Received {
    /// The next event; `None` once the last sender is gone. Whoever calls this again has dealt
    /// with the event before.
    pub async fn recv(&mut self) -> Option<Event> {
        loop {
            match self.next().await? {
                Message::Event(event) => return Some(event),
                Message::Quiet(done) => {
                    let _ = done.send(());
                }
            }
        }
    }

    /// The next message; `None` once the last sender is gone.
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.0.recv().await
    }
}

impl Events {
    /// A channel: the sender, and the receiver that a reporter drains.
    pub fn channel() -> (Self, Received) {
        let (sender, receiver) = unbounded_channel();
        let events = Self {
            sender: Some(sender),
            timeline: None,
        };
        (events, Received(receiver))
    }

    /// The same; what is sent is kept on `timeline`, too.
    #[must_use]
    pub fn on(self, timeline: Arc<Timeline>) -> Self {
        Self {
            timeline: Some(timeline),
            ..self
        }
    }

    /// Where it is kept when what is done, if that was asked for.
    pub fn timeline(&self) -> Option<&Arc<Timeline>> {
        self.timeline.as_ref()
    }

    /// Events that nobody looks at (unit tests).
    pub fn discarded() -> Self {
        Self {
            sender: None,
            timeline: None,
        }
    }

    /// Sends one. A reporter that has gone away is no reason to stop a run.
    pub fn send(&self, event: Event) {
        if let Some(timeline) = &self.timeline {
            timeline.note(&event);
        }
        if let Some(sender) = &self.sender {
            let _ = sender.send(Message::Event(event));
        }
    }

    /// Waits until everything sent so far has been shown and no bar is left on the screen: what is
    /// then written to stdout stands beneath it, and nothing is drawn over it.
    pub async fn quiet(&self) {
        let (done, shown) = oneshot::channel();
        if let Some(sender) = &self.sender
            && sender.send(Message::Quiet(done)).is_ok()
        {
            // A reporter that has gone away drops the question.
            let _ = shown.await;
        }
    }
}
