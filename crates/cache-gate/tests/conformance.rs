//! The suite of the gate, on every backend.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod suite {
    pub(crate) mod books;
    pub(crate) mod bounds;
    pub(crate) mod checks;
    pub(crate) mod events;
    pub(crate) mod requests;
    pub(crate) mod reservations;
    pub(crate) mod stock;
    pub(crate) mod support;
    pub(crate) mod threads;
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
    checks {
        a_gate_opens_when_it_is_ready malformed_requests_are_named blocked_users_are_turned_away unknown_items_and_events
        the_window_is_kept_to_the_tick early_users_begin_earlier the_date_is_followed rates_of_users_and_addresses
        the_limit_counts_what_is_held the_first_check_that_fails_is_told check_takes_nothing
    }
    reservations {
        dropping_gives_back committing_keeps cancelling_gives_back_once the_time_limit_gives_back
        the_time_limit_is_kept_by_new_requests what_is_unknown_stays settling_ends_the_unknown
        a_dropped_unsettled_one_is_listed what_the_books_cancelled_is_given_back views_tell_what_is_held
        statistics_count_everything
    }
    requests {
        a_repetition_is_told_the_answer a_released_request_may_buy_again a_cancelled_request_may_not
        another_request_with_the_id_is_refused ids_are_forgotten ids_of_what_is_under_way_stay
        ids_belong_to_users
    }
    stock {
        restock_opens_the_latch too_few_is_told_and_latches_nothing split_stock_sells_everything a_stock_that_is_filled_elsewhere
        a_stock_that_cannot_say a_panicking_stock_loses_nothing
    }
    bounds {
        made_up_users_are_refused made_up_requests_are_refused made_up_rates_are_refused users_that_got_nothing_leave_nothing
        reservations_are_bounded what_came_to_nothing_fills_nothing bulkheads_keep_items_apart
        the_breaker_refuses_and_tries a_probe_that_comes_to_nothing_lets_another_try the_depth_is_looked_at
    }
    events {
        an_event_ends_with_all_its_keys what_is_held_outlives_its_event configuration_mistakes_are_named
        items_can_be_removed limits_can_be_changed
    }
    books {
        orders_are_restored request_ids_are_restored orders_that_cannot_be_are_not_restored
        orders_of_other_events_are_left_out nothing_differs_after_a_sale lost_orders_are_found_and_mended orders_without_reservations
        unsettled_ones_are_settled wrong_counts_and_stock_are_mended a_sale_goes_on_beside_an_audit
        a_late_buyer_spoils_no_comparison what_is_given_back_spoils_no_comparison
        an_unknown_one_of_an_ended_event_differs_not
    }
    threads {
        nothing_is_oversold split_stock_is_not_oversold holders_that_panic_lose_nothing cancels_and_expiry_and_commits
        requests_sent_twice_buy_once an_order_is_restored_once an_event_ends_beside_buyers
        a_window_is_changed_in_one_piece
    }
}

/// On those backends that drop what was removed at once. Others do so inside a later call, whichever that is.
#[test]
fn stocks_may_ask_the_gate() {
    let name = "stocks_may_ask_the_gate";
    cache_testkit::watched(name, suite::events::stocks_may_ask_the_gate::<cache_rwlock::RwLockBackend>);
    cache_testkit::watched(name, suite::events::stocks_may_ask_the_gate::<cache_dashmap::DashMapBackend>);
}
