use cache_core::Backend;
use cache_gate::{Difference, Item, Mend, Overload, Request, RestoreError, Sale, State, Ticket};

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
    let books = gate.books(orders(tickets), Mend::Report);
    assert_eq!((books.orders, books.reservations, books.counted, books.differences.len()), (3, 3, true, 0));
}

pub(crate) fn lost_orders_are_found_and_mended<B: Backend>() {
    let (gate, tickets) = sold::<B>();
    let kept = || orders(tickets).into_iter().skip(1);
    let lost = [Difference::ReservationWithoutOrder { ticket: tickets[0] }];
    let books = gate.books(kept(), Mend::Report);
    assert_eq!((&*books.differences, books.mended, units(&gate)), (&lost[..], 0, (6, 0, 3)));
    let books = gate.books(kept(), Mend::Mend);
    assert_eq!((&*books.differences, books.mended, units(&gate)), (&lost[..], 1, (7, 0, 2)));
    assert!(gate.books(kept(), Mend::Report).differences.is_empty());
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
    use cache_gate::{MemoryStock, Stock};
    use std::sync::Arc;

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
