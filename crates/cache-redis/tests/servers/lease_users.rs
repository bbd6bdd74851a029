//! Limits per user: exact over all nodes, and within a batch.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::HashMap;
use std::time::Duration;

use cache_redis::Server;
use cache_redis::lease::{CommitError, Event, Lease, LeaseBuilder, Order, Receipt, Stock};
use redis_testkit::{Proxy, Redis};
use tokio::task::JoinSet;

const HOUR: Duration = Duration::from_secs(3_600);

async fn stock(redis: &Redis, units: u64, limit: u32) -> (Server, Stock) {
    let server = Server::standalone(&redis.url()).unwrap();
    let stock = Stock::connect(&server, "t:", "sku:1").await.unwrap();
    stock.create(units, limit).await.unwrap();
    (server, stock)
}

fn lease(server: &Server) -> LeaseBuilder {
    Lease::builder(server, "t:", "sku:1").ttl(HOUR).grace(HOUR).div(1)
}

async fn buy(lease: Lease, order: String, user: &str, units: u32) -> Result<Receipt, CommitError> {
    lease.take(units).await.unwrap().commit(Order::new(order).user(user)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_user_gets_more_than_the_limit_on_all_nodes_together() {
    const LIMIT: u32 = 5;
    let redis = Redis::start();
    let (server, stock) = stock(&redis, 100_000, LIMIT).await;
    let mut buyers = JoinSet::new();
    let mut leases = Vec::new();
    for node in 0..3 {
        let lease = lease(&server).want(300).batch(20).open().await.unwrap();
        leases.push(lease.clone());
        for number in 0..400_u32 {
            let lease = lease.clone();
            // Most batches have several orders of one user, and all nodes sell to all users.
            let (user, units) = (format!("u{}", number % 10), 1 + number % 3);
            buyers.spawn(async move {
                let result = buy(lease, format!("{node}/{number}"), &user, units).await;
                (user, units, result)
            });
        }
    }
    let mut acknowledged: HashMap<String, u32> = HashMap::new();
    while let Some(buyer) = buyers.join_next().await {
        let (user, units, result) = buyer.unwrap();
        match result {
            Ok(receipt) => *acknowledged.entry(user).or_default() += receipt.units(),
            Err(error) => assert_eq!(error, CommitError::OverLimit, "{units} for {user}"),
        }
    }
    for user in 0..10 {
        let user = format!("u{user}");
        assert!(acknowledged[&user] <= LIMIT, "{user} has {}", acknowledged[&user]);
        assert_eq!(stock.bought(&user).await.unwrap(), u64::from(acknowledged[&user]));
    }
    // What was refused is in the leases still, and what was sold is in the stream.
    let seen = stock.inspect().await.unwrap();
    let sold: u32 = acknowledged.values().sum();
    assert_eq!((seen.sold, seen.is_consistent()), (i64::from(sold), true));
    assert_eq!(leases.iter().map(Lease::left).sum::<u64>() as i64, seen.leased());
    let mut in_stream = 0;
    for entry in stock.orders(None, 10_000).await.unwrap() {
        let Event::Sold { orders, .. } = entry.event else { panic!("{entry:?}") };
        in_stream += orders.iter().map(|(_, units)| units).sum::<u32>();
    }
    assert_eq!(in_stream, sold);
}

#[tokio::test]
async fn one_batch_sells_to_some_and_refuses_others() {
    let redis = Redis::start();
    let (server, stock) = stock(&redis, 100, 3).await;
    // All orders are in one batch, as each waits for the others.
    let lease = lease(&server).want(50).batch(6).linger(Duration::from_secs(1)).open().await.unwrap();
    let buy = |order: &str, user: &'static str, units| buy(lease.clone(), order.to_owned(), user, units);
    let (a, b, c, d, e, f) = tokio::join!(
        buy("o1", "ann", 2),
        buy("o2", "ann", 2),
        buy("o3", "ann", 1),
        buy("o4", "ben", 4),
        buy("o5", "", 9),
        buy("o6", "cy", 3),
    );
    let receipts = [a.as_ref().unwrap(), c.as_ref().unwrap(), e.as_ref().unwrap(), f.as_ref().unwrap()];
    assert!(receipts.iter().all(|receipt| receipt.entry() == receipts[0].entry()));
    assert_eq!((b, d), (Err(CommitError::OverLimit), Err(CommitError::OverLimit)));
    // 2 + 1 + 9 + 3 are sold, and the others are back.
    assert_eq!(lease.left(), 35);
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.sold, seen.leases[0].seq), (15, 1));

    // The next limit holds from the next commit on.
    stock.set_user_limit(4).await.unwrap();
    assert!(buy("o7", "ann", 1).await.is_ok());
    assert_eq!(buy("o8", "ann", 1).await.unwrap_err(), CommitError::OverLimit);
    stock.set_user_limit(0).await.unwrap();
    assert!(buy("o9", "ann", 9).await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_tells_each_order_what_became_of_it() {
    let redis = Redis::start();
    let proxy = Proxy::to(&redis);
    let (_, stock) = stock(&redis, 100, 2).await;
    let through = Server::standalone(&proxy.url()).unwrap();
    let lease = lease(&through).want(50).batch(4).linger(Duration::from_secs(1)).open().await.unwrap();
    let buy = |order: &str, user: &'static str| buy(lease.clone(), order.to_owned(), user, 1);
    // The first time it may be the answer that says that the server does not know the script.
    for round in 0..3 {
        let (user, other) = [("ann", "ben"), ("cy", "dan"), ("eve", "fay")][round];
        proxy.lose_next_answer();
        let orders = ["a", "b", "c", "d"].map(|order| format!("{round}/{order}"));
        let (a, b, c, d) = tokio::join!(
            buy(&orders[0], user),
            buy(&orders[1], user),
            buy(&orders[2], user),
            buy(&orders[3], other),
        );
        assert!(!proxy.is_losing());
        // Judged anew, the first two would count, and all three be refused.
        assert_eq!([a.is_ok(), b.is_ok(), d.is_ok()], [true; 3], "{a:?} {b:?} {d:?}");
        assert_eq!(c, Err(CommitError::OverLimit));
        assert_eq!(stock.bought(user).await.unwrap(), 2);
    }
    assert_eq!((lease.left(), stock.inspect().await.unwrap().sold), (41, 9));
}
