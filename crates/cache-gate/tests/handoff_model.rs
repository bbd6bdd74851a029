//! Random calls of a journal beside a model of it in memory, with the file closed and opened in between.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

#[path = "handoff_support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, UNIX_EPOCH};

use cache_gate::Goods;
use cache_gate::handoff::sqlite::{CancelAnswer, Claim, Journal};
use cache_gate::handoff::{HandOff as _, Order, OrderState, Refusal, Submitted};
use support::{File, order};

/// Most of them wait for the disk.
const STEPS: u64 = 1_500;
const ATTEMPTS: u32 = 3;
const RETRY: u64 = 4;
const HOLD: u64 = 10;

/// xorshift64*: the sequence is the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// An order as the model has it. Times are in seconds.
#[derive(Debug)]
struct Entry {
    seq: u64,
    state: OrderState,
    attempts: u32,
    /// Counts claims.
    claim: u64,
    is_claimed: bool,
    due: u64,
}

/// A claim that was given out, and its number in the model.
struct Given {
    claim: Claim,
    id: u64,
    number: u64,
}

#[derive(Default)]
struct Model {
    orders: BTreeMap<u64, Entry>,
    now: u64,
}

impl Model {
    fn submit(&mut self, id: u64, is_changed: bool) -> Submitted {
        let duplicate = Submitted::Refused { why: Refusal::Duplicate, retry_after: None };
        if let Some(entry) = self.orders.get(&id) {
            return if is_changed || !entry.state.holds_units() { duplicate } else { Submitted::Durable };
        }
        let seq = self.orders.values().map(|entry| entry.seq).max().unwrap_or(0) + 1;
        let due = self.now;
        let entry = Entry { seq, state: OrderState::Accepted, attempts: 0, claim: 0, is_claimed: false, due };
        self.orders.insert(id, entry);
        Submitted::Durable
    }

    /// The ids and attempts of the orders that a worker gets.
    fn claim(&mut self, count: u64) -> Vec<(u64, u32)> {
        let now = self.now;
        let mut due: Vec<(u64, &mut Entry)> = Vec::new();
        for (id, entry) in &mut self.orders {
            if entry.state != OrderState::Accepted || entry.due > now {
                continue;
            }
            if entry.attempts >= ATTEMPTS {
                entry.state = OrderState::Dead;
                entry.is_claimed = false;
            } else {
                due.push((*id, entry));
            }
        }
        due.sort_by_key(|(_, entry)| (entry.due, entry.seq));
        due.truncate(usize::try_from(count).unwrap());
        due.sort_by_key(|(_, entry)| entry.seq);
        let claim = |(id, entry): (u64, &mut Entry)| {
            entry.attempts += 1;
            entry.claim += 1;
            entry.is_claimed = true;
            entry.due = now + HOLD;
            (id, entry.attempts)
        };
        due.into_iter().map(claim).collect()
    }

    fn fulfil(&mut self, given: &Given) -> bool {
        let entry = self.orders.get_mut(&given.id).unwrap();
        let is_mine = entry.claim == given.number;
        let can = is_mine
            && (entry.state == OrderState::Fulfilled
                || entry.state == OrderState::Accepted && entry.is_claimed);
        if can {
            entry.state = OrderState::Fulfilled;
            entry.is_claimed = false;
        }
        can
    }

    fn fail(&mut self, given: &Given) -> Option<OrderState> {
        let entry = self.orders.get_mut(&given.id).unwrap();
        if entry.claim != given.number || entry.state != OrderState::Accepted || !entry.is_claimed {
            return None;
        }
        entry.is_claimed = false;
        entry.due = self.now + (RETRY << (given.claim.attempt - 1));
        if entry.attempts >= ATTEMPTS {
            entry.state = OrderState::Dead;
        }
        Some(entry.state)
    }

    /// The name of the answer.
    fn cancel(&mut self, id: u64) -> &'static str {
        let Some(entry) = self.orders.get_mut(&id) else { return "absent" };
        match entry.state {
            OrderState::Cancelled => "before",
            OrderState::Accepted if entry.is_claimed && entry.due > self.now => "in progress",
            OrderState::Accepted | OrderState::Dead => {
                entry.state = OrderState::Cancelled;
                "cancelled"
            }
            _ => "too late",
        }
    }

    fn reject(&mut self, id: u64) -> bool {
        let Some(entry) = self.orders.get_mut(&id) else { return false };
        let can = matches!(entry.state, OrderState::Accepted | OrderState::Dead);
        if can {
            entry.state = OrderState::Failed;
        }
        can
    }

    fn revive(&mut self, id: u64) -> bool {
        let Some(entry) = self.orders.get_mut(&id) else { return false };
        let can = entry.state == OrderState::Dead;
        if can {
            (entry.state, entry.attempts, entry.due, entry.is_claimed) = (OrderState::Accepted, 0, 0, false);
        }
        can
    }
}

fn name(answer: &CancelAnswer) -> &'static str {
    match answer {
        CancelAnswer::Cancelled(_) => "cancelled",
        CancelAnswer::Before(_) => "before",
        CancelAnswer::InProgress => "in progress",
        CancelAnswer::TooLate(_) => "too late",
        CancelAnswer::Absent => "absent",
    }
}

#[tokio::test]
async fn a_journal_does_what_its_model_does() {
    let file = File::new("model");
    let clock = Arc::new(AtomicU64::new(0));
    let open = || {
        let clock = Arc::clone(&clock);
        let wall = move || UNIX_EPOCH + Duration::from_secs(clock.load(Relaxed));
        let builder =
            Journal::builder().attempts(ATTEMPTS).retry_after(Duration::from_secs(RETRY)).wall(wall);
        builder.open(file.path()).unwrap()
    };
    let (mut journal, mut model, mut random) = (open(), Model::default(), Random(0x5EED));
    let mut given: Vec<Given> = Vec::new();
    // How often each kind of call changed something: a run in which nothing happens proves nothing.
    let mut changed = [0; 8];
    for step in 0..STEPS {
        let id = random.below(60 + step / 20);
        match random.below(20) {
            0..=4 => {
                // The first of its id is the original.
                let is_changed = random.below(4) == 0 && model.orders.contains_key(&id);
                let user = if is_changed { "somebody else".to_owned() } else { order(id).user };
                let before = model.orders.len();
                let expected = model.submit(id, is_changed);
                let submitted = journal.submit(&Order { user, ..order(id) }, Goods::Counted).await;
                assert_eq!(submitted, expected, "step {step}: submit {id}");
                changed[0] += model.orders.len() - before;
            }
            5..=8 => {
                let count = random.below(4) + 1;
                let claims =
                    journal.claim(usize::try_from(count).unwrap(), Duration::from_secs(HOLD)).await.unwrap();
                let seen: Vec<_> =
                    claims.iter().map(|claim| (claim.order.ticket.get(), claim.attempt)).collect();
                assert_eq!(seen, model.claim(count), "step {step}: claim");
                changed[1] += seen.len();
                given.extend(claims.into_iter().map(|claim| {
                    let id = claim.order.ticket.get();
                    Given { claim, id, number: model.orders[&id].claim }
                }));
            }
            kind @ 9..=12 if !given.is_empty() => {
                // Old claims as well as new ones.
                let at = usize::try_from(random.below(given.len() as u64)).unwrap();
                let at = if random.below(2) == 0 { given.len() - 1 } else { at };
                if kind < 11 {
                    let fulfilled = journal.fulfil(&given[at].claim).await.unwrap();
                    assert_eq!(fulfilled, model.fulfil(&given[at]), "step {step}: fulfil {}", given[at].id);
                    changed[2] += usize::from(fulfilled);
                } else {
                    let failed = journal.fail(&given[at].claim, "no").await.unwrap();
                    assert_eq!(failed, model.fail(&given[at]), "step {step}: fail {}", given[at].id);
                    changed[3] += usize::from(failed.is_some());
                }
            }
            13 | 14 => {
                let answer = journal.cancel(&id.to_string()).await.unwrap();
                assert_eq!(name(&answer), model.cancel(id), "step {step}: cancel {id}");
                changed[4] += usize::from(name(&answer) == "cancelled");
            }
            15 => {
                let rejected = journal.reject(&id.to_string(), "no").await.unwrap().is_some();
                assert_eq!(rejected, model.reject(id), "step {step}: reject {id}");
                changed[5] += usize::from(rejected);
            }
            16 => {
                let revived = journal.revive(&id.to_string()).await.unwrap();
                assert_eq!(revived, model.revive(id), "step {step}: revive {id}");
                changed[6] += usize::from(revived);
            }
            17 if random.below(6) == 0 => {
                journal.close().await.unwrap();
                journal = open();
                changed[7] += 1;
            }
            _ => {
                model.now += random.below(6);
                clock.store(model.now, Relaxed);
            }
        }
        if step % 100 == 99 {
            let records = journal.orders(0, 10_000).await.unwrap();
            let mut expected: Vec<_> = model.orders.iter().collect();
            expected.sort_by_key(|(_, entry)| entry.seq);
            assert_eq!(records.len(), expected.len());
            for (record, (id, entry)) in records.iter().zip(expected) {
                let seen = (record.order.ticket.get(), record.state, record.attempts);
                assert_eq!(seen, (*id, entry.state, entry.attempts), "step {step}");
            }
        }
    }
    assert!(changed.iter().all(|count| *count >= 5), "{changed:?}");
}
