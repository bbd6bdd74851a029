//! Spans and events of the `tracing` facade, as the crate's page lists them. Without the feature `tracing`, nothing is
//! compiled in.

#[cfg(not(feature = "tracing"))]
pub(crate) use self::off::*;
#[cfg(feature = "tracing")]
pub(crate) use self::on::*;

#[cfg(feature = "tracing")]
mod on {
    use tracing::instrument::Instrument;
    use tracing::{Level, Span, event, span};

    #[cfg(feature = "serde")]
    use crate::snapshot::{Kind, Restored, SnapshotError, Written};

    #[cfg(feature = "serde")]
    pub(crate) fn written(cache: Option<&str>, kind: Kind, result: &Result<Written, SnapshotError>) {
        match result {
            Ok(Written { entries, left_out }) => {
                event!(target: "hotcache", Level::INFO, cache, %kind, entries, left_out, "snapshot written");
            }
            Err(error) => {
                event!(target: "hotcache", Level::WARN, cache, %kind, %error, "snapshot not written");
            }
        }
    }

    #[cfg(feature = "serde")]
    pub(crate) fn restored(cache: Option<&str>, kind: Kind, result: &Result<Restored, SnapshotError>) {
        match result {
            Ok(Restored { inserted, present, expired, refused }) => {
                event!(
                    target: "hotcache", Level::INFO, cache, %kind, inserted, present, expired, refused,
                    "snapshot restored"
                );
            }
            Err(error) => event!(target: "hotcache", Level::WARN, cache, %kind, %error, "snapshot refused"),
        }
    }

    /// The span of one load.
    pub(crate) struct LoadSpan(Span);

    impl LoadSpan {
        pub(crate) fn new(cache: Option<&str>, refresh: bool) -> Self {
            Self(span!(target: "hotcache", Level::DEBUG, "load", cache, refresh))
        }

        pub(crate) fn run<R>(&self, load: impl FnOnce() -> R) -> R {
            self.0.in_scope(load)
        }

        pub(crate) async fn run_async<F: Future>(&self, loading: F) -> F::Output {
            loading.instrument(self.0.clone()).await
        }

        pub(crate) fn ended(&self, succeeded: bool) {
            self.0.in_scope(|| {
                if succeeded {
                    event!(target: "hotcache", Level::DEBUG, "loaded");
                } else {
                    event!(target: "hotcache", Level::WARN, "the load failed");
                }
            });
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    #[cfg(feature = "serde")]
    use crate::snapshot::{Kind, Restored, SnapshotError, Written};

    #[cfg(feature = "serde")]
    pub(crate) fn written(_cache: Option<&str>, _kind: Kind, _result: &Result<Written, SnapshotError>) {}

    #[cfg(feature = "serde")]
    pub(crate) fn restored(_cache: Option<&str>, _kind: Kind, _result: &Result<Restored, SnapshotError>) {}

    /// No span.
    pub(crate) struct LoadSpan;

    impl LoadSpan {
        #[inline]
        pub(crate) fn new(_cache: Option<&str>, _refresh: bool) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn run<R>(&self, load: impl FnOnce() -> R) -> R {
            load()
        }

        #[inline]
        pub(crate) async fn run_async<F: Future>(&self, loading: F) -> F::Output {
            loading.await
        }

        #[inline]
        pub(crate) fn ended(&self, _succeeded: bool) {}
    }
}
