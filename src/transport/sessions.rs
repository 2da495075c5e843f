//! How many commands run on one node at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// So many at first: sshd frees a session only after we have seen its end, so that even below
/// its own limit (MaxSessions, 10 by default) more would be refused now and then.
const AT_FIRST: usize = 4;

/// The sessions that a node lets us have. A node that refuses one teaches us that it has fewer.
#[derive(Debug)]
pub(super) struct Sessions {
    free: Semaphore,
    most: AtomicUsize,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            free: Semaphore::new(AT_FIRST),
            most: AtomicUsize::new(AT_FIRST),
        }
    }

    /// Waits for a free one. `None` cannot happen: the semaphore is never closed.
    pub(super) async fn acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.free.acquire().await.ok()
    }

    /// The node has refused the session: from now on one fewer, but at least one.
    pub(super) fn refused(&self, permit: SemaphorePermit<'_>) {
        let fewer = |most: usize| (most > 1).then(|| most - 1);
        let order = Ordering::Relaxed;
        if self.most.fetch_update(order, order, fewer).is_ok() {
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refusals_leave_one_session_at_least() {
        let sessions = Sessions::new();
        for _ in 0..10 {
            sessions.refused(sessions.acquire().await.expect("open"));
        }
        assert_eq!(sessions.free.available_permits(), 1);
    }
}
