//! Models of the gate: threads that are switched at every atomic and lock, in random orders.
//!
//! Run with `cargo xtask loom`, or `RUSTFLAGS="--cfg shuttle" cargo test --profile loom -p cache-gate --lib models`.

mod backend;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cache_policy::ManualClock;
use shuttle::thread;

use self::backend::Unlocked;
use crate::{Admission, Event, Item, Mend, Rejection, Request, Shortage, SplitStock, State, Window};

type Gate = crate::Gate<Unlocked>;
type Reservation = crate::Reservation<Unlocked>;

/// Orders that are tried of each model, and as many with few switches, which find what takes an unlikely order.
const RUNS: usize = 1_500;
const SWITCHES: usize = 3;

fn check(model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    let again = Arc::clone(&model);
    shuttle::check_random(move || model(), RUNS);
    shuttle::check_pct(move || again(), RUNS, SWITCHES);
}

const LIMIT: Duration = Duration::from_secs(1);

/// A gate that is ready, with one item.
fn gate_on(clock: &ManualClock, item: Item) -> Gate {
    let gate = Gate::builder().clock(clock.clone()).time_limit(LIMIT).build();
    gate.add_event(Event::new("sale")).expect("it is new");
    gate.add_item(item).expect("it is new");
    gate.set_ready(true);
    gate
}

fn gate(item: Item) -> Gate {
    gate_on(&ManualClock::new(), item)
}

fn item(units: u64) -> Item {
    Item::new("item", "sale", units).limit(1)
}

fn held(gate: &Gate, request: &Request<'_>) -> Option<Reservation> {
    match gate.admit(request) {
        Ok(Admission::Held(reservation)) => Some(reservation),
        _ => None,
    }
}

fn buy(gate: &Gate, user: &str) -> Option<Reservation> {
    held(gate, &Request::new(user, "item", 1))
}

/// Checks what holds while nobody does anything.
fn settled(gate: &Gate) {
    let item = gate.item("item").expect("it is there");
    assert_eq!(item.left + item.held + item.sold, item.total, "units were lost or made up: {item:?}");
    assert!(!item.sold_out || item.left == 0, "refused as sold out: {item:?}");
    let load = gate.load();
    assert_eq!(u64::from(load.in_flight), item.held, "a place was lost or made up");
    assert_eq!(item.in_flight, load.in_flight);
    let counted: i64 = gate.0.counts.0.entries().iter().map(|(_, count)| count).sum();
    assert_eq!(counted as u64, item.held + item.sold, "a count was lost or made up");
}

#[test]
fn what_comes_back_is_sold() {
    check(|| {
        let gate = gate(item(1));
        let reservation = buy(&gate, "ann");
        let other = gate.clone();
        let buyer = thread::spawn(move || buy(&other, "bob"));
        drop(reservation);
        let bought = buyer.join().expect("no panic");
        settled(&gate);
        assert!(bought.is_some() || buy(&gate, "cid").is_some(), "a unit is there and nobody may have it");
    });
}

#[test]
fn what_comes_in_is_sold() {
    check(|| {
        let gate = gate(item(0));
        let buyers: Vec<_> = ["ann", "bob"]
            .map(|user| {
                let gate = gate.clone();
                thread::spawn(move || buy(&gate, user))
            })
            .into();
        gate.restock("item", 1).expect("it is there");
        let bought: Vec<_> = buyers.into_iter().map(|buyer| buyer.join().expect("no panic")).collect();
        settled(&gate);
        let sold = bought.iter().flatten().count();
        assert!(sold == 1 || sold == 0 && buy(&gate, "cid").is_some(), "{sold} have it");
    });
}

#[test]
fn all_is_given_back_once() {
    check(|| {
        let clock = ManualClock::new();
        let gate = gate_on(&clock, item(1));
        let reservation = buy(&gate, "ann").expect("there is one");
        let ticket = reservation.ticket();
        let (one, two) = (gate.clone(), gate.clone());
        let cancels = thread::spawn(move || one.cancel(ticket).is_ok());
        clock.advance(LIMIT);
        let expires = thread::spawn(move || two.maintain(8));
        drop(reservation);
        let cancelled = cancels.join().expect("no panic");
        let expired = expires.join().expect("no panic");
        settled(&gate);
        assert!(usize::from(cancelled) + expired <= 1, "it ended twice");
        assert_eq!(gate.state(ticket), cancelled.then_some(State::Cancelled));
        assert_eq!(gate.item("item").expect("it is there").left, 1);
    });
}

#[test]
fn a_committed_one_is_cancelled_once() {
    check(|| {
        let gate = gate(item(1));
        let ticket = buy(&gate, "ann").expect("there is one").commit().expect("it is held");
        let others: Vec<_> = (0..2)
            .map(|_| {
                let gate = gate.clone();
                thread::spawn(move || gate.cancel(ticket).is_ok())
            })
            .collect();
        let cancelled = others.into_iter().map(|other| other.join().expect("no panic"));
        assert_eq!(cancelled.filter(|cancelled| *cancelled).count(), 1);
        settled(&gate);
    });
}

#[test]
fn no_less_than_nothing_is_sold() {
    check(|| {
        let gate = gate(item(1));
        let reservation = buy(&gate, "ann").expect("there is one");
        let (other, ticket) = (gate.clone(), reservation.ticket());
        let commits = thread::spawn(move || reservation.commit().is_ok());
        let cancels = thread::spawn(move || other.cancel(ticket).is_ok());
        let item = gate.item("item").expect("it is there");
        assert!(item.sold <= item.total, "{item:?}");
        commits.join().expect("no panic");
        assert!(cancels.join().expect("no panic"));
        settled(&gate);
    });
}

#[test]
fn a_comparison_beside_a_buyer_differs_in_nothing() {
    check(|| {
        let gate = gate(item(1));
        let held = buy(&gate, "ann");
        let other = gate.clone();
        let buyer = thread::spawn(move || {
            drop(held);
            buy(&other, "bob")
        });
        gate.set_ready(false);
        let books = gate.books([], Mend::Report);
        assert!(books.differences.is_empty(), "{books:?}");
        drop(buyer.join().expect("no panic"));
        let books = gate.books([], Mend::Mend);
        assert!(books.counted && books.differences.is_empty(), "{books:?}");
        settled(&gate);
    });
}

#[test]
fn a_window_is_changed_in_one_piece() {
    check(|| {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let gate = gate(item(1));
        gate.set_window("sale", Window::new(at(100), at(200))).expect("it is there");
        let other = gate.clone();
        let writer = thread::spawn(move || other.set_window("sale", Window::new(at(10), at(20))));
        let window = gate.events()[0].window;
        assert!(
            window.end == window.start + Duration::from_secs(if window.start == at(10) { 10 } else { 100 })
        );
        writer.join().expect("no panic").expect("it is there");
    });
}

#[test]
fn what_is_unknown_does_not_expire() {
    check(|| {
        let clock = ManualClock::new();
        let gate = gate_on(&clock, item(1));
        let reservation = buy(&gate, "ann").expect("there is one");
        let ticket = reservation.ticket();
        clock.advance(LIMIT);
        let hands_off = thread::spawn(move || match reservation.unsettled() {
            Ok(unsettled) => {
                // The order is written here.
                unsettled.commit();
                true
            }
            Err(_) => false,
        });
        gate.maintain(8);
        let written = hands_off.join().expect("no panic");
        settled(&gate);
        assert_eq!(
            gate.state(ticket),
            written.then_some(State::Committed),
            "the order was written: {written}"
        );
    });
}

#[test]
fn an_event_ends_beside_a_buyer() {
    check(|| {
        let gate = gate(item(1));
        let other = gate.clone();
        let buyer = thread::spawn(move || {
            let request = Request::new("ann", "item", 1).id("1");
            match other.admit(&request) {
                Ok(Admission::Held(reservation)) => reservation.commit().ok(),
                Err(Rejection::UnknownItem) => None,
                other => panic!("{other:?}"),
            }
        });
        gate.end_event("sale").expect("it is there");
        let bought = buyer.join().expect("no panic");
        assert!(gate.0.counts.0.entries().is_empty(), "a count outlives its event");
        assert_eq!(gate.0.requests.get("ann", "1"), None, "a request id outlives its event");
        assert!(bought.is_none_or(|ticket| gate.state(ticket).is_none()), "a reservation outlives its event");
    });
}

#[test]
fn a_request_buys_once() {
    check(|| {
        let gate = gate(Item::new("item", "sale", 2));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let gate = gate.clone();
                thread::spawn(move || held(&gate, &Request::new("ann", "item", 1).id("1")))
            })
            .collect();
        let held: Vec<_> = others.into_iter().map(|other| other.join().expect("no panic")).collect();
        assert_eq!(held.iter().flatten().count(), 1);
        settled(&gate);
    });
}

/// The first one hangs up, and its copy is on the way.
#[test]
fn a_released_request_may_buy_again() {
    check(|| {
        let gate = gate(item(1));
        let request = Request::new("ann", "item", 1).id("1");
        let first = held(&gate, &request);
        assert!(first.is_some());
        let other = gate.clone();
        let second = thread::spawn(move || other.admit(&Request::new("ann", "item", 1).id("1")));
        drop(first);
        let second = second.join().expect("no panic");
        settled(&gate);
        if let Ok(Admission::Held(second)) = &second {
            let ticket = second.ticket();
            let again = gate.admit(&request);
            assert!(
                matches!(again, Ok(Admission::Repeated(same, State::Held)) if same == ticket),
                "{again:?}"
            );
        } else {
            assert!(held(&gate, &request).is_some(), "after {second:?}");
        }
    });
}

#[test]
fn the_bulkhead_holds() {
    check(|| {
        let gate = gate(Item::new("item", "sale", 2).in_flight(1));
        let others: Vec<_> = ["ann", "bob"]
            .map(|user| {
                let gate = gate.clone();
                thread::spawn(move || buy(&gate, user))
            })
            .into();
        let held: Vec<_> = others.into_iter().map(|other| other.join().expect("no panic")).collect();
        assert_eq!(held.iter().flatten().count(), 1);
        settled(&gate);
    });
}

#[test]
fn a_split_stock_refuses_nobody_who_can_be_served() {
    check(|| {
        // One unit, in the first cell.
        let stock = Arc::new(SplitStock::new(1, 2));
        let other = Arc::clone(&stock);
        let mover = thread::spawn(move || {
            other.add_at(1, 1);
            other.take_at(0, 1)
        });
        // At every moment there is at least one unit for this buyer.
        assert_eq!(stock.take_at(1, 1), Ok(()));
        assert_eq!(mover.join().expect("no panic"), Ok(()));
        assert_eq!(stock.take_at(0, 1), Err(Shortage::SoldOut));
    });
}

#[test]
fn two_buyers_do_not_take_one_anothers_last_units() {
    check(|| {
        let stock = Arc::new(SplitStock::new(2, 2));
        let other = Arc::clone(&stock);
        let buyer = thread::spawn(move || other.take_at(0, 2).is_ok());
        let mine = stock.take_at(1, 2).is_ok();
        assert!(mine != buyer.join().expect("no panic"), "both or none got two of two units");
    });
}

#[test]
fn who_is_on_both_lists_stays_blocked() {
    check(|| {
        let gate = gate(item(1));
        gate.replace_blocked(["ann", "bob"]);
        let other = gate.clone();
        let writer = thread::spawn(move || other.replace_blocked(["bob"]));
        assert!(gate.is_blocked("bob"));
        writer.join().expect("no panic");
        assert!(gate.is_blocked("bob") && !gate.is_blocked("ann"));
    });
}
