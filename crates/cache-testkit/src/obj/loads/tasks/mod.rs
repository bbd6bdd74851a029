//! Async loads: tasks wait without blocking a thread.

pub mod circles;
pub mod handover;
pub mod sharing;
pub mod writes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Awaits a future and catches its panic; `None` if it panicked.
pub(crate) async fn caught<R>(future: impl Future<Output = R>) -> Option<R> {
    let mut future = pin!(future);
    std::future::poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}
