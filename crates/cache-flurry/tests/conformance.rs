//! What every backend must do, run on this one.
//!
//! All but `obj::drops::before_the_cache_is_dropped`: flurry frees what was deleted in batches, and cannot be
//! told to free an incomplete one. This crate's page says so.

use cache_flurry::FlurryBackend;

cache_testkit::conformance!(int: FlurryBackend);
cache_testkit::__stamp! {
    FlurryBackend; [];
    obj {
        basic {
            set_get_del set_replaces one_object_under_many_keys get_or_insert_keeps_what_is_there
            with_calls_once with_touches_no_reference_count objects_of_every_kind
            capacity_and_shards_change_nothing caches_are_empty_and_apart
        }
        many {
            clear_removes_everything iteration_sees_every_key_once retain_removes_what_it_is_told_to
        }
        lin {
            str_keys integer_keys while_growing
        }
        model {
            str_keys integer_keys
        }
        keys {
            odd_strings_are_told_apart odd_bytes_are_told_apart other_keys_are_told_apart
            a_constant_hash_is_survived equal_low_bits_are_survived equal_high_bits_are_survived
            a_hundred_thousand_keys
        }
        iteration {
            for_each_sees_stable_keys_once keys_has_stable_keys_once retain_shows_stable_keys_once
            with_beside_replacements
        }
        panics {
            in_with in_for_each in_retain in_loaders
        }
        drops {
            by_dropping_the_cache by_set by_del by_clear by_retain by_refusal by_growth
            never_while_held under_contention
        }
        reentry {
            in_set in_del in_clear in_retain in_get_or_insert in_an_overtaken_load
            in_the_drop_of_the_cache under_contention
        }
        loads {
            once {
                one_loader_for_all_who_miss none_on_a_hit again_after_a_removal a_failure_is_the_callers
                different_keys_in_parallel loaders_run_under_no_lock
            }
            handover {
                from_a_loader_that_fails from_a_loader_that_panics from_one_to_the_next to_nobody
            }
            circles {
                a_loader_that_asks_for_its_own_key the_panic_says_so one_thread_through_several_keys
                two_threads_and_two_keys four_threads_and_four_keys a_chain_is_no_circle
                another_cache_is_no_circle
            }
            writes {
                a_set_wins a_del_wins a_clear_wins a_retain_wins of_another_key_changes_nothing
                the_last_of_them_wins by_the_loader_itself who_comes_after_gets_nothing_stale
                who_waits_gets_an_object
            }
            stress {
                nothing_stale_with_del nothing_stale_with_set nothing_stale_with_clear
                nothing_stale_as_a_load_starts
                failures_and_circles
            }
        }
        dynamic {
            every_pointer_forwards any_object_shared_between_threads
        }
    }
}
cache_testkit::probe_panics!(FlurryBackend, hash: Usable, eq: Usable | Breaks | Hangs, drop_key: Leaks | Breaks, drop_object: Leaks);
