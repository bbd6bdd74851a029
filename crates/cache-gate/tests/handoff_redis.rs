//! The books in Redis, with leases on a real server: orders, workers, and outcomes that are unknown.
#![cfg(feature = "redis")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::future::Future;
use std::time::{Duration, SystemTime};

use cache_gate::handoff::redis::{Books, Cancelled, Consumer, Delivery};
use cache_gate::handoff::{Desk, HandOff, Order, OrderState, Outcome, Refusal, Submitted};
use cache_gate::{Admission, Event, Gate, Goods, Item, LeaseStock, Request, Reservation, State, Ticket};
use cache_redis::Server;
use cache_redis::lease::{Lease, LeaseBuilder, Stock};
use cache_rwlock::RwLockBackend;
use redis_testkit::{Cluster, PATIENCE, Proxy, Redis};
use tokio::time::{sleep, timeout};

const SKU: &str = "sku:1";
const HOUR: Duration = Duration::from_secs(3_600);
const UNITS: u64 = 100;

struct Node {
    gate: Gate<RwLockBackend>,
    desk: Desk<Books>,
    lease: Lease,
}

impl Node {
    /// A node whose lease reaches the server at this URL, and its books the server itself.
    async fn new(redis: &Redis, url: &str, settings: impl FnOnce(LeaseBuilder) -> LeaseBuilder) -> Self {
        let builder = Lease::builder(&Server::standalone(url).unwrap(), "t:", SKU);
        let lease = settings(builder.ttl(HOUR).grace(HOUR).want(20).div(1).linger(Duration::ZERO))
            .open()
            .await
            .unwrap();
        let gate: Gate<RwLockBackend> = Gate::builder().build();
        gate.add_event(Event::new("sale")).unwrap();
        let stock = LeaseStock::new(lease.clone());
        gate.add_item(Item::new(SKU, "sale", 0).limit(3).stock(stock)).unwrap();
        gate.set_ready(true);
        Self { gate, desk: Desk::new(books(redis).await), lease }
    }

    fn reserve(&self, user: &str, units: u32) -> Reservation<RwLockBackend> {
        match self.gate.admit(&Request::new(user, SKU, units)).unwrap() {
            Admission::Held(reservation) => reservation,
            other => panic!("{other:?}"),
        }
    }

    async fn buy(&self, user: &str, units: u32) -> (String, Outcome) {
        let id = Order::fresh_id();
        let outcome = within(self.desk.submit(self.reserve(user, units), &*id)).await;
        (id, outcome)
    }
}

async fn books(redis: &Redis) -> Books {
    books_at(&redis.url()).await
}

async fn books_at(url: &str) -> Books {
    let server = Server::standalone(url).unwrap().timeout(Duration::from_millis(500));
    Books::connect(&server, "t:").await.unwrap().grace(Duration::ZERO)
}

async fn stock(redis: &Redis, limit: u32) -> Stock {
    let stock = Stock::connect(&Server::standalone(&redis.url()).unwrap(), "t:", SKU).await.unwrap();
    stock.create(UNITS, limit).await.unwrap();
    stock
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes milliseconds")
}

async fn state(books: &Books, id: &str) -> Option<OrderState> {
    books.get(SKU, id).await.unwrap().map(|found| found.state)
}

async fn claim(consumer: &Consumer) -> Vec<Delivery> {
    consumer.claim(100).await.unwrap()
}

fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| &*delivery.order).collect()
}

#[tokio::test]
async fn an_order_is_sold_by_the_commit_of_its_lease() {
    let redis = Redis::start();
    let stock = stock(&redis, 3).await;
    let node = Node::new(&redis, &redis.url(), |lease| lease).await;
    let reservation = node.reserve("ann", 2);
    let (ticket, id) = (reservation.ticket(), Order::fresh_id());
    assert_eq!(within(node.desk.submit(reservation, &*id)).await, Outcome::Accepted);
    assert_eq!(node.gate.state(ticket), Some(State::Committed));
    let found = node.desk.books().get(SKU, &id).await.unwrap().unwrap();
    assert_eq!((found.state, found.user.as_deref(), found.units), (OrderState::Accepted, Some("ann"), 2));
    assert_eq!(node.desk.books().get(SKU, "another").await.unwrap(), None);
    let seen = stock.inspect().await.unwrap();
    assert!(seen.is_consistent());
    assert_eq!(seen.sold, 2);

    // One that is dropped leaves nothing behind, here or there.
    let left = node.lease.left();
    drop(node.reserve("bob", 3));
    assert_eq!(node.lease.left(), left);

    // Cancelled: the units are in the pool, and the user's count is free on the server and here.
    let pool = stock.inspect().await.unwrap().pool;
    assert_eq!(node.desk.books().cancel(SKU, &id).await.unwrap(), Cancelled::Done { units: 2 });
    assert_eq!(node.desk.books().cancel(SKU, &id).await.unwrap(), Cancelled::Done { units: 2 });
    node.gate.cancel(ticket).unwrap();
    let seen = stock.inspect().await.unwrap();
    assert_eq!((seen.pool, seen.sold), (pool + 2, 0));
    assert_eq!(node.buy("ann", 3).await.1, Outcome::Accepted);
    assert_eq!(node.desk.books().cancel(SKU, "another").await.unwrap(), Cancelled::Absent);
    assert_eq!(node.desk.books().depth(), 0);
}

#[tokio::test]
async fn the_limit_holds_over_all_nodes() {
    let redis = Redis::start();
    let stock = stock(&redis, 3).await;
    let nodes = [
        Node::new(&redis, &redis.url(), |lease| lease).await,
        Node::new(&redis, &redis.url(), |lease| lease).await,
    ];
    assert_eq!(nodes[0].buy("ann", 2).await.1, Outcome::Accepted);
    let left = nodes[1].lease.left();
    // The second node's own gate knows nothing of it.
    let refused = Outcome::Refused { why: Refusal::OverLimit, retry_after: None };
    assert_eq!(nodes[1].buy("ann", 2).await.1, refused);
    // Everything came back, once: the units to the lease, and the count to the user.
    assert_eq!(nodes[1].lease.left(), left);
    assert_eq!(nodes[1].buy("ann", 1).await.1, Outcome::Accepted);
    assert_eq!(stock.bought("ann").await.unwrap(), 3);
    assert_eq!(nodes[1].lease.left(), left - 1);
}

#[tokio::test]
async fn books_refuse_goods_that_are_not_of_a_lease() {
    let redis = Redis::start();
    stock(&redis, 0).await;
    let node = Node::new(&redis, &redis.url(), |lease| lease).await;
    let order = Order::new("o1", &node.reserve("ann", 1));
    let refused = Submitted::Refused { why: Refusal::OtherStock, retry_after: None };
    assert_eq!(node.desk.books().submit(&order, Goods::Counted).await, refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_for_good_is_found_in_the_stream() {
    let redis = Redis::start();
    let stock = stock(&redis, 0).await;
    let proxy = Proxy::to(&redis);
    let patience = Duration::from_millis(100);
    let node =
        Node::new(&redis, &proxy.url(), |lease| lease.patience(patience).ttl(Duration::from_secs(2))).await;
    // The first commit only learns that the server does not know the script.
    assert_eq!(node.buy("ann", 1).await.1, Outcome::Accepted);

    let Ok(Admission::Held(reservation)) = node.gate.admit(&Request::new("bob", SKU, 2).id("r1")) else {
        panic!()
    };
    let (ticket, id) = (reservation.ticket(), Order::fresh_id());
    proxy.lose_next_answer();
    proxy.refuse(true);
    assert_eq!(within(node.desk.submit(reservation, &*id)).await, Outcome::Unknown);
    // The order was done. But its lease is on the server until its time is over, so nobody says so before.
    assert_eq!(stock.inspect().await.unwrap().sold, 3);
    assert_eq!(node.gate.state(ticket), Some(State::Unknown));
    let (user, item) = ("bob".to_owned(), SKU.to_owned());
    let (event, request_id) = ("sale".to_owned(), Some("r1".to_owned()));
    let order = Order { id, ticket, user, event, item, units: 2, request_id, at: SystemTime::now() };
    // Its request has been remembered for long enough, and must not be forgotten yet: a retry would buy beside it.
    redis.command(&["DEL", "t:{sku:1}:request:3:bob:r1"]);
    assert!(node.desk.books().find(&order).await.is_err());
    assert_eq!(redis.command(&["EXISTS", "t:{sku:1}:request:3:bob:r1"]).int(), 1);
    assert_eq!(node.desk.drain(PATIENCE).await, 0);
    assert_eq!(node.gate.state(ticket), Some(State::Committed));
    let seen = stock.inspect().await.unwrap();
    assert!(seen.is_consistent() && seen.leases.is_empty());
    assert_eq!(seen.sold, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_a_stopped_server_has_not_done_is_not_given_back_before_it_is_certain() {
    let redis = Redis::start();
    let stock = stock(&redis, 0).await;
    let settings =
        |lease: LeaseBuilder| lease.patience(Duration::from_millis(100)).ttl(Duration::from_millis(600));
    let node = Node::new(&redis, &redis.url(), settings).await;
    assert_eq!(node.buy("ann", 1).await.1, Outcome::Accepted);
    let reservation = node.reserve("bob", 2);
    let (ticket, id) = (reservation.ticket(), Order::fresh_id());
    redis.pause();
    // The commit lies in the server's socket.
    assert_eq!(within(node.desk.submit(reservation, &*id)).await, Outcome::Unknown);
    sleep(Duration::from_millis(300)).await;
    assert_eq!(node.gate.state(ticket), Some(State::Unknown));
    redis.resume();
    assert_eq!(node.desk.drain(PATIENCE).await, 0);
    // The commit or the end of the lease, whichever the server did first. Gate and stream agree.
    let expected = match state(node.desk.books(), &id).await {
        Some(_) => (State::Committed, 3),
        None => (State::Released, 1),
    };
    let seen = stock.inspect().await.unwrap();
    assert!(seen.is_consistent() && seen.leases.is_empty());
    assert_eq!((node.gate.state(ticket), seen.sold), (Some(expected.0), expected.1));
}

#[tokio::test]
async fn what_a_dead_worker_left_goes_to_another_and_settled_orders_do_not() {
    let redis = Redis::start();
    stock(&redis, 0).await;
    // Both orders are committed as one entry of the stream.
    let node = Node::new(&redis, &redis.url(), |lease| lease.linger(Duration::from_millis(300))).await;
    let (first, second) = tokio::join!(node.buy("ann", 1), node.buy("bob", 2));
    assert_eq!((first.1, second.1), (Outcome::Accepted, Outcome::Accepted));
    let books = node.desk.books();
    let dead = books.consumer(SKU, "group", "dead").await.unwrap();
    let claimed = claim(&dead).await;
    assert_eq!(claimed.len(), 2);
    assert_eq!(claimed[0].entry, claimed[1].entry);
    assert!(dead.fulfil(&claimed[0]).await.unwrap());
    drop(dead);

    let other = books.consumer(SKU, "group", "other").await.unwrap();
    assert!(claim(&other).await.is_empty(), "it has not been idle for long enough");
    let other = other.idle(Duration::ZERO);
    let left = claim(&other).await;
    assert_eq!(ids(&left), [&*claimed[1].order]);
    assert_eq!((left[0].attempt, left[0].units, &left[0].user), (2, claimed[1].units, &claimed[1].user));
    assert!(other.fulfil(&left[0]).await.unwrap());
    assert!(other.fulfil(&left[0]).await.unwrap());
    assert!(claim(&other).await.is_empty());
    for id in [&first.0, &second.0] {
        assert_eq!(state(books, id).await, Some(OrderState::Fulfilled));
        assert_eq!(books.cancel(SKU, id).await.unwrap(), Cancelled::TooLate(OrderState::Fulfilled));
    }
    // Acknowledged: nothing is pending.
    assert_eq!(redis.command(&["XPENDING", "t:{sku:1}:orders", "group"]).array()[0].int(), 0);
}

#[tokio::test]
async fn an_order_that_fails_too_often_is_a_dead_letter_until_somebody_decides() {
    let redis = Redis::start();
    let stock = stock(&redis, 0).await;
    let node = Node::new(&redis, &redis.url(), |lease| lease).await;
    let books = node.desk.books();
    let consumer = books.consumer(SKU, "group", "worker").await.unwrap().idle(Duration::ZERO).attempts(2);
    let (failing, _) = node.buy("ann", 2).await;
    for attempt in 1..=2 {
        let claimed = claim(&consumer).await;
        assert_eq!((ids(&claimed), claimed[0].attempt), (vec![&*failing], attempt));
        assert_eq!(state(books, &failing).await, Some(OrderState::Accepted));
        consumer.fail(&claimed[0], "no parcel").await.unwrap();
    }
    assert!(claim(&consumer).await.is_empty());
    assert_eq!(state(books, &failing).await, Some(OrderState::Dead));
    let letters = redis.command(&["XRANGE", "t:{sku:1}:dead", "-", "+"]);
    assert_eq!(letters.array().len(), 1);
    let letter = format!("{letters:?}");
    // Its units are kept until a person has decided.
    assert_eq!(stock.inspect().await.unwrap().sold, 2, "{letter}");
    assert_eq!(books.reject(SKU, &failing).await.unwrap(), Cancelled::Done { units: 2 });
    assert_eq!(state(books, &failing).await, Some(OrderState::Failed));
    assert_eq!(stock.inspect().await.unwrap().sold, 0);

    // Workers that die without a word.
    let (silent, _) = node.buy("bob", 1).await;
    let mut attempts = 0;
    loop {
        let claimed = claim(&consumer).await;
        if claimed.is_empty() {
            break;
        }
        assert_eq!(ids(&claimed), [&*silent]);
        attempts += 1;
    }
    assert_eq!(attempts, 2);
    assert_eq!(state(books, &silent).await, Some(OrderState::Dead));
}

#[tokio::test]
async fn cancelling_and_fulfilling_at_once_ends_as_one_of_them() {
    let redis = Redis::start();
    let stock = stock(&redis, 0).await;
    let node = Node::new(&redis, &redis.url(), |lease| lease).await;
    let books = node.desk.books();
    let consumer = books.consumer(SKU, "group", "worker").await.unwrap().idle(Duration::ZERO);
    let mut sold = 0;
    for round in 0..40 {
        let (id, _) = node.buy(&format!("user {round}"), 1).await;
        let claimed = claim(&consumer).await;
        let delivery = claimed.iter().find(|delivery| delivery.order == id).unwrap();
        let (fulfilled, cancelled) = tokio::join!(consumer.fulfil(delivery), books.cancel(SKU, &id));
        match (fulfilled.unwrap(), cancelled.unwrap()) {
            (true, Cancelled::TooLate(OrderState::Fulfilled)) => {
                sold += 1;
                assert_eq!(state(books, &id).await, Some(OrderState::Fulfilled));
            }
            (false, Cancelled::Done { units: 1 }) => {
                assert_eq!(state(books, &id).await, Some(OrderState::Cancelled));
            }
            other => panic!("{other:?}"),
        }
    }
    let seen = stock.inspect().await.unwrap();
    assert!(seen.is_consistent());
    assert_eq!(seen.sold, sold);
}

#[tokio::test]
async fn a_rejected_order_gives_its_units_back_once() {
    let redis = Redis::start();
    let stock = stock(&redis, 3).await;
    let node = Node::new(&redis, &redis.url(), |lease| lease).await;
    let books = node.desk.books();
    let consumer = books.consumer(SKU, "group", "worker").await.unwrap().idle(Duration::ZERO);
    let (id, _) = node.buy("ann", 3).await;
    let claimed = claim(&consumer).await;
    assert!(consumer.reject(&claimed[0], "sold by mistake").await.unwrap());
    assert!(consumer.reject(&claimed[0], "sold by mistake").await.unwrap());
    assert!(!consumer.fulfil(&claimed[0]).await.unwrap());
    assert_eq!((stock.inspect().await.unwrap().sold, stock.bought("ann").await.unwrap()), (0, 0));
    assert!(claim(&consumer).await.is_empty());
    assert_eq!(state(books, &id).await, Some(OrderState::Failed));
}

/// What a gate would submit for a request with an id.
fn order(id: &str, user: &str, request: &str) -> Order {
    let (user, item, request_id) = (user.to_owned(), SKU.to_owned(), Some(request.to_owned()));
    Order {
        id: id.to_owned(),
        ticket: Ticket::new(1),
        user,
        event: "sale".to_owned(),
        item,
        units: 1,
        request_id,
        at: SystemTime::now(),
    }
}

fn take(node: &Node) -> Goods {
    Goods::Leased(Some(node.lease.try_take(1).unwrap()))
}

#[tokio::test]
async fn a_retry_on_another_node_buys_nothing_twice() {
    let redis = Redis::start();
    let stock = stock(&redis, 0).await;
    let nodes = [
        Node::new(&redis, &redis.url(), |lease| lease).await,
        Node::new(&redis, &redis.url(), |lease| lease).await,
    ];
    let buy = async |node: usize, user: &str, request: &str| {
        let node = &nodes[node];
        let Admission::Held(held) = node.gate.admit(&Request::new(user, SKU, 1).id(request)).unwrap() else {
            panic!()
        };
        let id = Order::fresh_id();
        let outcome = within(node.desk.submit(held, &*id)).await;
        (id, outcome)
    };
    let (first, outcome) = buy(0, "ann", "r1").await;
    assert_eq!(outcome, Outcome::Accepted);
    let duplicate = Outcome::Refused { why: Refusal::Duplicate, retry_after: None };
    let left = nodes[1].lease.left();
    assert_eq!(buy(1, "ann", "r1").await.1, duplicate);
    assert_eq!(nodes[1].lease.left(), left);
    let earlier = nodes[1].desk.books().earlier(SKU, "ann", "r1").await.unwrap().unwrap();
    assert_eq!((&earlier.0, earlier.1.state), (&first, OrderState::Accepted));
    assert_eq!(nodes[1].desk.books().earlier(SKU, "ann", "r2").await.unwrap(), None);
    // Another request, and another user's.
    assert_eq!(buy(1, "ann", "r2").await.1, Outcome::Accepted);
    assert_eq!(buy(1, "bob", "r1").await.1, Outcome::Accepted);
    assert_eq!(stock.inspect().await.unwrap().sold, 3);
}

#[tokio::test]
async fn a_request_whose_order_never_came_can_be_sent_again() {
    let redis = Redis::start();
    let stock = stock(&redis, 1).await;
    let node = Node::new(&redis, &redis.url(), |lease| lease).await;
    let books = node.desk.books();
    assert_eq!(books.submit(&order("o1", "ann", "r1"), take(&node)).await, Submitted::Durable);
    // Refused, and so forgotten: when the first order was taken back, the same request may buy.
    let over = Submitted::Refused { why: Refusal::OverLimit, retry_after: None };
    assert_eq!(books.submit(&order("o2", "ann", "r2"), take(&node)).await, over);
    assert!(matches!(books.cancel(SKU, "o1").await, Ok(Cancelled::Done { units: 1 })));
    assert_eq!(books.submit(&order("o3", "ann", "r2"), take(&node)).await, Submitted::Durable);

    // A node that died between its mark and its commit. Its lease may still be committed to.
    let dead =
        Lease::builder(&Server::standalone(&redis.url()).unwrap(), "t:", SKU).ttl(HOUR).grace(HOUR).want(1);
    let dead = dead.open().await.unwrap();
    let mark = format!("{}\no4", dead.id());
    redis.command(&["SET", "t:{sku:1}:request:3:bob:r1", &mark]);
    let wait = Submitted::Refused { why: Refusal::UnderWay, retry_after: Some(Duration::from_secs(1)) };
    assert_eq!(books.submit(&order("o5", "bob", "r1"), take(&node)).await, wait);
    dead.close().await.unwrap();
    assert_eq!(books.submit(&order("o5", "bob", "r1"), take(&node)).await, Submitted::Durable);
    // And the retry of that retry.
    let duplicate = Submitted::Refused { why: Refusal::Duplicate, retry_after: None };
    assert_eq!(books.submit(&order("o6", "bob", "r1"), take(&node)).await, duplicate);
    assert_eq!(stock.inspect().await.unwrap().sold, 2);
    // Three were committed from this lease; the one that was taken back is in the pool.
    assert_eq!(node.lease.left(), 17);
}

#[tokio::test]
async fn an_order_is_found_though_its_node_was_ahead_of_the_server() {
    let redis = Redis::start();
    let stock = stock(&redis, 0).await;
    let node = Node::new(&redis, &redis.url(), |lease| lease).await;
    let books = node.desk.books();
    let ahead = SystemTime::now() + Duration::from_secs(120);
    let millis = ahead.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let id = format!("{millis:011x}-0123456789abcdef");
    assert_eq!(books.submit(&order(&id, "ann", "r1"), take(&node)).await, Submitted::Durable);
    assert_eq!(books.find(&order(&id, "ann", "r1")).await, Ok(Some(OrderState::Accepted)));
    assert_eq!(state(books, &id).await, Some(OrderState::Accepted));
    let duplicate = Submitted::Refused { why: Refusal::Duplicate, retry_after: None };
    assert_eq!(books.submit(&order(&Order::fresh_id(), "ann", "r1"), take(&node)).await, duplicate);
    assert_eq!(books.cancel(SKU, &id).await.unwrap(), Cancelled::Done { units: 1 });
    assert_eq!(state(books, &id).await, Some(OrderState::Cancelled));
    assert_eq!(state(books, &id.replace("0123", "3210")).await, None);
    assert_eq!(stock.inspect().await.unwrap().sold, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_whose_answer_was_lost_keeps_no_retry_waiting() {
    let redis = Redis::start();
    let stock = stock(&redis, 0).await;
    let proxy = Proxy::to(&redis);
    let (node, other) = (
        Node::new(&redis, &redis.url(), |lease| lease).await,
        Node::new(&redis, &redis.url(), |lease| lease).await,
    );
    let books = books_at(&proxy.url()).await;
    // The first mark only learns that the server does not know the script.
    assert_eq!(books.submit(&order("o1", "ann", "r1"), take(&node)).await, Submitted::Durable);
    proxy.lose_next_answer();
    let unavailable =
        Submitted::Refused { why: Refusal::Unavailable, retry_after: Some(Duration::from_secs(1)) };
    assert_eq!(within(books.submit(&order("o2", "ann", "r2"), take(&node))).await, unavailable);
    assert!(!proxy.is_losing());
    // The lease of the first node is alive. Without the mark, nobody waits for it.
    assert_eq!(other.desk.books().submit(&order("o3", "ann", "r2"), take(&other)).await, Submitted::Durable);
    assert_eq!(stock.inspect().await.unwrap().sold, 2);
}

#[tokio::test]
async fn entries_left_behind_are_found_behind_those_that_are_not() {
    const ENTRIES: usize = 30;
    let redis = Redis::start();
    stock(&redis, 0).await;
    let node = Node::new(&redis, &redis.url(), |lease| lease.want(100)).await;
    for number in 0..ENTRIES {
        assert_eq!(node.buy(&format!("user {number}"), 1).await.1, Outcome::Accepted);
    }
    let consumer = node.desk.books().consumer(SKU, "group", "worker").await.unwrap();
    let claimed = claim(&consumer).await;
    assert_eq!(claimed.len(), ENTRIES);
    // All but the last one were delivered a moment ago. That one has been idle for an hour.
    let (orders, last) = ("t:{sku:1}:orders", &claimed[ENTRIES - 1]);
    redis.command(&["XCLAIM", orders, "group", "dead", "0", &last.entry, "IDLE", "3600000"]);
    // One look at a time sees ten entries.
    let mut found = Vec::new();
    for _ in 0..ENTRIES {
        found.extend(consumer.claim(1).await.unwrap());
    }
    assert_eq!(ids(&found), [&*last.order]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_keys_of_an_item_are_in_one_slot_of_a_cluster() {
    let cluster = tokio::task::block_in_place(|| Cluster::start(3));
    let server = Server::cluster(cluster.urls()).unwrap();
    let stock = Stock::connect(&server, "t:", SKU).await.unwrap();
    stock.create(UNITS, 5).await.unwrap();
    let lease = Lease::builder(&server, "t:", SKU).want(10).linger(Duration::ZERO).open().await.unwrap();
    let books = Books::connect(&server, "t:").await.unwrap();
    let take = || Goods::Leased(Some(lease.try_take(1).unwrap()));
    for (id, request) in [("o1", "r1"), ("o2", "r2"), ("o3", "r3")] {
        assert_eq!(books.submit(&order(id, "ann", request), take()).await, Submitted::Durable);
    }
    let duplicate = Submitted::Refused { why: Refusal::Duplicate, retry_after: None };
    assert_eq!(books.submit(&order("o4", "ann", "r1"), take()).await, duplicate);
    let consumer = books.consumer(SKU, "group", "worker").await.unwrap().idle(Duration::ZERO).attempts(1);
    let claimed = claim(&consumer).await;
    assert_eq!(ids(&claimed), ["o1", "o2", "o3"]);
    assert!(consumer.fulfil(&claimed[0]).await.unwrap());
    consumer.fail(&claimed[1], "no parcel").await.unwrap();
    assert!(matches!(books.cancel(SKU, "o3").await, Ok(Cancelled::Done { units: 1 })));
    let expected = [("o1", OrderState::Fulfilled), ("o2", OrderState::Dead), ("o3", OrderState::Cancelled)];
    for (id, state_of) in expected {
        assert_eq!(state(&books, id).await, Some(state_of));
    }
    assert_eq!(stock.inspect().await.unwrap().sold, 2);
}
