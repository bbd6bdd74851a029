//! Snapshots, on every backend. Needs the feature `serde`.
#![cfg(feature = "serde")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod snapshots {
    pub(crate) mod damage;
    pub(crate) mod files;
    pub(crate) mod kept;
    pub(crate) mod round_trips;
    pub(crate) mod types;
}

/// Names each test once for each backend.
macro_rules! on_every_backend {
    ($($suite:ident { $($test:ident)+ })+) => {
        on_every_backend! { @on rwlock cache_rwlock::RwLockBackend; $($suite { $($test)+ })+ }
        on_every_backend! { @on dashmap cache_dashmap::DashMapBackend; $($suite { $($test)+ })+ }
        on_every_backend! { @on flurry cache_flurry::FlurryBackend; $($suite { $($test)+ })+ }
        on_every_backend! { @on scc cache_scc::SccBackend; $($suite { $($test)+ })+ }
        on_every_backend! { @on papaya cache_papaya::PapayaBackend; $($suite { $($test)+ })+ }
        on_every_backend! { @on bucket cache_bucket::BucketBackend; $($suite { $($test)+ })+ }
    };
    (@on $name:ident $backend:ty; $($suite:ident { $($test:ident)+ })+) => {
        mod $name {
            $(mod $suite {
                $(#[test]
                fn $test() {
                    cache_testkit::watched(
                        concat!(module_path!(), "::", stringify!($test)),
                        crate::snapshots::$suite::$test::<$backend>,
                    );
                })+
            })+
        }
    };
}

on_every_backend! {
    round_trips {
        integers objects caches counters through_dyn beside_writers restored_beside_writers
    }
    kept {
        what_is_left_of_the_time time_passes_on_the_disk a_clock_set_back_gives_no_time idle_time_begins_anew
        an_endless_entry_gets_the_caches_time groups_by_name a_group_that_was_not_given bounds_are_kept what_was_hot_stays
        too_heavy_is_refused counters_all_or_none present_keys_keep_their_value
    }
}
