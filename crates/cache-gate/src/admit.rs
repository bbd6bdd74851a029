//! The checks of a request, in their order: cheap ones first, and those that change nothing before those that do.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, ObjCache, ObjCacheExt};
use cache_policy::{Rate, RateLimiter, Verdict};

use crate::attempt::Attempt;
use crate::gate::{Gate, Inner};
use crate::item::{Dates, Glance, ItemState, NEVER, Seen};
use crate::stats::Count;
use crate::sync::atomic::Ordering;
use crate::{Admission, Limited, MAX_ID, Malformed, Overload, Rejection, Request, State, Ticket};

/// When a client should ask again that met something full: a guess.
const RETRY: Duration = Duration::from_millis(100);

/// When a client should ask again that came while the gate was warming up: a guess.
const WARM_UP: Duration = Duration::from_secs(1);

/// The number of reservations past their time that one new request ends on its way.
const EXPIRE_LOOKS: usize = 8;

pub(crate) const fn overloaded(overload: Overload) -> Rejection {
    Rejection::Overloaded { overload, retry_after: RETRY }
}

impl<B: Backend> Gate<B> {
    /// Admits a request, or says why not.
    ///
    /// The checks, in this order: is the gate ready; is the request well-formed; the black list; the item; the request's id; is the
    /// item sold out; the window of the event, with the white list before its start; the bulkheads, the breaker and the
    /// depth of the hand-off; the rates; the purchase limit; a place of the item's bulkhead and of the gate's; the stock.
    ///
    /// A check from the purchase limit on that fails gives back what those before it took.
    ///
    /// # Errors
    ///
    /// [`Rejection`] says what failed. A user who asks twice at once may see [`Rejection::LimitReached`] for one request although the
    /// other fails a moment later.
    ///
    /// # Examples
    ///
    /// See [`Gate`].
    ///
    /// # Performance
    ///
    /// Refusals before the rates write nothing that others read, and allocate nothing. A black-listed user costs one look-up, a sold-out item
    /// two: the black list and the item.
    #[inline]
    pub fn admit(&self, request: &Request<'_>) -> Result<Admission<B>, Rejection> {
        // Refusals by these two are told at once; what follows is a call.
        match self.0.screen(request).and_then(|()| self.0.glance(request)) {
            Ok(glance) => self.go_on(request, &glance),
            Err(rejection) => {
                if let Some(stats) = &self.0.stats {
                    stats.refuse(rejection.reason());
                }
                Err(rejection)
            }
        }
    }

    /// Says whether a request would be refused before anything is counted or taken: by any check before the rates.
    ///
    /// For a page, or before a challenge is posed. Nothing is promised. Returns the ticket and the state of an earlier request with this
    /// id, if there is one: that is the answer to this one, as [`Admission::Repeated`] is, and no challenge needs to be posed.
    ///
    /// # Errors
    ///
    /// As [`admit`](Gate::admit).
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::{Gate, Rejection, Request};
    /// # use cache_rwlock::RwLockBackend;
    /// let gate = Gate::<RwLockBackend>::builder().build();
    /// let request = Request::new("ann", "sku:1", 1);
    /// assert!(matches!(gate.check(&request), Err(Rejection::NotReady { .. })));
    /// gate.set_ready(true);
    /// assert_eq!(gate.check(&request), Err(Rejection::UnknownItem));
    /// ```
    pub fn check(&self, request: &Request<'_>) -> Result<Option<(Ticket, State)>, Rejection> {
        self.0.screen(request)?;
        let glance = self.0.glance(request)?;
        if let Some(earlier) = self.0.earlier(request)? {
            return Ok(Some(earlier));
        }
        self.0.judge(&glance, request).map(|_now| None)
    }

    /// The checks from the request's id on, and what is counted of their results.
    #[inline(never)]
    fn go_on(&self, request: &Request<'_>, glance: &Glance) -> Result<Admission<B>, Rejection> {
        let result = self.try_admit(request, glance);
        if let Some(stats) = &self.0.stats {
            match &result {
                Ok(Admission::Held(_)) => stats.add(Count::Admitted),
                Ok(Admission::Repeated(..)) => stats.add(Count::Repeated),
                Err(rejection) => stats.refuse(rejection.reason()),
            }
        }
        result
    }

    fn try_admit(&self, request: &Request<'_>, glance: &Glance) -> Result<Admission<B>, Rejection> {
        let gate = &*self.0;
        if let Some((ticket, state)) = gate.earlier(request)? {
            return Ok(Admission::Repeated(ticket, state));
        }
        let now = gate.judge(glance, request)?;
        if gate.expiry.is_due(now) {
            gate.expire(now, EXPIRE_LOOKS);
        }
        gate.allow(request)?;
        // It may have been removed meanwhile, and another one of its id added.
        let item = gate.items.get(request.item).filter(|item| item.number == glance.number);
        self.reserve(request, item.ok_or(Rejection::UnknownItem)?, now)
    }

    /// Takes what a reservation needs, all or nothing.
    fn reserve(
        &self,
        request: &Request<'_>,
        item: Arc<ItemState>,
        now: u64,
    ) -> Result<Admission<B>, Rejection> {
        let gate = &*self.0;
        gate.make_room()?;
        let mut attempt = Attempt::new(gate, &item, request);
        // Whoever closes the gate, and sees nothing under way then, must not be surprised by this one. See `Changes::begin`.
        gate.must_be_ready()?;
        if let Some(id) = request.id {
            while !attempt.claim(id)? {
                if let Some((ticket, state)) = gate.repeated(request, id)? {
                    return Ok(Admission::Repeated(ticket, state));
                }
            }
        }
        attempt.count()?;
        attempt.enter(now)?;
        attempt.take()?;
        Ok(Admission::Held(attempt.finish(self, now)))
    }
}

impl<B: Backend> Inner<B> {
    #[inline]
    fn must_be_ready(&self) -> Result<(), Rejection> {
        let ready = self.ready.load(Ordering::SeqCst);
        if ready { Ok(()) } else { Err(Rejection::NotReady { retry_after: WARM_UP }) }
    }

    /// What can be said without the item.
    #[inline]
    fn screen(&self, request: &Request<'_>) -> Result<(), Rejection> {
        self.must_be_ready()?;
        if let Some(malformed) = malformed(request, self.bounds.units) {
            return Err(Rejection::Malformed(malformed));
        }
        if self.blocked.contains(request.user) {
            return Err(Rejection::Blocked);
        }
        Ok(())
    }

    /// What is known of the item. Refuses what is sold out at once, unless a request id has to be looked up first.
    #[inline]
    fn glance(&self, request: &Request<'_>) -> Result<Glance, Rejection> {
        let seen = self.items.with(request.item, |item| item.glance(request.event));
        if let Some(hot) = self.hot.as_ref().filter(|_| seen.is_some()) {
            hot.record(request.item);
        }
        match seen {
            None | Some(Seen::Ended) => Err(Rejection::UnknownItem),
            Some(Seen::OtherEvent) => Err(Rejection::UnknownEvent),
            Some(Seen::SoldOut) if request.id.is_none() => Err(Rejection::SoldOut { left: 0 }),
            Some(Seen::SoldOut) => Ok(Glance::SOLD_OUT),
            Some(Seen::Open(glance)) => Ok(glance),
        }
    }

    /// What can be said with the item, without a change. Returns the time.
    #[inline]
    fn judge(&self, glance: &Glance, request: &Request<'_>) -> Result<u64, Rejection> {
        if glance.is_closed {
            return Err(Rejection::SoldOut { left: 0 });
        }
        let now = self.time.now();
        let date = self.time.unix(now);
        let Dates { start, end, early } = glance.dates;
        if date < start {
            let is_early = early != NEVER && self.early.contains(request.user);
            let start = if is_early { early } else { start };
            if date < start {
                return Err(Rejection::NotStarted { starts_in: Duration::from_nanos(start - date) });
            }
        }
        if date >= end {
            return Err(Rejection::Ended);
        }
        if glance.is_full {
            return Err(overloaded(Overload::Item));
        }
        if self.places.0.taken() >= self.bounds.in_flight {
            return Err(overloaded(Overload::Gate));
        }
        if let Some(retry_after) = self.breaker.as_ref().and_then(|breaker| breaker.wait(now)) {
            return Err(Rejection::Overloaded { overload: Overload::Breaker, retry_after });
        }
        if self.depth.as_ref().is_some_and(|depth| (depth.signal)() > depth.most) {
            return Err(overloaded(Overload::Queue));
        }
        Ok(now)
    }

    fn allow(&self, request: &Request<'_>) -> Result<(), Rejection> {
        if let Some((limiter, rate)) = &self.user_rate {
            allowed(limiter, request.user, *rate, Limited::User)?;
        }
        if let (Some((limiter, rate)), Some(address)) = (&self.address_rate, request.address) {
            allowed(limiter, &network(address), *rate, Limited::Address)?;
        }
        Ok(())
    }

    /// What became of an earlier request with the id of this one, if it has one.
    fn earlier(&self, request: &Request<'_>) -> Result<Option<(Ticket, State)>, Rejection> {
        request.id.map_or(Ok(None), |id| self.repeated(request, id))
    }

    /// What became of an earlier request with this id; `None` if there is none that counts.
    fn repeated(&self, request: &Request<'_>, id: &str) -> Result<Option<(Ticket, State)>, Rejection> {
        let mut found = self.requests.get(request.user, id);
        while let Some(ticket) = found {
            let Some(record) = self.records.get(&ticket.get()) else {
                // Whoever releases a reservation forgets the id first. If it is there still, the twin is about to buy, or to fail; or it was
                // cancelled, and had to make room.
                found = self.requests.get(request.user, id);
                if found == Some(ticket) {
                    return Ok(Some((ticket, State::Held)));
                }
                continue;
            };
            let state = record.state();
            if state == State::Released {
                // It bought nothing, and its id is about to be forgotten: helping keeps this from waiting for that thread.
                self.requests.forget(request.user, id, ticket);
                return Ok(None);
            }
            if record.units != request.units || record.item.id != request.item {
                return Err(Rejection::Malformed(Malformed::OtherRequest));
            }
            return Ok(Some((ticket, state)));
        }
        Ok(None)
    }

    /// Makes sure that another reservation can be kept: the oldest that have ended go first.
    fn make_room(&self) -> Result<(), Rejection> {
        /// The number of reservations that a caller examines in search of those that have ended.
        const LOOKS: usize = 64;
        let is_full = || self.records.len() >= self.bounds.reservations;
        if is_full() {
            self.records.maintain(LOOKS);
            for _ in 0..LOOKS {
                if !is_full() {
                    return Ok(());
                }
                let Some(ticket) = self.ended.pop() else { break };
                self.records.remove_if(&ticket.get(), |record| !record.state().holds());
            }
            if is_full() {
                // What is held is over by then. What is in the books stays.
                let retry_after = Duration::from_nanos(self.bounds.time_limit).max(RETRY);
                return Err(Rejection::Overloaded { overload: Overload::Reservations, retry_after });
            }
        }
        Ok(())
    }
}

#[inline]
fn malformed(request: &Request<'_>, most: u32) -> Option<Malformed> {
    const { assert!(MAX_ID.is_power_of_two()) };
    // Lengths from 1 to a power of two are those that have no bit from it on after 1 is subtracted: one comparison for all.
    let less = |id: &str| id.len().wrapping_sub(1);
    let lengths =
        less(request.user) | less(request.item) | request.event.map_or(0, less) | request.id.map_or(0, less);
    if lengths < MAX_ID && request.units.wrapping_sub(1) < most {
        return None;
    }
    Some(name_malformed(request, most))
}

#[cold]
fn name_malformed(request: &Request<'_>, most: u32) -> Malformed {
    let is_id = |id: &str| (1..=MAX_ID).contains(&id.len());
    if !is_id(request.user) {
        Malformed::User
    } else if !is_id(request.item) || !request.event.is_none_or(is_id) {
        Malformed::Item
    } else if !request.id.is_none_or(is_id) {
        Malformed::RequestId
    } else {
        Malformed::Units { most }
    }
}

fn allowed<K: cache_core::Key + ?Sized, B: Backend>(
    limiter: &RateLimiter<K, B>,
    key: &K,
    rate: Rate,
    limited: Limited,
) -> Result<(), Rejection> {
    match limiter.allow(key, rate) {
        Ok(Verdict::Allowed) => Ok(()),
        Ok(Verdict::Denied { retry_after }) => Err(Rejection::TooFast { limited, retry_after }),
        Err(_) => Err(overloaded(Overload::Rates)),
    }
}

/// What counts as one client: the address, or the network of an IPv6 address, as a client has all addresses of one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        },
    }
}
