use std::path::PathBuf;

use clap::Args;

use crate::{Cache, Capacity, Dist, KeyCount, KeyType, Mix, Op, Output, Profile, Rate, Row};

/// The flags of `cargo xtask bench`.
///
/// The parser does not check which flags go with which mode. [`task`](Flags::task) does, from a table.
///
/// # Examples
///
/// ```
/// use clap::Parser;
/// use hotcache_bench_plan::{Flags, Task};
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(flatten)]
///     flags: Flags,
/// }
///
/// let cli = Cli::parse_from(["bench", "--quick", "--backends", "papaya,scc"]);
/// assert!(matches!(cli.flags.task(None), Ok(Task::Matrix(_))));
/// ```
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = EXAMPLES)]
pub struct Flags {
    /// A small fixed matrix: every backend, the empty loop and the roof, 1 and 2 threads, two key counts. Takes less
    /// than three minutes. With --memory: fewer keys and less garbage, in about a minute. With --bounded: smaller caches.
    /// With --hit-ratio: fewer requests, and one capacity each. With --redis: fewer keys, and less time. With --gate: less time.
    #[arg(long)]
    pub quick: bool,

    /// Every axis of the matrix, for hours: two distributions, four key counts, three key lengths, threads up to
    /// twice the cores, one hot key. Results are saved as they are measured, as `full` or under the name of --save.
    /// An interrupted run continues where it stopped.
    #[arg(long)]
    pub full: bool,

    /// With --full: start again, and discard the results of an interrupted run.
    #[arg(long)]
    pub fresh: bool,

    /// The number of passes through the whole matrix, each with newly built maps. More passes detect smaller changes,
    /// and take longer in proportion.
    #[arg(long, value_name = "COUNT")]
    pub passes: Option<usize>,

    /// Measure these rows only, in addition to the empty loop and the roof. With --bounded and --memory there are
    /// mini-moka, foyer and tinyufo too.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = Row::named)]
    pub backends: Vec<&'static Row>,

    /// Measure these caches only: int, obj.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub caches: Vec<Cache>,

    /// Measure these operations only: get, set, add, insert, del. Not measured by default: get_many (16 keys at a
    /// time, time per key), with (an object in place), churn, reinsert, grow, mix.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub ops: Vec<Op>,

    /// Key counts; 0 gives every operation its own key, in batches of at most a million. The default is the
    /// environment variable maxKey, if it is set.
    #[arg(
        long,
        visible_alias = "keys",
        value_name = "COUNTS",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub max_key: Vec<KeyCount>,

    /// Thread counts. There may be more threads than cores.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',')]
    pub threads: Vec<usize>,

    /// Types of keys: str, u64, pair (of u64). The default is str; and, unless other flags choose keys or operations,
    /// some work with each of the other types.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub key_type: Vec<KeyType>,

    /// Lengths of text keys, in bytes.
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    pub key_len: Vec<usize>,

    /// Distributions of requests over keys: uniform, zipf:0.99, hot (a single key).
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub dist: Vec<Dist>,

    /// All threads use one key, with get, set and add (objects: get, set and with), in a map of that key alone or of
    /// --max-key keys.
    #[arg(long, conflicts_with = "dist")]
    pub hot_key: bool,

    /// Operations by weight, such as get=90,add=9,del=1, of get, set, add, insert (if absent) and del. May be given
    /// several times.
    #[arg(long, value_name = "OP=WEIGHT,...", conflicts_with = "hot_key")]
    pub mix: Vec<Mix>,

    /// Traffic as measured in production, by default with 100000 keys: counter-hot, counter-churn, read-mostly,
    /// lists, write-heavy, balanced, with-deletes.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["hot_key", "key_len", "key_type", "dist"])]
    pub profile: Vec<Profile>,

    /// Keys that come and go while their number stays constant: new keys (churn), or the same keys again (reinsert).
    #[arg(long, conflicts_with = "hot_key")]
    pub churn: bool,

    /// Inserts into an empty map, up to a million keys or --max-key, in five maps each; and the longest single
    /// insert.
    #[arg(long, conflicts_with = "hot_key")]
    pub grow: bool,

    /// Replay a trace: .lis (blocks) or Twitter's comma-separated format, plain or .zst. May be given several times with
    /// --hit-ratio.
    #[arg(long, value_name = "FILE")]
    pub trace: Vec<PathBuf>,

    /// Bytes per key after loading, while growing, after churn and after deleting all keys. And garbage, the bytes
    /// that a map has retired and not freed: after one large object was replaced, with idle threads, with short-lived
    /// threads and caches, and after churn. And bytes per entry of bounded caches, ours and others. Each row runs in its
    /// own process. Needs 4 GiB of memory, or 1 GiB with --quick.
    #[arg(long)]
    pub memory: bool,

    /// Latencies of operations that arrive on a fixed schedule, from the instant at which each was due: get, set,
    /// add, and growth from empty, with a million keys and one thread. Each row runs in its own process.
    #[arg(long)]
    pub latency: bool,

    /// Arrivals per second of all threads together, such as 500000, or a share of the throughput of the slowest row.
    /// The default is 50%.
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,

    /// Each backend against direct use of its map, in interleaved rounds.
    #[arg(long)]
    pub adapters: bool,

    /// Bounded caches: ours over the backend bucket beside other caches and the unbounded map. --backends names all rows,
    /// such as bucket,moka. Measured are hits, with and without a time to live; misses with eviction; mixes that hit 50, 90 and 99 % of the time; and the
    /// longest single insert while entries are evicted or expire.
    #[arg(long)]
    pub bounded: bool,

    /// The share of requests that hit, in each eviction policy and in other caches, on the files of --trace or on workloads
    /// that are made up: Zipf, Zipf with scans, a loop, a flash sale, keys that are asked for twice.
    #[arg(long)]
    pub hit_ratio: bool,

    /// Numbers of entries that the caches of --hit-ratio may hold. By default, some that suit each workload.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', allow_negative_numbers = true)]
    pub capacity: Vec<Capacity>,

    /// Mirrors and stock leases on a Redis that it starts itself: how fast a mirror is filled, beside a loop that only reads;
    /// how soon a write is visible; sales through a lease, beside a script for each sale. Needs redis-server.
    #[arg(long)]
    pub redis: bool,

    /// What the gate's refusals cost beside the look-ups that they make, and a sale by the kind of stock.
    #[arg(long)]
    pub gate: bool,

    /// Where the results go.
    #[command(flatten)]
    pub output: Output,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench --quick                                     which backend is fast here?
  cargo xtask bench --backends rwlock,papaya --threads 1,2,4    two backends, over threads
  cargo xtask bench --ops get --key-len 5,36 --dist zipf:0.99   reads of few hot keys, short and long
  cargo xtask bench --key-type str,u64,pair --ops get,insert    text, integers and pairs of them
  cargo xtask bench --hot-key --threads 1,2,4                   all threads on one counter
  cargo xtask bench --ops get,get_many --max-key 1000000        one key at a time, or sixteen
  cargo xtask bench --mix get=90,add=9,del=1 --dist zipf:0.99   your own mix of operations
  cargo xtask bench --profile counter-hot,with-deletes          traffic as measured in production
  cargo xtask bench --churn --backends bucket,papaya            keys that come and go
  cargo xtask bench --grow --max-key 10000000 --caches int      from empty to ten million keys
  cargo xtask bench --trace requests.csv.zst                    your own recorded requests
  cargo xtask bench --full                                      everything, overnight; goes on after Ctrl-C
  cargo xtask bench --memory                                    bytes per key, and garbage
  cargo xtask bench --memory --quick --backends papaya,bucket   in about a minute, two backends
  cargo xtask bench --latency --ops get,grow --rate 500000      stalls that a median hides
  cargo xtask bench --bounded                                   caches that evict, beside others
  cargo xtask bench --hit-ratio --trace requests.csv.zst        which policy keeps what you ask for
  cargo xtask bench --redis                                     mirrors and leases on a server of its own
  cargo xtask bench --gate                                      what the gate's refusals cost
  cargo xtask bench --quick --save before                       keep the numbers, and after a change …
  cargo xtask bench --quick --compare before                    … see which cells it moved

Every line of numbers names its cell: cache/operation/keys/threads/distribution/key length/row.
docs/benchmarking.md says what they mean, and what they do not say.";
