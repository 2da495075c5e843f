//! How long a script of steps is waited for: each step as long as it may take, and no longer.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Beside the bound of a step: for what is said to arrive, a guard to be looked at, the next step
/// to begin.
pub(super) const SLACK: Duration = Duration::from_secs(60);

/// Says until when something more must have been heard. The other end is [`Patience`].
#[derive(Debug)]
pub(super) struct Heard(watch::Sender<Instant>);

impl Heard {
    /// From now on the next thing may take that long.
    pub(super) fn allow(&self, time: Duration) {
        self.0.send_replace(Instant::now() + time);
    }
}

/// Waits while something is heard in time.
#[derive(Debug)]
pub(super) struct Patience(watch::Receiver<Instant>);

impl Patience {
    /// Both ends; the first thing may take `time`.
    pub(super) fn new(time: Duration) -> (Heard, Self) {
        let (sender, receiver) = watch::channel(Instant::now() + time);
        (Heard(sender), Self(receiver))
    }

    /// The result of `work`; nothing, once nothing was heard for too long.
    pub(super) async fn with<F: Future>(mut self, work: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            result = work => Some(result),
            () = self.ends() => None,
        }
    }

    async fn ends(&mut self) {
        loop {
            let until = *self.0.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => return,
                // Without the other end nobody can allow more.
                Ok(()) = self.0.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn what_is_heard_of_in_time_may_go_on() {
        let (heard, patience) = Patience::new(LONG);
        let work = async {
            heard.allow(MOMENT);
            tokio::task::yield_now().await;
            heard.allow(LONG);
            tokio::time::sleep(2 * MOMENT).await;
            "done"
        };
        assert_eq!(patience.with(work).await, Some("done"));
    }

    #[tokio::test]
    async fn what_says_nothing_for_longer_than_it_may_is_given_up() {
        let (heard, patience) = Patience::new(LONG);
        let work = async {
            heard.allow(MOMENT);
            pending::<()>().await;
        };
        assert_eq!(patience.with(work).await, None);
    }
}
