//! The response of a service behind a gate.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// The response of a [`GateService`](super::GateService): that of the service behind the gate, or the answer to a refusal, which is
    /// there at once.
    ///
    /// # Examples
    ///
    /// See [`GateService`](super::GateService).
    pub struct ResponseFuture<F, R> {
        #[pin]
        kind: Kind<F, R>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<F, R> {
        Inner { #[pin] future: F },
        // The poll that returns it takes it out.
        Refused { response: Option<R> },
    }
}

impl<F, R> ResponseFuture<F, R> {
    pub(super) fn inner(future: F) -> Self {
        Self { kind: Kind::Inner { future } }
    }

    pub(super) fn refused(response: R) -> Self {
        Self { kind: Kind::Refused { response: Some(response) } }
    }
}

impl<F: Future<Output = Result<R, E>>, R, E> Future for ResponseFuture<F, R> {
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner { future } => future.poll(context),
            KindProjection::Refused { response } => {
                Poll::Ready(Ok(response.take().expect("a future that has ended is not polled again")))
            }
        }
    }
}

impl<F, R> fmt::Debug for ResponseFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_refused = matches!(self.kind, Kind::Refused { .. });
        f.debug_struct("ResponseFuture").field("is_refused", &is_refused).finish_non_exhaustive()
    }
}
