//! The layer: what it is made of, and the services that it wraps.

use std::fmt;

use cache_core::Backend;
use tower_layer::Layer;

use super::GateService;
use crate::{Challenge, Gate, NoChallenge};

/// Puts a gate before a service.
///
/// # Examples
///
/// See the [module](super).
#[derive(Clone)]
pub struct GateLayer<B: Backend, X, R, C = NoChallenge> {
    pub(super) gate: Gate<B>,
    pub(super) extract: X,
    pub(super) respond: R,
    pub(super) challenge: C,
}

impl<B: Backend, X, R> GateLayer<B, X, R> {
    /// A layer with this gate, an [extractor](super::Extract), and a function from [`Refused`](super::Refused) to the response of the
    /// service.
    ///
    /// # Examples
    ///
    /// See the [module](super).
    pub fn new(gate: Gate<B>, extract: X, respond: R) -> Self {
        Self { gate, extract, respond, challenge: NoChallenge }
    }

    /// Asks for a challenge, after the checks that change nothing and before anything is reserved.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_gate::tower::GateLayer;
    /// use cache_gate::{Challenge, Gate, Request};
    /// use cache_rwlock::RwLockBackend;
    ///
    /// #[derive(Clone)]
    /// struct Members;
    ///
    /// impl Challenge for Members {
    ///     fn passed(&self, request: &Request<'_>) -> bool {
    ///         request.user.starts_with("member:")
    ///     }
    /// }
    ///
    /// let gate: Gate<RwLockBackend> = Gate::builder().build();
    /// # let (extract, respond) = ((), ());
    /// let layer = GateLayer::new(gate, extract, respond).challenge(Members);
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn challenge<C: Challenge>(self, challenge: C) -> GateLayer<B, X, R, C> {
        let Self { gate, extract, respond, .. } = self;
        GateLayer { gate, extract, respond, challenge }
    }
}

impl<B: Backend, S, X: Clone, R: Clone, C: Clone> Layer<S> for GateLayer<B, X, R, C> {
    type Service = GateService<B, S, X, R, C>;

    fn layer(&self, inner: S) -> Self::Service {
        GateService::new(inner, self.clone())
    }
}

impl<B: Backend, X, R, C> fmt::Debug for GateLayer<B, X, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateLayer").field("gate", &self.gate).finish_non_exhaustive()
    }
}
