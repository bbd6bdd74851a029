//! The desk: whatever books answer and clients do, the gate ends up with what the books have.
#![cfg(feature = "handoff")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_gate::handoff::{Desk, HandOff, Order, OrderState, Outcome, Refusal, Submitted, Unanswered};
use cache_gate::{Admission, CancelError, Event, Gate, Goods, Item, Request, Reservation, State};
use cache_policy::ManualClock;
use cache_rwlock::RwLockBackend;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);
const UNITS: u64 = 10;

/// What books do with the next order.
#[derive(Clone, Copy, Debug)]
enum Step {
    Keep,
    Refuse,
    /// The answer is lost, and the order too.
    Lose,
    /// The answer is lost, and the order is kept.
    KeepSilently,
    Panic,
    KeepAndPanic,
    /// The answer comes with the next permit for one.
    KeepAndWait,
}

/// Books that do as they are told.
#[derive(Clone, Debug)]
struct Books {
    steps: Arc<Mutex<VecDeque<Step>>>,
    orders: Arc<Mutex<HashMap<String, Order>>>,
    cancelled: Arc<Mutex<HashSet<String>>>,
    /// An order needs a permit.
    open: Arc<Semaphore>,
    /// So does each question.
    answers: Arc<Semaphore>,
}

impl Books {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            orders: Arc::default(),
            cancelled: Arc::default(),
            open: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            answers: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    fn closed(mut self) -> Self {
        self.open = Arc::new(Semaphore::new(0));
        self
    }

    fn silent(mut self) -> Self {
        self.answers = Arc::new(Semaphore::new(0));
        self
    }

    fn has(&self, id: &str) -> bool {
        self.orders.lock().unwrap().contains_key(id)
    }

    fn cancel(&self, id: &str) {
        assert!(self.has(id));
        self.cancelled.lock().unwrap().insert(id.to_owned());
    }

    fn keep(&self, order: &Order) {
        assert!(self.orders.lock().unwrap().insert(order.id.clone(), order.clone()).is_none());
    }
}

impl HandOff for Books {
    async fn submit(&self, order: &Order, _: Goods) -> Submitted {
        self.open.acquire().await.unwrap().forget();
        let step = self.steps.lock().unwrap().pop_front().unwrap();
        match step {
            Step::Keep | Step::KeepSilently | Step::KeepAndPanic | Step::KeepAndWait => self.keep(order),
            _ => {}
        }
        match step {
            Step::Keep => Submitted::Durable,
            Step::KeepAndWait => {
                self.answers.acquire().await.unwrap().forget();
                Submitted::Durable
            }
            Step::Refuse => {
                Submitted::Refused { why: Refusal::Full, retry_after: Some(Duration::from_secs(1)) }
            }
            Step::Lose | Step::KeepSilently => Submitted::Unknown,
            Step::Panic | Step::KeepAndPanic => panic!("as told"),
        }
    }

    async fn find(&self, order: &Order) -> Result<Option<OrderState>, Unanswered> {
        match self.answers.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => return Err(Unanswered { reason: "as told".to_owned() }),
        }
        let is_cancelled = self.cancelled.lock().unwrap().contains(&order.id);
        let state = if is_cancelled { OrderState::Cancelled } else { OrderState::Accepted };
        Ok(self.has(&order.id).then_some(state))
    }
}

fn gate(clock: &ManualClock) -> Gate<RwLockBackend> {
    let gate = Gate::builder().clock(clock.clone()).time_limit(Duration::from_secs(10)).build();
    gate.add_event(Event::new("sale")).unwrap();
    gate.add_item(Item::new("sku", "sale", UNITS).limit(1)).unwrap();
    gate.set_ready(true);
    gate
}

fn reserve(gate: &Gate<RwLockBackend>, user: &str) -> Reservation<RwLockBackend> {
    match gate.admit(&Request::new(user, "sku", 1)).unwrap() {
        Admission::Held(reservation) => reservation,
        other => panic!("{other:?}"),
    }
}

fn left(gate: &Gate<RwLockBackend>) -> u64 {
    gate.item("sku").unwrap().left
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes milliseconds")
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

#[tokio::test]
async fn durable_commits_and_refused_gives_back() {
    let gate = gate(&ManualClock::new());
    let desk = Desk::new(Books::new([Step::Keep, Step::Refuse]));
    let ann = reserve(&gate, "ann");
    let ticket = ann.ticket();
    assert_eq!(within(desk.submit(ann, "o1")).await, Outcome::Accepted);
    assert_eq!(gate.state(ticket), Some(State::Committed));
    let order = desk.books().orders.lock().unwrap()["o1"].clone();
    assert_eq!((order.ticket, &*order.user, &*order.item, order.units), (ticket, "ann", "sku", 1));

    let bob = reserve(&gate, "bob");
    let ticket = bob.ticket();
    let expected = Outcome::Refused { why: Refusal::Full, retry_after: Some(Duration::from_secs(1)) };
    assert_eq!(within(desk.submit(bob, "o2")).await, expected);
    assert_eq!(gate.state(ticket), Some(State::Released));
    assert_eq!(left(&gate), UNITS - 1);
    // His count is free again, too.
    drop(reserve(&gate, "bob"));
    assert_eq!((desk.under_way(), desk.unknown()), (0, 0));
}

#[tokio::test]
async fn what_is_unknown_is_kept_until_the_books_have_answered() {
    for (step, is_kept) in
        [(Step::Lose, false), (Step::KeepSilently, true), (Step::Panic, false), (Step::KeepAndPanic, true)]
    {
        let gate = gate(&ManualClock::new());
        let desk = Desk::new(Books::new([step]).silent());
        let ann = reserve(&gate, "ann");
        let ticket = ann.ticket();
        assert_eq!(within(desk.submit(ann, "o1")).await, Outcome::Unknown, "{step:?}");
        // The books have been asked a few times, and did not answer.
        sleep(Duration::from_millis(100)).await;
        assert_eq!(gate.state(ticket), Some(State::Unknown), "{step:?}");
        assert_eq!((left(&gate), desk.unknown(), desk.under_way()), (UNITS - 1, 1, 1));
        desk.books().answers.add_permits(1);
        until("the order is settled", || desk.under_way() == 0).await;
        let expected = if is_kept { State::Committed } else { State::Released };
        assert_eq!(gate.state(ticket), Some(expected), "{step:?}");
        assert_eq!((left(&gate), desk.unknown()), (UNITS - u64::from(is_kept), 0));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_changes_nothing() {
    let gate = gate(&ManualClock::new());
    let desk = Desk::new(Books::new([Step::Keep, Step::Refuse]).closed());
    let (ann, bob) = (reserve(&gate, "ann"), reserve(&gate, "bob"));
    let tickets = [ann.ticket(), bob.ticket()];
    drop(desk.submit(ann, "o1"));
    drop(desk.submit(bob, "o2"));
    assert_eq!(left(&gate), UNITS - 2);
    desk.books().open.add_permits(2);
    until("both are settled", || desk.under_way() == 0).await;
    let states = tickets.map(|ticket| gate.state(ticket).unwrap());
    // Which of them was first is the runtime's choice.
    assert!(states.contains(&State::Committed) && states.contains(&State::Released), "{states:?}");
    assert_eq!(left(&gate), UNITS - 1);
}

#[tokio::test]
async fn the_time_limit_ends_nothing_that_is_on_its_way() {
    let clock = ManualClock::new();
    let gate = gate(&clock);
    let desk = Desk::new(Books::new([Step::Keep]).closed());
    let ann = reserve(&gate, "ann");
    let ticket = ann.ticket();
    let submission = desk.submit(ann, "o1");
    let held = reserve(&gate, "bob");
    clock.advance(Duration::from_secs(3_600));
    gate.maintain(100);
    // The time limit works, and ends what nobody has handed over.
    assert_eq!(held.state(), State::Released);
    assert_eq!(gate.state(ticket), Some(State::Unknown));
    assert_eq!(left(&gate), UNITS - 1);
    // Too late for this one.
    let refused = Outcome::Refused { why: Refusal::Expired, retry_after: None };
    assert_eq!(within(desk.submit(held, "o2")).await, refused);
    desk.books().open.add_permits(1);
    assert_eq!(within(submission).await, Outcome::Accepted);
    assert_eq!(gate.state(ticket), Some(State::Committed));
}

#[tokio::test]
async fn an_order_that_is_cancelled_before_its_answer_gives_back() {
    let gate = gate(&ManualClock::new());
    let desk = Desk::new(Books::new([Step::KeepAndWait]).silent());
    let ann = reserve(&gate, "ann");
    let ticket = ann.ticket();
    let submission = desk.submit(ann, "o1");
    until("the order is in the books", || desk.books().has("o1")).await;
    // In the books first.
    desk.books().orders.lock().unwrap().clear();
    gate.cancel_order(ticket).unwrap();
    desk.books().answers.add_permits(1);
    assert_eq!(within(submission).await, Outcome::Accepted);
    assert_eq!((gate.state(ticket), left(&gate)), (Some(State::Cancelled), UNITS));
}

#[tokio::test]
async fn an_order_that_was_cancelled_while_it_was_unknown_keeps_its_request_id() {
    let gate = gate(&ManualClock::new());
    let desk = Desk::new(Books::new([Step::KeepSilently]).silent());
    let request = Request::new("ann", "sku", 1).id("r1");
    let Ok(Admission::Held(ann)) = gate.admit(&request) else { panic!() };
    let ticket = ann.ticket();
    assert_eq!(within(desk.submit(ann, "o1")).await, Outcome::Unknown);
    desk.books().cancel("o1");
    assert_eq!(gate.cancel(ticket), Err(CancelError::Unsettled));
    desk.books().answers.add_permits(1);
    assert_eq!(desk.drain(PATIENCE).await, 0);
    assert_eq!((gate.state(ticket), left(&gate)), (Some(State::Cancelled), UNITS));
    // A late copy of the request.
    match gate.admit(&request).unwrap() {
        Admission::Repeated(found, State::Cancelled) => assert_eq!(found, ticket),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn draining_waits_for_all_and_takes_no_more() {
    let gate = gate(&ManualClock::new());
    let desk = Desk::new(Books::new([Step::Keep, Step::Lose]).closed().silent());
    let first = desk.submit(reserve(&gate, "ann"), "o1");
    let second = desk.submit(reserve(&gate, "bob"), "o2");
    assert_eq!(desk.drain(Duration::from_millis(20)).await, 2);
    let refused = Outcome::Refused { why: Refusal::Closed, retry_after: None };
    assert_eq!(within(desk.submit(reserve(&gate, "eve"), "o3")).await, refused);
    assert_eq!(left(&gate), UNITS - 2);

    desk.books().open.add_permits(2);
    let outcomes = [within(first).await, within(second).await];
    assert!(outcomes.contains(&Outcome::Accepted) && outcomes.contains(&Outcome::Unknown), "{outcomes:?}");
    assert_eq!(desk.drain(Duration::from_millis(20)).await, 1);
    let draining = tokio::spawn({
        let desk = desk.clone();
        async move { desk.drain(PATIENCE).await }
    });
    desk.books().answers.add_permits(1);
    assert_eq!(within(draining).await.unwrap(), 0);
    assert_eq!(left(&gate), UNITS - 1);
}

#[test]
fn an_order_whose_runtime_went_down_is_unknown_and_kept() {
    let gate = gate(&ManualClock::new());
    let desk = Desk::new(Books::new([]).closed());
    let ann = reserve(&gate, "ann");
    let ticket = ann.ticket();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let inside = runtime.enter();
    let submission = desk.submit(ann, "o1");
    drop(inside);
    drop(runtime);
    let waiting = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(waiting.block_on(submission), Outcome::Unknown);
    assert_eq!(gate.state(ticket), Some(State::Unknown));
    assert_eq!((left(&gate), desk.under_way()), (UNITS - 1, 0));
    gate.settle(ticket, false).unwrap();
    assert_eq!(left(&gate), UNITS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn gate_and_books_agree_after_a_storm() {
    const ORDERS: usize = 2_000;
    let all = [Step::Keep, Step::Refuse, Step::Lose, Step::KeepSilently, Step::Panic, Step::KeepAndPanic];
    let books = Books::new((0..ORDERS).map(|order| all[order * 7 % all.len()]));
    let gate: Gate<RwLockBackend> = Gate::builder().build();
    gate.add_event(Event::new("sale")).unwrap();
    gate.add_item(Item::new("sku", "sale", ORDERS as u64)).unwrap();
    gate.set_ready(true);
    let desk = Desk::new(books.clone());
    // A panic is what some of these books do.
    std::panic::set_hook(Box::new(|_| {}));
    let mut tickets = Vec::new();
    for order in 0..ORDERS {
        let reservation = reserve(&gate, &format!("user {}", order % 100));
        tickets.push((reservation.ticket(), order));
        let submission = desk.submit(reservation, order.to_string());
        if order % 3 == 0 {
            drop(submission);
        } else if order % 50 == 0 {
            let _ = within(submission).await;
        }
    }
    assert_eq!(desk.drain(PATIENCE).await, 0);
    let _ = std::panic::take_hook();
    let kept = books.orders.lock().unwrap().len();
    for (ticket, order) in tickets {
        let expected = if books.has(&order.to_string()) { State::Committed } else { State::Released };
        assert_eq!(gate.state(ticket), Some(expected), "order {order}");
    }
    let item = gate.item("sku").unwrap();
    assert_eq!(
        (item.left, item.sold, item.held, item.in_flight),
        ((ORDERS - kept) as u64, kept as u64, 0, 0)
    );
    assert!(kept > ORDERS / 3 && kept < ORDERS);
}
