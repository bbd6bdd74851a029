//! Hot keys: found with the error that is promised.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cache_bucket::BucketBackend;
use cache_core::Key;
use cache_policy::{Cache, HotKeys};
use cache_testkit::{Random, fresh_seed, scale};

/// Ranks of a Zipf distribution with exponent 1 over `keys` keys.
struct Zipf(Vec<f64>);

impl Zipf {
    fn new(keys: usize) -> Self {
        let mut sum = 0.0;
        let sums = (1..=keys).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Self(sums.collect())
    }

    fn draw(&self, random: &mut Random) -> u64 {
        let all = self.0[self.0.len() - 1];
        let at = (random.next() >> 11) as f64 / (1_u64 << 53) as f64 * all;
        self.0.partition_point(|sum| *sum < at) as u64
    }
}

#[test]
fn the_top_of_a_skewed_stream() {
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    let zipf = Zipf::new(100_000);
    let hot: HotKeys<u64> = HotKeys::new().slots(100).one_in(1);
    // Within the first window, so that all counts are of the whole stream.
    let reads = 12_000;
    let mut exact = HashMap::<u64, u64>::new();
    for _ in 0..reads {
        let key = zipf.draw(&mut random);
        hot.record(&key);
        *exact.entry(key).or_default() += 1;
    }
    let top = hot.top(100);
    assert_eq!(top.len(), 100, "seed {seed}");
    assert!(top.is_sorted_by(|one, other| one.share >= other.share), "seed {seed}");
    for hot in &top {
        let share = exact[&hot.key] as f64 / reads as f64;
        let bounds = hot.share - hot.error - 1e-9..=hot.share + 1e-9;
        assert!(bounds.contains(&share), "seed {seed}: {hot:?} has {share}");
        assert!(hot.error <= 0.01, "seed {seed}: {hot:?}");
    }
    for (key, reads_of_it) in exact {
        let watched = top.iter().any(|hot| hot.key == key);
        assert!(
            watched || reads_of_it <= reads / 100,
            "seed {seed}: {key} with {reads_of_it} reads is missed"
        );
    }
}

#[test]
fn a_sample_is_as_good_as_a_poll() {
    let hot: HotKeys<str> = HotKeys::new();
    // A pattern with a period, of which a sample of each 128th read would see one key.
    let reads = scale(1_280_000).max(640_000);
    for n in 0..reads {
        hot.record(["a", "b", "c", "d"][n % 4]);
    }
    for key in hot.top(4) {
        // Of some 10,000 samples; this is far out of what chance does.
        assert!((0.2..0.3).contains(&key.share) && key.error == 0.0, "{key:?}");
    }
}

/// A key that counts how often it is copied: a sample of a new key copies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Seen(u64);

static COPIES: AtomicUsize = AtomicUsize::new(0);

impl Key for Seen {
    type Owned = Seen;
    fn to_owned_key(&self) -> Seen {
        COPIES.fetch_add(1, Ordering::Relaxed);
        *self
    }
}

#[test]
fn one_in_so_many_is_sampled() {
    let hot: HotKeys<Seen> = HotKeys::new().one_in(50);
    let reads = 500_000;
    (0..reads).for_each(|n| hot.record(&Seen(n)));
    let sampled = COPIES.load(Ordering::Relaxed);
    assert!((9_000..11_000).contains(&sampled), "{sampled} of {reads} were sampled: 10,000 were asked for");
}

#[test]
fn under_threads() {
    let hot: HotKeys<u64> = HotKeys::new().one_in(8);
    let reads = scale(200_000).max(50_000) as u64;
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let hot = &hot;
            scope.spawn(move || {
                for n in 0..reads {
                    hot.record(&7);
                    hot.record(&(1_000 + thread * reads + n));
                    if n % 10_000 == 0 {
                        assert!(hot.top(3).len() <= 3);
                    }
                }
            });
        }
    });
    let top = hot.top(2);
    assert_eq!(top[0].key, 7);
    assert!((0.4..0.6).contains(&top[0].share), "{top:?}");
    assert!(top[1].share - top[1].error < 0.01, "{top:?}");
    hot.clear();
    assert!(hot.top(2).is_empty());
}

#[test]
fn each_read_of_a_cache_counts() {
    let off: Cache<u32, str, BucketBackend> = Cache::new();
    off.insert("a", 1);
    assert!(off.get("a").is_some() && off.hot_keys(10).is_empty());

    type Small = Cache<u32, str, BucketBackend>;
    let reads: [fn(&Small, &str); 5] = [
        |cache, key| _ = cache.get(key),
        |cache, key| _ = cache.with(key, |value| *value),
        |cache, key| cache.get_many(&[key], &mut [None]),
        |cache, key| _ = cache.get_or_load(key, || Err::<u32, _>("not there")),
        |cache, key| _ = cache.get_or_load_many(&[key], |_keys| Err::<Vec<u32>, _>("not there")),
    ];
    for (n, read) in reads.iter().enumerate() {
        let cache: Small = Cache::builder().hot_keys(HotKeys::new().one_in(1)).build();
        cache.insert("a", 1);
        read(&cache, "a");
        read(&cache, "absent");
        let shares: HashMap<_, _> = cache.hot_keys(10).into_iter().map(|hot| (hot.key, hot.share)).collect();
        assert_eq!((shares["a"], shares["absent"]), (0.5, 0.5), "read {n}");
        // Those that count as no read.
        let _ = (cache.contains("b"), cache.ttl("b"));
        cache.insert("b", 1);
        assert_eq!(cache.hot_keys(10).len(), 2);
        assert!(cache.hot_keys(1).first().is_some_and(|hot| hot.error == 0.0));
    }
}
