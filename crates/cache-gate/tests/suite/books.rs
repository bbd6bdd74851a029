use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use cache_core::Backend;
use cache_gate::{
    Admission, Difference, Event, Gate, Goods, Item, MAX_ID, MemoryStock, Mend, Overload, Rejection, Request,
    RestoreError, Sale, Shortage, State, Stock, Ticket,
};
use cache_policy::Clock as _;

use super::support::*;

fn sale(ticket: u64, user: &str, units: u32) -> Sale<'_> {
    Sale::new(Ticket::new(ticket), user, "tea", units)
}

pub(crate) fn orders_are_restored<B: Backend>() {
    let (gate, _) = tea::<B>(5, 2);
    gate.set_ready(false);
    let far = u64::MAX / 2;
    // More than the limit of today: it was sold.
    gate.restore(&sale(far, "ann", 3).request_id("1")).unwrap();
    assert_eq!(gate.restore(&sale(far, "ann", 1)), Err(RestoreError::Repeated));
    assert_eq!(gate.restore(&sale(2, "bob", 3)), Err(RestoreError::NotEnough { left: 2 }));
    assert_eq!(gate.restore(&Sale::new(Ticket::new(2), "bob", "coffee", 1)), Err(RestoreError::UnknownItem));
    assert_eq!(gate.restore(&sale(2, "bob", 0)), Err(RestoreError::NoUnits));
    assert_eq!((units(&gate), gate.load().users), ((2, 0, 3), 1));
    gate.set_ready(true);
    assert!(matches!(
        gate.admit(&Request::new("ann", "tea", 3).id("1")),
        Ok(cache_gate::Admission::Repeated(ticket, State::Committed)) if ticket.get() == far
    ));
    let next = hold(&gate, &one("bob"));
    assert!(next.ticket().get() > far, "tickets do not repeat");
    drop(next);
    gate.cancel(Ticket::new(far)).unwrap();
    assert_eq!(units(&gate), (5, 0, 0));
    let (builder, _) = builder::<B>();
    let gate = open(builder.max_reservations(0), [Item::new("tea", "sale", 1)]);
    assert_eq!(gate.restore(&sale(1, "ann", 1)), Err(RestoreError::Full(Overload::Reservations)));
}

pub(crate) fn request_ids_are_restored<B: Backend>() {
    let answer = |gate: &Gate<B>, user: &str| match gate.admit(&one(user).id("1")) {
        Ok(Admission::Repeated(ticket, state)) => Some((ticket.get(), state)),
        Ok(Admission::Held(_)) => None,
        other => panic!("{other:?}"),
    };
    let (builder, clock) = builder::<B>();
    clock.advance(SECOND * 100);
    let gate = open(builder.remember(SECOND), [Item::new("tea", "sale", 9)]);
    let (now, long_ago) = (clock.wall_time(), clock.wall_time() - SECOND);
    gate.restore(&sale(1, "ann", 1).request_id("1").at(now).cancelled()).unwrap();
    gate.restore(&sale(2, "bob", 1).request_id("1").at(long_ago).cancelled()).unwrap();
    gate.restore(&sale(3, "cid", 1).request_id("1").at(long_ago)).unwrap();
    // An id that was used again after its time: the later order answers, in whatever order they come.
    for (ticket, user) in [(4, "dan"), (5, "dan"), (7, "eve"), (6, "eve")] {
        gate.restore(&sale(ticket, user, 1).request_id("1")).unwrap();
    }
    assert_eq!(units(&gate), (4, 0, 5));
    assert_eq!(answer(&gate, "ann"), Some((1, State::Cancelled)));
    assert_eq!(answer(&gate, "bob"), None);
    assert_eq!(answer(&gate, "cid"), None);
    assert_eq!(answer(&gate, "dan"), Some((5, State::Committed)));
    assert_eq!(answer(&gate, "eve"), Some((7, State::Committed)));
    clock.advance(SECOND);
    assert_eq!(answer(&gate, "ann"), None);
    assert_eq!(gate.state(Ticket::new(1)), None);

    // Ids without room are no reason to sell the units again.
    let (builder, _) = super::support::builder::<B>();
    let gate = open(builder.max_requests(1), [Item::new("tea", "sale", 9)]);
    gate.restore(&sale(1, "ann", 1).request_id("1")).unwrap();
    gate.restore(&sale(2, "bob", 1).request_id("1")).unwrap();
    gate.restore(&sale(3, "cid", 1).request_id(&"x".repeat(MAX_ID + 1))).unwrap();
    assert_eq!((units(&gate), gate.load().requests), ((6, 0, 3), 1));
}

pub(crate) fn orders_that_cannot_be_are_not_restored<B: Backend>() {
    let (gate, clock) = tea::<B>(9, 9);
    assert_eq!(gate.restore(&sale(u64::MAX, "ann", 1)), Err(RestoreError::Ticket));
    let long = "u".repeat(MAX_ID + 1);
    assert_eq!(gate.restore(&sale(1, &long, 1)), Err(RestoreError::User));
    assert_eq!(gate.restore(&sale(1, "", 1)), Err(RestoreError::User));
    // Their tickets are used all the same, though the clock is behind them.
    let ahead =
        2 * u64::try_from(clock.wall_time().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros())
            .unwrap();
    gate.restore(&sale(ahead, "ann", 1).cancelled()).unwrap();
    assert_eq!(hold(&gate, &one("ann")).ticket().get(), ahead + 1);
    let gone = Sale::new(Ticket::new(ahead + 9), "ann", "coffee", 1);
    assert_eq!(gate.restore(&gone), Err(RestoreError::UnknownItem));
    assert_eq!(hold(&gate, &one("ann")).ticket().get(), ahead + 10);
    assert_eq!(units(&gate), (9, 0, 0));
}

pub(crate) fn orders_of_other_events_are_left_out<B: Backend>() {
    let (gate, _) = tea::<B>(9, 1);
    gate.end_event("sale").unwrap();
    gate.add_event(Event::new("winter")).unwrap();
    gate.add_item(Item::new("tea", "winter", 5).limit(1)).unwrap();
    assert_eq!(gate.restore(&sale(1, "ann", 1).event("sale")), Err(RestoreError::OtherEvent));
    gate.restore(&sale(2, "bob", 1).event("winter")).unwrap();
    let orders =
        [sale(1, "ann", 1).event("sale"), sale(2, "bob", 1).event("winter"), sale(3, "cid", 1).cancelled()];
    for ready in [true, false] {
        gate.set_ready(ready);
        let books = gate.books(orders, Mend::Mend);
        assert_eq!((books.differences, books.mended), (vec![], 0));
    }
    gate.set_ready(true);
    assert_eq!(units(&gate), (4, 0, 1));
    drop(hold(&gate, &one("ann")));
    // Without the event, it could be anybody's.
    gate.restore(&sale(1, "ann", 1)).unwrap();
}

/// A gate that sold, and what the books have: two of `ann`, one of `bob`.
fn sold<B: Backend>() -> (cache_gate::Gate<B>, [Ticket; 3]) {
    let (gate, _) = tea::<B>(9, 9);
    let tickets = ["ann", "ann", "bob"].map(|user| hold(&gate, &one(user)).commit().unwrap());
    drop(hold(&gate, &one("cid")));
    gate.cancel(hold(&gate, &one("ann")).commit().unwrap()).unwrap();
    gate.set_ready(false);
    (gate, tickets)
}

fn orders(tickets: [Ticket; 3]) -> [Sale<'static>; 3] {
    let [one, two, three] = tickets;
    [Sale::new(one, "ann", "tea", 1), Sale::new(two, "ann", "tea", 1), Sale::new(three, "bob", "tea", 1)]
}

pub(crate) fn nothing_differs_after_a_sale<B: Backend>() {
    let (gate, tickets) = sold::<B>();
    let books = gate.audit().compare(orders(tickets), Mend::Report);
    assert_eq!((books.orders, books.reservations, books.counted, books.differences.len()), (3, 3, true, 0));
}

pub(crate) fn lost_orders_are_found_and_mended<B: Backend>() {
    let (gate, tickets) = sold::<B>();
    let kept = || orders(tickets).into_iter().skip(1);
    let lost = [Difference::ReservationWithoutOrder { ticket: tickets[0] }];
    // Without an audit, only orders are looked for: this one may have come after they were read.
    assert!(gate.books(kept(), Mend::Mend).differences.is_empty());
    let books = gate.audit().compare(kept(), Mend::Report);
    assert_eq!((&*books.differences, books.mended, units(&gate)), (&lost[..], 0, (6, 0, 3)));
    let books = gate.audit().compare(kept(), Mend::Mend);
    assert_eq!((&*books.differences, books.mended, units(&gate)), (&lost[..], 1, (7, 0, 2)));
    assert!(gate.audit().compare(kept(), Mend::Report).differences.is_empty());
}

pub(crate) fn orders_without_reservations<B: Backend>() {
    let (gate, tickets) = sold::<B>();
    gate.cancel(tickets[2]).unwrap();
    let more = || orders(tickets).into_iter().chain([sale(7, "eve", 2)]);
    let missing = |ticket| Difference::OrderWithoutReservation { ticket };
    let books = gate.books(more(), Mend::Mend);
    assert_eq!(books.differences, [missing(tickets[2]), missing(Ticket::new(7))]);
    assert_eq!((books.mended, units(&gate)), (2, (4, 0, 5)));
    assert!(gate.books(more(), Mend::Report).differences.is_empty());
    // More was sold than there is.
    let books = gate.books(more().chain([sale(8, "eve", 9)]), Mend::Mend);
    assert_eq!((books.differences, books.mended), (vec![missing(Ticket::new(8))], 0));
    let other = [Sale::new(tickets[0], "ann", "tea", 2)];
    let books = gate.books(more().skip(1).chain(other), Mend::Mend);
    assert_eq!((books.differences, books.mended), (vec![Difference::OrderDiffers { ticket: tickets[0] }], 0));
}

pub(crate) fn unsettled_ones_are_settled<B: Backend>() {
    let (gate, _) = tea::<B>(9, 9);
    let tickets = [1, 2].map(|_| hold(&gate, &one("ann")).unsettled().unwrap().ticket());
    gate.set_ready(false);
    let books = gate.books([Sale::new(tickets[0], "ann", "tea", 1)], Mend::Mend);
    assert_eq!(books.differences, [Difference::Unsettled { ticket: tickets[0] }]);
    // The other's order may still come.
    assert_eq!((gate.unsettled(), units(&gate)), (vec![tickets[1]], (7, 1, 1)));
}

pub(crate) fn wrong_counts_and_stock_are_mended<B: Backend>() {
    let stock = Arc::new(MemoryStock::new(9));
    let (builder, _) = builder::<B>();
    let gate = open(builder, [Item::new("tea", "sale", 0).stock(Arc::clone(&stock))]);
    let ticket = hold(&gate, &one("ann")).commit().unwrap();
    gate.set_ready(false);
    for (off, left) in [(2_i32, 10), (-3, 5)] {
        if off > 0 {
            stock.add(2);
        } else {
            drop(stock.try_take(3).unwrap());
        }
        let orders = [Sale::new(ticket, "ann", "tea", 1)];
        let difference = Difference::Stock { item: "tea".to_owned(), expected: 8, left };
        let books = gate.books(orders, Mend::Mend);
        assert_eq!((books.differences, books.mended, stock.left()), (vec![difference], 1, 8));
        assert!(gate.books(orders, Mend::Report).differences.is_empty());
    }
}

pub(crate) fn a_sale_goes_on_beside_an_audit<B: Backend>() {
    let (gate, _) = tea::<B>(9, 9);
    let lost = hold(&gate, &one("ann")).commit().unwrap();
    let kept = hold(&gate, &one("ann")).commit().unwrap();
    let cancelled = hold(&gate, &one("bob")).commit().unwrap();
    let audit = gate.audit();
    let orders = [kept, cancelled].map(|ticket| {
        let user = if ticket == kept { "ann" } else { "bob" };
        Sale::new(ticket, user, "tea", 1)
    });
    // After the orders were read.
    hold(&gate, &one("cid")).commit().unwrap();
    gate.cancel(cancelled).unwrap();
    let books = audit.compare(orders, Mend::Mend);
    assert_eq!(books.differences, [Difference::ReservationWithoutOrder { ticket: lost }]);
    assert!(!books.counted && gate.is_ready());
    assert_eq!(units(&gate), (7, 0, 2));
    // Without an audit, only orders are looked for.
    assert!(gate.books([], Mend::Mend).differences.is_empty());
}

type Act = Box<dyn FnOnce() + Send>;

/// A stock that does something once, before it says what is left.
struct Hook {
    stock: MemoryStock,
    act: Mutex<Option<Act>>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stock.fmt(f)
    }
}

impl Stock for Hook {
    fn try_take(&self, units: u32) -> Result<Goods, Shortage> {
        self.stock.try_take(units)
    }

    fn give_back(&self, units: u32, goods: Goods) {
        self.stock.give_back(units, goods);
    }

    fn left(&self) -> u64 {
        let act = self.act.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
        self.stock.left()
    }

    fn add(&self, units: u64) {
        self.stock.add(units);
    }
}

fn hook(units: u64) -> Arc<Hook> {
    Arc::new(Hook { stock: MemoryStock::new(units), act: Mutex::new(None) })
}

pub(crate) fn a_late_buyer_spoils_no_comparison<B: Backend>() {
    let [came, go, done] = [(); 3].map(|()| Arc::new(Barrier::new(2)));
    let (builder, _) = builder::<B>();
    // The first request waits between the check whether the gate is ready and its reservation.
    let (is_first, its) = (AtomicBool::new(true), [Arc::clone(&came), Arc::clone(&go)]);
    let builder = builder.depth(9, move || {
        if is_first.swap(false, SeqCst) {
            its.iter().for_each(|barrier| _ = barrier.wait());
        }
        0
    });
    let stock = hook(10);
    let gate = open(builder, [Item::new("tea", "sale", 0).stock(Arc::clone(&stock)).limit(1)]);
    thread::scope(|scope| {
        let buyer = scope.spawn(|| {
            let admitted = gate.admit(&one("ann"));
            done.wait();
            admitted
        });
        came.wait();
        gate.set_ready(false);
        let (go, done) = (Arc::clone(&go), Arc::clone(&done));
        *stock.act.lock().unwrap() = Some(Box::new(move || {
            go.wait();
            done.wait();
        }));
        let books = gate.books([], Mend::Mend);
        assert!(books.counted && books.differences.is_empty(), "{books:?}");
        let admitted = buyer.join().unwrap();
        assert_eq!(units(&gate), (10, 0, 0), "{admitted:?}");
        // Whoever closed the gate is not surprised by it.
        assert!(matches!(admitted, Err(Rejection::NotReady { .. })), "{admitted:?}");
    });
}

pub(crate) fn what_is_given_back_spoils_no_comparison<B: Backend>() {
    let stock = hook(10);
    let (builder, _) = builder::<B>();
    let gate = open(builder, [Item::new("tea", "sale", 0).stock(Arc::clone(&stock)).limit(2)]);
    for mend in [Mend::Mend, Mend::Report] {
        let held = hold(&gate, &one("ann"));
        gate.set_ready(false);
        // It was among the reservations, and its units are back before the stock is looked at.
        *stock.act.lock().unwrap() = Some(Box::new(move || drop(held)));
        let books = gate.books([], mend);
        assert!(books.counted && books.differences.is_empty(), "{books:?}");
        assert_eq!((units(&gate), gate.load().users), ((10, 0, 0), 0));
        gate.set_ready(true);
    }
    // While somebody takes or gives back all the time, nothing is said.
    let gate = &gate;
    gate.set_ready(false);
    stock.add(1);
    thread::scope(|scope| {
        let [came, go] = [(); 2].map(|()| Arc::new(Barrier::new(2)));
        let its = [Arc::clone(&came), Arc::clone(&go)];
        *stock.act.lock().unwrap() =
            Some(Box::new(move || its.iter().for_each(|barrier| _ = barrier.wait())));
        // It has begun, and asks what is left in the end.
        let restocks = scope.spawn(move || gate.restock("tea", 1));
        came.wait();
        let books = gate.books([], Mend::Mend);
        assert!(!books.counted && books.differences.is_empty(), "{books:?}");
        go.wait();
        assert_eq!(restocks.join().unwrap(), Ok(12));
    });
    let expected = Difference::Stock { item: "tea".to_owned(), expected: 11, left: 12 };
    assert_eq!(gate.books([], Mend::Mend).differences, [expected]);
    assert_eq!(units(gate), (11, 0, 0));
}

pub(crate) fn an_unknown_one_of_an_ended_event_differs_not<B: Backend>() {
    let (gate, _) = tea::<B>(9, 9);
    let unknown = hold(&gate, &one("ann")).unsettled().unwrap();
    gate.end_event("sale").unwrap();
    drop(unknown);
    gate.set_ready(false);
    let books = gate.audit().compare([], Mend::Mend);
    assert!(books.counted && books.differences.is_empty(), "{books:?}");
    assert_eq!(gate.unsettled().len(), 1);
}
