//! What a mirror says of itself.

use std::fmt;
use std::time::{Duration, Instant};

/// How far a mirror is.
///
/// # Examples
///
/// See [`Mirror::state`](super::Mirror::state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// No primary, or not every one, is connected yet.
    Connecting,
    /// Keys are loaded for the first time. Those that are not loaded yet are absent.
    Loading,
    /// Everything is loaded, and changes are followed.
    Ready,
    /// The mirror was ready once, and loads everything again. Until that is done, values may be as old as
    /// [`staleness`](super::Mirror::staleness) says.
    Resyncing {
        /// When it stopped being ready.
        since: Instant,
    },
    /// The mirror was stopped. Values stay as they are.
    Stopped,
}

/// How much is loaded.
///
/// # Examples
///
/// See [`Mirror::progress`](super::Mirror::progress).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Keys under the prefix that the scan has seen in this load. A key may be seen twice.
    pub seen: u64,
    /// Values that were stored, by the load and by changes, since the mirror was started.
    pub applied: u64,
    /// The number of keys of the databases when the load began: an upper bound of what is to be seen, as other keys than those
    /// under the prefix count too.
    pub expected: u64,
    /// Changed keys whose values are still to be fetched.
    pub waiting: u64,
}

/// What readers get while everything is loaded again.
///
/// # Examples
///
/// See [`MirrorBuilder::while_resyncing`](super::MirrorBuilder::while_resyncing).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhileResyncing {
    /// Values as they were, until newer ones are loaded.
    #[default]
    ServeStale,
    /// An error.
    Refuse,
}

/// The mirror is older than the caller allows.
///
/// # Examples
///
/// See [`Mirror::fresh_within`](super::Mirror::fresh_within).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stale {
    /// How old values may be; `None` if not everything was loaded yet.
    pub staleness: Option<Duration>,
    /// How far the mirror is.
    pub state: State,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.staleness {
            Some(age) => write!(f, "values may be {age:?} old (the mirror is {:?})", self.state),
            None => write!(f, "not everything is loaded yet (the mirror is {:?})", self.state),
        }
    }
}

impl std::error::Error for Stale {}
