//! The service behind a gate.

use std::fmt;
use std::task::{Context, Poll};

use cache_core::Backend;
use tower_service::Service;

use super::{Admitted, Extract, GateLayer, Refused, ResponseFuture};
use crate::stats::Count;
use crate::{Admission, Challenge};

/// A service that is called only for requests which the gate has admitted. [`GateLayer`] makes it.
///
/// It is ready when the service behind it is. So put limits of concurrency behind the gate with care: a refused request keeps the
/// place that `poll_ready` got for it until the next one is called.
///
/// # Examples
///
/// ```
/// use cache_gate::tower::{GateLayer, GateService};
/// use cache_gate::Gate;
/// use cache_rwlock::RwLockBackend;
/// use tower_layer::Layer;
///
/// let gate: Gate<RwLockBackend> = Gate::builder().build();
/// # let (extract, respond, service) = ((), (), ());
/// let service: GateService<_, _, _, _, _> = GateLayer::new(gate, extract, respond).layer(service);
/// # let _ = service;
/// ```
#[derive(Clone)]
pub struct GateService<B: Backend, S, X, R, C> {
    inner: S,
    layer: GateLayer<B, X, R, C>,
}

impl<B: Backend, S, X, R, C> GateService<B, S, X, R, C> {
    pub(super) fn new(inner: S, layer: GateLayer<B, X, R, C>) -> Self {
        Self { inner, layer }
    }

    fn admit<T>(&self, request: &http::Request<T>) -> Result<Admitted<B>, Refused<X::Error>>
    where
        X: Extract<T>,
        C: Challenge,
    {
        let GateLayer { gate, extract, challenge, .. } = &self.layer;
        let asked = extract.extract(request).map_err(Refused::Unidentified)?;
        if !C::IS_NONE {
            // A challenge may cost more than all the checks.
            let earlier = gate.check(&asked).map_err(Refused::Rejected)?;
            if let Some((ticket, state)) = earlier {
                // It passed a challenge when it was new. Asked for again, that may have been withdrawn.
                gate.0.count(Count::Repeated);
                return Ok(Admitted::new(Admission::Repeated(ticket, state)));
            }
            if !challenge.passed(&asked) {
                return Err(Refused::Challenge);
            }
        }
        gate.admit(&asked).map(Admitted::new).map_err(Refused::Rejected)
    }
}

impl<B, S, X, R, C, T> Service<http::Request<T>> for GateService<B, S, X, R, C>
where
    B: Backend,
    S: Service<http::Request<T>>,
    X: Extract<T>,
    R: Fn(Refused<X::Error>) -> S::Response,
    C: Challenge,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<T>) -> Self::Future {
        match self.admit(&request) {
            Ok(admitted) => {
                request.extensions_mut().insert(admitted);
                ResponseFuture::inner(self.inner.call(request))
            }
            Err(refused) => ResponseFuture::refused((self.layer.respond)(refused)),
        }
    }
}

impl<B: Backend, S: fmt::Debug, X, R, C> fmt::Debug for GateService<B, S, X, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateService").field("inner", &self.inner).field("layer", &self.layer).finish()
    }
}
