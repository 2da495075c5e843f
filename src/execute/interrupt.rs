//! A wish to stop: what runs is finished, nothing new is started.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::report::{Event, Events};

/// What the wish came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: the terminal was closed.
    Hangup,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// The exit code of a run that it has stopped: 128 and the signal's number.
    pub fn exit_code(self) -> u8 {
        match self {
            Signal::Hangup => 129,
            Signal::Interrupt => 130,
            Signal::Terminate => 143,
        }
    }
}

/// Whether the operator wants the run to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Interrupt(watch::Receiver<Option<Signal>>);

impl Interrupt {
    /// One that its sender triggers.
    pub fn channel() -> (watch::Sender<Option<Signal>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    /// One that is triggered by SIGINT, SIGTERM or SIGHUP, which from here on no longer end the
    /// process. Each is acknowledged at once: what runs may take its time. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// If the handlers cannot be installed.
    pub fn on_signals(events: &Events) -> std::io::Result<Self> {
        let (sender, interrupt) = Self::channel();
        let mut hangup = signal(SignalKind::hangup())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let events = events.clone();
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = hangup.recv() => Signal::Hangup,
                    _ = interrupted.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                    // Nobody is to be stopped any more. Whoever awaits the last event would
                    // wait for ever if this held on to its sender.
                    () = sender.closed() => return,
                };
                // The first one decides the exit code.
                let is_first = sender
                    .send_if_modified(|first| first.replace(first.unwrap_or(signal)).is_none());
                events.send(Event::Warning {
                    node: None,
                    message: acknowledgement(is_first).to_owned(),
                });
            }
        });
        Ok(interrupt)
    }

    /// The signal, once there was one.
    pub fn signal(&self) -> Option<Signal> {
        *self.0.borrow()
    }

    /// Waits until there is one; for ever, if there never is.
    pub async fn triggered(&self) -> Signal {
        let mut receiver = self.0.clone();
        match receiver.wait_for(Option::is_some).await {
            Ok(signal) => signal.unwrap_or(Signal::Interrupt),
            Err(_) => std::future::pending().await,
        }
    }
}

fn acknowledgement(is_first: bool) -> &'static str {
    if is_first {
        "interrupted: the scripts that run are finished, no new ones are started"
    } else {
        "interrupted already: the scripts that run are still being waited for, since half a step is worse than none"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_signal_is_acknowledged() {
        let (events, mut receiver) = Events::channel();
        let interrupt = Interrupt::on_signals(&events).expect("handlers");
        let me = rustix::process::getpid();
        for words in ["no new ones are started", "still being waited for"] {
            rustix::process::kill_process(me, rustix::process::Signal::HUP).expect("a signal");
            assert_eq!(interrupt.triggered().await, Signal::Hangup);
            let told = receiver.recv().await;
            assert!(
                matches!(&told, Some(Event::Warning { message, .. }) if message.contains(words)),
                "{told:?}"
            );
        }
        // The reporter ends with the last sender: this one goes with the wish.
        drop((interrupt, events));
        assert_eq!(receiver.recv().await, None);
    }

    #[tokio::test]
    async fn a_wish_to_stop_reaches_every_clone() {
        let (sender, interrupt) = Interrupt::channel();
        let clone = interrupt.clone();
        assert_eq!(clone.signal(), None);
        sender.send_replace(Some(Signal::Terminate));
        assert_eq!(interrupt.signal(), Some(Signal::Terminate));
        assert_eq!(clone.triggered().await.exit_code(), 143);
    }
}
