//! What this crate's page says of papaya's limits is so. What never ends runs in a process of its own.

use std::cell::Cell;
use std::env;
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cache_core::{IntCache, Key, Options};
use cache_papaya::PapayaIntCache;

/// What ends takes milliseconds; what does not end also takes memory while it runs.
const LIMIT: Duration = Duration::from_secs(1);

/// Whether an ignored test of this binary ends.
fn ends(test: &str) -> bool {
    let program = env::current_exe().expect("a running test has a path");
    let mut process = Command::new(program)
        .args([test, "--exact", "--ignored"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a test binary can start itself");
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if let Some(status) = process.try_wait().expect("a child can be waited for") {
            assert!(status.success(), "{test} failed before the point in question");
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    process.kill().expect("a child can be killed");
    process.wait().expect("a child can be waited for");
    false
}

/// Gives every key the same hash.
#[derive(Clone, Copy, Default)]
struct Constant;

impl BuildHasher for Constant {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, _: &[u8]) {}
}

fn keys_of_one_hash(keys: u64) {
    let cache = PapayaIntCache::<u64, _>::with_options(Options::new().hasher(Constant));
    for key in 0..keys {
        cache.set(&key, 1);
    }
    assert!((0..keys).all(|key| cache.get(&key) == Some(1)));
    assert_eq!(cache.keys().len() as u64, keys);
}

#[test]
fn thirty_six_keys_may_share_a_hash() {
    keys_of_one_hash(36);
}

#[test]
fn iteration_over_more_of_one_hash_never_ends() {
    assert!(!ends("serve_37_keys_of_one_hash"));
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn serve_37_keys_of_one_hash() {
    keys_of_one_hash(37);
}

thread_local! {
    /// Calls of `Touchy::hash` until one panics; none do at 0.
    static FUSE: Cell<u32> = const { Cell::new(0) };
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Touchy(u64);

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let left = FUSE.get();
        FUSE.set(left.saturating_sub(1));
        assert_ne!(left, 1, "hashing panics");
        self.0.hash(state);
    }
}

impl Key for Touchy {
    type Owned = Self;

    fn to_owned_key(&self) -> Self {
        self.clone()
    }
}

/// Fills a cache until a hash panics that is not asked for by the operation itself, but by a copy to a larger
/// table.
fn panic_while_growing() -> PapayaIntCache<Touchy> {
    /// `set` hashes a new key twice: to look, and to insert.
    const HASHES: u32 = 2;

    let cache = PapayaIntCache::new();
    for key in 0..1000 {
        FUSE.set(HASHES + 1);
        let grown = panic::catch_unwind(panic::AssertUnwindSafe(|| cache.set(&Touchy(key), 1)));
        FUSE.set(0);
        if grown.is_err() {
            return cache;
        }
    }
    panic!("a thousand keys fit without growing");
}

/// Writes are not tried: one of them may wait for the copy, and most do not.
#[test]
fn after_a_panic_while_growing_single_keys_are_read() {
    let cache = panic_while_growing();
    let present = cache.len() as u64;
    for key in 0..1000 {
        assert_eq!(cache.get(&Touchy(key)).is_some(), key < present);
    }
}

#[test]
fn after_a_panic_while_growing_iteration_never_ends() {
    assert!(!ends("serve_iteration_after_a_panic_while_growing"));
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn serve_iteration_after_a_panic_while_growing() {
    panic_while_growing().for_each(&mut |_, _| {});
}
