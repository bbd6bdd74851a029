//! The suite of the layer, on every backend.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod suite {
    pub(crate) mod bounds;
    pub(crate) mod code;
    pub(crate) mod counters;
    pub(crate) mod expiry;
    pub(crate) mod histories;
    pub(crate) mod loads;
    pub(crate) mod many;
    pub(crate) mod removals;
    pub(crate) mod tasks;
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
                        crate::suite::$suite::$test::<$backend>,
                    );
                })+
            })+
        }
    };
}

on_every_backend! {
    expiry {
        to_the_tick what_is_absent_stays_absent what_was_there_is_taken handles_of_other_caches_and_keys what_is_over_at_once an_insert_starts_anew only_the_expiry_changes idle_entries_leave jitter_spreads
        each_entry_as_it_says memory_comes_back_by_writes memory_comes_back_by_maintain
        groups_are_dropped_at_once iteration_skips_what_is_over what_was_just_read_is_not_idle maintain_ends
        a_stale_value_is_not_revived
    }
    bounds {
        entries_under_threads a_large_cache_stays_nearly_full the_newest_entry_stays replacements_evict_nothing a_listener_runs_after_the_removals weights_under_threads too_heavy_is_refused nothing_fits_into_nothing
        what_left_is_not_in_the_way what_is_hot_stays expired_entries_leave_first every_policy_keeps_the_bound
    }
    removals {
        causes_are_told one_call_for_each_entry values_are_dropped_once an_old_entry_is_never_evicted_for_a_new_one
        update_and_replace clear_and_retain
    }
    loads {
        one_loader_for_all errors_are_shared_and_not_cached absence_for_so_long one_refreshes_and_the_others_go_on
        a_failed_refresh_keeps_the_old_value a_dropped_refresh_lets_another_try after_expiry_one_loads
        an_expired_value_is_replaced_by_the_load async_loads_share a_dropped_leader_hands_over a_write_wins
        loads_in_groups a_loader_that_asks_for_its_own_key
    }
    many {
        absent_keys_in_one_call a_key_in_flight_is_waited_for callers_that_overlap a_failed_call_stores_nothing
        a_dropped_call_hands_over old_values_of_many_are_replaced patience_ends_before_the_load
    }
    tasks { leaders_are_dropped leaders_are_aborted_on_threads }
    histories { unbounded evicted_at_any_time expired_at_any_time }
    code {
        a_listener_that_panics a_weigher_that_panics an_expiry_that_panics a_loader_that_panics
        callers_code_may_call_the_cache a_value_whose_drop_panics totals_after_a_key_that_panics
    }
    counters {
        a_window_ends_to_the_tick each_operation_answers new_keys_are_refused no_add_is_lost windows_under_threads
        a_limit_is_exact huge_rates_are_limits takes_beside_adds a_key_that_is_being_forgotten_is_still_limited a_limiter_forgets_what_is_as_good_as_new
    }
}
