//! Reconciliation: stock, counts, reservations and the orders of the books, compared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cache_core::Backend;

use crate::gate::{Gate, Inner};
use crate::item::ItemState;
use crate::keys;
use crate::record::Record;
use crate::sync::atomic::Ordering;
use crate::sync::lock;
use crate::trace;
use crate::{Sale, State, Ticket};

/// Whether differences are only told of.
///
/// # Examples
///
/// See [`Gate::books`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Tells of differences.
    Report,
    /// Changes the gate to what the books say. The books are not changed.
    Mend,
}

/// What a comparison found.
///
/// # Examples
///
/// See [`Gate::books`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Books {
    /// The orders that were given.
    pub orders: usize,
    /// The committed reservations whose orders were looked for.
    pub reservations: usize,
    /// Whether stock and counts were compared: only while the gate is not ready and nobody changes them, as buyers do, and whoever gives
    /// back.
    pub counted: bool,
    /// What differs.
    pub differences: Vec<Difference>,
    /// How many of the differences were mended.
    pub mended: usize,
}

/// Something that differs.
///
/// # Examples
///
/// ```
/// use cache_gate::{Difference, Ticket};
/// let difference = Difference::ReservationWithoutOrder { ticket: Ticket::new(7) };
/// assert_eq!(difference.to_string(), "reservation 7 is committed, and its order is not in the books");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Difference {
    /// An order is in the books, and its reservation is absent or has been given back. Mended by taking its units and count, if there are
    /// enough; otherwise more was sold than there is.
    OrderWithoutReservation {
        /// Its ticket.
        ticket: Ticket,
    },
    /// A reservation is committed, and its order is not in the books. Mended by cancelling it.
    ReservationWithoutOrder {
        /// Its ticket.
        ticket: Ticket,
    },
    /// An order and its reservation differ in user, item or units. Never mended.
    OrderDiffers {
        /// Its ticket.
        ticket: Ticket,
    },
    /// The outcome of a reservation was unknown, or it was still held, and its order is in the books. Mended by committing it.
    Unsettled {
        /// Its ticket.
        ticket: Ticket,
    },
    /// The stock of an item is not what its reservations leave of the total. Mended by adding or taking the difference.
    Stock {
        /// Its id.
        item: String,
        /// What should be left.
        expected: u64,
        /// What is.
        left: u64,
    },
    /// A user's count is not the sum of the user's reservations. Mended by setting it, unless it has just changed.
    Count {
        /// The item.
        item: String,
        /// The user.
        user: String,
        /// What it should be.
        expected: u64,
        /// What it is.
        counted: u64,
    },
}

impl<B: Backend> Gate<B> {
    /// Compares the gate with the orders of the books: all of them that were accepted and not cancelled. Those that say that they were
    /// [cancelled](Sale::cancelled), or of which [event](Sale::event) they were, and that is none of the gate's, are left out.
    ///
    /// Orders are looked for among the reservations. The other way round an order would be missed that came after these were read: see
    /// [`audit`](Gate::audit). Stock and counts are compared only while the gate is not [ready](Gate::set_ready), and
    /// nobody takes or gives back: [`Books::counted`] tells.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Difference, Event, Gate, Item, Mend, Sale, Ticket};
    /// # use cache_rwlock::RwLockBackend;
    /// # let gate = Gate::<RwLockBackend>::builder().build();
    /// # gate.add_event(Event::new("spring")).unwrap();
    /// # gate.add_item(Item::new("sku:1", "spring", 1)).unwrap();
    /// // An order that was not restored.
    /// let ticket = Ticket::new(7);
    /// let books = gate.books([Sale::new(ticket, "ann", "sku:1", 1)], Mend::Mend);
    /// assert_eq!(books.differences, [Difference::OrderWithoutReservation { ticket }]);
    /// assert_eq!((books.mended, books.counted), (1, true));
    /// assert_eq!(gate.item("sku:1").unwrap().left, 0);
    /// ```
    pub fn books<'a>(&self, orders: impl IntoIterator<Item = Sale<'a>>, mend: Mend) -> Books {
        Audit { gate: self.clone(), committed: Vec::new() }.compare(orders, mend)
    }

    /// Notes which reservations are committed now, to be compared with orders that are read **after** this.
    ///
    /// The order of a committed reservation is in the books before. So whatever is noted here and is not among those orders is missing,
    /// even during a sale.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Gate, Mend, Sale};
    /// # use cache_rwlock::RwLockBackend;
    /// # let gate = Gate::<RwLockBackend>::builder().build();
    /// let audit = gate.audit();
    /// let orders: Vec<Sale<'_>> = Vec::new(); // read from the books, now
    /// assert!(audit.compare(orders, Mend::Report).differences.is_empty());
    /// ```
    #[must_use]
    pub fn audit(&self) -> Audit<B> {
        Audit { gate: self.clone(), committed: self.0.committed() }
    }
}

/// The committed reservations of a moment.
///
/// # Examples
///
/// See [`Gate::audit`].
#[derive(Debug)]
pub struct Audit<B: Backend> {
    gate: Gate<B>,
    committed: Vec<Arc<Record>>,
}

impl<B: Backend> Audit<B> {
    /// Compares them with orders that were read after they were noted, and the orders with the gate.
    ///
    /// # Examples
    ///
    /// See [`Gate::audit`].
    pub fn compare<'a>(self, orders: impl IntoIterator<Item = Sale<'a>>, mend: Mend) -> Books {
        let gate = &self.gate;
        let mut comparison = Comparison { gate, mend: mend == Mend::Mend, books: Books::default() };
        comparison.orders(orders, self.committed);
        comparison.units();
        let books = comparison.books;
        if !books.differences.is_empty() {
            trace::books(books.differences.len(), books.mended);
        }
        books
    }
}

struct Comparison<'a, B: Backend> {
    gate: &'a Gate<B>,
    mend: bool,
    books: Books,
}

impl<B: Backend> Comparison<'_, B> {
    fn differs(&mut self, difference: Difference, mend: impl FnOnce(&Gate<B>) -> bool) {
        self.books.mended += usize::from(self.mend && mend(self.gate));
        self.books.differences.push(difference);
    }

    fn orders<'a>(&mut self, orders: impl IntoIterator<Item = Sale<'a>>, committed: Vec<Arc<Record>>) {
        self.books.reservations = committed.len();
        let mut known = HashSet::new();
        for order in orders {
            self.books.orders += 1;
            if order.is_cancelled || !self.gate.0.has_event_of(&order) {
                continue;
            }
            known.insert(order.ticket);
            self.order(&order);
        }
        for record in committed {
            if !known.contains(&record.ticket) && record.state() == State::Committed {
                let ticket = record.ticket;
                let cancel = |gate: &Gate<B>| gate.cancel(ticket).is_ok();
                self.differs(Difference::ReservationWithoutOrder { ticket }, cancel);
            }
        }
    }

    fn order(&mut self, order: &Sale<'_>) {
        let ticket = order.ticket;
        let found = self.gate.0.find(ticket);
        if self.gate.is_ready() && found.as_ref().is_some_and(|record| record.state() == State::Cancelled) {
            // It was cancelled, in the books first, after these orders were read.
            return;
        }
        let Some(record) = found.filter(|record| record.state().holds()) else {
            let restore = |gate: &Gate<B>| gate.restore(order).is_ok();
            return self.differs(Difference::OrderWithoutReservation { ticket }, restore);
        };
        if (&*record.user, &*record.item.id, record.units) != (order.user, order.item, order.units) {
            self.differs(Difference::OrderDiffers { ticket }, |_| false);
        } else if record.state() != State::Committed {
            let commit = |gate: &Gate<B>| {
                let committed = gate.0.commit(&record, State::Unknown) || gate.0.commit(&record, State::Held);
                lock(&gate.0.doubts).remove(&ticket);
                committed
            };
            self.differs(Difference::Unsettled { ticket }, commit);
        }
    }

    /// Compares stock and counts, if it finds them at rest.
    fn units(&mut self) {
        /// How often it looks again if somebody has changed something meanwhile.
        const LOOKS: usize = 8;
        let gate = Arc::clone(&self.gate.0);
        for _ in 0..LOOKS {
            if self.gate.is_ready() {
                return;
            }
            let Some(moment) = gate.changes.at_rest() else {
                std::thread::yield_now();
                continue;
            };
            let (stock, counts) = (self.stock(), self.counts());
            // What was read belongs together if nothing was begun since. While this mends, others may take and give back: what they change
            // and what this changes add up.
            let mending = if self.mend { gate.changes.begin_from(moment) } else { None };
            if mending.is_none() && (self.mend || !gate.changes.is_still(moment)) {
                continue;
            }
            self.books.counted = true;
            for (item, expected, left) in stock {
                let difference = Difference::Stock { item: item.id.to_string(), expected, left };
                self.differs(difference, |_| set_stock(&item, expected, left));
            }
            for (item, user, expected, counted) in counts {
                let (id, name) = (item.id.to_string(), user.clone());
                let difference = Difference::Count { item: id, user: name, expected, counted };
                self.differs(difference, |gate| gate.0.counts.mend(&item, &user, counted, expected));
            }
            return;
        }
    }

    /// Items whose stock differs: what should be left, and what is.
    fn stock(&self) -> Vec<(Arc<ItemState>, u64, u64)> {
        let mut differ = Vec::new();
        let mut taken: HashMap<u64, u64> = HashMap::new();
        for record in self.gate.0.holding() {
            *taken.entry(record.item.number).or_default() += u64::from(record.units);
        }
        for item in self.gate.0.all_items() {
            let stock = item.stock.get();
            if stock.is_filled_elsewhere() {
                continue;
            }
            let total = item.busy.0.total.load(Ordering::Acquire);
            let expected = total.saturating_sub(taken.get(&item.number).copied().unwrap_or(0));
            let left = stock.left();
            if left != expected {
                differ.push((item, expected, left));
            }
        }
        differ
    }

    /// Users whose counts differ: what they should be, and what they are.
    fn counts(&self) -> Vec<(Arc<ItemState>, String, u64, u64)> {
        let gate = &*self.gate.0;
        let mut differ = Vec::new();
        let mut items: HashMap<u64, Arc<ItemState>> = HashMap::new();
        let mut counts: BTreeMap<(u64, String), (u64, u64)> = BTreeMap::new();
        for item in gate.all_items() {
            items.insert(item.number, item);
        }
        // The counts of an event have ended with it; an unknown outcome has not.
        for record in gate.holding().into_iter().filter(|record| !record.item.event.has_ended()) {
            items.entry(record.item.number).or_insert_with(|| Arc::clone(&record.item));
            counts.entry((record.item.number, record.user.to_string())).or_default().0 +=
                u64::from(record.units);
        }
        for (key, counted) in gate.counts.0.entries() {
            if let Some((item, user)) = keys::split_count(&key) {
                counts.entry((item, user.to_owned())).or_default().1 = u64::try_from(counted).unwrap_or(0);
            }
        }
        for ((number, user), (expected, counted)) in counts {
            // Counts of an item that was removed stay until its event ends.
            let Some(item) = items.get(&number) else { continue };
            if expected != counted {
                differ.push((Arc::clone(item), user, expected, counted));
            }
        }
        differ
    }
}

/// Makes the stock what it should be.
fn set_stock(item: &ItemState, expected: u64, left: u64) -> bool {
    let stock = item.stock.get();
    if let Some(missing) = expected.checked_sub(left) {
        stock.add(missing);
        item.returned();
        return true;
    }
    let mut surplus = left - expected;
    while surplus > 0 {
        let units = u32::try_from(surplus).unwrap_or(u32::MAX);
        if stock.try_take(units).is_err() {
            return false;
        }
        surplus -= u64::from(units);
    }
    true
}

impl<B: Backend> Inner<B> {
    fn all_records(&self) -> Vec<Arc<Record>> {
        let mut records: Vec<_> = self.records.entries().iter().map(|record| Arc::clone(&**record)).collect();
        let known: HashSet<_> = records.iter().map(|record| record.ticket).collect();
        // Those whose event has ended.
        records.extend(lock(&self.doubts).values().filter(|record| !known.contains(&record.ticket)).cloned());
        records
    }

    fn committed(&self) -> Vec<Arc<Record>> {
        self.all_records().into_iter().filter(|record| record.state() == State::Committed).collect()
    }

    fn holding(&self) -> Vec<Arc<Record>> {
        self.all_records().into_iter().filter(|record| record.state().holds()).collect()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::OrderWithoutReservation { ticket } => {
                write!(f, "order {ticket} is in the books, and nothing is reserved for it")
            }
            Difference::ReservationWithoutOrder { ticket } => {
                write!(f, "reservation {ticket} is committed, and its order is not in the books")
            }
            Difference::OrderDiffers { ticket } => {
                write!(f, "order {ticket} and its reservation differ in user, item or units")
            }
            Difference::Unsettled { ticket } => {
                write!(f, "order {ticket} is in the books, and its reservation is not committed")
            }
            Difference::Stock { item, expected, left } => {
                write!(f, "{left} units of {item} are left, and not {expected}")
            }
            // Without the user: ids are personal data often.
            Difference::Count { item, expected, counted, .. } => {
                write!(f, "a user's count of {item} is {counted}, and not {expected}")
            }
        }
    }
}
