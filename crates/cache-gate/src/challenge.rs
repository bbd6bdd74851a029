//! A hook for a challenge: whatever tells people from programs.

use crate::Request;

/// Whether a client has passed a challenge: a puzzle, a proof of work, a captcha that was solved before.
///
/// Ask it after [`Gate::check`](crate::Gate::check), which refuses the hopeless and knows the answers to repetitions, and before
/// [`Gate::admit`](crate::Gate::admit). The layer for tower does.
///
/// # Examples
///
/// ```
/// use std::collections::HashSet;
/// use cache_gate::{Challenge, Request};
///
/// struct Solved(HashSet<String>);
///
/// impl Challenge for Solved {
///     fn passed(&self, request: &Request<'_>) -> bool {
///         self.0.contains(request.user)
///     }
/// }
///
/// let solved = Solved(HashSet::from(["ann".to_owned()]));
/// assert!(solved.passed(&Request::new("ann", "sku:1", 1)));
/// assert!(!solved.passed(&Request::new("bot", "sku:1", 1)));
/// ```
pub trait Challenge: Send + Sync + 'static {
    /// Whether there is none at all, and nobody has to be asked.
    #[doc(hidden)]
    const IS_NONE: bool = false;

    /// Whether the client of this request has passed. It must not wait: it runs where requests are refused.
    fn passed(&self, request: &Request<'_>) -> bool;
}

/// No challenge: everybody passes.
///
/// # Examples
///
/// ```
/// use cache_gate::{Challenge, NoChallenge, Request};
/// assert!(NoChallenge.passed(&Request::new("ann", "sku:1", 1)));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoChallenge;

impl Challenge for NoChallenge {
    const IS_NONE: bool = true;

    fn passed(&self, _: &Request<'_>) -> bool {
        true
    }
}
