//! The gate as one thread would write it: maps, and no thought of what is fast.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use cache_gate::{CancelError, Malformed, Overload, Rejection, SettleError, State, Ticket};

/// All items that there may be, and their events.
pub(crate) const ITEMS: [(&str, &str); 4] = [("a", "one"), ("b", "one"), ("c", "one"), ("d", "two")];

/// The greatest number of units of one request.
const MOST_UNITS: u32 = 4;

pub(crate) struct Asked<'a> {
    pub(crate) user: &'a str,
    pub(crate) item: &'a str,
    pub(crate) units: u32,
    pub(crate) id: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Held,
    Repeated(Ticket, State),
    Overloaded(Overload),
    Refused(Rejection),
}

struct Event {
    early: Duration,
    start: Duration,
    end: Duration,
}

struct Item {
    event: &'static str,
    total: u64,
    left: u64,
    held: u64,
    sold: u64,
    in_flight: u32,
    limit: u32,
    most_in_flight: u32,
    closed: bool,
    counts: HashMap<String, u64>,
}

struct Record {
    user: String,
    /// The number of the item: that of a later item with this name differs.
    item: usize,
    name: String,
    units: u32,
    state: State,
    deadline: Duration,
    id: Option<String>,
    /// Until when it is known after it has ended.
    known_until: Option<Duration>,
    /// Its event has ended, and dropped it.
    dropped: bool,
    is_doubt: bool,
}

impl Record {
    fn is_under_way(&self) -> bool {
        matches!(self.state, State::Held | State::Unknown)
    }
}

/// What is known of a request id: its ticket, until when, and the event.
type Id = (Ticket, Duration, &'static str);

pub(crate) struct Obvious {
    pub(crate) now: Duration,
    limit: Duration,
    remember: Duration,
    most_in_flight: u32,
    events: HashMap<&'static str, Event>,
    /// The present number of each item.
    names: HashMap<String, usize>,
    /// All items that there ever were and that are still referred to.
    items: HashMap<usize, Item>,
    next_item: usize,
    records: BTreeMap<Ticket, Record>,
    ids: HashMap<(String, String), Id>,
    pub(crate) blocked: HashSet<String>,
    pub(crate) early: HashSet<String>,
    /// How often each kind of answer was given.
    seen: BTreeMap<&'static str, u64>,
}

impl Obvious {
    pub(crate) fn new(limit: Duration, remember: Duration, most_in_flight: u32) -> Self {
        let kinds =
            ["held", "repeated", "item", "gate", "malformed", "other", "blocked", "unknown", "sold out"];
        let more = ["few", "not started", "ended", "limit"];
        Self {
            now: Duration::ZERO,
            limit,
            remember,
            most_in_flight,
            events: HashMap::new(),
            names: HashMap::new(),
            items: HashMap::new(),
            next_item: 0,
            records: BTreeMap::new(),
            ids: HashMap::new(),
            blocked: HashSet::new(),
            early: HashSet::new(),
            seen: kinds.into_iter().chain(more).map(|kind| (kind, 0)).collect(),
        }
    }

    pub(crate) fn seen(&self) -> Vec<(&'static str, u64)> {
        self.seen.iter().map(|(kind, times)| (*kind, *times)).collect()
    }

    pub(crate) fn admit(&mut self, asked: &Asked<'_>) -> Answer {
        let (kind, answer) = self.judge(asked);
        *self.seen.get_mut(kind).expect("all kinds are listed") += 1;
        answer
    }

    fn judge(&mut self, asked: &Asked<'_>) -> (&'static str, Answer) {
        let refused = |kind, rejection| (kind, Answer::Refused(rejection));
        let units = u64::from(asked.units);
        if !(1..=MOST_UNITS).contains(&asked.units) {
            return refused("malformed", Rejection::Malformed(Malformed::Units { most: MOST_UNITS }));
        }
        if self.blocked.contains(asked.user) {
            return refused("blocked", Rejection::Blocked);
        }
        let Some(number) = self.names.get(asked.item) else {
            return refused("unknown", Rejection::UnknownItem);
        };
        if let Some((ticket, _, _)) = asked.id.and_then(|id| self.id(asked.user, id)) {
            let record = &self.records[&ticket];
            if (&*record.name, record.units) != (asked.item, asked.units) {
                return refused("other", Rejection::Malformed(Malformed::OtherRequest));
            }
            return ("repeated", Answer::Repeated(ticket, record.state));
        }
        let in_flight = self.in_flight();
        let item = self.items.get_mut(number).expect("it has a name");
        if item.closed {
            return refused("sold out", Rejection::SoldOut { left: 0 });
        }
        let event = &self.events[item.event];
        let start = if self.early.contains(asked.user) { event.early } else { event.start };
        if self.now < start {
            return refused("not started", Rejection::NotStarted { starts_in: start - self.now });
        }
        if self.now >= event.end {
            return refused("ended", Rejection::Ended);
        }
        if item.in_flight >= item.most_in_flight {
            return ("item", Answer::Overloaded(Overload::Item));
        }
        if in_flight >= self.most_in_flight {
            return ("gate", Answer::Overloaded(Overload::Gate));
        }
        let counted = item.counts.get(asked.user).copied().unwrap_or(0);
        if counted + units > item.limit.into() {
            let left = u64::from(item.limit).saturating_sub(counted) as u32;
            return refused("limit", Rejection::LimitReached { limit: item.limit, left });
        }
        if item.left < units {
            item.closed = item.left == 0;
            let kind = if item.closed { "sold out" } else { "few" };
            return refused(kind, Rejection::SoldOut { left: item.left });
        }
        ("held", Answer::Held)
    }

    fn id(&self, user: &str, id: &str) -> Option<Id> {
        let id = self.ids.get(&(user.to_owned(), id.to_owned())).copied()?;
        (self.now < id.1 || self.is_under_way(id.0)).then_some(id)
    }

    fn is_under_way(&self, ticket: Ticket) -> bool {
        self.records.get(&ticket).is_some_and(Record::is_under_way)
    }

    /// Notes what the gate gave, as this said that it would.
    pub(crate) fn held(&mut self, asked: &Asked<'_>, ticket: Ticket) {
        let number = self.names[asked.item];
        let item = self.items.get_mut(&number).expect("it has a name");
        let units = u64::from(asked.units);
        item.left -= units;
        item.held += units;
        item.in_flight += 1;
        *item.counts.entry(asked.user.to_owned()).or_default() += units;
        if let Some(id) = asked.id {
            let value = (ticket, self.now + self.remember, item.event);
            self.ids.insert((asked.user.to_owned(), id.to_owned()), value);
        }
        let record = Record {
            user: asked.user.to_owned(),
            item: number,
            name: asked.item.to_owned(),
            units: asked.units,
            state: State::Held,
            deadline: self.now + self.limit,
            id: asked.id.map(str::to_owned),
            known_until: None,
            dropped: false,
            is_doubt: false,
        };
        assert!(self.records.insert(ticket, record).is_none(), "{ticket} was there before");
    }

    /// Changes the state of a reservation, with all that belongs to it. Tells whether it was in the state `from`.
    pub(crate) fn end(&mut self, ticket: Ticket, from: State, to: State) -> bool {
        // It may have ended long ago, while its holder kept it.
        let Some(record) = self.records.get_mut(&ticket) else { return false };
        if record.state != from {
            return false;
        }
        record.state = to;
        let item = self.items.get_mut(&record.item).expect("it is referred to");
        let units = u64::from(record.units);
        if from == State::Committed {
            item.sold -= units;
        } else if to != State::Unknown {
            item.held -= units;
            item.in_flight -= 1;
        }
        match to {
            State::Committed => item.sold += units,
            State::Released | State::Cancelled => {
                item.left += units;
                item.closed = false;
                let count = item.counts.get_mut(&record.user).expect("it was counted");
                *count -= units;
                // What has ended is known for a while, unless its event has ended before, or nobody was told of it.
                let is_forgotten = record.dropped || (from, to) == (State::Held, State::Released);
                record.known_until =
                    Some(if is_forgotten { Duration::ZERO } else { self.now + self.remember });
                record.dropped = false;
            }
            _ => {}
        }
        let key = record.id.clone().map(|id| (record.user.clone(), id));
        if let Some(key) = key
            && let Some((_, until, _)) = self.ids.get_mut(&key).filter(|(of, _, _)| *of == ticket)
        {
            if to == State::Released {
                self.ids.remove(&key);
            } else if to != State::Unknown && from != State::Committed && *until <= self.now {
                // Its time was over while it was under way, and begins anew.
                *until = self.now + self.remember;
            }
        }
        true
    }

    pub(crate) fn dropped_unsettled(&mut self, ticket: Ticket) {
        let Some(record) = self.records.get_mut(&ticket) else { return };
        record.is_doubt = record.state == State::Unknown;
    }

    pub(crate) fn doubts(&self) -> Vec<Ticket> {
        self.records.iter().filter(|(_, record)| record.is_doubt).map(|(ticket, _)| *ticket).collect()
    }

    pub(crate) fn state(&self, ticket: Ticket) -> Option<State> {
        let record = self.records.get(&ticket)?;
        let is_known = match record.known_until {
            Some(until) => self.now < until && !record.dropped,
            None => !record.dropped || record.is_doubt,
        };
        is_known.then_some(record.state)
    }

    pub(crate) fn cancel(&mut self, ticket: Ticket, is_in_the_books: bool) -> Result<State, CancelError> {
        match self.state(ticket).ok_or(CancelError::Absent)? {
            State::Unknown if !is_in_the_books => Err(CancelError::Unsettled),
            state @ (State::Held | State::Unknown | State::Committed) => {
                self.end(ticket, state, State::Cancelled);
                self.records.get_mut(&ticket).expect("it is known").is_doubt = false;
                Ok(State::Cancelled)
            }
            state => Err(CancelError::Already(state)),
        }
    }

    pub(crate) fn settle(&mut self, ticket: Ticket, in_the_books: bool) -> Result<State, SettleError> {
        let state = self.state(ticket).ok_or(SettleError::Absent)?;
        if state != State::Unknown {
            return Err(SettleError::NotUnknown(state));
        }
        if !self.records[&ticket].is_doubt {
            return Err(SettleError::Held);
        }
        let end = if in_the_books { State::Committed } else { State::Released };
        self.end(ticket, State::Unknown, end);
        self.records.get_mut(&ticket).expect("it is known").is_doubt = false;
        Ok(end)
    }

    /// Lets time pass. Returns how many reservations that ends.
    pub(crate) fn advance(&mut self, by: Duration) -> usize {
        self.now += by;
        let is_over = |record: &Record| record.state == State::Held && self.now >= record.deadline;
        let over: Vec<_> =
            self.records.iter().filter(|(_, record)| is_over(record)).map(|(ticket, _)| *ticket).collect();
        for ticket in &over {
            self.end(*ticket, State::Held, State::Released);
        }
        self.forget();
        over.len()
    }

    /// Drops what nobody can ask for any more, so that long runs stay fast.
    fn forget(&mut self) {
        let now = self.now;
        let records = &self.records;
        let is_under_way = |ticket: &Ticket| records.get(ticket).is_some_and(Record::is_under_way);
        self.ids.retain(|_, (ticket, until, _)| now < *until || is_under_way(ticket));
        // A reservation that its holder has not let go of is asked for once more.
        let spare = self.remember + self.limit;
        self.records.retain(|_, record| {
            record.known_until.is_none_or(|until| now < until.max(record.deadline) + spare)
        });
        self.records.retain(|_, record| !(record.dropped && record.state == State::Committed));
        let used: BTreeSet<_> = self.records.values().map(|record| record.item).collect();
        let named: BTreeSet<_> = self.names.values().copied().collect();
        self.items.retain(|number, _| used.contains(number) || named.contains(number));
    }

    pub(crate) fn restock(&mut self, item: &str, units: u64) -> Option<u64> {
        let item = self.items.get_mut(self.names.get(item)?)?;
        item.total += units;
        item.left += units;
        item.closed = false;
        Some(item.left)
    }

    pub(crate) fn set_limits(&mut self, item: &str, limit: u32, in_flight: u32) -> bool {
        let Some(item) = self.names.get(item).and_then(|number| self.items.get_mut(number)) else {
            return false;
        };
        (item.limit, item.most_in_flight) = (limit, in_flight);
        true
    }

    pub(crate) fn set_window(
        &mut self,
        event: &str,
        early: Duration,
        start: Duration,
        end: Duration,
    ) -> bool {
        let Some(event) = self.events.get_mut(event) else { return false };
        *event = Event { early, start, end };
        true
    }

    pub(crate) fn add_event(&mut self, event: &'static str) -> bool {
        if self.events.contains_key(event) {
            return false;
        }
        self.events.insert(event, Event { early: Duration::ZERO, start: Duration::ZERO, end: Duration::MAX });
        true
    }

    pub(crate) fn add_item(
        &mut self,
        name: &str,
        event: &'static str,
        units: u64,
        limit: u32,
        most_in_flight: u32,
    ) {
        self.next_item += 1;
        self.names.insert(name.to_owned(), self.next_item);
        let item = Item {
            event,
            total: units,
            left: units,
            held: 0,
            sold: 0,
            in_flight: 0,
            limit,
            most_in_flight,
            closed: false,
            counts: HashMap::new(),
        };
        self.items.insert(self.next_item, item);
    }

    pub(crate) fn end_event(&mut self, event: &str) -> bool {
        if self.events.remove(event).is_none() {
            return false;
        }
        let ended: BTreeSet<_> =
            self.items.iter().filter(|(_, item)| item.event == event).map(|(number, _)| *number).collect();
        self.names.retain(|_, number| !ended.contains(number));
        for record in self.records.values_mut().filter(|record| ended.contains(&record.item)) {
            record.dropped = true;
        }
        self.ids.retain(|_, (_, _, of)| *of != event);
        true
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.items.values().map(|item| item.in_flight).sum()
    }

    /// Total, left, held, sold, in flight, sold out.
    pub(crate) fn shown(&self, item: &str) -> Option<(u64, u64, u64, u64, u32, bool)> {
        let item = &self.items[self.names.get(item)?];
        Some((item.total, item.left, item.held, item.sold, item.in_flight, item.closed))
    }
}
