//! What the suites share.

use std::time::Duration;

use cache_core::Backend;
use cache_gate::{Admission, Builder, Event, Gate, Item, ItemStats, Rejection, Request, Reservation};
use cache_policy::ManualClock;

pub(crate) const LIMIT: Duration = Duration::from_secs(10);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A builder, and the clock that it uses.
pub(crate) fn builder<B: Backend>() -> (Builder<B>, ManualClock) {
    let clock = ManualClock::new();
    clock.advance(SECOND);
    (Gate::builder().clock(clock.clone()).time_limit(LIMIT).statistics(), clock)
}

/// Builds a gate that is ready, with the event `sale` and these items of it.
pub(crate) fn open<B: Backend>(builder: Builder<B>, items: impl IntoIterator<Item = Item>) -> Gate<B> {
    let gate = builder.build();
    gate.add_event(Event::new("sale")).unwrap();
    items.into_iter().for_each(|item| gate.add_item(item).unwrap());
    gate.set_ready(true);
    gate
}

/// A gate with the item `tea`.
pub(crate) fn tea<B: Backend>(units: u64, limit: u32) -> (Gate<B>, ManualClock) {
    let (builder, clock) = builder();
    (open(builder, [Item::new("tea", "sale", units).limit(limit)]), clock)
}

pub(crate) fn hold<B: Backend>(gate: &Gate<B>, request: &Request<'_>) -> Reservation<B> {
    match gate.admit(request) {
        Ok(Admission::Held(reservation)) => reservation,
        other => panic!("{request:?}: {other:?}"),
    }
}

pub(crate) fn refusal<B: Backend>(gate: &Gate<B>, request: &Request<'_>) -> Rejection {
    match gate.admit(request) {
        Err(rejection) => rejection,
        admitted => panic!("{request:?}: {admitted:?}"),
    }
}

pub(crate) fn one(user: &str) -> Request<'_> {
    Request::new(user, "tea", 1)
}

pub(crate) fn item<B: Backend>(gate: &Gate<B>) -> ItemStats {
    gate.item("tea").unwrap()
}

/// What an item has: left, held and sold.
pub(crate) fn units<B: Backend>(gate: &Gate<B>) -> (u64, u64, u64) {
    let item = item(gate);
    assert_eq!(item.left + item.held + item.sold, item.total, "{item:?}");
    (item.left, item.held, item.sold)
}

pub(crate) const SOLD_OUT: Rejection = Rejection::SoldOut { left: 0 };
