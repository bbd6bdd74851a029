//! Three nodes sell one stock: one of them dies, the server restarts, clients hang up and send their requests again elsewhere.
#![cfg(feature = "redis")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cache_gate::handoff::redis::Books;
use cache_gate::handoff::{Desk, Order, Outcome, Refusal};
use cache_gate::{Admission, Event, Gate, Item, LeaseStock, Request};
use cache_redis::Server;
use cache_redis::lease::{Event as Happened, Inspection, Lease, Stock};
use cache_rwlock::RwLockBackend;
use redis_testkit::{Fsync, PATIENCE, Redis};
use tokio::runtime::Runtime;
use tokio::time::sleep;

const SKU: &str = "sku:1";
const UNITS: i64 = 300;
const LIMIT: u32 = 3;
/// More than can be satisfied: each user sends four requests.
const USERS: u64 = 150;
const NODES: u64 = 3;
/// Buyers of one node at a time.
const BUYERS: u64 = 8;
const TTL: Duration = Duration::from_millis(600);
const GRACE: Duration = Duration::from_millis(200);

/// What clients were told: the user, the request, the order.
#[derive(Default)]
struct Answers {
    accepted: Mutex<Vec<(String, String, String)>>,
    duplicates: Mutex<HashSet<(String, String)>>,
    /// Nobody needs more.
    done: AtomicBool,
}

fn server(redis: &Redis) -> Server {
    Server::standalone(&redis.url()).unwrap()
}

/// Buys on one node until everything is sold.
async fn node(server: Server, number: u64, answers: Arc<Answers>) {
    let builder =
        Lease::builder(&server, "t:", SKU).ttl(TTL).grace(GRACE).want(20).div(6).linger(Duration::ZERO);
    let mut lease = builder.clone().open().await.unwrap();
    let units = Arc::new(LeaseStock::new(lease.clone()));
    let gate: Gate<RwLockBackend> = Gate::builder().build();
    gate.add_event(Event::new("sale")).unwrap();
    gate.add_item(Item::new(SKU, "sale", 0).limit(LIMIT).stock(Arc::clone(&units))).unwrap();
    gate.set_ready(true);
    let desk = Desk::new(Books::connect(&server, "t:").await.unwrap().grace(GRACE));
    // A server that was away for too long has ended the lease.
    tokio::spawn(async move {
        loop {
            lease.ended().await;
            match builder.clone().open().await {
                Ok(next) => {
                    units.replace(next.clone());
                    lease = next;
                }
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    });
    for buyer in 0..BUYERS {
        let (gate, desk, answers) = (gate.clone(), desk.clone(), Arc::clone(&answers));
        let mut seed = 1 + number * 1_000 + buyer * 7_919;
        tokio::spawn(async move {
            while !answers.done.load(Relaxed) {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (user, request) =
                    (format!("user {}", (seed >> 33) % USERS), format!("r{}", (seed >> 50) % 4));
                gate.maintain(10);
                match gate.admit(&Request::new(&user, SKU, 1).id(&request)) {
                    Ok(Admission::Held(held)) => {
                        let id = Order::fresh_id();
                        let submission = desk.submit(held, &*id);
                        if (seed >> 20).is_multiple_of(10) {
                            // Hangs up. The order may be made all the same.
                            continue;
                        }
                        match submission.await {
                            Outcome::Accepted => answers.accepted.lock().unwrap().push((user, request, id)),
                            Outcome::Refused { why: Refusal::Duplicate, .. } => {
                                answers.duplicates.lock().unwrap().insert((user, request));
                            }
                            _ => {}
                        }
                    }
                    Ok(Admission::Repeated(..)) => tokio::task::yield_now().await,
                    Err(_) => sleep(Duration::from_millis(2)).await,
                }
            }
        });
    }
    while !answers.done.load(Relaxed) {
        sleep(Duration::from_millis(5)).await;
    }
    let unsettled = desk.drain(PATIENCE).await;
    assert_eq!(unsettled, 0, "node {number}");
}

fn until(here: &Runtime, stock: &Stock, what: &str, condition: impl Fn(&Inspection) -> bool) -> Inspection {
    let end = Instant::now() + PATIENCE;
    loop {
        // The server may be down for a moment.
        if let Ok(seen) = here.block_on(stock.inspect()) {
            assert!(seen.is_consistent(), "{seen:?}");
            if condition(&seen) {
                return seen;
            }
        }
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn all_is_sold_once_whoever_dies() {
    let redis = Redis::builder().append_only(Fsync::Always).start();
    let here = Runtime::new().unwrap();
    let stock = here.block_on(Stock::connect(&server(&redis), "t:", SKU)).unwrap();
    here.block_on(stock.create(UNITS.unsigned_abs(), LIMIT)).unwrap();
    let answers = Arc::new(Answers::default());
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut nodes: Vec<_> = (0..NODES)
        .map(|number| {
            let runtime = runtime();
            let task = runtime.spawn(node(server(&redis), number, Arc::clone(&answers)));
            (runtime, task)
        })
        .collect();

    until(&here, &stock, "some are sold", |seen| seen.sold >= UNITS / 4);
    // Its tasks end wherever they are, and nothing is closed.
    let (dead, _) = nodes.remove(0);
    dead.shutdown_background();
    until(&here, &stock, "half are sold", |seen| seen.sold >= UNITS / 2);
    redis.restart();
    // The units of the dead node come back when its lease is over.
    until(&here, &stock, "all are sold", |seen| seen.sold == UNITS);
    answers.done.store(true, Relaxed);
    for (runtime, task) in nodes {
        here.block_on(task).unwrap();
        drop(runtime);
    }

    let (mut orders, mut by_user, mut last) = (HashSet::new(), HashMap::<String, u32>::new(), None);
    loop {
        let entries = here.block_on(stock.orders(last.as_deref(), 100)).unwrap();
        let Some(newest) = entries.last() else { break };
        last = Some(newest.id.clone());
        for entry in entries {
            let Happened::Sold { orders: sold, .. } = entry.event else { panic!("{entry:?}") };
            for (order, units) in sold {
                assert!(orders.insert(order.id().to_owned()), "{} is there twice", order.id());
                *by_user.entry(order.buyer().unwrap().to_owned()).or_default() += units;
            }
        }
    }
    assert_eq!(orders.len() as i64, UNITS);
    assert!(by_user.values().all(|units| *units <= LIMIT), "{by_user:?}");
    let accepted = answers.accepted.lock().unwrap();
    let lost: Vec<_> = accepted.iter().filter(|(_, _, id)| !orders.contains(id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let requests: HashSet<_> = accepted.iter().map(|(user, request, _)| (user, request)).collect();
    assert_eq!(requests.len(), accepted.len(), "a request was accepted twice");
    // The storm was one: requests were sent again elsewhere, and clients hung up.
    assert!(!answers.duplicates.lock().unwrap().is_empty());
    assert!(accepted.len() < orders.len());
}
