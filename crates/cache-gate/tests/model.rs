//! Random operations beside a model of one thread that does everything the obvious way.
//!
//! `HOTCACHE_TEST_SCALE=6700` makes 10,000,000 of them.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod obvious;

use std::time::{Duration, SystemTime};

use cache_bucket::BucketBackend;
use cache_core::Backend;
use cache_gate::{
    Admission, Event, Gate, Item, Rejection, Request, Reservation, State, Ticket, Unsettled, Window,
};
use cache_policy::ManualClock;
use cache_rwlock::RwLockBackend;
use cache_testkit::{Random, fresh_seed, scale};

use self::obvious::{Answer, Asked, ITEMS, Obvious};

const OPERATIONS: usize = 150_000;
const USERS: usize = 12;
const LIMIT: Duration = Duration::from_secs(30);
const REMEMBER: Duration = Duration::from_secs(100);
const IN_FLIGHT: u32 = 9;

/// The gate, the model, and what their users hold.
struct Both<B: Backend> {
    gate: Gate<B>,
    clock: ManualClock,
    model: Obvious,
    random: Random,
    held: Vec<Reservation<B>>,
    unsettled: Vec<Unsettled<B>>,
    /// Tickets that somebody may ask about.
    tickets: Vec<Ticket>,
    /// The last request that had an id and was held: user, item, units and id.
    last: Option<(String, &'static str, u32, String)>,
}

impl<B: Backend> Both<B> {
    fn new(seed: u64) -> Self {
        let clock = ManualClock::new();
        let gate = Gate::builder()
            .clock(clock.clone())
            .time_limit(LIMIT)
            .remember(REMEMBER)
            .in_flight(IN_FLIGHT)
            .max_units(4)
            .build();
        gate.set_ready(true);
        Self {
            gate,
            clock,
            model: Obvious::new(LIMIT, REMEMBER, IN_FLIGHT),
            random: Random::new(seed),
            held: Vec::new(),
            unsettled: Vec::new(),
            tickets: Vec::new(),
            last: None,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }

    fn pick<T>(random: &mut Random, from: &mut Vec<T>) -> Option<T> {
        (!from.is_empty()).then(|| from.swap_remove(random.below(from.len())))
    }

    fn step(&mut self) {
        match self.below(100) {
            0..50 => self.admit(),
            50..62 => self.commit(),
            62..68 => self.drop_one(),
            68..74 => self.hand_off(),
            74..80 => self.end_hand_off(),
            80..86 => self.cancel(),
            86..88 => self.settle(),
            88..91 => self.pass_time(),
            91..94 => self.restock(),
            94..97 => self.change_lists(),
            97 => self.change_limits(),
            98 => self.change_window(),
            _ => self.end_or_begin(),
        }
    }

    fn admit(&mut self) {
        let user = format!("user {}", self.random.below(USERS));
        let item = ITEMS[self.below(ITEMS.len())].0;
        let units = self.below(6) as u32;
        let id = (self.below(2) == 0).then(|| self.random.below(40).to_string());
        let (user, item, units, id) = match self.last.take_if(|_| self.random.below(8) == 0) {
            Some((user, item, units, id)) => (user, item, units, Some(id)),
            None => (user, item, units, id),
        };
        let mut request = Request::new(&user, item, units);
        if let Some(id) = &id {
            request = request.id(id);
        }
        let asked = Asked { user: &user, item, units, id: id.as_deref() };
        let expected = self.model.admit(&asked);
        let answer = match self.gate.admit(&request) {
            Ok(Admission::Held(held)) => {
                self.model.held(&asked, held.ticket());
                self.remember(held.ticket());
                self.held.push(held);
                if let Some(id) = &id {
                    self.last = Some((user.clone(), item, units, id.clone()));
                }
                Answer::Held
            }
            Ok(Admission::Repeated(ticket, state)) => Answer::Repeated(ticket, state),
            Err(Rejection::Overloaded { overload, .. }) => Answer::Overloaded(overload),
            Err(rejection) => Answer::Refused(rejection),
        };
        assert_eq!(answer, expected, "{request:?}");
    }

    fn remember(&mut self, ticket: Ticket) {
        if self.tickets.len() >= 200 {
            let oldest = self.below(200);
            self.tickets.swap_remove(oldest);
        }
        self.tickets.push(ticket);
    }

    fn commit(&mut self) {
        let Some(held) = Self::pick(&mut self.random, &mut self.held) else { return };
        let ticket = held.ticket();
        assert_eq!(held.commit().is_ok(), self.model.end(ticket, State::Held, State::Committed));
    }

    fn drop_one(&mut self) {
        let Some(held) = Self::pick(&mut self.random, &mut self.held) else { return };
        let end = if self.below(2) == 0 { State::Released } else { State::Cancelled };
        self.model.end(held.ticket(), State::Held, end);
        if end == State::Released { drop(held) } else { held.cancel() }
    }

    fn hand_off(&mut self) {
        let Some(held) = Self::pick(&mut self.random, &mut self.held) else { return };
        let expected = self.model.end(held.ticket(), State::Held, State::Unknown);
        let unsettled = held.unsettled().ok();
        assert_eq!(unsettled.is_some(), expected);
        self.unsettled.extend(unsettled);
    }

    fn end_hand_off(&mut self) {
        let Some(unsettled) = Self::pick(&mut self.random, &mut self.unsettled) else { return };
        let ticket = unsettled.ticket();
        match self.below(3) {
            0 => {
                self.model.end(ticket, State::Unknown, State::Committed);
                unsettled.commit();
            }
            1 => {
                self.model.end(ticket, State::Unknown, State::Released);
                unsettled.release();
            }
            _ => {
                self.model.dropped_unsettled(ticket);
                drop(unsettled);
            }
        }
    }

    fn any_ticket(&mut self) -> Ticket {
        let doubts = self.gate.unsettled();
        assert_eq!(doubts, self.model.doubts());
        if self.tickets.is_empty() || self.below(3) == 0 && !doubts.is_empty() {
            return *doubts.first().unwrap_or(&Ticket::new(0));
        }
        self.tickets[self.random.below(self.tickets.len())]
    }

    fn cancel(&mut self) {
        let ticket = self.any_ticket();
        assert_eq!(self.gate.state(ticket), self.model.state(ticket), "{ticket}");
        let is_in_the_books = self.below(3) == 0;
        let cancelled =
            if is_in_the_books { self.gate.cancel_order(ticket) } else { self.gate.cancel(ticket) };
        assert_eq!(cancelled, self.model.cancel(ticket, is_in_the_books), "{ticket}");
    }

    fn settle(&mut self) {
        let ticket = self.any_ticket();
        let in_the_books = self.below(2) == 0;
        assert_eq!(
            self.gate.settle(ticket, in_the_books),
            self.model.settle(ticket, in_the_books),
            "{ticket}"
        );
    }

    fn pass_time(&mut self) {
        let by = Duration::from_secs(self.random.below(9) as u64);
        self.clock.advance(by);
        let expired = self.model.advance(by);
        assert_eq!(self.gate.maintain(1_000), expired);
    }

    fn restock(&mut self) {
        let item = ITEMS[self.below(ITEMS.len())].0;
        let units = self.random.below(6) as u64;
        assert_eq!(self.gate.restock(item, units).ok(), self.model.restock(item, units));
    }

    fn change_lists(&mut self) {
        let user = format!("user {}", self.random.below(USERS));
        match self.below(5) {
            0 => assert_eq!(self.gate.block(&user), self.model.blocked.insert(user)),
            1 | 2 => assert_eq!(self.gate.unblock(&user), self.model.blocked.remove(&user)),
            3 => assert_eq!(self.gate.allow_early(&user), self.model.early.insert(user)),
            _ => {
                assert_eq!(self.gate.replace_blocked([&user]), 1);
                self.model.blocked = [user].into();
            }
        }
    }

    fn change_limits(&mut self) {
        let item = ITEMS[self.below(ITEMS.len())].0;
        let (limit, in_flight) = (1 + self.below(6) as u32, 1 + self.below(8) as u32);
        let known = self.gate.set_limit(item, limit).is_ok();
        assert_eq!(self.gate.set_in_flight(item, in_flight).is_ok(), known);
        assert_eq!(self.model.set_limits(item, limit, in_flight), known);
    }

    fn change_window(&mut self) {
        let event = ["one", "two"][self.below(2)];
        let starts = self.model.now + Duration::from_secs(self.random.below(20) as u64);
        let early = starts.saturating_sub(Duration::from_secs(self.random.below(20) as u64));
        let starts = starts.saturating_sub(Duration::from_secs(10)).max(early);
        let ends = starts + Duration::from_secs(30 + self.random.below(200) as u64);
        let at = |time| SystemTime::UNIX_EPOCH + time;
        let window = Window::new(at(starts), at(ends)).early(at(early));
        let known = self.gate.set_window(event, window).is_ok();
        assert_eq!(self.model.set_window(event, early, starts, ends), known);
    }

    fn end_or_begin(&mut self) {
        let event = ["one", "two"][self.below(2)];
        if self.below(4) == 0 {
            assert_eq!(self.gate.end_event(event).is_ok(), self.model.end_event(event));
        } else if self.gate.add_event(Event::new(event)).is_ok() {
            assert!(self.model.add_event(event));
            for (item, of) in ITEMS {
                if of == event {
                    let units = self.random.below(40) as u64;
                    let limit = 1 + self.below(6) as u32;
                    let item_of = Item::new(item, event, units).limit(limit).in_flight(6);
                    let item_of = if self.below(2) == 0 { item_of.split(3) } else { item_of };
                    self.gate.add_item(item_of).unwrap();
                    self.model.add_item(item, event, units, limit, 6);
                }
            }
        } else {
            assert!(!self.model.add_event(event));
        }
    }

    /// Compares all that can be seen.
    fn compare(&self) {
        for (item, _) in ITEMS {
            let shown = self.gate.item(item);
            let shown = shown
                .map(|item| (item.total, item.left, item.held, item.sold, item.in_flight, item.sold_out));
            assert_eq!(shown, self.model.shown(item), "{item}");
        }
        assert_eq!(self.gate.load().in_flight, self.model.in_flight(), "places");
        for ticket in &self.tickets {
            assert_eq!(self.gate.state(*ticket), self.model.state(*ticket), "{ticket}");
        }
    }
}

fn random_operations<B: Backend>(operations: usize) {
    /// Everything is compared after so many operations.
    const COMPARED: usize = 97;
    let seed = fresh_seed();
    let ends = std::panic::catch_unwind(|| {
        let mut both = Both::<B>::new(seed);
        for operation in 0..operations {
            both.step();
            if operation % COMPARED == 0 {
                both.compare();
            }
        }
        both.compare();
        both.model.seen()
    });
    match ends {
        // Each kind of answer must have been given, or the comparison would say little.
        Ok(seen) => {
            assert!(operations < OPERATIONS / 2 || seen.iter().all(|(_, times)| *times > 0), "{seen:?}")
        }
        Err(panic) => {
            eprintln!("{}: HOTCACHE_TEST_SEED={seed} repeats this", B::NAME);
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn random_operations_on_bucket() {
    random_operations::<BucketBackend>(scale(OPERATIONS));
}

#[test]
fn random_operations_on_rwlock() {
    random_operations::<RwLockBackend>(scale(OPERATIONS / 4));
}
