//! What the layer needs to know of a request, and why it may refuse one.

use crate::{Rejection, Request};

/// Reads from an HTTP request who wants what. Functions do, by [`extract_fn`] or a `fn` of their own.
///
/// # Examples
///
/// An extractor with a state, here the keys of tokens:
///
/// ```
/// # #[cfg(feature = "token")] {
/// use std::time::SystemTime;
/// use cache_gate::Request;
/// use cache_gate::token::{Keyring, User};
/// use cache_gate::tower::Extract;
///
/// /// Puts the user into the extensions before the gate, so that the gate can borrow the name.
/// #[derive(Clone, Debug)]
/// struct FromPath;
///
/// impl<T> Extract<T> for FromPath {
///     type Error = &'static str;
///
///     fn extract<'a>(&self, request: &'a http::Request<T>) -> Result<Request<'a>, &'static str> {
///         let user: &User = request.extensions().get().ok_or("log in first")?;
///         let item = request.uri().path().strip_prefix("/buy/").ok_or("no such page")?;
///         Ok(Request::new(user.name(), item, 1))
///     }
/// }
/// # }
/// ```
pub trait Extract<T> {
    /// Why a request cannot be asked about.
    type Error;

    /// Reads the request.
    ///
    /// # Errors
    ///
    /// Answered by the layer's response to [`Refused::Unidentified`].
    fn extract<'a>(&self, request: &'a http::Request<T>) -> Result<Request<'a>, Self::Error>;
}

impl<T, E, F> Extract<T> for F
where
    F: for<'a> Fn(&'a http::Request<T>) -> Result<Request<'a>, E>,
{
    type Error = E;

    fn extract<'a>(&self, request: &'a http::Request<T>) -> Result<Request<'a>, E> {
        self(request)
    }
}

/// Makes an extractor of a closure: it returns the closure, and lets it borrow from the request.
///
/// # Examples
///
/// See the [module](super).
pub fn extract_fn<T, E, F>(extract: F) -> F
where
    F: for<'a> Fn(&'a http::Request<T>) -> Result<Request<'a>, E>,
{
    extract
}

/// Why the layer turned a request away.
///
/// # Examples
///
/// See the [module](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused<E> {
    /// The gate refused it.
    Rejected(Rejection),
    /// The extractor found no user or no item.
    Unidentified(E),
    /// Its client has not passed the challenge. Show it, and let the request be sent again.
    Challenge,
}
