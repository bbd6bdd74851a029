use std::time::Duration;

use cache_core::Backend;
use cache_gate::{Admission, Item, Malformed, Rejection, Request, State, Ticket};

use super::support::*;

fn repeated<B: Backend>(gate: &cache_gate::Gate<B>, request: &Request<'_>) -> (Ticket, State) {
    match gate.admit(request) {
        Ok(Admission::Repeated(ticket, state)) => (ticket, state),
        other => panic!("{request:?}: {other:?}"),
    }
}

pub(crate) fn a_repetition_is_told_the_answer<B: Backend>() {
    let (gate, _) = tea::<B>(1, 1);
    let request = one("ann").id("1");
    let held = hold(&gate, &request);
    let ticket = held.ticket();
    assert_eq!(repeated(&gate, &request), (ticket, State::Held));
    let unsettled = held.unsettled().unwrap();
    assert_eq!(repeated(&gate, &request), (ticket, State::Unknown));
    unsettled.commit();
    // Also when everybody else is refused.
    assert_eq!(refusal(&gate, &one("bob")), SOLD_OUT);
    assert_eq!(repeated(&gate, &request), (ticket, State::Committed));
    assert_eq!(units(&gate), (0, 0, 1));
}

pub(crate) fn a_released_request_may_buy_again<B: Backend>() {
    let (gate, clock) = tea::<B>(1, 1);
    let request = one("ann").id("1");
    drop(hold(&gate, &request));
    let late = hold(&gate, &request);
    clock.advance(LIMIT);
    gate.maintain(9);
    drop(late);
    let refused = hold(&gate, &request).unsettled().unwrap();
    refused.release();
    // A request that failed is no answer either.
    let other = hold(&gate, &one("bob"));
    assert_eq!(refusal(&gate, &request), SOLD_OUT);
    drop(other);
    hold(&gate, &request).commit().unwrap();
    assert_eq!(gate.load().requests, 1);
}

pub(crate) fn a_cancelled_request_may_not<B: Backend>() {
    let (gate, _) = tea::<B>(1, 1);
    let request = one("ann").id("1");
    let ticket = hold(&gate, &request).commit().unwrap();
    gate.cancel(ticket).unwrap();
    assert_eq!(repeated(&gate, &request), (ticket, State::Cancelled));
    drop(hold(&gate, &one("ann").id("2")));
}

pub(crate) fn another_request_with_the_id_is_refused<B: Backend>() {
    let (builder, _) = builder::<B>();
    let gate = open(builder, [Item::new("tea", "sale", 9), Item::new("coffee", "sale", 9)]);
    let held = hold(&gate, &one("ann").id("1"));
    let other = Rejection::Malformed(Malformed::OtherRequest);
    assert_eq!(refusal(&gate, &Request::new("ann", "tea", 2).id("1")), other);
    assert_eq!(refusal(&gate, &Request::new("ann", "coffee", 1).id("1")), other);
    drop(held);
    drop(hold(&gate, &Request::new("ann", "coffee", 1).id("1")));
}

pub(crate) fn ids_are_forgotten<B: Backend>() {
    let (builder, clock) = builder::<B>();
    let gate = open(builder.remember(LIMIT * 2), [Item::new("tea", "sale", 9)]);
    let request = one("ann").id("1");
    let first = hold(&gate, &request).commit().unwrap();
    clock.advance(LIMIT * 2 - Duration::from_nanos(1));
    assert_eq!(repeated(&gate, &request), (first, State::Committed));
    clock.advance(Duration::from_nanos(1));
    let second = hold(&gate, &request).commit().unwrap();
    assert_ne!(first, second);
    // What was cancelled is forgotten, and what is in the books is not.
    gate.cancel(second).unwrap();
    clock.advance(LIMIT * 2);
    assert_eq!((gate.state(first), gate.state(second)), (Some(State::Committed), None));
}

pub(crate) fn ids_of_what_is_under_way_stay<B: Backend>() {
    let (builder, clock) = builder::<B>();
    let gate = open(builder.remember(SECOND), [Item::new("tea", "sale", 9)]);
    let request = one("ann").id("1");
    let unsettled = hold(&gate, &request).unsettled().unwrap();
    let first = unsettled.ticket();
    clock.advance(SECOND * 2);
    gate.maintain(99);
    // Its order may be in the books.
    assert_eq!(repeated(&gate, &request), (first, State::Unknown));
    unsettled.commit();
    assert_eq!(repeated(&gate, &request), (first, State::Committed));
    clock.advance(SECOND);
    let held = hold(&gate, &request);
    let second = held.ticket();
    clock.advance(SECOND * 2);
    assert_eq!(repeated(&gate, &request), (second, State::Held));
    held.cancel();
    assert_eq!(repeated(&gate, &request).1, State::Cancelled);
    clock.advance(SECOND);
    let refused = hold(&gate, &request).unsettled().unwrap();
    clock.advance(SECOND * 2);
    refused.release();
    drop(hold(&gate, &request));
    assert_eq!((gate.load().requests, units(&gate)), (0, (8, 0, 1)));
}

pub(crate) fn ids_belong_to_users<B: Backend>() {
    let (gate, _) = tea::<B>(9, 9);
    let held = [("ann", "1"), ("an", "n1"), ("bob", "1")].map(|(user, id)| hold(&gate, &one(user).id(id)));
    assert_eq!(gate.load().requests, 3);
    drop(held);
    assert_eq!(gate.load().requests, 0);
}
