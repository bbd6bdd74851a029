/// Writes out the suite for a backend: one `#[test]` for each generic function.
///
/// See the [crate's page](crate) for what it holds and how to select from it. The macro makes two modules, `int`
/// and `obj`, where it stands; for two backends in one file, put each into a module of its own. Either module
/// alone comes with `conformance!(int: RwLock)` or `conformance!(obj: RwLock)`.
///
/// Two things a map may be unable to do. A backend over such a map says so in its docs, and names them in this order
/// after `except:`
///
/// * `collisions`: to work with many keys of one hash, or of hashes whose low half is one;
/// * `reclaim`: to free what was removed when [`Backend::reclaim`](cache_core::Backend::reclaim) is called, rather
///   than when the cache is dropped.
///
/// # Examples
///
/// ```
/// // All that tests/conformance.rs needs:
/// cache_testkit::conformance!(cache_testkit::Reference);
/// # fn main() {}
/// ```
///
/// For a backend that cannot do everything:
///
/// ```
/// cache_testkit::conformance!(cache_testkit::Reference, except: collisions reclaim);
/// # mod one { cache_testkit::conformance!(cache_testkit::Reference, except: reclaim); }
/// # mod other { cache_testkit::conformance!(cache_testkit::Reference, except: collisions); }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    ($backend:ty $(, except: $($lacking:ident)+)?) => {
        $crate::conformance!(int: $backend $(, except: $($lacking)+)?);
        $crate::conformance!(obj: $backend $(, except: $($lacking)+)?);
    };
    (int: $backend:ty, except: collisions $(reclaim)?) => {
        $crate::__int! { $backend; }
    };
    (int: $backend:ty $(, except: reclaim)?) => {
        $crate::__int! { $backend; a_constant_hash_is_survived equal_low_bits_are_survived }
    };
    (obj: $backend:ty, except: collisions reclaim) => {
        $crate::__obj! { $backend; []; [] }
    };
    (obj: $backend:ty, except: collisions) => {
        $crate::__obj! { $backend; []; [before_the_cache_is_dropped] }
    };
    (obj: $backend:ty, except: reclaim) => {
        $crate::__obj! { $backend; [a_constant_hash_is_survived equal_low_bits_are_survived]; [] }
    };
    (obj: $backend:ty) => {
        $crate::__obj! {
            $backend; [a_constant_hash_is_survived equal_low_bits_are_survived]; [before_the_cache_is_dropped]
        }
    };
}

/// The tests of integer caches; `$collisions` are those of one hash for all keys.
#[doc(hidden)]
#[macro_export]
macro_rules! __int {
    ($backend:ty; $($collisions:ident)*) => {
        $crate::__stamp! { $backend; []; int {
            basic {
                set_get_add_del adds_return_and_keep_the_sum set_replaces del_tells_whether_the_key_was_there
                a_deleted_key_counts_from_0_again caches_are_empty_and_apart
                capacity_and_shards_change_nothing has_a_name_and_can_be_printed
            }
            exchange {
                swap_returns_the_value_before insert_new_keeps_what_is_there compare_exchange_needs_the_value
                update_applies_or_keeps update_or_insert_starts_with_first every_value_is_a_value
                ranges_of_every_type
            }
            removal {
                take_returns_the_value del_if_removes_what_it_is_told_to no_purchase_is_lost
                takes_return_every_add removals_see_every_add each_removal_is_told_once swaps_return_every_add
                updates_are_atomic
            }
            bounds {
                present_keys_stay_within_bounds try_add_refuses_an_absent_key
                try_add_or_insert_counts_an_absent_key_from_0
            }
            many {
                clear_removes_everything iteration_sees_every_key_once retain_removes_what_it_is_told_to
                get_many_answers_in_order get_many_refuses_unequal_lengths try_for_each_ends_early
                reserve_and_shrink_change_nothing capacity_is_never_below_len
                an_absurd_reserve_is_refused
            }
            retain {
                keeps_a_counter_made_anew
            }
            races {
                two_sets_of_a_new_key a_set_and_an_add_of_a_new_key two_adds_of_a_new_key
                a_take_and_an_add a_del_if_and_an_add an_exchange_and_an_add
            }
            contention {
                stock_is_never_oversold limits_of_new_keys_hold bounds_hold_in_both_directions
                adds_are_counted_once_each adds_survive_growth each_removal_is_told_once reads_do_not_go_back
            }
            lin {
                str_keys integer_keys while_growing while_iterating around_the_sentinel
            }
            model {
                str_keys integer_keys
            }
            keys {
                odd_strings_are_told_apart odd_bytes_are_told_apart pairs_are_told_apart
                keys_of_ones_own_are_told_apart small_keys_are_told_apart equal_high_bits_are_survived
                a_keyed_hash_works a_million_keys
                $($collisions)*
            }
            iteration {
                for_each_sees_stable_keys_once keys_has_stable_keys_once retain_shows_stable_keys_once
                len_is_exact_when_quiet clear_beside_inserts
            }
            panics {
                in_for_each in_retain in_del_if_and_update beside_other_iterations
            }
            closures {
                their_own_cache_refuses
            }
            dynamic {
                every_pointer_forwards shared_between_threads
            }
        } }
    };
}

/// The tests of object caches; `$collisions` as above, `$reclaim` of what is freed when it is asked for.
#[doc(hidden)]
#[macro_export]
macro_rules! __obj {
    ($backend:ty; [$($collisions:ident)*]; [$($reclaim:ident)*]) => {
        $crate::__stamp! { $backend; []; obj {
            basic {
                set_get_del set_replaces one_object_under_many_keys get_or_insert_keeps_what_is_there
                with_calls_once with_touches_no_reference_count objects_of_every_kind
                capacity_and_shards_change_nothing caches_are_empty_and_apart
            }
            exchange {
                swap_returns_the_object_before take_returns_the_object del_if_removes_what_it_is_told_to
                replace_if_same_needs_the_object del_if_same_needs_the_object evict_if_same_spoils_no_load update_applies_or_keeps get_many_answers_in_order
                try_for_each_ends_early reserve_and_shrink_change_nothing updates_are_atomic
                each_object_is_told_once
            }
            many {
                clear_removes_everything iteration_sees_every_key_once retain_removes_what_it_is_told_to
            }
            retain {
                keeps_what_replaced_the_object keeps_what_was_inserted_anew
            }
            lin {
                str_keys integer_keys while_growing
            }
            model {
                str_keys integer_keys
            }
            keys {
                odd_strings_are_told_apart odd_bytes_are_told_apart other_keys_are_told_apart
                equal_high_bits_are_survived a_hundred_thousand_keys
                $($collisions)*
            }
            iteration {
                for_each_sees_stable_keys_once keys_has_stable_keys_once retain_shows_stable_keys_once
                with_beside_replacements
            }
            panics {
                in_with in_for_each in_retain in_del_if_and_update in_loaders
            }
            closures {
                their_own_cache_refuses
            }
            drops {
                by_dropping_the_cache by_set by_del by_take by_clear by_retain by_refusal by_growth
                never_while_held under_contention
                $($reclaim)*
            }
            reentry {
                in_set in_del in_del_if in_swap in_clear in_retain in_get_or_insert in_an_overtaken_load
                in_the_drop_of_the_cache under_contention
            }
            loads {
                once {
                    one_loader_for_all_who_miss none_on_a_hit again_after_a_removal a_failure_is_the_callers
                    different_keys_in_parallel loaders_run_under_no_lock
                }
                handover {
                    from_a_loader_that_panics from_one_to_the_next to_nobody
                }
                many {
                    absent_keys_in_one_call a_key_in_flight_is_waited_for a_write_during_the_call_wins
                    a_call_that_panics_hands_over through_dyn
                }
                failures {
                    shared_by_all_waiters not_cached other_error_types_load_themselves
                    not_after_a_set owned_if_nobody_waits no_text_twice
                }
                circles {
                    a_loader_that_asks_for_its_own_key the_panic_says_so one_thread_through_several_keys
                    two_threads_and_two_keys four_threads_and_four_keys a_chain_is_no_circle
                    another_cache_is_no_circle
                }
                writes {
                    a_set_wins a_del_wins a_del_if_wins a_clear_wins a_retain_wins of_another_key_changes_nothing
                    the_last_of_them_wins by_the_loader_itself who_comes_after_gets_nothing_stale
                    callers_after_a_del_do_not_wait callers_after_a_clear_do_not_wait
                    callers_after_a_retain_do_not_wait callers_after_a_set_do_not_wait
                    callers_after_several_writes_do_not_wait an_overtaken_load_that_panics
                    a_loader_that_writes_and_asks_again who_waits_gets_an_object
                }
                stress {
                    nothing_stale_with_del nothing_stale_with_set nothing_stale_with_clear
                    nothing_stale_as_a_load_starts
                    failures_and_circles
                }
                mixed {
                    threads_and_tasks
                }
                tasks {
                    sharing {
                        one_loader_for_all_tasks none_on_a_hit tasks_wait_for_a_thread threads_wait_for_a_task
                        a_failure_is_shared a_failure_alone_is_owned different_keys_at_once
                    }
                    handover {
                        from_a_dropped_future past_a_waiter_that_is_gone to_nobody from_a_panic
                        between_tasks_and_threads to_a_thread_before_its_tasks very_many_on_one_thread
                        the_future_is_dropped_first
                    }
                    circles {
                        a_loader_that_asks_for_its_own_key one_task_through_several_keys two_tasks_and_two_keys
                        a_task_and_a_thread a_loader_that_awaits_several_keys a_chain_is_no_circle
                        tasks_of_one_thread_are_told_apart a_future_that_moves_between_threads
                        a_wait_that_is_dropped a_wait_that_leaves_its_loader a_load_that_leaves_its_loader
                        a_load_within_a_load_holds_up_both
                    }
                    writes {
                        a_del_wins a_set_wins a_clear_wins a_retain_wins an_overtaken_load_that_is_dropped
                        by_the_loader_itself
                    }
                }
            }
            dynamic {
                every_pointer_forwards any_object_shared_between_threads
            }
        } }
    };
}

/// Names tests; the macros above and those of `key_panics` say which.
///
/// `$path` is where the functions are, as a list in brackets, so that it can be carried along and appended to.
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp {
    (@in $backend:ty; [$($path:ident)*]; $name:ident; $($body:tt)+) => {
        $crate::__stamp! { $backend; [$($path)* $name]; $($body)+ }
    };
    (@test $backend:ty; [$($path:ident)*]; $test:ident) => {
        #[test]
        fn $test() {
            $crate::watched(
                concat!(module_path!(), "::", stringify!($test)),
                $crate::$($path::)*$test::<$backend>,
            );
        }
    };
    ($backend:ty; $path:tt; $($name:ident { $($body:tt)+ })+) => {
        $(
            mod $name {
                use super::*;

                $crate::__stamp! { @in $backend; $path; $name; $($body)+ }
            }
        )+
    };
    ($backend:ty; $path:tt; $($test:ident)+) => {
        $($crate::__stamp! { @test $backend; $path; $test })+
    };
}
