//! A wish to stop: what runs is finished, nothing new is started.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

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
    /// process. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the handlers cannot be installed.
    pub fn on_signals() -> std::io::Result<Self> {
        let (sender, interrupt) = Self::channel();
        let mut hangup = signal(SignalKind::hangup())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(async move {
            loop {
                let signal = tokio::select! {
                    _ = hangup.recv() => Signal::Hangup,
                    _ = interrupted.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                // The first one decides the exit code.
                sender.send_if_modified(|first| first.replace(first.unwrap_or(signal)).is_none());
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

#[cfg(test)]
mod tests {
    use super::*;

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
