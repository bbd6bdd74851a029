use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::SystemTime;

use cache_core::Backend;
use cache_gate::{Admission, Event, Gate, Item, Mend, Rejection, Request, Sale, Ticket, Window};
use cache_testkit::{Random, fresh_seed, scale};

use super::support::*;

const THREADS: usize = 4;

/// Runs a closure on several threads, each with randomness of its own.
fn on_threads(run: impl Fn(usize, Random) + Sync) {
    let seed = fresh_seed();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let run = &run;
            scope.spawn(move || run(number, Random::new(seed ^ number as u64)));
        }
    });
}

/// What is in the books.
type Orders = Mutex<BTreeMap<Ticket, (String, u32)>>;

/// Checks that gate and books agree, and that nobody has more than `limit`.
fn agree<B: Backend>(gate: &Gate<B>, orders: &Orders, limit: u32) -> u64 {
    gate.set_ready(false);
    let orders = orders.lock().unwrap();
    let sales = orders.iter().map(|(ticket, (user, units))| Sale::new(*ticket, user, "tea", *units));
    let books = gate.audit().compare(sales, Mend::Report);
    assert!(books.counted && books.differences.is_empty(), "{books:?}");
    let mut bought: BTreeMap<&str, u32> = BTreeMap::new();
    orders.values().for_each(|(user, units)| *bought.entry(user).or_default() += units);
    assert!(bought.values().all(|units| *units <= limit), "somebody has more than {limit}: {bought:?}");
    let sold = orders.values().map(|(_, units)| u64::from(*units)).sum();
    assert_eq!((item(gate).sold, item(gate).held, gate.load().in_flight), (sold, 0, 0));
    assert_eq!(gate.load().users, bought.len(), "users that got nothing leave nothing");
    gate.set_ready(true);
    sold
}

fn sell_out<B: Backend>(item: Item, stock: u64) {
    const USERS: usize = 400;
    let (builder, _) = builder::<B>();
    let gate = open(builder, [item.limit(2)]);
    let orders = Orders::default();
    on_threads(|_, mut random| {
        for _ in 0..scale(8_000) {
            let user = format!("user {}", random.below(USERS));
            let units = 1 + random.below(2) as u32;
            let Ok(Admission::Held(held)) = gate.admit(&Request::new(&user, "tea", units)) else { continue };
            match random.below(3) {
                0 => drop(held),
                _ => {
                    let ticket = held.commit().unwrap();
                    orders.lock().unwrap().insert(ticket, (user, units));
                }
            }
        }
    });
    agree(&gate, &orders, 2);
    // Whoever comes last gets what is left.
    for user in 0..USERS {
        let user = format!("last {user}");
        while let Ok(Admission::Held(held)) = gate.admit(&Request::new(&user, "tea", 1)) {
            orders.lock().unwrap().insert(held.commit().unwrap(), (user.clone(), 1));
        }
    }
    assert_eq!(agree(&gate, &orders, 2), stock);
    assert_eq!(refusal(&gate, &one("ann")), SOLD_OUT);
}

pub(crate) fn nothing_is_oversold<B: Backend>() {
    sell_out::<B>(Item::new("tea", "sale", 300), 300);
}

pub(crate) fn split_stock_is_not_oversold<B: Backend>() {
    sell_out::<B>(Item::new("tea", "sale", 300).split(4), 300);
}

/// A holder's panic that nobody prints.
struct Planned;

pub(crate) fn holders_that_panic_lose_nothing<B: Backend>() {
    let (gate, _) = tea::<B>(3, 1);
    let orders = Orders::default();
    on_threads(|thread, mut random| {
        for n in 0..scale(2_000) {
            let user = format!("{thread} {n}");
            let hold = || {
                let Ok(Admission::Held(held)) = gate.admit(&one(&user)) else { return };
                if random.below(2) == 0 {
                    std::panic::resume_unwind(Box::new(Planned));
                }
                drop(held);
            };
            _ = catch_unwind(AssertUnwindSafe(hold));
        }
    });
    assert_eq!((agree(&gate, &orders, 1), units(&gate)), (0, (3, 0, 0)));
}

pub(crate) fn cancels_and_expiry_and_commits<B: Backend>() {
    let (gate, clock) = tea::<B>(50, 3);
    let orders = Orders::default();
    // Tickets that anybody may cancel.
    let open: Mutex<Vec<Ticket>> = Mutex::default();
    on_threads(|_, mut random| {
        for _ in 0..scale(5_000) {
            let user = format!("user {}", random.below(60));
            match random.below(10) {
                0 => clock.advance(LIMIT / 4),
                1 => _ = gate.maintain(16),
                2 | 3 => {
                    let Some(ticket) = open.lock().unwrap().pop() else { continue };
                    // In the books first. One that was not committed yet is none of theirs.
                    let order = orders.lock().unwrap().remove(&ticket);
                    if gate.cancel(ticket).is_err() && order.is_some() {
                        panic!("{ticket} was in the books and could not be cancelled");
                    }
                }
                _ => {
                    let Ok(Admission::Held(held)) = gate.admit(&Request::new(&user, "tea", 1)) else {
                        continue;
                    };
                    let ticket = held.ticket();
                    let is_open = random.below(4) == 0;
                    if is_open {
                        open.lock().unwrap().push(ticket);
                    }
                    if random.below(3) == 0 {
                        continue;
                    }
                    let Ok(unsettled) = held.unsettled() else { continue };
                    if random.below(5) == 0 {
                        unsettled.release();
                        continue;
                    }
                    let mut orders = orders.lock().unwrap();
                    orders.insert(ticket, (user, 1));
                    unsettled.commit();
                    drop(orders);
                    // Once: of two who cancel it, one would be told that it is.
                    if !is_open && random.below(2) == 0 {
                        open.lock().unwrap().push(ticket);
                    }
                }
            }
        }
    });
    clock.advance(LIMIT);
    gate.maintain(100_000);
    let sold = agree(&gate, &orders, 3);
    assert_eq!(units(&gate), (50 - sold, 0, sold));
}

pub(crate) fn requests_sent_twice_buy_once<B: Backend>() {
    let (gate, _) = tea::<B>(1_000_000, 1_000_000);
    let rounds = scale(1_000) as u64;
    let bought = AtomicU64::new(0);
    on_threads(|_, _| {
        for id in 0..rounds {
            let id = id.to_string();
            if let Admission::Held(held) = gate.admit(&one("ann").id(&id)).unwrap() {
                held.commit().unwrap();
                bought.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    assert_eq!((bought.into_inner(), item(&gate).sold), (rounds, rounds));
}

pub(crate) fn an_event_ends_beside_buyers<B: Backend>() {
    let (builder, _) = builder::<B>();
    let gate = open(builder, []);
    on_threads(|thread, mut random| {
        for n in 0..scale(500) {
            let event = format!("event {thread} {n}");
            let name = format!("item {thread}");
            if random.below(2) == 0 || thread == 0 {
                gate.add_event(Event::new(&event)).unwrap();
                gate.add_item(Item::new(&name, &event, 5)).unwrap();
                for user in 0..3 {
                    let user = format!("user {user}");
                    _ = gate.admit(&Request::new(&user, &name, 1).id(&event)).map(
                        |admitted| match admitted {
                            Admission::Held(held) => _ = held.commit().unwrap(),
                            repeated => panic!("{repeated:?}"),
                        },
                    );
                }
                gate.end_event(&event).unwrap();
            } else {
                // Somebody else's, while that may end.
                let other = format!("item {}", random.below(THREADS));
                match gate.admit(&Request::new("ann", &other, 1)) {
                    Ok(Admission::Held(held)) => _ = held.commit(),
                    Err(Rejection::UnknownItem | Rejection::SoldOut { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    });
    for _ in 0..1_000 {
        gate.maintain(1_000);
    }
    let load = gate.load();
    assert_eq!((load.in_flight, load.users, load.requests, load.reservations), (0, 0, 0, 0));
}

pub(crate) fn a_window_is_changed_in_one_piece<B: Backend>() {
    let (builder, clock) = builder::<B>();
    clock.advance(SECOND * 49);
    let gate = open(builder, [Item::new("tea", "sale", 9)]);
    // Neither is open now, at 50 s; what begins with the one and ends with the other is.
    let at = |seconds| SystemTime::UNIX_EPOCH + SECOND * seconds;
    let windows = [Window::new(at(100), at(200)), Window::new(at(10), at(20))];
    gate.set_window("sale", windows[0]).unwrap();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..scale(200_000) {
                windows.iter().rev().for_each(|window| gate.set_window("sale", *window).unwrap());
            }
            is_done.store(true, Ordering::Relaxed);
        });
        while !is_done.load(Ordering::Relaxed) {
            let refused = refusal(&gate, &one("ann"));
            assert!(matches!(refused, Rejection::NotStarted { .. } | Rejection::Ended), "{refused:?}");
        }
    });
}

pub(crate) fn an_order_is_restored_once<B: Backend>() {
    let (builder, _) = builder::<B>();
    let gate = open(builder, [Item::new("tea", "sale", 1_000_000)]);
    let (rounds, restored) = (scale(2_000) as u64, AtomicU64::new(0));
    let start = std::sync::Barrier::new(THREADS);
    on_threads(|_, _| {
        for ticket in 1..=rounds {
            start.wait();
            let done = gate.restore(&Sale::new(Ticket::new(ticket), "ann", "tea", 1)).is_ok();
            restored.fetch_add(u64::from(done), Ordering::Relaxed);
        }
    });
    assert_eq!(restored.into_inner(), rounds);
    assert_eq!(units(&gate), (1_000_000 - rounds, 0, rounds));
}
