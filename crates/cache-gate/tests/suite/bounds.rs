use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_core::Backend;
use cache_gate::{Admission, Breaker, BreakerPolicy, Item, Overload, Reason, Rejection, Request, State};
use cache_policy::Rate;

use super::support::*;

/// What is full.
fn overload(rejection: Rejection) -> Overload {
    match rejection {
        Rejection::Overloaded { overload, retry_after } => {
            assert!(!retry_after.is_zero());
            overload
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn made_up_users_are_refused<B: Backend>() {
    let (builder, _) = builder::<B>();
    let gate = open(builder.max_users(3), [Item::new("tea", "sale", 99).limit(2)]);
    let tickets = ["a", "b", "c"].map(|user| hold(&gate, &one(user)).commit().unwrap());
    let refused = refusal(&gate, &one("d"));
    assert_eq!((overload(refused), refused.reason()), (Overload::Users, Reason::Full));
    // Those who are known go on, and who leaves makes room.
    drop(hold(&gate, &one("a")));
    gate.cancel(tickets[1]).unwrap();
    hold(&gate, &one("d")).commit().unwrap();
    assert_eq!((gate.load().users, units(&gate)), (3, (96, 0, 3)));
    assert_eq!(gate.statistics().unwrap().refused(Reason::Full), 1);
}

pub(crate) fn made_up_requests_are_refused<B: Backend>() {
    let (builder, clock) = builder::<B>();
    let gate = open(builder.max_requests(2).remember(LIMIT), [Item::new("tea", "sale", 99)]);
    for id in ["1", "2"] {
        hold(&gate, &one("ann").id(id)).commit().unwrap();
    }
    assert_eq!(overload(refusal(&gate, &one("ann").id("3"))), Overload::Requests);
    assert!(gate.admit(&one("ann").id("1")).is_ok());
    drop(hold(&gate, &one("ann")));
    clock.advance(LIMIT);
    drop(hold(&gate, &one("ann").id("3")));
    assert!(gate.load().requests <= 2);
}

pub(crate) fn made_up_rates_are_refused<B: Backend>() {
    let (builder, clock) = builder::<B>();
    let rate = Rate::new(1, Duration::from_secs(60)).burst(9);
    let builder = builder.max_rates(2).user_rate(rate).address_rate(rate);
    let gate = open(builder, [Item::new("tea", "sale", 99)]);
    let from = |user, host| one(user).address(IpAddr::from(Ipv4Addr::new(10, 0, 0, host)));
    drop(hold(&gate, &from("a", 1)));
    drop(hold(&gate, &from("b", 2)));
    assert_eq!(overload(refusal(&gate, &from("c", 1))), Overload::Rates);
    assert_eq!(overload(refusal(&gate, &from("a", 3))), Overload::Rates);
    drop(hold(&gate, &from("a", 2)));
    clock.advance(Duration::from_secs(600));
    drop(hold(&gate, &from("c", 3)));
    assert!(gate.load().rates <= 4);
}

pub(crate) fn users_that_got_nothing_leave_nothing<B: Backend>() {
    let (gate, _) = tea::<B>(1, 5);
    for user in 0..1_000 {
        let user = format!("user {user}");
        assert_eq!(refusal(&gate, &Request::new(&user, "tea", 2).id("1")), Rejection::SoldOut { left: 1 });
        drop(hold(&gate, &Request::new(&user, "tea", 1).id("2")));
    }
    let load = gate.load();
    assert_eq!((load.users, load.requests, load.in_flight), (0, 0, 0));
}

pub(crate) fn reservations_are_bounded<B: Backend>() {
    let (builder, clock) = builder::<B>();
    let gate = open(builder.max_reservations(3), [Item::new("tea", "sale", 99)]);
    hold(&gate, &one("ann")).commit().unwrap();
    // Those that were cancelled, or refused by the hand-off, are remembered for a while, and make room.
    let cancelled = |user| {
        let held = hold(&gate, &one(user).id("1"));
        let ticket = held.ticket();
        held.cancel();
        ticket
    };
    let first = cancelled("bob");
    drop(hold(&gate, &one("ann")));
    hold(&gate, &one("ann")).unsettled().unwrap().release();
    assert_eq!((gate.state(first), gate.load().reservations), (Some(State::Cancelled), 3));
    let second = cancelled("cid");
    assert_eq!((gate.state(first), gate.state(second)), (None, Some(State::Cancelled)));
    // A late copy still buys nothing.
    assert!(matches!(gate.admit(&one("bob").id("1")), Ok(Admission::Repeated(ticket, _)) if ticket == first));
    let held = [1, 2].map(|_| hold(&gate, &one("ann")));
    // What is held is over after the time limit.
    let expected = Rejection::Overloaded { overload: Overload::Reservations, retry_after: LIMIT };
    assert_eq!(refusal(&gate, &one("ann")), expected);
    assert_eq!(gate.load().reservations, 3);
    clock.advance(LIMIT);
    drop(hold(&gate, &one("ann")));
    drop(held);
    assert_eq!(units(&gate), (98, 0, 1));
}

pub(crate) fn what_came_to_nothing_fills_nothing<B: Backend>() {
    let (builder, _) = builder::<B>();
    let gate = open(builder.max_reservations(2), [Item::new("tea", "sale", 99)]);
    for n in 0..1_000 {
        let held = hold(&gate, &one("ann"));
        if n % 2 == 0 { held.cancel() } else { held.unsettled().unwrap().release() }
    }
    assert_eq!((units(&gate), gate.load().in_flight), ((99, 0, 0), 0));
    assert!(gate.load().reservations <= 2);
}

pub(crate) fn bulkheads_keep_items_apart<B: Backend>() {
    let (builder, _) = builder::<B>();
    let items = [Item::new("tea", "sale", 99).in_flight(2), Item::new("coffee", "sale", 99)];
    let gate = open(builder.in_flight(3), items);
    let coffee = |user| Request::new(user, "coffee", 1);
    let mut teas: Vec<_> = ["a", "b"].map(|user| hold(&gate, &one(user))).into();
    assert_eq!(overload(refusal(&gate, &one("c"))), Overload::Item);
    let held = hold(&gate, &coffee("a"));
    assert_eq!(overload(refusal(&gate, &coffee("b"))), Overload::Gate);
    // What is in the books is no longer under way, what is unknown is.
    teas.pop().unwrap().commit().unwrap();
    let unsettled = teas.pop().unwrap().unsettled().unwrap();
    teas.push(hold(&gate, &one("c")));
    assert_eq!(overload(refusal(&gate, &one("d"))), Overload::Item);
    unsettled.release();
    gate.set_in_flight("tea", 1).unwrap();
    assert_eq!(overload(refusal(&gate, &one("d"))), Overload::Item);
    drop((held, teas));
    assert_eq!((gate.load().in_flight, gate.load().users), (0, 1));
}

pub(crate) fn the_breaker_refuses_and_tries<B: Backend>() {
    let (builder, clock) = builder::<B>();
    let gate = open(builder.breaker(BreakerPolicy::new(2, SECOND)), [Item::new("tea", "sale", 99)]);
    drop(hold(&gate, &one("ann")).unsettled().unwrap());
    assert_eq!(gate.breaker(), Breaker::Closed);
    gate.report(false);
    let refused = refusal(&gate, &one("ann"));
    assert_eq!(refused, Rejection::Overloaded { overload: Overload::Breaker, retry_after: SECOND });
    assert_eq!(gate.breaker(), Breaker::Open { retry_after: SECOND });
    clock.advance(SECOND);
    assert_eq!(gate.breaker(), Breaker::HalfOpen);
    let probe = hold(&gate, &one("ann"));
    assert_eq!(overload(refusal(&gate, &one("bob"))), Overload::Breaker);
    probe.unsettled().unwrap().commit();
    assert_eq!(gate.breaker(), Breaker::Closed);
    drop(hold(&gate, &one("bob")));
}

pub(crate) fn a_probe_that_comes_to_nothing_lets_another_try<B: Backend>() {
    let (builder, clock) = builder::<B>();
    let gate = open(builder.breaker(BreakerPolicy::new(1, SECOND)), [Item::new("tea", "sale", 5)]);
    gate.report(false);
    clock.advance(SECOND);
    // It asks for more than there is, and the next ones do not go on.
    assert_eq!(refusal(&gate, &Request::new("eve", "tea", 9)), Rejection::SoldOut { left: 5 });
    drop(hold(&gate, &one("ann")));
    hold(&gate, &one("ann")).cancel();
    hold(&gate, &one("ann")).unsettled().unwrap().release();
    assert_eq!(gate.breaker(), Breaker::HalfOpen);
    let probe = hold(&gate, &one("ann"));
    assert_eq!(overload(refusal(&gate, &one("bob"))), Overload::Breaker);
    // What failed is no probe that came to nothing.
    let unsettled = probe.unsettled().unwrap();
    gate.report(false);
    unsettled.release();
    assert!(matches!(gate.breaker(), Breaker::Open { .. }));
    clock.advance(SECOND);
    hold(&gate, &one("bob")).commit().unwrap();
    assert_eq!(gate.breaker(), Breaker::Closed);
}

pub(crate) fn the_depth_is_looked_at<B: Backend>() {
    let depth = Arc::new(AtomicUsize::new(5));
    let signal = Arc::clone(&depth);
    let (builder, _) = builder::<B>();
    let builder = builder.depth(5, move || signal.load(Ordering::Relaxed));
    let gate = open(builder, [Item::new("tea", "sale", 99)]);
    drop(hold(&gate, &one("ann")));
    depth.store(6, Ordering::Relaxed);
    let refused = refusal(&gate, &one("ann"));
    assert_eq!(
        (overload(refused), refused.reason(), gate.load().depth),
        (Overload::Queue, Reason::Overloaded, 6)
    );
}
