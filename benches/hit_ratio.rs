//! The hit ratios of bounded caches: `cargo bench -p hotcache-bench --bench hit_ratio -- --trace FILE`.
#![forbid(unsafe_code)]

fn main() -> anyhow::Result<()> {
    hotcache_bench::hit_ratio::main()
}
