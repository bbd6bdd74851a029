//! The macros that write out these tests.

/// Writes out the tests that a panic in a caller's code leaves a backend usable: in a key's or an object's own code,
/// the hasher, a closure or a loader.
///
/// For backends that promise it. It makes a module `key_panics` where it stands.
///
/// # Examples
///
/// ```
/// cache_testkit::panics_in_keys!(cache_testkit::Reference);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! panics_in_keys {
    ($backend:ty) => {
        $crate::__stamp! { $backend; []; key_panics {
            in_hash in_the_hasher in_eq_and_ord in_borrow in_clone in_to_owned_key
            in_the_drop_of_a_key in_the_drop_of_an_object in_closures in_loaders
        } }
    };
}

/// Writes out the tests that a caller's code may call the cache that runs it, wherever that is.
///
/// For backends that promise it. It makes a module `calls` where it stands.
///
/// # Examples
///
/// ```no_run
/// mod lock_free {
///     // A reference under one lock would wait for itself.
///     cache_testkit::calls_from_keys!(cache_testkit::Reference);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! calls_from_keys {
    ($backend:ty) => {
        $crate::__stamp! { $backend; [key_panics]; calls {
            in_hash in_the_hasher in_eq_and_ord in_borrow in_clone in_to_owned_key
            in_the_drop_of_a_key in_the_drop_of_an_object in_closures in_loaders
        } }
    };
}

/// Writes out the tests that panics in a caller's code do to a backend what its docs say they do.
///
/// For backends that promise nothing. Each runs in a process of its own with a time limit, and fails when the
/// [`Outcome`](crate::Outcome) is another than the one given, be it worse or better; where it depends on hashes or
/// on timing, all that were seen are given, as in `Leaks | Breaks`. It makes a module `key_panics` where it
/// stands. To find the outcomes, put in anything and read what the failures say.
///
/// # Examples
///
/// ```
/// cache_testkit::probe_panics!(
///     cache_testkit::Reference, hash: Usable, hasher: Usable, eq: Usable, borrow: Usable, clone: Usable,
///     to_owned: Usable, drop_key: Usable, drop_object: Usable, closure: Usable, loader: Usable
/// );
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! probe_panics {
    ($backend:ty, $($outcomes:tt)+) => {
        $crate::__probe! { key_panics; Panics; $backend; $($outcomes)+ }
    };
}

/// Writes out the tests that a caller's code which calls the cache that runs it meets what the backend's docs say.
///
/// As [`probe_panics!`](crate::probe_panics). The second list is of operations that pass over many keys: `keys`,
/// `for_each`, `retain` and `clear`. It makes modules `calls` and `calls_in_passes` where it stands.
///
/// # Examples
///
/// ```
/// cache_testkit::probe_calls!(
///     cache_testkit::Reference,
///     one_key: {
///         hash: Hangs, hasher: Hangs, eq: Hangs, borrow: Hangs, clone: Usable, to_owned: Usable,
///         drop_key: Usable, drop_object: Usable, closure: Hangs, loader: Usable
///     },
///     passes: {
///         hash: Usable, hasher: Usable, eq: Usable, borrow: Hangs, clone: Usable, to_owned: Hangs,
///         drop_key: Usable, drop_object: Usable, closure: Hangs, loader: Usable
///     }
/// );
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! probe_calls {
    ($backend:ty, one_key: { $($one_key:tt)+ }, passes: { $($passes:tt)+ }) => {
        $crate::__probe! { calls; Calls; $backend; $($one_key)+ }
        $crate::__probe! { calls_in_passes; CallsInPasses; $backend; $($passes)+ }
    };
}

/// One test for each hazard, and the one that serves them.
#[doc(hidden)]
#[macro_export]
macro_rules! __probe {
    ($module:ident; $deed:ident; $backend:ty; $($hazard:ident: $($outcome:ident)|+),+ $(,)?) => {
        mod $module {
            use super::*;

            #[test]
            #[ignore = "run by the tests beside it, in a process of its own"]
            fn serve() {
                $crate::serve_probe::<$backend>();
            }

            #[test]
            fn every_hazard_is_named() {
                $crate::assert_all_named(&[$(stringify!($hazard)),+]);
            }

            $(
                #[test]
                fn $hazard() {
                    // The test harness names tests without the crate that a module's path starts with.
                    let path = module_path!();
                    let module = path.split_once("::").map_or("", |(_crate, module)| module);
                    $crate::assert_outcome(
                        &format!("{module}::serve"),
                        stringify!($hazard),
                        $crate::key_panics::Deed::$deed,
                        &[$($crate::Outcome::$outcome),+],
                    );
                }
            )+
        }
    };
}
