//! Several futures side by side in one task: they may borrow, which spawned tasks may not.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Runs `futures` side by side; their results in the same order.
pub(super) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<Option<Pin<Box<F>>>> =
        futures.into_iter().map(|f| Some(Box::pin(f))).collect();
    let mut results: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, result) in pending.iter_mut().zip(&mut results) {
            if let Some(running) = future
                && let Poll::Ready(value) = running.as_mut().poll(context)
            {
                *result = Some(value);
                *future = None;
            }
        }
        if pending.iter().all(Option::is_none) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::join_all;

    #[tokio::test]
    async fn results_keep_their_order_and_waits_overlap() {
        let began = Instant::now();
        let results = join_all([30, 10, 20].map(|wait| async move {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            wait
        }))
        .await;
        assert_eq!(results, [30, 10, 20]);
        assert!(began.elapsed() < Duration::from_millis(55));
        assert!(
            join_all(Vec::<std::future::Ready<u8>>::new())
                .await
                .is_empty()
        );
    }
}
