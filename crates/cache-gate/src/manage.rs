//! Events, items and lists, which change while the gate runs.

use std::sync::Arc;

use cache_core::{Backend, CompactString, ObjCache};

use crate::config::MAX_STOCK;
use crate::gate::{Gate, Inner};
use crate::item::{Busy, EventState, ItemState};
use crate::latch::Latch;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Padded, lock};
use crate::trace;
use crate::{ConfigError, Event, Item, MAX_ID, Window};

impl<B: Backend> Gate<B> {
    /// Adds an event.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says what is wrong with it.
    ///
    /// # Examples
    ///
    /// See [`Gate`].
    pub fn add_event(&self, event: Event) -> Result<(), ConfigError> {
        let gate = &*self.0;
        let Event { id, window } = event;
        check_id(&id)?;
        check_window(&window)?;
        let _config = lock(&gate.config);
        if gate.events.contains(&id) {
            return Err(ConfigError::EventExists);
        }
        let most = gate.bounds.items;
        if gate.events.len() >= most {
            return Err(ConfigError::TooMany { most });
        }
        gate.events.set(&id.clone(), Arc::new(EventState::new(id, &window)));
        Ok(())
    }

    /// Changes when an event takes place.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownEvent`] or [`ConfigError::Window`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # use cache_gate::{Event, Gate, Window};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.add_event(Event::new("spring"))?;
    /// let start = SystemTime::now();
    /// gate.set_window("spring", Window::new(start, start + Duration::from_secs(600)))?;
    /// # Ok::<_, cache_gate::ConfigError>(())
    /// ```
    pub fn set_window(&self, event: &str, window: Window) -> Result<(), ConfigError> {
        check_window(&window)?;
        let _config = lock(&self.0.config);
        self.0.events.get(event).ok_or(ConfigError::UnknownEvent)?.set_window(&window);
        Ok(())
    }

    /// Ends an event: its items, counts, request ids and settled reservations are gone at once, and their memory comes back a little at a
    /// time.
    ///
    /// Reservations that are held go on: they can be committed, and give back to an item that nobody can ask for.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownEvent`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Event, Gate, Item, Rejection, Request};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.add_event(Event::new("spring"))?;
    /// gate.add_item(Item::new("sku:1", "spring", 1))?;
    /// gate.set_ready(true);
    /// gate.end_event("spring")?;
    /// assert_eq!(gate.admit(&Request::new("ann", "sku:1", 1)).unwrap_err(), Rejection::UnknownItem);
    /// # Ok::<_, cache_gate::ConfigError>(())
    /// ```
    ///
    /// # Performance
    ///
    /// Two stores, and one removal for each item, however many users there are.
    pub fn end_event(&self, event: &str) -> Result<(), ConfigError> {
        let gate = &*self.0;
        // Dropped after the lock: an item's stock may be dropped with it, and that may ask the gate.
        let mut ended = Vec::new();
        let _change = gate.changes.begin();
        let config = lock(&gate.config);
        let state = gate.events.take(event).ok_or(ConfigError::UnknownEvent)?;
        state.finish();
        let items = std::mem::take(&mut *lock(&state.items));
        ended.extend(items.iter().filter_map(|item| gate.items.take(item)));
        drop(config);
        trace::ended(event, items.len());
        Ok(())
    }

    /// Adds an item to an event.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says what is wrong with it.
    ///
    /// # Examples
    ///
    /// See [`Gate`].
    pub fn add_item(&self, item: Item) -> Result<(), ConfigError> {
        let gate = &*self.0;
        check_id(&item.id)?;
        if item.units > MAX_STOCK {
            return Err(ConfigError::TooManyUnits);
        }
        // Asked before the lock is taken, and `item` is dropped after it: a stock may ask the gate.
        let is_filled_elsewhere = item.stock.get().is_filled_elsewhere();
        let _config = lock(&gate.config);
        let event = gate.events.get(&item.event).ok_or(ConfigError::UnknownEvent)?;
        if gate.items.contains(&item.id) {
            return Err(ConfigError::ItemExists);
        }
        let most = gate.bounds.items;
        if gate.items.len() >= most {
            return Err(ConfigError::TooMany { most });
        }
        let busy = Busy { total: AtomicU64::new(item.units), ..Busy::default() };
        let state = Arc::new(ItemState {
            number: gate.next_item.fetch_add(1, Ordering::Relaxed),
            latch: Latch::default(),
            event: Arc::clone(&event),
            limit: AtomicU32::new(item.limit),
            most_in_flight: AtomicU32::new(item.in_flight),
            id: item.id,
            stock: item.stock,
            busy: Padded(busy),
        });
        if is_filled_elsewhere {
            lock(&gate.elsewhere).push(Arc::downgrade(&state));
        }
        lock(&event.items).push(state.id.clone());
        gate.items.set(&state.id.clone(), state);
        Ok(())
    }

    /// Removes an item. Reservations of it go on.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownItem`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{ConfigError, Gate};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// assert_eq!(gate.remove_item("sku:1"), Err(ConfigError::UnknownItem));
    /// ```
    pub fn remove_item(&self, item: &str) -> Result<(), ConfigError> {
        let config = lock(&self.0.config);
        let state = self.0.items.take(item).ok_or(ConfigError::UnknownItem)?;
        lock(&state.event.items).retain(|id| id != item);
        // Before the item is dropped: its stock may ask the gate.
        drop(config);
        Ok(())
    }

    /// Adds units to an item, and lets buyers in again. Returns how many there are to be taken.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownItem`], [`ConfigError::TooManyUnits`], or [`ConfigError::FilledElsewhere`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Event, Gate, Item};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.add_event(Event::new("spring"))?;
    /// gate.add_item(Item::new("sku:1", "spring", 0))?;
    /// assert_eq!(gate.restock("sku:1", 5)?, 5);
    /// # Ok::<_, cache_gate::ConfigError>(())
    /// ```
    pub fn restock(&self, item: &str, units: u64) -> Result<u64, ConfigError> {
        let item = self.0.items.get(item).ok_or(ConfigError::UnknownItem)?;
        let stock = item.stock.get();
        if stock.is_filled_elsewhere() {
            return Err(ConfigError::FilledElsewhere);
        }
        let _change = self.0.changes.begin();
        let more = |total: u64| total.checked_add(units).filter(|total| *total <= MAX_STOCK);
        let total = &item.busy.0.total;
        total
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .map_err(|_| ConfigError::TooManyUnits)?;
        stock.add(units);
        item.returned();
        Ok(stock.left())
    }

    /// Lets buyers look at the stock of an item again, if that was filled without the gate's doing.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownItem`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{ConfigError, Gate};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// assert_eq!(gate.reopen("sku:1"), Err(ConfigError::UnknownItem));
    /// ```
    pub fn reopen(&self, item: &str) -> Result<(), ConfigError> {
        self.0.items.get(item).ok_or(ConfigError::UnknownItem)?.returned();
        Ok(())
    }

    /// Changes how many units of an item each user may have. Those who have more keep them.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownItem`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{ConfigError, Gate};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// assert_eq!(gate.set_limit("sku:1", 1), Err(ConfigError::UnknownItem));
    /// ```
    pub fn set_limit(&self, item: &str, per_user: u32) -> Result<(), ConfigError> {
        let item = self.0.items.get(item).ok_or(ConfigError::UnknownItem)?;
        item.limit.store(per_user, Ordering::Relaxed);
        Ok(())
    }

    /// Changes how many reservations of an item may be under way at once. Those that are go on.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownItem`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{ConfigError, Gate};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// assert_eq!(gate.set_in_flight("sku:1", 10), Err(ConfigError::UnknownItem));
    /// ```
    pub fn set_in_flight(&self, item: &str, most: u32) -> Result<(), ConfigError> {
        let item = self.0.items.get(item).ok_or(ConfigError::UnknownItem)?;
        item.most_in_flight.store(most, Ordering::Relaxed);
        Ok(())
    }

    /// Opens or closes the gate for all. It is closed when it is built: load events, lists and orders first.
    ///
    /// # Examples
    ///
    /// See [`Gate`].
    pub fn set_ready(&self, ready: bool) {
        // Pairs with the look of a buyer who has begun. See `Changes::begin`.
        self.0.ready.store(ready, Ordering::SeqCst);
    }

    /// Whether the gate is ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// assert!(!Gate::<RwLockBackend>::builder().build().is_ready());
    /// ```
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::SeqCst)
    }

    /// Puts a user on the black list. Tells whether the user is new there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Gate, Rejection, Request};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.set_ready(true);
    /// gate.block("mallory");
    /// assert_eq!(gate.admit(&Request::new("mallory", "sku:1", 1)).unwrap_err(), Rejection::Blocked);
    /// assert!(gate.unblock("mallory"));
    /// ```
    pub fn block(&self, user: &str) -> bool {
        self.0.blocked.add(user)
    }

    /// Takes a user off the black list. Tells whether the user was there.
    ///
    /// # Examples
    ///
    /// See [`Gate::block`].
    pub fn unblock(&self, user: &str) -> bool {
        self.0.blocked.remove(user)
    }

    /// Whether a user is on the black list.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// assert!(!Gate::<RwLockBackend>::builder().build().is_blocked("ann"));
    /// ```
    #[must_use]
    pub fn is_blocked(&self, user: &str) -> bool {
        self.0.blocked.contains(user)
    }

    /// Replaces the black list while it is in use, and returns how many users are on it. Users on both lists are blocked throughout.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// gate.block("ann");
    /// assert_eq!(gate.replace_blocked(["bob", "cid"]), 2);
    /// assert!(gate.is_blocked("bob") && !gate.is_blocked("ann"));
    /// ```
    pub fn replace_blocked<U: AsRef<str>>(&self, users: impl IntoIterator<Item = U>) -> usize {
        self.0.blocked.replace(users)
    }

    /// Puts a user on the white list: those who may begin at a window's early start. Tells whether the user is new there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// assert!(gate.allow_early("ann") && gate.is_early("ann"));
    /// assert!(gate.disallow_early("ann"));
    /// ```
    pub fn allow_early(&self, user: &str) -> bool {
        self.0.early.add(user)
    }

    /// Takes a user off the white list. Tells whether the user was there.
    ///
    /// # Examples
    ///
    /// See [`Gate::allow_early`].
    pub fn disallow_early(&self, user: &str) -> bool {
        self.0.early.remove(user)
    }

    /// Whether a user is on the white list.
    ///
    /// # Examples
    ///
    /// See [`Gate::allow_early`].
    #[must_use]
    pub fn is_early(&self, user: &str) -> bool {
        self.0.early.contains(user)
    }

    /// Replaces the white list while it is in use, and returns how many users are on it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Gate;
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// assert_eq!(gate.replace_early(["ann"]), 1);
    /// ```
    pub fn replace_early<U: AsRef<str>>(&self, users: impl IntoIterator<Item = U>) -> usize {
        self.0.early.replace(users)
    }
}

impl<B: Backend> Inner<B> {
    /// Lets buyers in again where a stock was filled without the gate's doing.
    pub(crate) fn look_elsewhere(&self) {
        // Those of ended events, too: they are dropped after the lock, as their stocks may ask the gate.
        let mut items = Vec::new();
        lock(&self.elsewhere).retain(|item| {
            let item = item.upgrade();
            let is_there = item.as_ref().is_some_and(|item| !item.event.has_ended());
            items.extend(item);
            is_there
        });
        for item in items {
            if !item.event.has_ended() && item.latch.is_closed() && item.stock.get().left() > 0 {
                item.returned();
            }
        }
    }
}

fn check_id(id: &CompactString) -> Result<(), ConfigError> {
    if (1..=MAX_ID).contains(&id.len()) { Ok(()) } else { Err(ConfigError::Id) }
}

fn check_window(window: &Window) -> Result<(), ConfigError> {
    if window.is_valid() { Ok(()) } else { Err(ConfigError::Window) }
}
