//! Keys with equal hashes: slow, but bounded. The test has a process of its own, because it counts bytes.

use cache_bucket::{BucketBackend, BucketIntCache};
use cache_core::{Backend, IntCache, Options};
use cache_testkit::hashers::Constant;
use hotcache_bench_alloc::live_bytes;

/// The bytes that such a cache may take for each key, including growth in vain. A table grows until it has eight
/// buckets of 512 bytes for each full overflow bucket of 28 keys, so it has fewer than sixteen. During a resize there
/// is another of its size, and three times that is plenty. 291 bytes were seen, and 655 during a resize.
const BYTES_FOR_EACH: i64 = 3 * 512 * 16 / 28;

#[test]
fn equal_hashes_take_no_more_memory_than_their_number_allows() {
    let before = live_bytes();
    let cache = BucketIntCache::<u64, Constant>::with_options(Options::new().hasher(Constant));
    let look = |keys: u64| {
        BucketBackend::reclaim();
        let bytes = live_bytes() - before;
        assert!(bytes < 64 * 1024 + keys as i64 * BYTES_FOR_EACH, "{keys} keys take {bytes} bytes");
    };
    for count in [250, 500, 1_000] {
        (0..count).for_each(|key| cache.set(&key, 1));
        look(count);
    }
    // Replaces them by other keys, again and again.
    for round in 0..10 {
        for key in 0..500 {
            assert!(cache.del(&(round * 500 + key)));
            cache.set(&((round + 2) * 500 + key), 1);
        }
        assert_eq!(cache.len(), 1_000);
        look(1_000);
    }
    cache.clear();
    BucketBackend::reclaim();
    assert!(live_bytes() - before < 64 * 1024, "{} bytes are left", live_bytes() - before);
}
