use std::time::{Duration, SystemTime};

use cache_core::Backend;
use cache_gate::{
    ConfigError, Event, Gate, Goods, Item, MAX_ID, MAX_STOCK, Rejection, Request, Shortage, State, Stock,
    Window,
};

use super::support::*;

pub(crate) fn an_event_ends_with_all_its_keys<B: Backend>() {
    let (builder, _) = builder::<B>();
    let gate = open(builder, [Item::new("tea", "sale", 9).limit(1), Item::new("coffee", "sale", 9)]);
    gate.add_event(Event::new("other")).unwrap();
    gate.add_item(Item::new("milk", "other", 9).limit(1)).unwrap();
    let ticket = hold(&gate, &one("ann").id("1")).commit().unwrap();
    let milk = hold(&gate, &Request::new("ann", "milk", 1).id("2")).commit().unwrap();
    let cancelled = hold(&gate, &one("bob")).commit().unwrap();
    gate.cancel(cancelled).unwrap();
    gate.end_event("sale").unwrap();
    assert_eq!(gate.state(cancelled), None);
    assert_eq!(refusal(&gate, &one("bob")), Rejection::UnknownItem);
    assert_eq!(refusal(&gate, &Request::new("bob", "coffee", 1)), Rejection::UnknownItem);
    assert_eq!((gate.state(ticket), gate.state(milk)), (None, Some(State::Committed)));
    assert_eq!(gate.end_event("sale"), Err(ConfigError::UnknownEvent));
    // An event of the same name begins anew: counts, request ids and stock.
    gate.add_event(Event::new("sale")).unwrap();
    gate.add_item(Item::new("tea", "sale", 5).limit(1)).unwrap();
    assert_ne!(hold(&gate, &one("ann").id("1")).commit().unwrap(), ticket);
    assert_eq!(units(&gate), (4, 0, 1));
    assert!(matches!(refusal(&gate, &Request::new("ann", "milk", 1)), Rejection::LimitReached { .. }));
    // Their memory comes back.
    for _ in 0..100 {
        gate.maintain(100);
    }
    let load = gate.load();
    assert_eq!((load.users, load.requests, load.reservations, load.items), (2, 2, 2, 2));
}

pub(crate) fn what_is_held_outlives_its_event<B: Backend>() {
    let (gate, clock) = tea::<B>(9, 9);
    let mut held: Vec<_> = ["a", "b", "c", "d"].map(|user| hold(&gate, &one(user))).into();
    let unsettled = hold(&gate, &one("e")).unsettled().unwrap();
    let unknown = unsettled.ticket();
    gate.end_event("sale").unwrap();
    assert_eq!(gate.load().in_flight, 5);
    held.pop().unwrap().commit().unwrap();
    drop(held.pop());
    held.pop().unwrap().unsettled().unwrap().commit();
    clock.advance(LIMIT);
    assert_eq!(gate.maintain(9), 1);
    assert_eq!(held[0].state(), State::Released);
    // Nobody knows what became of it, and it is asked for until somebody does.
    drop(unsettled);
    assert_eq!((gate.unsettled(), gate.state(unknown)), (vec![unknown], Some(State::Unknown)));
    assert_eq!(gate.settle(unknown, true), Ok(State::Committed));
    assert_eq!((gate.load().in_flight, gate.load().unsettled), (0, 0));
    for _ in 0..100 {
        gate.maintain(100);
    }
    assert_eq!((gate.load().users, gate.load().reservations), (0, 0));
}

pub(crate) fn configuration_mistakes_are_named<B: Backend>() {
    let gate = Gate::<B>::builder().max_items(2).build();
    let long = "x".repeat(MAX_ID + 1);
    assert_eq!(gate.add_event(Event::new("")), Err(ConfigError::Id));
    assert_eq!(gate.add_event(Event::new(&long)), Err(ConfigError::Id));
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for window in [Window::new(at(2), at(2)), Window::new(at(2), at(3)).early(at(3))] {
        assert_eq!(gate.add_event(Event::new("sale").window(window)), Err(ConfigError::Window));
    }
    gate.add_event(Event::new("sale")).unwrap();
    assert_eq!(gate.add_event(Event::new("sale")), Err(ConfigError::EventExists));
    assert_eq!(gate.set_window("sale", Window::new(at(2), at(1))), Err(ConfigError::Window));
    assert_eq!(gate.set_window("other", Window::always()), Err(ConfigError::UnknownEvent));
    assert_eq!(gate.add_item(Item::new("tea", "other", 1)), Err(ConfigError::UnknownEvent));
    assert_eq!(gate.add_item(Item::new("", "sale", 1)), Err(ConfigError::Id));
    assert_eq!(gate.add_item(Item::new("tea", "sale", MAX_STOCK + 1)), Err(ConfigError::TooManyUnits));
    gate.add_item(Item::new("tea", "sale", MAX_STOCK)).unwrap();
    assert_eq!(gate.add_item(Item::new("tea", "sale", 1)), Err(ConfigError::ItemExists));
    assert_eq!(gate.restock("tea", 1), Err(ConfigError::TooManyUnits));
    gate.add_item(Item::new("coffee", "sale", 1)).unwrap();
    assert_eq!(gate.add_item(Item::new("milk", "sale", 1)), Err(ConfigError::TooMany { most: 2 }));
    gate.add_event(Event::new("other")).unwrap();
    assert_eq!(gate.add_event(Event::new("third")), Err(ConfigError::TooMany { most: 2 }));
    assert_eq!(gate.events().iter().map(|event| event.items.len()).collect::<Vec<_>>(), [0, 2]);
}

pub(crate) fn items_can_be_removed<B: Backend>() {
    let (gate, _) = tea::<B>(2, 9);
    let held = hold(&gate, &one("ann"));
    gate.remove_item("tea").unwrap();
    assert_eq!(gate.remove_item("tea"), Err(ConfigError::UnknownItem));
    assert_eq!(refusal(&gate, &one("bob")), Rejection::UnknownItem);
    gate.add_item(Item::new("tea", "sale", 1)).unwrap();
    // It gives back to the old one.
    drop(held);
    assert_eq!((units(&gate), gate.load().in_flight), ((1, 0, 0), 0));
}

pub(crate) fn limits_can_be_changed<B: Backend>() {
    let (gate, _) = tea::<B>(9, 1);
    hold(&gate, &one("ann")).commit().unwrap();
    assert_eq!(refusal(&gate, &one("ann")), Rejection::LimitReached { limit: 1, left: 0 });
    gate.set_limit("tea", 3).unwrap();
    let two = Request::new("ann", "tea", 2);
    hold(&gate, &two).commit().unwrap();
    gate.set_limit("tea", 2).unwrap();
    assert_eq!(refusal(&gate, &one("ann")), Rejection::LimitReached { limit: 2, left: 0 });
}

/// A stock that asks the gate, and tells it when it is dropped.
#[derive(Debug)]
struct Nosy<B: Backend>(Gate<B>);

impl<B: Backend> Stock for Nosy<B> {
    fn try_take(&self, _: u32) -> Result<Goods, Shortage> {
        Err(Shortage::SoldOut)
    }

    fn give_back(&self, _: u32, _: Goods) {}

    fn left(&self) -> u64 {
        0
    }

    fn add(&self, _: u64) {}

    fn is_filled_elsewhere(&self) -> bool {
        self.0.set_window("sale", Window::always()).is_ok()
    }
}

impl<B: Backend> Drop for Nosy<B> {
    fn drop(&mut self) {
        _ = self.0.set_window("sale", Window::always());
        self.0.maintain(1);
    }
}

pub(crate) fn stocks_may_ask_the_gate<B: Backend>() {
    let (gate, _) = tea::<B>(1, 1);
    let add = |id: &str| gate.add_item(Item::new(id, "sale", 0).stock(Nosy(gate.clone())));
    add("coffee").unwrap();
    assert_eq!(add("coffee"), Err(ConfigError::ItemExists));
    gate.maintain(1);
    gate.remove_item("coffee").unwrap();
    add("coffee").unwrap();
    add("milk").unwrap();
    gate.end_event("sale").unwrap();
    gate.maintain(1);
    assert!(gate.items().is_empty());
}
