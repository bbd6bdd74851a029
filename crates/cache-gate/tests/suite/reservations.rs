use cache_core::Backend;
use cache_gate::{Admission, CancelError, Gone, Reason, Request, SettleError, State, Ticket};
use std::time::Duration;

use super::support::*;

pub(crate) fn dropping_gives_back<B: Backend>() {
    let (gate, _) = tea::<B>(3, 3);
    let held = hold(&gate, &Request::new("ann", "tea", 3));
    let ticket = held.ticket();
    assert_eq!((units(&gate), gate.load().in_flight, gate.load().users), ((0, 3, 0), 1, 1));
    assert_eq!(refusal(&gate, &one("bob")), SOLD_OUT);
    assert_eq!(gate.state(ticket), Some(State::Held));
    drop(held);
    assert_eq!((units(&gate), gate.load().in_flight, gate.load().users), ((3, 0, 0), 0, 0));
    // Nobody was told of it.
    assert_eq!((gate.state(ticket), gate.load().reservations), (None, 0));
    drop(hold(&gate, &Request::new("bob", "tea", 3)));
}

pub(crate) fn committing_keeps<B: Backend>() {
    let (gate, clock) = tea::<B>(3, 3);
    let ticket = hold(&gate, &Request::new("ann", "tea", 2)).commit().unwrap();
    assert_eq!((units(&gate), gate.load().in_flight), ((1, 0, 2), 0));
    clock.advance(LIMIT * 100);
    gate.maintain(1_000);
    assert_eq!(gate.state(ticket), Some(State::Committed));
    assert_eq!(units(&gate), (1, 0, 2));
}

pub(crate) fn cancelling_gives_back_once<B: Backend>() {
    let (gate, _) = tea::<B>(2, 1);
    let held = hold(&gate, &one("ann"));
    let ticket = held.ticket();
    assert_eq!(gate.cancel(ticket), Ok(State::Cancelled));
    assert_eq!(gate.cancel(ticket), Err(CancelError::Already(State::Cancelled)));
    assert_eq!(held.commit(), Err(Gone(State::Cancelled)));
    assert_eq!((units(&gate), gate.load().in_flight), ((2, 0, 0), 0));
    let ticket = hold(&gate, &one("ann")).commit().unwrap();
    assert_eq!(gate.cancel(ticket), Ok(State::Cancelled));
    assert_eq!(gate.cancel(ticket), Err(CancelError::Already(State::Cancelled)));
    assert_eq!(units(&gate), (2, 0, 0));
    hold(&gate, &one("ann")).cancel();
    assert_eq!((units(&gate), gate.load().users), ((2, 0, 0), 0));
    assert_eq!(gate.cancel(Ticket::new(0)), Err(CancelError::Absent));
    let unsettled = hold(&gate, &one("ann")).unsettled().unwrap();
    assert_eq!(gate.cancel(unsettled.ticket()), Err(CancelError::Unsettled));
    unsettled.release();
}

pub(crate) fn the_time_limit_gives_back<B: Backend>() {
    let (gate, clock) = tea::<B>(3, 3);
    let first = hold(&gate, &one("ann"));
    clock.advance(LIMIT / 2);
    let second = hold(&gate, &one("bob"));
    assert_eq!((first.remaining(), second.remaining()), (LIMIT / 2, LIMIT));
    clock.advance(LIMIT / 2 - Duration::from_nanos(1));
    assert_eq!(gate.maintain(100), 0);
    clock.advance(Duration::from_nanos(1));
    assert_eq!(gate.maintain(100), 1);
    assert_eq!((units(&gate), first.state()), ((2, 1, 0), State::Released));
    assert_eq!(first.commit(), Err(Gone(State::Released)));
    second.commit().unwrap();
    assert_eq!(units(&gate), (2, 0, 1));
}

pub(crate) fn the_time_limit_is_kept_by_new_requests<B: Backend>() {
    let (gate, clock) = tea::<B>(2, 1);
    let held = hold(&gate, &one("ann"));
    clock.advance(LIMIT);
    // Nobody maintains. Another request ends it on its way, and a third one may have what came back.
    let other = hold(&gate, &one("bob"));
    assert_eq!((held.state(), units(&gate)), (State::Released, (1, 1, 0)));
    drop(hold(&gate, &one("ann")));
    drop(other);
}

pub(crate) fn what_is_unknown_stays<B: Backend>() {
    let (gate, clock) = tea::<B>(1, 1);
    let unsettled = hold(&gate, &one("ann")).unsettled().unwrap();
    clock.advance(LIMIT * 100);
    assert_eq!(gate.maintain(100), 0);
    assert_eq!((unsettled.state(), units(&gate)), (State::Unknown, (0, 1, 0)));
    let ticket = unsettled.commit();
    assert_eq!((gate.state(ticket), units(&gate)), (Some(State::Committed), (0, 0, 1)));
}

pub(crate) fn settling_ends_the_unknown<B: Backend>() {
    let (gate, clock) = tea::<B>(2, 1);
    let late = hold(&gate, &one("ann"));
    clock.advance(LIMIT);
    gate.maintain(10);
    assert!(matches!(late.unsettled(), Err(Gone(State::Released))));
    let released = hold(&gate, &one("ann")).unsettled().unwrap();
    let ticket = released.ticket();
    released.release();
    assert_eq!(gate.settle(ticket, true), Err(SettleError::NotUnknown(State::Released)));
    let held = hold(&gate, &one("ann"));
    assert_eq!(gate.settle(held.ticket(), false), Err(SettleError::NotUnknown(State::Held)));
    assert_eq!(gate.settle(Ticket::new(0), true), Err(SettleError::Absent));
    assert_eq!(units(&gate), (1, 1, 0));
}

pub(crate) fn a_dropped_unsettled_one_is_listed<B: Backend>() {
    let (gate, _) = tea::<B>(3, 9);
    let tickets = [1, 2].map(|_| {
        let unsettled = hold(&gate, &one("ann")).unsettled().unwrap();
        unsettled.ticket()
    });
    assert_eq!(gate.unsettled(), tickets);
    assert_eq!((units(&gate), gate.load().unsettled), ((1, 2, 0), 2));
    assert_eq!(gate.settle(tickets[0], true), Ok(State::Committed));
    assert_eq!(gate.settle(tickets[1], false), Ok(State::Released));
    assert_eq!((units(&gate), gate.unsettled()), ((2, 0, 1), vec![]));
    // While somebody holds it, the order may still be on its way: nobody else can say what becomes of it.
    for in_the_books in [false, true] {
        let unsettled = hold(&gate, &one("bob")).unsettled().unwrap();
        assert!(gate.unsettled().is_empty());
        assert_eq!(gate.settle(unsettled.ticket(), in_the_books), Err(SettleError::Held));
        assert_eq!(units(&gate), (1 - u64::from(in_the_books), 1, 1 + u64::from(in_the_books)));
        let ticket = unsettled.commit();
        assert_eq!(gate.settle(ticket, false), Err(SettleError::NotUnknown(State::Committed)));
    }
    assert_eq!((units(&gate), gate.unsettled()), ((0, 0, 3), vec![]));
}

pub(crate) fn what_the_books_cancelled_is_given_back<B: Backend>() {
    let (gate, _) = tea::<B>(2, 1);
    let request = one("ann").id("1");
    // The order is in the books, and cancelled there, before its hand-off has answered.
    let unsettled = hold(&gate, &request).unsettled().unwrap();
    let ticket = unsettled.ticket();
    assert_eq!(gate.cancel_order(ticket), Ok(State::Cancelled));
    assert_eq!(gate.cancel_order(ticket), Err(CancelError::Already(State::Cancelled)));
    assert_eq!(unsettled.commit(), ticket);
    assert_eq!((gate.state(ticket), units(&gate)), (Some(State::Cancelled), (2, 0, 0)));
    assert_eq!((gate.load().in_flight, gate.load().users), (0, 0));
    assert!(matches!(gate.admit(&request), Ok(Admission::Repeated(_, State::Cancelled))));
    // So is one that nobody holds, and one that is committed.
    let dropped = hold(&gate, &one("ann")).unsettled().unwrap().ticket();
    let committed = hold(&gate, &one("bob")).commit().unwrap();
    for ticket in [dropped, committed] {
        assert_eq!(gate.cancel_order(ticket), Ok(State::Cancelled));
    }
    assert_eq!((units(&gate), gate.unsettled()), ((2, 0, 0), vec![]));
    assert_eq!(gate.cancel_order(Ticket::new(0)), Err(CancelError::Absent));
}

pub(crate) fn views_tell_what_is_held<B: Backend>() {
    let (gate, _) = tea::<B>(9, 9);
    let held = hold(&gate, &Request::new("ann", "tea", 2).id("4711"));
    assert_eq!((held.user(), held.item(), held.event(), held.units()), ("ann", "tea", "sale", 2));
    assert_eq!(held.request_id(), Some("4711"));
    let shown = gate.reservation(held.ticket()).unwrap();
    assert_eq!((&*shown.user, &*shown.item, &*shown.event, shown.units), ("ann", "tea", "sale", 2));
    assert_eq!((shown.request_id.as_deref(), shown.state), (Some("4711"), State::Held));
    assert!(!format!("{held:?} {gate:?}").contains("ann"), "users are personal data");
}

pub(crate) fn statistics_count_everything<B: Backend>() {
    let (gate, clock) = tea::<B>(2, 1);
    hold(&gate, &one("ann").id("1")).commit().unwrap();
    assert!(gate.admit(&one("ann").id("1")).is_ok());
    drop(hold(&gate, &one("bob")));
    hold(&gate, &one("bob")).cancel();
    let late = hold(&gate, &one("bob"));
    clock.advance(LIMIT);
    gate.maintain(9);
    drop(late);
    assert!(gate.admit(&one("ann")).is_err());
    let stats = gate.statistics().unwrap();
    assert_eq!((stats.admitted, stats.repeated, stats.committed), (4, 1, 1));
    assert_eq!((stats.released, stats.cancelled, stats.expired), (1, 1, 1));
    assert_eq!((stats.refusals(), stats.refused(Reason::LimitReached)), (1, 1));
}
