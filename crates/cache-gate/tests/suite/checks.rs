use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use cache_core::Backend;
use cache_gate::{Event, Gate, Item, Limited, MAX_ID, Malformed, Rejection, Request, State, Window};
use cache_policy::{Clock, Rate};

use super::support::*;

pub(crate) fn a_gate_opens_when_it_is_ready<B: Backend>() {
    let (gate, _) = tea::<B>(1, 1);
    gate.set_ready(false);
    assert!(matches!(refusal(&gate, &one("ann")), Rejection::NotReady { .. }));
    gate.set_ready(true);
    hold(&gate, &one("ann")).commit().unwrap();
}

pub(crate) fn malformed_requests_are_named<B: Backend>() {
    let (builder, _) = builder::<B>();
    let gate = open(builder.max_units(5), [Item::new("tea", "sale", 100)]);
    let long = "x".repeat(MAX_ID + 1);
    let refused = |request: Request<'_>| refusal(&gate, &request);
    for user in ["", &long] {
        assert_eq!(refused(Request::new(user, "tea", 1)), Rejection::Malformed(Malformed::User));
        assert_eq!(refused(Request::new("ann", user, 1)), Rejection::Malformed(Malformed::Item));
        assert_eq!(refused(one("ann").event(user)), Rejection::Malformed(Malformed::Item));
        assert_eq!(refused(one("ann").id(user)), Rejection::Malformed(Malformed::RequestId));
    }
    for units in [0, 6, u32::MAX] {
        let expected = Rejection::Malformed(Malformed::Units { most: 5 });
        assert_eq!(refused(Request::new("ann", "tea", units)), expected);
    }
    let longest = "x".repeat(MAX_ID);
    hold(&gate, &Request::new(&longest, "tea", 5).id(&longest)).commit().unwrap();
}

pub(crate) fn blocked_users_are_turned_away<B: Backend>() {
    let (gate, _) = tea::<B>(9, 9);
    assert!(gate.block("ann") && !gate.block("ann"));
    assert_eq!(refusal(&gate, &one("ann")), Rejection::Blocked);
    // Also where there is no such item: nothing is told to them.
    assert_eq!(refusal(&gate, &Request::new("ann", "coffee", 1)), Rejection::Blocked);
    drop(hold(&gate, &one("bob")));
    assert!(gate.unblock("ann") && !gate.unblock("ann"));
    drop(hold(&gate, &one("ann")));
    assert_eq!(gate.replace_blocked(["bob", "cid"]), 2);
    assert_eq!(refusal(&gate, &one("bob")), Rejection::Blocked);
    drop(hold(&gate, &one("ann")));
}

pub(crate) fn unknown_items_and_events<B: Backend>() {
    let (gate, _) = tea::<B>(9, 9);
    assert_eq!(refusal(&gate, &Request::new("ann", "coffee", 1)), Rejection::UnknownItem);
    assert_eq!(refusal(&gate, &one("ann").event("other")), Rejection::UnknownEvent);
    drop(hold(&gate, &one("ann").event("sale")));
}

/// A gate whose event begins at 100 s, for early users at 50 s, and ends at 200 s. It is 1 s now.
fn windowed<B: Backend>() -> (Gate<B>, cache_policy::ManualClock) {
    let (builder, clock) = builder::<B>();
    let gate = builder.build();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    gate.add_event(Event::new("sale").window(Window::new(at(100), at(200)).early(at(50)))).unwrap();
    gate.add_item(Item::new("tea", "sale", 9)).unwrap();
    gate.set_ready(true);
    (gate, clock)
}

pub(crate) fn the_window_is_kept_to_the_tick<B: Backend>() {
    let (gate, clock) = windowed::<B>();
    let starts_in = Duration::from_secs(99);
    assert_eq!(refusal(&gate, &one("ann")), Rejection::NotStarted { starts_in });
    clock.advance(starts_in - Duration::from_nanos(1));
    let starts_in = Duration::from_nanos(1);
    assert_eq!(refusal(&gate, &one("ann")), Rejection::NotStarted { starts_in });
    assert_eq!(item(&gate).starts_in, Some(starts_in));
    clock.advance(starts_in);
    drop(hold(&gate, &one("ann")));
    assert_eq!(item(&gate).starts_in, None);
    clock.advance(Duration::from_secs(100) - Duration::from_nanos(1));
    drop(hold(&gate, &one("ann")));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(refusal(&gate, &one("ann")), Rejection::Ended);
    assert!(item(&gate).ended);
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    gate.set_window("sale", Window::new(at(100), at(300))).unwrap();
    drop(hold(&gate, &one("ann")));
}

pub(crate) fn early_users_begin_earlier<B: Backend>() {
    let (gate, clock) = windowed::<B>();
    gate.allow_early("ann");
    let starts_in = Duration::from_secs(49);
    assert_eq!(refusal(&gate, &one("ann")), Rejection::NotStarted { starts_in });
    clock.advance(starts_in);
    drop(hold(&gate, &one("ann")));
    let starts_in = Duration::from_secs(50);
    assert_eq!(refusal(&gate, &one("bob")), Rejection::NotStarted { starts_in });
    assert_eq!(gate.replace_early(["bob"]), 1);
    drop(hold(&gate, &one("bob")));
    assert!(matches!(refusal(&gate, &one("ann")), Rejection::NotStarted { .. }));
    assert!(gate.disallow_early("bob"));
    assert!(matches!(refusal(&gate, &one("bob")), Rejection::NotStarted { .. }));
}

/// A clock that stands still, and a date that is set.
#[derive(Clone)]
struct Dated(Arc<AtomicU64>);

impl Clock for Dated {
    fn now(&self) -> u64 {
        1
    }

    fn wall_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn the_date_is_followed<B: Backend>() {
    let date = Dated(Arc::new(AtomicU64::new(1_000)));
    let gate = Gate::<B>::builder().clock(date.clone()).build();
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_010);
    gate.add_event(Event::new("sale").window(Window::new(start, start + SECOND))).unwrap();
    gate.add_item(Item::new("tea", "sale", 1)).unwrap();
    gate.set_ready(true);
    let starts_in = Duration::from_secs(10);
    assert_eq!(refusal(&gate, &one("ann")), Rejection::NotStarted { starts_in });
    // Somebody sets the date.
    date.0.store(1_010, Ordering::Relaxed);
    gate.maintain(1);
    drop(hold(&gate, &one("ann")));
}

pub(crate) fn rates_of_users_and_addresses<B: Backend>() {
    let (builder, clock) = builder::<B>();
    let builder = builder.user_rate(Rate::new(2, SECOND)).address_rate(Rate::new(3, SECOND));
    let gate = open(builder, [Item::new("tea", "sale", 99)]);
    let half = Duration::from_millis(500);
    let (ann, bob) = (one("ann"), one("bob"));
    drop(hold(&gate, &ann));
    drop(hold(&gate, &ann));
    let by_user = Rejection::TooFast { limited: Limited::User, retry_after: half };
    assert_eq!(refusal(&gate, &ann), by_user);
    drop(hold(&gate, &bob));
    clock.advance(half);
    drop(hold(&gate, &ann));
    let v6 = |host| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, host));
    for host in 0..3 {
        drop(hold(&gate, &one(&format!("user {host}")).address(v6(host))));
    }
    // Another address of the same network.
    let refused = refusal(&gate, &one("user 9").address(v6(9)));
    assert!(matches!(refused, Rejection::TooFast { limited: Limited::Address, .. }), "{refused:?}");
    drop(hold(&gate, &one("user 10").address(Ipv4Addr::LOCALHOST.into())));
    // One address in two notations.
    for user in ["a", "b"] {
        drop(hold(&gate, &one(user).address(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into())));
    }
    assert!(matches!(
        refusal(&gate, &one("c").address(Ipv4Addr::LOCALHOST.into())),
        Rejection::TooFast { limited: Limited::Address, .. }
    ));
}

pub(crate) fn the_limit_counts_what_is_held<B: Backend>() {
    let (gate, _) = tea::<B>(9, 3);
    let two = Request::new("ann", "tea", 2);
    let reached = |left| Rejection::LimitReached { limit: 3, left };
    assert_eq!(refusal(&gate, &Request::new("ann", "tea", 4)), reached(3));
    let held = hold(&gate, &two);
    assert_eq!(refusal(&gate, &two), reached(1));
    let more = hold(&gate, &one("ann"));
    assert_eq!(refusal(&gate, &one("ann")), reached(0));
    drop(hold(&gate, &two_of("bob")));
    held.commit().unwrap();
    drop(more);
    assert_eq!(refusal(&gate, &two), reached(1));
    assert_eq!(units(&gate), (7, 0, 2));
}

fn two_of(user: &str) -> Request<'_> {
    Request::new(user, "tea", 2)
}

pub(crate) fn the_first_check_that_fails_is_told<B: Backend>() {
    let (builder, _) = builder::<B>();
    let builder = builder.user_rate(Rate::new(1, SECOND));
    let gate = open(builder, [Item::new("tea", "sale", 1).limit(1)]);
    let held = hold(&gate, &one("ann").id("1"));
    // The rate is used up, the limit reached, and the stock empty. The latch is not closed yet.
    assert!(matches!(refusal(&gate, &one("ann")), Rejection::TooFast { .. }));
    assert_eq!(refusal(&gate, &one("bob")), SOLD_OUT);
    assert!(item(&gate).sold_out);
    assert_eq!(refusal(&gate, &one("ann")), SOLD_OUT);
    // A repetition gets its answer, whatever has changed since.
    assert!(gate.admit(&one("ann").id("1")).is_ok());
    gate.block("ann");
    assert_eq!(refusal(&gate, &one("ann").id("1")), Rejection::Blocked);
    held.commit().unwrap();
}

pub(crate) fn check_takes_nothing<B: Backend>() {
    let (gate, _) = tea::<B>(1, 1);
    for _ in 0..3 {
        assert_eq!(gate.check(&one("ann").id("1")), Ok(None));
    }
    assert_eq!(units(&gate), (1, 0, 0));
    let ticket = hold(&gate, &one("ann").id("1")).commit().unwrap();
    assert_eq!(refusal(&gate, &one("bob")), SOLD_OUT);
    assert_eq!(gate.check(&one("cid")), Err(SOLD_OUT));
    // A repetition is told its answer, as by `admit`.
    assert_eq!(gate.check(&one("ann").id("1")), Ok(Some((ticket, State::Committed))));
    let other = Rejection::Malformed(Malformed::OtherRequest);
    assert_eq!(gate.check(&two_of("ann").id("1")), Err(other));
    gate.block("cid");
    assert_eq!(gate.check(&one("cid")), Err(Rejection::Blocked));
}
