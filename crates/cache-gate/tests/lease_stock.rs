//! Stock from a lease, on a real server. Needs the feature `redis`.
#![cfg(feature = "redis")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use cache_bucket::BucketBackend;
use cache_gate::{
    Admission, ConfigError, Event, Gate, Gone, Item, LeaseStock, Overload, Rejection, Request, Reservation,
    SettleError, State, Stock as _,
};
use cache_redis::Server;
use cache_redis::lease::{Lease, LeaseBuilder, Order, Stock};
use redis_testkit::{PATIENCE, Redis};
use tokio::time::{sleep, timeout};

const HOUR: Duration = Duration::from_secs(3_600);

/// A lease that takes all that there is, and makes no call by itself for an hour.
fn lease(server: &Server) -> LeaseBuilder {
    Lease::builder(server, "t:", "tea").ttl(HOUR).grace(HOUR).div(1).linger(Duration::ZERO)
}

/// A gate that sells the units of a lease, at most 2 for each user.
async fn open(units: u64) -> (Redis, Server, Stock, Arc<LeaseStock>, Gate<BucketBackend>) {
    let redis = Redis::start();
    let server = Server::standalone(&redis.url()).unwrap();
    let stock = Stock::connect(&server, "t:", "tea").await.unwrap();
    stock.create(units, 2).await.unwrap();
    let leased = Arc::new(LeaseStock::new(lease(&server).open().await.unwrap()));
    let gate = Gate::builder().build();
    gate.add_event(Event::new("sale")).unwrap();
    gate.add_item(Item::new("tea", "sale", 0).limit(2).stock(Arc::clone(&leased))).unwrap();
    gate.set_ready(true);
    (redis, server, stock, leased, gate)
}

/// Admits a request, as soon as the lease has units.
async fn hold(gate: &Gate<BucketBackend>, user: &str, units: u32) -> Reservation<BucketBackend> {
    let wait = async {
        loop {
            match gate.admit(&Request::new(user, "tea", units)) {
                Ok(Admission::Held(held)) => return held,
                Err(Rejection::Overloaded { overload: Overload::Stock, .. } | Rejection::SoldOut { .. }) => {
                    gate.maintain(10);
                    sleep(Duration::from_millis(5)).await;
                }
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain for {units} units"))
}

#[tokio::test]
async fn a_lease_is_sold_and_given_back() {
    let (_redis, _server, stock, _leased, gate) = open(3).await;
    let dropped = hold(&gate, "ann", 2).await;
    drop(dropped);
    let unsettled = hold(&gate, "ann", 2).await.unsettled().unwrap();
    let order = Order::new(unsettled.ticket().to_string()).user("ann");
    let taken = unsettled.take_leased().unwrap();
    assert!(unsettled.take_leased().is_none(), "they are taken out once");
    taken.commit(order).await.unwrap();
    unsettled.commit();
    let refused = gate.admit(&Request::new("ann", "tea", 1)).unwrap_err();
    assert_eq!(refused, Rejection::LimitReached { limit: 2, left: 0 });
    // The hand-off refuses this one, and drops the units: they are the lease's again.
    let unsettled = hold(&gate, "bob", 1).await.unsettled().unwrap();
    drop(unsettled.take_leased());
    unsettled.release();
    let held = hold(&gate, "bob", 1).await;
    let seen = stock.inspect().await.unwrap();
    assert!(seen.is_consistent() && seen.sold == 2, "{seen:?}");
    drop(held);
    assert_eq!((gate.load().in_flight, gate.load().users), (0, 1));
}

#[tokio::test]
async fn the_latch_follows_the_lease() {
    let (_redis, server, stock, leased, gate) = open(1).await;
    let held = hold(&gate, "ann", 1).await;
    let wait = async {
        // The lease has to ask first whether there is more.
        while gate.admit(&Request::new("bob", "tea", 1)).unwrap_err() != (Rejection::SoldOut { left: 0 }) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it is sold out in the end");
    assert!(gate.item("tea").unwrap().sold_out);
    assert_eq!(gate.restock("tea", 1), Err(ConfigError::FilledElsewhere));
    drop(held);
    assert!(!gate.item("tea").unwrap().sold_out, "what comes back opens it");
    let held = hold(&gate, "ann", 1).await;
    stock.restock("r1", 5).await.unwrap();
    // Another lease takes the place of the first one, with the units that came in.
    leased.replace(lease(&server).open().await.unwrap());
    drop(hold(&gate, "bob", 2).await);
    drop(held);
}

#[tokio::test]
async fn units_that_were_not_committed_on_the_server_are_not_sold() {
    let (_redis, _server, stock, leased, gate) = open(3).await;
    let left = {
        drop(hold(&gate, "ann", 2).await);
        leased.left()
    };
    let held = hold(&gate, "ann", 2).await;
    assert_eq!(held.commit(), Err(Gone(State::Released)));
    let unsettled = hold(&gate, "ann", 2).await.unsettled().unwrap();
    let ticket = unsettled.ticket();
    unsettled.commit();
    assert_eq!(gate.state(ticket), Some(State::Released));
    let unsettled = hold(&gate, "ann", 2).await.unsettled().unwrap();
    let ticket = unsettled.ticket();
    drop(unsettled);
    assert_eq!(gate.settle(ticket, true), Err(SettleError::NotUnknown(State::Released)));
    assert_eq!((leased.left(), gate.item("tea").unwrap().sold), (left, 0));
    assert_eq!((gate.load().in_flight, gate.load().users), (0, 0));
    assert_eq!(stock.inspect().await.unwrap().sold, 0);
}
