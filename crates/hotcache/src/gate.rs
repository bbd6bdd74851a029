//! The gate of a flash sale: it refuses what is hopeless from memory, and sells the rest exactly once.
//!
//! [`Gate`], [`Reservation`] and the other types of this module are those of the default backend, unless another is named. Without the
//! feature `bucket`, the types of [`layer`] are there, which always name their backend. `docs/gate.md` in the repository says how to
//! build a sale on it.
//!
//! ```
//! use hotcache::gate::{Admission, Event, Gate, Item, Rejection, Request};
//!
//! let gate: Gate = Gate::builder().build();
//! gate.add_event(Event::new("spring"))?;
//! gate.add_item(Item::new("sku:1", "spring", 1).limit(1))?;
//! gate.set_ready(true);
//!
//! let Admission::Held(reservation) = gate.admit(&Request::new("ann", "sku:1", 1))? else { unreachable!() };
//! assert_eq!(gate.admit(&Request::new("bob", "sku:1", 1)).unwrap_err(), Rejection::SoldOut { left: 0 });
//! reservation.commit()?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

pub use cache_gate as layer;
pub use cache_gate::*;

/// A gate. See [`layer::Gate`] for all it does.
///
/// # Examples
///
/// See the [module](self).
#[cfg(feature = "bucket")]
pub type Gate<B = cache_bucket::BucketBackend> = cache_gate::Gate<B>;

/// Stock and a user's count, held as one. See [`layer::Reservation`].
///
/// # Examples
///
/// See the [module](self).
#[cfg(feature = "bucket")]
pub type Reservation<B = cache_bucket::BucketBackend> = cache_gate::Reservation<B>;

/// A reservation whose order is on its way. See [`layer::Unsettled`].
///
/// # Examples
///
/// See [`layer::Unsettled`].
#[cfg(feature = "bucket")]
pub type Unsettled<B = cache_bucket::BucketBackend> = cache_gate::Unsettled<B>;
