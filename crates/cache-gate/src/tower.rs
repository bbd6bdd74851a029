//! A tower layer that admits requests before a service sees them.
//!
//! ```
//! # #[derive(Clone)]
//! # struct Body;
//! use cache_gate::tower::{Admitted, GateLayer, Refused, extract_fn};
//! use cache_gate::{Event, Gate, Item, Request};
//! use cache_rwlock::RwLockBackend;
//!
//! let gate: Gate<RwLockBackend> = Gate::builder().build();
//! let layer = GateLayer::new(
//!     gate,
//!     // Who wants what. Everything may be borrowed from the request.
//!     extract_fn(|request: &http::Request<Body>| {
//!         let user = request.headers().get("x-user").and_then(|user| user.to_str().ok()).ok_or("who are you?")?;
//!         let item = request.uri().path().trim_start_matches("/buy/");
//!         Ok::<_, &str>(Request::new(user, item, 1))
//!     }),
//!     // The response to a request that is turned away.
//!     |refused: Refused<&str>| {
//!         let status = match refused {
//!             Refused::Unidentified(_) => http::StatusCode::UNAUTHORIZED,
//!             Refused::Challenge => http::StatusCode::FORBIDDEN,
//!             Refused::Rejected(_) => http::StatusCode::TOO_MANY_REQUESTS,
//!         };
//!         http::Response::builder().status(status).body(Body).expect("a status is valid")
//!     },
//! );
//! # let _ = layer;
//! ```
//!
//! The service finds an [`Admitted`] among the extensions of its request, and takes the reservation out of it. One that it does not
//! take is given back when the request is dropped.
//!
//! # When not to use it
//!
//! If the item or the quantity stands in the body. A layer that waits for bodies keeps memory and a connection for each hopeless
//! request; so call [`Gate::check`](crate::Gate::check) here or nothing at all, and [`Gate::admit`](crate::Gate::admit) in the handler.
//!
//! # Performance
//!
//! A request that is refused costs the extractor, the checks and the response. The layer itself allocates nothing for it. The service
//! behind it is not called.

mod admitted;
mod extract;
mod future;
mod layer;
mod service;

pub use self::admitted::Admitted;
pub use self::extract::{Extract, Refused, extract_fn};
pub use self::future::ResponseFuture;
pub use self::layer::GateLayer;
pub use self::service::GateService;
