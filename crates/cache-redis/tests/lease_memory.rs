//! Taking from a lease does not allocate. A test program of its own, as it counts the allocations of the process.

use std::time::Duration;

use cache_redis::Server;
use cache_redis::lease::{Lease, Stock, TakeError};
use hotcache_bench_alloc::by_this_thread;
use redis_testkit::Redis;

/// The keeper is a task of this thread, and runs only while the test waits.
#[tokio::test]
async fn taking_and_giving_back_allocate_nothing() {
    let redis = Redis::start();
    let server = Server::standalone(&redis.url()).unwrap();
    Stock::connect(&server, "t:", "sku:1").await.unwrap().create(1_000, 0).await.unwrap();
    let hour = Duration::from_secs(3_600);
    let lease =
        Lease::builder(&server, "t:", "sku:1").want(100).div(1).ttl(hour).grace(hour).open().await.unwrap();
    let mut taken = Vec::with_capacity(100);
    let before = by_this_thread();
    for _ in 0..100 {
        taken.push(lease.try_take(1).unwrap());
    }
    // The mark below which it is refilled was crossed, and nobody has any left.
    assert_eq!(lease.try_take(1).unwrap_err(), TakeError::Refilling);
    taken.clear();
    assert_eq!(by_this_thread().since(before).count, 0);
    assert_eq!(lease.left(), 100);
}
