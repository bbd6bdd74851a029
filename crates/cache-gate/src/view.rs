//! What can be seen of a gate.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, CompactString, ObjCache};
use cache_policy::HotKey;

use crate::gate::Gate;
use crate::item::{Dates, ItemState};
use crate::sync::atomic::Ordering;
use crate::sync::lock;
use crate::{Breaker, Statistics, Window};

/// An item, as [`Gate::items`] shows it. The numbers are read one after the other, while buyers change them.
///
/// While nobody buys or gives back, `left + held + sold = total`; except for a stock that is filled elsewhere, as a lease is, or to which
/// somebody adds without [`restock`](Gate::restock).
///
/// # Examples
///
/// See [`Gate::items`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ItemStats {
    /// Its id.
    pub id: String,
    /// Its event.
    pub event: String,
    /// Units that there were in the beginning, and that came in since.
    pub total: u64,
    /// Units that can be taken.
    pub left: u64,
    /// Units in reservations that are under way.
    pub held: u64,
    /// Units in orders that are in the books.
    pub sold: u64,
    /// Reservations that are under way.
    pub in_flight: u32,
    /// How many of them may be.
    pub most_in_flight: u32,
    /// How many units each user may have.
    pub limit: u32,
    /// Whether everybody is refused, until units come back.
    pub sold_out: bool,
    /// How long it is until everybody may buy; `None` if it has begun.
    pub starts_in: Option<Duration>,
    /// Whether the window is over.
    pub ended: bool,
}

/// An event, as [`Gate::events`] shows it.
///
/// # Examples
///
/// See [`Gate::events`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventInfo {
    /// Its id.
    pub id: String,
    /// When it takes place.
    pub window: Window,
    /// The ids of its items.
    pub items: Vec<String>,
}

/// How full a gate is.
///
/// # Examples
///
/// See [`Gate::load`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Load {
    /// Reservations under way.
    pub in_flight: u32,
    /// Reservations that are kept, settled ones included.
    pub reservations: usize,
    /// Counts of users and items.
    pub users: usize,
    /// Request ids.
    pub requests: usize,
    /// Users and addresses whose rates are known.
    pub rates: usize,
    /// Reservations whose outcome is unknown and that nobody holds.
    pub unsettled: usize,
    /// Orders that wait behind the gate.
    pub depth: usize,
    /// Users on the black list.
    pub blocked: usize,
    /// Users on the white list.
    pub early: usize,
    /// Items.
    pub items: usize,
}

impl<B: Backend> Gate<B> {
    /// All items, by their ids.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Event, Gate, Item};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.add_event(Event::new("spring"))?;
    /// gate.add_item(Item::new("sku:1", "spring", 10))?;
    /// let items = gate.items();
    /// assert_eq!((&*items[0].id, items[0].left, items[0].sold), ("sku:1", 10, 0));
    /// # Ok::<_, cache_gate::ConfigError>(())
    /// ```
    #[must_use]
    pub fn items(&self) -> Vec<ItemStats> {
        let mut items: Vec<_> = self.0.all_items().iter().map(|item| self.show(item)).collect();
        items.sort_by(|one, other| one.id.cmp(&other.id));
        items
    }

    /// One item.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(Gate::<RwLockBackend>::builder().build().item("sku:1"), None);
    /// ```
    #[must_use]
    pub fn item(&self, item: &str) -> Option<ItemStats> {
        self.0.items.get(item).map(|item| self.show(&item))
    }

    fn show(&self, item: &ItemState) -> ItemStats {
        let busy = &item.busy.0;
        let date = self.0.time.unix(self.0.time.now());
        let Dates { start, end, .. } = item.event.dates();
        ItemStats {
            id: item.id.to_string(),
            event: item.event.id.to_string(),
            total: busy.total.load(Ordering::Acquire),
            left: item.stock.get().left(),
            held: busy.held.load(Ordering::Acquire),
            sold: busy.sold.load(Ordering::Acquire),
            in_flight: busy.places.taken(),
            most_in_flight: item.most_in_flight.load(Ordering::Relaxed),
            limit: item.limit.load(Ordering::Relaxed),
            sold_out: item.latch.is_closed(),
            starts_in: (date < start).then(|| Duration::from_nanos(start - date)),
            ended: date >= end,
        }
    }

    /// All events, by their ids.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Event, Gate};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.add_event(Event::new("spring"))?;
    /// assert_eq!(gate.events()[0].id, "spring");
    /// # Ok::<_, cache_gate::ConfigError>(())
    /// ```
    #[must_use]
    pub fn events(&self) -> Vec<EventInfo> {
        let mut states = Vec::new();
        self.0.events.for_each(&mut |_, event| states.push(Arc::clone(event)));
        let show = |event: &Arc<crate::item::EventState>| EventInfo {
            id: event.id.to_string(),
            window: event.window(),
            items: lock(&event.items).iter().map(ToString::to_string).collect(),
        };
        let mut events: Vec<_> = states.iter().map(show).collect();
        events.sort_by(|one, other| one.id.cmp(&other.id));
        events
    }

    /// What the gate has done, if it was built with [`Builder::statistics`](crate::Builder::statistics).
    ///
    /// # Examples
    ///
    /// See [`Statistics`].
    #[must_use]
    pub fn statistics(&self) -> Option<Statistics> {
        self.0.stats.as_ref().map(|stats| stats.sum())
    }

    /// The items that are asked for most, by their shares, if the gate was built with
    /// [`Builder::hot_items`](crate::Builder::hot_items).
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Event, Gate, Item, Request};
    /// # use cache_policy::HotKeys;
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().hot_items(HotKeys::new().one_in(1)).build();
    /// gate.add_event(Event::new("spring"))?;
    /// gate.add_item(Item::new("sku:1", "spring", 10))?;
    /// gate.set_ready(true);
    /// _ = gate.admit(&Request::new("ann", "sku:1", 1));
    /// assert_eq!(gate.hot_items(3)[0].key, "sku:1");
    /// # Ok::<_, cache_gate::ConfigError>(())
    /// ```
    #[must_use]
    pub fn hot_items(&self, k: usize) -> Vec<HotKey<CompactString>> {
        self.0.hot.as_ref().map_or_else(Vec::new, |hot| hot.top(k))
    }

    /// How full the gate is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// assert_eq!(Gate::<RwLockBackend>::builder().build().load().in_flight, 0);
    /// ```
    #[must_use]
    pub fn load(&self) -> Load {
        let gate = &*self.0;
        let users = gate.user_rate.as_ref().map_or(0, |(limiter, _)| limiter.len());
        let addresses = gate.address_rate.as_ref().map_or(0, |(limiter, _)| limiter.len());
        Load {
            in_flight: gate.places.0.taken(),
            reservations: gate.records.len(),
            users: gate.counts.0.len(),
            requests: gate.requests.len(),
            rates: users + addresses,
            unsettled: lock(&gate.doubts).len(),
            depth: gate.depth.as_ref().map_or(0, |depth| (depth.signal)()),
            blocked: gate.blocked.len(),
            early: gate.early.len(),
            items: gate.items.len(),
        }
    }

    /// The state of the breaker; closed if the gate has none.
    ///
    /// # Examples
    ///
    /// See [`Breaker`].
    #[must_use]
    pub fn breaker(&self) -> Breaker {
        let gate = &*self.0;
        gate.breaker.as_ref().map_or(Breaker::Closed, |breaker| breaker.state(gate.time.now()))
    }

    /// Tells the breaker of an order that went well, or that failed for want of health.
    ///
    /// A commit tells the former on its own, and dropping an [`Unsettled`](crate::Unsettled) the latter. So it is for hand-offs that
    /// refuse orders because something is broken.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cache_gate::{Breaker, BreakerPolicy, Gate};
    /// # use cache_rwlock::RwLockBackend;
    /// let policy = BreakerPolicy::new(1, Duration::from_secs(1));
    /// let gate = Gate::<RwLockBackend>::builder().breaker(policy).build();
    /// gate.report(false);
    /// assert!(matches!(gate.breaker(), Breaker::Open { .. }));
    /// gate.report(true);
    /// assert_eq!(gate.breaker(), Breaker::Closed);
    /// ```
    pub fn report(&self, went_well: bool) {
        if let Some(breaker) = &self.0.breaker {
            breaker.report(went_well, self.0.time.now());
        }
    }
}

impl<B: Backend> crate::gate::Inner<B> {
    pub(crate) fn all_items(&self) -> Vec<Arc<ItemState>> {
        let mut items = Vec::with_capacity(self.items.len());
        self.items.for_each(&mut |_, item| items.push(Arc::clone(item)));
        items
    }
}
