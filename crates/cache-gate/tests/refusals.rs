//! Refusals allocate nothing. A test program of its own, as it counts allocations.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use cache_core::Backend;
use cache_gate::{Admission, BreakerPolicy, Event, Gate, Item, MAX_ID, Reason, Request, Window};
use cache_policy::{HotKeys, Rate};
use hotcache_bench_alloc::by_this_thread;

/// A gate that has a refusal of every kind, and the requests that get them. Ids are as long as they may be.
struct Refusals<B: Backend> {
    gate: Gate<B>,
    requests: Vec<(Reason, Request<'static>)>,
}

fn long(name: &str) -> &'static str {
    Box::leak(format!("{name}{}", "x".repeat(MAX_ID - name.len())).into_boxed_str())
}

fn gate<B: Backend>(in_flight: u32, breaker: BreakerPolicy) -> Gate<B> {
    let rate = Rate::new(1, Duration::from_secs(3_600)).burst(2);
    let gate = Gate::<B>::builder()
        .user_rate(rate)
        .address_rate(Rate::new(1_000_000, Duration::from_secs(1)))
        .in_flight(in_flight)
        .depth(1_000, || 0)
        .breaker(breaker)
        .statistics()
        .hot_items(HotKeys::new())
        .build();
    gate.set_ready(true);
    gate
}

fn refusals<B: Backend>() -> Refusals<B> {
    let gate = gate(1_000, BreakerPolicy::new(1, Duration::from_secs(1)));
    let now = SystemTime::now();
    let hour = Duration::from_secs(3_600);
    gate.add_event(Event::new("now")).unwrap();
    gate.add_event(Event::new("soon").window(Window::new(now + hour, now + 2 * hour).early(now + hour / 2)))
        .unwrap();
    gate.add_event(Event::new("over").window(Window::new(now - 2 * hour, now - hour))).unwrap();
    let sold_out = long("sold out");
    let limited = long("limited");
    let full = long("full");
    let buyer = long("buyer");
    gate.add_item(Item::new(sold_out, "now", 0)).unwrap();
    gate.add_item(Item::new(limited, "now", 9).limit(1)).unwrap();
    gate.add_item(Item::new(full, "now", 9).in_flight(0)).unwrap();
    gate.add_item(Item::new("soon", "soon", 9)).unwrap();
    gate.add_item(Item::new("over", "over", 9)).unwrap();
    gate.block(long("blocked"));
    let address = Ipv4Addr::LOCALHOST.into();
    let Ok(Admission::Held(held)) = gate.admit(&Request::new(buyer, limited, 1)) else {
        panic!("there is stock")
    };
    held.commit().unwrap();
    // Its rate is used up by this one, whose count is as it may be.
    assert!(gate.admit(&Request::new(buyer, limited, 1)).is_err());
    // The first one closes the latch.
    assert!(gate.admit(&Request::new(long("last"), sold_out, 1)).is_err());
    let requests = vec![
        (Reason::Malformed, Request::new("ann", sold_out, 0)),
        (Reason::Blocked, Request::new(long("blocked"), sold_out, 1)),
        (Reason::UnknownItem, Request::new(buyer, long("unknown"), 1)),
        (Reason::UnknownEvent, Request::new(buyer, sold_out, 1).event("over")),
        (Reason::NotStarted, Request::new(buyer, "soon", 1)),
        (Reason::Ended, Request::new(buyer, "over", 1)),
        (Reason::SoldOut, Request::new(buyer, sold_out, 1).address(address)),
        (Reason::SoldOut, Request::new(buyer, sold_out, 1).id(long("id"))),
        (Reason::Overloaded, Request::new(buyer, full, 1)),
        (Reason::TooFast, Request::new(buyer, limited, 1).address(address)),
    ];
    Refusals { gate, requests }
}

fn allocates_nothing<B: Backend>(gate: &Gate<B>, request: &Request<'_>, reason: Reason) {
    // Twice before: a backend may allocate for each thread once.
    for _ in 0..2 {
        assert_eq!(gate.admit(request).unwrap_err().reason(), reason, "{}: {request:?}", B::NAME);
    }
    let before = by_this_thread();
    for _ in 0..1_000 {
        assert!(gate.admit(request).is_err());
    }
    let allocated = by_this_thread().since(before);
    assert_eq!(allocated.count, 0, "{}: {} allocations for 1,000 times {reason}", B::NAME, allocated.count);
}

fn no_refusal_allocates<B: Backend>() {
    let Refusals { gate, requests } = refusals::<B>();
    for (reason, request) in &requests {
        // Hot items are sampled, and the sample of a new one allocates.
        (0..10_000).for_each(|_| _ = gate.admit(request));
        allocates_nothing(&gate, request, *reason);
    }
    let limited = requests[9].1.item;
    gate.report(false);
    allocates_nothing(&gate, &Request::new("ann", limited, 1), Reason::Overloaded);
    gate.set_ready(false);
    allocates_nothing(&gate, &Request::new("ann", limited, 1), Reason::NotReady);

    // The limit comes after the rates.
    let gate = Gate::<B>::builder().build();
    gate.add_event(Event::new("now")).unwrap();
    gate.add_item(Item::new("tea", "now", 9).limit(1)).unwrap();
    gate.set_ready(true);
    let request = Request::new(long("buyer"), "tea", 1);
    let Ok(Admission::Held(held)) = gate.admit(&request) else { panic!("there is stock") };
    held.commit().unwrap();
    allocates_nothing(&gate, &request, Reason::LimitReached);
}

#[test]
fn refusals_allocate_nothing() {
    no_refusal_allocates::<cache_rwlock::RwLockBackend>();
    no_refusal_allocates::<cache_dashmap::DashMapBackend>();
    no_refusal_allocates::<cache_flurry::FlurryBackend>();
    no_refusal_allocates::<cache_scc::SccBackend>();
    no_refusal_allocates::<cache_papaya::PapayaBackend>();
    no_refusal_allocates::<cache_bucket::BucketBackend>();
}
