//! Events of write-behind, with the feature `tracing`. Nothing without it. Keys and values are never shown.

use super::Failure;
use crate::Error;

#[cfg(feature = "tracing")]
mod with {
    use super::*;

    pub(in crate::writer::behind) fn retried(error: &Error) {
        tracing::warn!(target: "hotcache", %error, "a batch is tried again");
    }

    pub(in crate::writer::behind) fn failed(failure: &Failure) {
        let (reason, count) = match failure {
            Failure::Refused { .. } => ("refused", 1),
            Failure::Unknown { keys } => ("unknown", keys.len() as u64),
            Failure::Lost { batches } => ("lost", *batches),
            Failure::Stopped { keys } => ("stopped", *keys),
        };
        tracing::error!(target: "hotcache", reason, count, "changes failed for good");
    }

    pub(in crate::writer::behind) fn discarded(waiting: usize) {
        tracing::warn!(target: "hotcache", waiting, "changes that waited are discarded");
    }
}

#[cfg(feature = "tracing")]
pub(super) use self::with::{discarded, failed, retried};

#[cfg(not(feature = "tracing"))]
pub(super) fn retried(_: &Error) {}

#[cfg(not(feature = "tracing"))]
pub(super) fn failed(_: &Failure) {}

#[cfg(not(feature = "tracing"))]
pub(super) fn discarded(_: usize) {}
