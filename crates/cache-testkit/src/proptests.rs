//! Random operation sequences on one thread, shrunk when they fail.

use std::fmt::Debug;
use std::sync::Mutex;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestError, TestRng, TestRunner};

use crate::signals::lock;
use crate::{Random, fresh_seed, scale};

/// Sequences for each test.
const CASES: usize = 200;

/// Runs `test` on random cases; a failure panics with the smallest case found and the seed.
pub(crate) fn for_all<S: Strategy>(cases: &S, test: impl Fn(S::Value) -> TestCaseResult)
where
    S::Value: Debug,
{
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    let bytes: Vec<u8> = (0..4).flat_map(|_| random.next().to_le_bytes()).collect();
    let config = Config {
        cases: scale(CASES) as u32,
        // The seed says all there is to keep; a library has no place of its own to write files to.
        failure_persistence: None,
        ..default_config()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    match TestRunner::new_with_rng(config, rng).run(cases, test) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => {
            panic!("HOTCACHE_TEST_SEED={seed}: {why}\nsmallest failing case: {case:#?}")
        }
        Err(TestError::Abort(why)) => panic!("HOTCACHE_TEST_SEED={seed}: {why}"),
    }
}

/// The default configuration, created once under a lock: ThreadSanitizer does not see how proptest's own static is shared.
fn default_config() -> Config {
    static CONFIG: Mutex<Option<Config>> = Mutex::new(None);
    let mut config = lock(&CONFIG);
    config.get_or_insert_with(Config::default).clone()
}

/// The position in `table` of each stored key.
pub(crate) fn positions<K: cache_core::Key + ?Sized>(
    table: &[&K],
    keys: impl IntoIterator<Item = K::Owned>,
) -> Vec<Option<usize>> {
    use std::borrow::Borrow;
    let mut positions: Vec<_> =
        keys.into_iter().map(|key| table.iter().position(|known| *known == key.borrow())).collect();
    positions.sort_unstable();
    positions
}
