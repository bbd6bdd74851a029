use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::tally::lock;

/// A purchase that the service accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The number of the user.
    pub user: u32,
    /// The item.
    pub item: String,
    /// The units.
    pub quantity: u32,
    /// What became of a cancellation: `None` if nobody asked for one, `Some(None)` if its answer did not arrive.
    pub cancelled: Option<Option<bool>>,
}

/// What clients were told, and what they were not told.
#[derive(Debug)]
pub struct Seen {
    /// Whether somebody was told that an item is sold out, by the item's number.
    sold_out: Box<[AtomicBool]>,
    accepted: Mutex<HashMap<String, Accepted>>,
    /// Requests that may have become orders, without the client knowing: by user and item, how many.
    unanswered: Mutex<HashMap<(u32, String), u32>>,
    problems: Mutex<Vec<String>>,
}

/// Problems of one run that are kept. One bug makes thousands.
const MOST_PROBLEMS: usize = 50;

impl Seen {
    pub(crate) fn new(items: u32) -> Self {
        Self {
            sold_out: (0..items).map(|_| AtomicBool::new(false)).collect(),
            accepted: Mutex::default(),
            unanswered: Mutex::default(),
            problems: Mutex::default(),
        }
    }

    pub(crate) fn sell_out(&self, item: u32) {
        self.sold_out[item as usize].store(true, Ordering::Relaxed);
    }

    /// Whether somebody was told that the item of this number is sold out.
    #[must_use]
    pub fn is_sold_out(&self, item: u32) -> bool {
        self.sold_out[item as usize].load(Ordering::Relaxed)
    }

    /// Remembers an accepted purchase. Returns whether it is a new one.
    pub(crate) fn accept(&self, order: &str, accepted: Accepted) -> bool {
        let mut known = lock(&self.accepted);
        match known.get(order) {
            None => {
                known.insert(order.to_owned(), accepted);
                true
            }
            Some(other) => {
                let same = (other.user, &other.item, other.quantity)
                    == (accepted.user, &accepted.item, accepted.quantity);
                if !same {
                    let problem = format!("order {order} is that of {other:?}, and of {accepted:?}");
                    drop(known);
                    self.problem(problem);
                }
                false
            }
        }
    }

    pub(crate) fn cancel(&self, order: &str, answer: Option<bool>) {
        if let Some(accepted) = lock(&self.accepted).get_mut(order) {
            accepted.cancelled = Some(answer);
        }
    }

    pub(crate) fn unanswered(&self, user: u32, item: &str) {
        *lock(&self.unanswered).entry((user, item.to_owned())).or_default() += 1;
    }

    pub(crate) fn problem(&self, problem: String) {
        let mut problems = lock(&self.problems);
        if problems.len() < MOST_PROBLEMS {
            problems.push(problem);
        }
    }

    /// Everything that was accepted, by order.
    #[must_use]
    pub fn orders(&self) -> HashMap<String, Accepted> {
        lock(&self.accepted).clone()
    }

    /// How many requests of a user for an item may have become orders without an answer.
    #[must_use]
    pub fn may_have(&self, user: u32, item: &str) -> u32 {
        lock(&self.unanswered).get(&(user, item.to_owned())).copied().unwrap_or(0)
    }

    /// Answers that contradict each other.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        lock(&self.problems).clone()
    }
}
