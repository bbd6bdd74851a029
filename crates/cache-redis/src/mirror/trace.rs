//! Events of sessions, with the feature `tracing`. Nothing without it.

use std::time::Duration;

use super::{Context, Reason};
use crate::Error;

#[cfg(feature = "tracing")]
mod with {
    use super::*;

    pub(in crate::mirror) fn began(context: &Context, server: &str) {
        tracing::info!(target: "hotcache", mirror = context.name(), server, "session began");
    }

    pub(in crate::mirror) fn ready(context: &Context, server: &str, took: Duration) {
        tracing::info!(target: "hotcache", mirror = context.name(), server, ?took, "everything is loaded");
    }

    pub(in crate::mirror) fn ended(context: &Context, error: &Error) {
        tracing::warn!(target: "hotcache", mirror = context.name(), %error, "session ended");
    }

    pub(in crate::mirror) fn undecodable(context: &Context, reason: &Reason) {
        // Without the key and the value, which may be personal data.
        let reason = reason.name();
        tracing::warn!(target: "hotcache", mirror = context.name(), reason, "a key cannot be mirrored");
    }
}

#[cfg(feature = "tracing")]
pub(super) use self::with::{began, ended, ready, undecodable};

#[cfg(not(feature = "tracing"))]
pub(super) fn began(_: &Context, _: &str) {}

#[cfg(not(feature = "tracing"))]
pub(super) fn ready(_: &Context, _: &str, _: Duration) {}

#[cfg(not(feature = "tracing"))]
pub(super) fn ended(_: &Context, _: &Error) {}

#[cfg(not(feature = "tracing"))]
pub(super) fn undecodable(_: &Context, _: &Reason) {}
