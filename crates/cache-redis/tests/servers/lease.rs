//! Leases on a real server: what is sold, what is acknowledged, and what becomes of both when something fails.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cache_redis::Server;
use cache_redis::lease::{
    CommitError, End, Event, Inspection, Lease, LeaseBuilder, Order, Stock, StockError, TakeError,
};
use redis_testkit::{Cluster, Fsync, PATIENCE, Proxy, Redis};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

const SKU: &str = "sku:1";
const HOUR: Duration = Duration::from_secs(3_600);
const SHORT: Duration = Duration::from_millis(200);

fn server(redis: &Redis) -> Server {
    Server::standalone(&redis.url()).unwrap()
}

async fn stock(server: &Server, units: u64, limit: u32) -> Stock {
    let stock = Stock::connect(server, "t:", SKU).await.unwrap();
    stock.create(units, limit).await.unwrap();
    stock
}

/// A lease that makes no call by itself for an hour, other than refills.
fn lease(server: &Server) -> LeaseBuilder {
    Lease::builder(server, "t:", SKU).ttl(HOUR).grace(HOUR).div(1).linger(Duration::ZERO)
}

/// Waits until `condition` holds of the stock. All the while, the invariant must.
async fn until(stock: &Stock, what: &str, condition: impl Fn(&Inspection) -> bool) -> Inspection {
    let wait = async {
        loop {
            let seen = stock.inspect().await.unwrap();
            assert!(seen.is_consistent(), "{seen:?}");
            if condition(&seen) {
                return seen;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// Units by order, as the stream has them. The flag tells whether an order is in it twice.
async fn orders(stock: &Stock) -> (HashMap<String, u32>, bool) {
    let (mut sold, mut twice, mut last) = (HashMap::new(), false, None);
    loop {
        let entries = stock.orders(last.as_deref(), 100).await.unwrap();
        let Some(newest) = entries.last() else { return (sold, twice) };
        last = Some(newest.id.clone());
        for entry in entries {
            if let Event::Sold { orders, .. } = entry.event {
                for (order, units) in orders {
                    twice |= sold.insert(order.id().to_owned(), units).is_some();
                }
            }
        }
    }
}

async fn sell(lease: &Lease, order: &str) -> Result<u32, CommitError> {
    lease.take(1).await.unwrap().commit(Order::new(order)).await.map(|receipt| receipt.units())
}

/// The first call of a script only learns that the server does not know it: not the one whose answer is to be lost.
async fn learn_the_script(lease: &Lease) {
    assert_eq!(sell(lease, "first").await, Ok(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_sell_all_and_not_one_more() {
    const UNITS: u64 = 3_000;
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, UNITS, 0).await;
    let sold = AtomicU64::new(0);
    // Few units at a time, so that the threads fight for the last ones again and again.
    let (left, right) =
        tokio::join!(lease(&server).want(7).div(4).open(), lease(&server).want(7).div(4).open());
    let leases = [left.unwrap(), right.unwrap()];
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (lease, sold, runtime) = (&leases[thread % 2], &sold, &runtime);
                scope.spawn(move || {
                    let mut commits = Vec::new();
                    for number in 0.. {
                        match lease.try_take(1) {
                            Ok(taken) => {
                                sold.fetch_add(1, Relaxed);
                                if number % 10 == 0 {
                                    // Changed his mind.
                                    drop(taken);
                                    sold.fetch_sub(1, Relaxed);
                                    continue;
                                }
                                let order = Order::new(format!("{thread}/{number}"));
                                commits.push(runtime.spawn(taken.commit(order)));
                            }
                            Err(TakeError::Refilling) => std::thread::yield_now(),
                            Err(TakeError::SoldOut) => break,
                            Err(error) => panic!("{error}"),
                        }
                    }
                    for commit in commits {
                        runtime.block_on(commit).unwrap().unwrap();
                    }
                });
            }
        });
    });
    // Sold out is each node's view: the other may have had the last units, which go back now.
    for lease in &leases {
        lease.close().await.unwrap();
    }
    let seen = until(&stock, "all leases are closed", |seen| seen.leases.is_empty()).await;
    assert_eq!(seen.sold as u64, sold.load(Relaxed));
    let (orders, twice) = orders(&stock).await;
    assert!(!twice);
    assert_eq!(orders.len() as i64, seen.sold);
    assert!(seen.sold as u64 + 14 >= UNITS, "{seen}");
}

#[tokio::test]
async fn units_that_are_not_committed_go_back() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 0).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    let taken = lease.try_take(4).unwrap();
    assert_eq!((taken.units(), lease.left()), (4, 6));
    drop(taken);
    assert_eq!(lease.left(), 10);
    // A future that was never polled gives back too.
    drop(lease.try_take(3).unwrap().commit(Order::new("never")));
    assert_eq!(lease.left(), 10);
    assert_eq!(lease.try_take(0).unwrap_err(), TakeError::Units { units: 0, most: 10 });
    assert_eq!(lease.try_take(11).unwrap_err(), TakeError::Units { units: 11, most: 10 });

    let receipt = lease.try_take(2).unwrap().commit(Order::new("o1").user("ann")).await.unwrap();
    let held = lease.try_take(1).unwrap();
    let clone = lease.clone();
    // What is taken and not committed is not sold.
    assert_eq!(lease.close().await.unwrap(), 8);
    assert_eq!(held.commit(Order::new("late")).await.unwrap_err(), CommitError::Ended(End::Closed));
    assert_eq!(clone.try_take(1).unwrap_err(), TakeError::Ended(End::Closed));
    assert!(matches!(clone.close().await, Err(StockError::Ended(End::Closed))));
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.pool, seen.sold, seen.leases.len()), (8, 2, 0));

    let entries = stock.orders(None, 10).await.unwrap();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.id, receipt.entry());
    let Event::Sold { orders, .. } = &entry.event else { panic!("{entry:?}") };
    assert_eq!(orders[..], [(Order::new("o1").user("ann"), 2)]);
    assert_eq!(stock.orders(Some(receipt.entry()), 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_last_handle_closes_the_lease() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 0).await;
    let lease = lease(&server).open().await.unwrap();
    let taken = lease.try_take(1).unwrap();
    drop(lease);
    assert_eq!(taken.commit(Order::new("o1")).await.unwrap().units(), 1);
    let seen = until(&stock, "the lease is closed", |seen| seen.leases.is_empty()).await;
    assert_eq!((seen.pool, seen.sold), (9, 1));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let stock = stock(&server(&redis), 10, 0).await;
    let through = Server::standalone(&proxy.url()).unwrap();
    let lease = lease(&through).want(10).open().await.unwrap();
    for order in 0..5 {
        proxy.lose_next_answer();
        assert_eq!(sell(&lease, &format!("o{order}")).await, Ok(1));
        assert!(!proxy.is_losing());
    }
    let (orders, twice) = orders(&stock).await;
    assert!(!twice);
    assert_eq!(orders.len(), 5);
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.sold, seen.leases[0].seq, seen.is_consistent()), (5, 5, true));
}

/// The negative control: without the number, the oracle of the test above must find an order that was sold twice.
#[tokio::test]
async fn a_repetition_without_its_number_sells_twice() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let stock = stock(&server(&redis), 10, 0).await;
    let through = Server::standalone(&proxy.url()).unwrap();
    let lease = lease(&through).want(10).seeded("new-number").open().await.unwrap();
    learn_the_script(&lease).await;
    proxy.lose_next_answer();
    assert_eq!(sell(&lease, "o1").await, Ok(1));
    let (orders, twice) = orders(&stock).await;
    assert!(twice, "{orders:?}");
}

#[tokio::test]
async fn a_lost_grant_is_granted_once() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let stock = stock(&server(&redis), 100, 0).await;
    let through = Server::standalone(&proxy.url()).unwrap();
    let lease = lease(&through).want(10).low(1).open().await.unwrap();
    let taken = lease.try_take(10).unwrap();
    proxy.lose_next_answer();
    // Wakes the keeper, whose refill loses its answer.
    let more = lease.take(1).await.unwrap();
    assert!(!proxy.is_losing());
    assert_eq!((taken.units(), more.units()), (10, 1));
    let seen = stock.inspect().await.unwrap();
    assert_eq!(seen.leases[0].granted as u64, 11 + lease.left());
}

#[tokio::test]
async fn what_became_of_a_commit_is_known_after_the_lease_was_reaped() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let stock = stock(&server(&redis), 10, 0).await;
    let through = Server::standalone(&proxy.url()).unwrap();
    let lease = lease(&through).want(10).ttl(SHORT).grace(Duration::ZERO).open().await.unwrap();
    learn_the_script(&lease).await;
    // Calls arrive, and no answer comes back.
    proxy.stall();
    let commit = tokio::spawn(lease.try_take(3).unwrap().commit(Order::new("o1")));
    until(&stock, "the order is committed", |seen| seen.sold == 4).await;
    timeout(PATIENCE, async {
        while stock.reap(Duration::ZERO).await.unwrap() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(lease.try_take(1).unwrap_err(), TakeError::Expired);
    proxy.resume();
    // Its lease is gone, and it was sold nonetheless.
    assert_eq!(commit.await.unwrap().unwrap().units(), 3);
    // Nothing more can be taken meanwhile.
    assert!(matches!(lease.try_take(1).unwrap_err(), TakeError::Expired | TakeError::Ended(End::Fenced)));
    assert_eq!(lease.ended().await, End::Fenced);
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.pool, seen.sold, seen.leases.len()), (6, 4, 0));
}

/// Ends a lease as another node's reaper would.
async fn reap(stock: &Stock, redis: &Redis) {
    let seen = stock.inspect().await.unwrap();
    for lease in seen.leases {
        redis.command(&["ZADD", &format!("t:{{{SKU}}}:leases"), "0", &lease.id]);
    }
    stock.reap(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_fenced_lease_sells_nothing_more() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 0).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    assert_eq!(sell(&lease, "o1").await, Ok(1));
    reap(&stock, &redis).await;
    let (first, second) = (lease.try_take(1).unwrap(), lease.try_take(1).unwrap());
    assert_eq!(first.commit(Order::new("o2")).await.unwrap_err(), CommitError::Ended(End::Fenced));
    assert_eq!(second.commit(Order::new("o3")).await.unwrap_err(), CommitError::Ended(End::Fenced));
    assert_eq!(lease.try_take(1).unwrap_err(), TakeError::Ended(End::Fenced));
    assert_eq!(lease.ended().await, End::Fenced);
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.pool, seen.sold, seen.is_consistent()), (9, 1, true));
    assert_eq!(orders(&stock).await.0.len(), 1);
}

#[tokio::test]
async fn a_server_that_went_back_in_time_is_found_out() {
    let redis = Redis::start();
    let server = server(&redis);
    stock(&server, 10, 0).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    assert_eq!(sell(&lease, "o1").await, Ok(1));
    assert_eq!(sell(&lease, "o2").await, Ok(1));
    // As after the promotion of a replica that lacked the second commit.
    let key = format!("t:{{{SKU}}}:lease:{}", lease.id());
    redis.command(&["HSET", &key, "seq", "1", "committed", "1"]);
    assert_eq!(sell(&lease, "o3").await, Err(CommitError::Ended(End::RolledBack)));
    assert_eq!(lease.ended().await, End::RolledBack);
}

#[tokio::test]
async fn a_server_that_lost_everything_leaves_the_last_order_unknown() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    stock(&server(&redis), 10, 0).await;
    let through = Server::standalone(&proxy.url()).unwrap();
    let lease = lease(&through).want(10).open().await.unwrap();
    learn_the_script(&lease).await;
    // The answer is lost, and with it all that the server knew.
    proxy.stall();
    let commit = tokio::spawn(lease.try_take(1).unwrap().commit(Order::new("o1")));
    let done = || redis.command(&["XLEN", &format!("t:{{{SKU}}}:orders")]).int() == 2;
    timeout(PATIENCE, async {
        while !done() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    redis.command(&["FLUSHALL"]);
    proxy.cut();
    proxy.resume();
    assert_eq!(commit.await.unwrap().unwrap_err(), CommitError::Unknown(End::Fenced));
}

#[tokio::test]
async fn a_server_that_stays_away_ends_the_lease() {
    let redis = Redis::start();
    let server = server(&redis);
    stock(&server, 10, 0).await;
    let patience = Duration::from_millis(100);
    let lease = lease(&server).want(10).patience(patience).open().await.unwrap();
    redis.kill_9();
    let error = sell(&lease, "o1").await.unwrap_err();
    assert!(
        matches!(error, CommitError::Unknown(End::Unanswered) | CommitError::Ended(End::Unanswered)),
        "{error}"
    );
    assert_eq!(lease.ended().await, End::Unanswered);
    assert!(lease.close().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_server_loses_nothing_that_was_acknowledged() {
    let redis = Redis::builder().append_only(Fsync::Always).start();
    let server = server(&redis);
    let stock = stock(&server, 1_000, 0).await;
    let lease = lease(&server).want(100).open().await.unwrap();
    let selling = tokio::spawn({
        let lease = lease.clone();
        async move {
            let mut acknowledged = HashSet::new();
            for order in 0..300 {
                let order = format!("o{order}");
                if sell(&lease, &order).await.is_ok() {
                    acknowledged.insert(order);
                }
            }
            acknowledged
        }
    });
    let until_sold = async |count: i64| until(&stock, "some are sold", |seen| seen.sold >= count).await;
    for count in [50, 150] {
        until_sold(count).await;
        tokio::task::block_in_place(|| redis.restart());
    }
    let acknowledged = timeout(PATIENCE, selling).await.unwrap().unwrap();
    assert_eq!(acknowledged.len(), 300);
    let (orders, twice) = orders(&stock).await;
    assert!(!twice);
    assert!(acknowledged.iter().all(|order| orders.contains_key(order)));
    assert_eq!(orders.len(), 300);
}

#[test]
fn the_units_of_a_node_that_crashed_are_sold_by_another() {
    let redis = Redis::start();
    let server = server(&redis);
    let node = || Runtime::new().unwrap();
    let (crashing, living) = (node(), node());
    let short = || lease(&server).want(10).ttl(SHORT).grace(SHORT);
    let stock = living.block_on(stock(&server, 10, 0));
    let held = crashing.block_on(async {
        let lease = short().open().await.unwrap();
        assert_eq!(sell(&lease, "o1").await, Ok(1));
        lease.try_take(2).unwrap()
    });
    // Without a goodbye: the keeper is gone.
    crashing.shutdown_background();
    living.block_on(async {
        let lease = short().open().await.unwrap();
        assert_eq!(lease.try_take(1).unwrap_err(), TakeError::SoldOut);
        until(&stock, "the lease is reaped", |seen| seen.leases.iter().all(|state| state.id == lease.id()))
            .await;
        for order in 0..9 {
            let taken = timeout(PATIENCE, async {
                loop {
                    match lease.take(1).await {
                        Err(TakeError::SoldOut) => sleep(Duration::from_millis(5)).await,
                        taken => return taken.unwrap(),
                    }
                }
            });
            taken.await.unwrap().commit(Order::new(format!("n{order}"))).await.unwrap();
        }
        assert_eq!(lease.take(1).await.unwrap_err(), TakeError::SoldOut);
        let seen = stock.inspect().await.unwrap();
        assert_eq!((seen.sold, seen.pool, seen.leased()), (10, 0, 0));
        // What the crashed node had taken is nobody's.
        assert!(held.commit(Order::new("o2")).await.is_err());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_follows_its_slot_through_a_cluster() {
    let cluster = Cluster::start(3);
    let server = Server::cluster(cluster.urls()).unwrap();
    let stock = stock(&server, 100, 5).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    for order in 0..20 {
        if order == 10 {
            let pool = format!("t:{{{SKU}}}:pool");
            tokio::task::block_in_place(|| {
                let from = cluster.owner_of(&pool);
                cluster.move_slot(cluster.slot_of(&pool), from, (from + 1) % 3);
            });
        }
        assert_eq!(sell(&lease, &format!("o{order}")).await, Ok(1));
    }
    assert_eq!(orders(&stock).await.0.len(), 20);
    lease.close().await.unwrap();
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.pool, seen.sold, seen.is_consistent()), (80, 20, true));
}

#[tokio::test]
async fn settings_are_checked() {
    let redis = Redis::start();
    let server = server(&redis);
    assert!(matches!(lease(&server).open().await, Err(StockError::Absent)));
    stock(&server, 10, 0).await;
    let wrong = [
        ("want", lease(&server).want(0)),
        ("low", lease(&server).want(10).low(11)),
        ("div", lease(&server).div(0)),
        ("ttl", lease(&server).ttl(Duration::from_millis(9))),
        ("grace", lease(&server).grace(HOUR * 25)),
        ("batch", lease(&server).batch(1_001)),
        ("linger", lease(&server).linger(HOUR)),
        ("patience", lease(&server).patience(Duration::MAX)),
    ];
    for (expected, builder) in wrong {
        match builder.open().await {
            Err(StockError::Setting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stock_is_restocked_and_orders_are_cancelled() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 5, 2).await;
    assert!(stock.create(5, 2).await.is_ok());
    assert!(matches!(stock.create(6, 2).await, Err(StockError::Present { total: 5, limit: 2 })));
    assert!(matches!(stock.create(u64::MAX, 2).await, Err(StockError::TooLarge { .. })));

    let lease = lease(&server).want(10).open().await.unwrap();
    let buy =
        async |order: &str, units| lease.try_take(units).unwrap().commit(Order::new(order).user("ann")).await;
    let receipt = buy("o1", 2).await.unwrap();
    assert_eq!(buy("o2", 1).await, Err(CommitError::OverLimit));
    assert_eq!(stock.bought("ann").await.unwrap(), 2);
    assert_eq!(stock.cancel(&receipt).await.unwrap(), 2);
    assert_eq!(stock.cancel(&receipt).await.unwrap(), 2);
    assert_eq!(stock.bought("ann").await.unwrap(), 0);
    assert!(matches!(stock.cancel_entry(receipt.entry(), "o9").await, Err(StockError::UnknownOrder)));
    assert!(matches!(stock.cancel_entry("no id", "o1").await, Err(StockError::UnknownOrder)));
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.pool, seen.sold, seen.leased(), seen.total), (2, 0, 3, 5));
    let cancelled = stock.orders(Some(receipt.entry()), 10).await.unwrap();
    assert!(matches!(&cancelled[0].event, Event::Cancelled { units: 2, order, .. } if order.id() == "o1"));

    assert_eq!(stock.restock("delivery", 8).await.unwrap(), 13);
    assert_eq!(stock.restock("delivery", 8).await.unwrap(), 13);
    assert!(matches!(stock.restock("recall", -11).await, Err(StockError::Short { pool: 10 })));
    assert_eq!(stock.restock("recall", -10).await.unwrap(), 3);
    assert!(stock.inspect().await.unwrap().is_consistent());

    let absent = Stock::connect(&server, "t:", "sku:2").await.unwrap();
    assert!(matches!(absent.inspect().await, Err(StockError::Absent)));
    assert!(matches!(absent.restock("a", 1).await, Err(StockError::Absent)));
}

#[tokio::test]
async fn an_order_is_cancelled_once_however_its_entry_is_written() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 0).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    let receipt = lease.try_take(2).unwrap().commit(Order::new("o1")).await.unwrap();
    assert_eq!(stock.cancel(&receipt).await.unwrap(), 2);
    let (millis, number) = receipt.entry().split_once('-').unwrap();
    for entry in [format!("0{millis}-{number}"), format!("{millis}-0{number}"), format!("+{millis}-{number}")]
    {
        assert_eq!(stock.cancel_entry(&entry, "o1").await.unwrap(), 2);
        let seen = stock.inspect().await.unwrap();
        assert_eq!((seen.pool, seen.sold), (2, 0), "{entry}: {seen}");
    }
}

#[tokio::test]
async fn users_of_any_name_are_counted() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 2).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    for user in ["a\\b", "a\tb", "a\nb", "ann"] {
        let order = Order::new(format!("of {user}")).user(user);
        lease.try_take(2).unwrap().commit(order).await.unwrap();
        assert_eq!(stock.bought(user).await.unwrap(), 2, "{user:?}");
    }
}

#[tokio::test]
async fn a_deadline_without_a_lease_does_not_stop_reaping() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 0).await;
    let first = lease(&server).want(10).open().await.unwrap();
    let leases = format!("t:{{{SKU}}}:leases");
    redis.command(&["ZADD", &leases, "1", "damaged", "2", first.id()]);
    // Opening reaps.
    let second = lease(&server).want(10).grace(Duration::ZERO).open().await.unwrap();
    assert_eq!(second.left(), 10);
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.leases.len(), seen.is_consistent()), (1, true), "{seen:?}");

    // A key of another type cannot be reaped at all, and others sell nonetheless.
    second.close().await.unwrap();
    redis.command(&["SET", &format!("t:{{{SKU}}}:lease:damaged"), "1"]);
    redis.command(&["ZADD", &leases, "1", "damaged"]);
    let third = lease(&server).want(10).open().await.unwrap();
    assert_eq!(sell(&third, "o1").await, Ok(1));
}

#[tokio::test]
async fn a_close_behind_a_batch_that_was_fenced_says_so() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 0).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    reap(&stock, &redis).await;
    let taken = lease.try_take(1).unwrap();
    // Both wait when the keeper looks.
    let (commit, close) = tokio::join!(taken.commit(Order::new("o1")), lease.close());
    assert_eq!(commit.unwrap_err(), CommitError::Ended(End::Fenced));
    assert!(matches!(close, Err(StockError::Ended(End::Fenced))), "{close:?}");
    assert_eq!(lease.end(), Some(End::Fenced));
}

#[tokio::test]
async fn what_was_sold_without_a_limit_is_not_taken_off_a_count() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 0).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    let buy = async |order: &str| lease.try_take(2).unwrap().commit(Order::new(order).user("ann")).await;
    let uncounted = buy("o1").await.unwrap();
    stock.set_user_limit(2).await.unwrap();
    let counted = buy("o2").await.unwrap();
    stock.cancel(&uncounted).await.unwrap();
    assert_eq!(stock.bought("ann").await.unwrap(), 2);
    assert_eq!(buy("o3").await, Err(CommitError::OverLimit));
    stock.cancel(&counted).await.unwrap();
    assert_eq!(stock.bought("ann").await.unwrap(), 0);
}

#[tokio::test]
async fn entries_of_others_do_not_hide_orders() {
    let redis = Redis::start();
    let server = server(&redis);
    let stock = stock(&server, 10, 0).await;
    let lease = lease(&server).want(10).open().await.unwrap();
    assert_eq!(sell(&lease, "o1").await, Ok(1));
    let key = format!("t:{{{SKU}}}:orders");
    redis.command(&[&b"XADD"[..], key.as_bytes(), b"*", b"note", b"\xff"]);
    assert_eq!(sell(&lease, "o2").await, Ok(1));
    let entries = stock.orders(None, 10).await.unwrap();
    let foreign = Event::Foreign { fields: vec![b"note".to_vec(), b"\xff".to_vec()] };
    assert_eq!((entries.len(), &entries[1].event), (3, &foreign));
    assert!(matches!(stock.cancel_entry(&entries[1].id, "o1").await, Err(StockError::UnknownOrder)));
    assert_eq!(orders(&stock).await.0.len(), 2);
}
