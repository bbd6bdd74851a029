//! Operations with their results, and a check whether some sequential order explains them.

use std::collections::HashMap;

/// An operation on integers, with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Get(u64, Option<i64>),
    Set(u64, i64),
    /// An add; the last field is its result.
    Add(u64, i64, i64),
    /// A bounded add, refused if the sum would be below 0. `None` means absent; an error holds the current value.
    TryAdd(u64, i64, Option<Result<i64, i64>>),
    Del(u64, bool),
    /// A removal that returns the last value.
    Take(u64, Option<i64>),
    /// A removal if the key has this value; the last field says whether it was removed.
    DelIf(u64, i64, bool),
}

/// The contents of a cache.
type State = HashMap<u64, i64>;

impl Op {
    pub(super) fn key(self) -> u64 {
        let (Op::Get(key, _)
        | Op::Set(key, _)
        | Op::Add(key, ..)
        | Op::TryAdd(key, ..)
        | Op::Del(key, _)
        | Op::Take(key, _)
        | Op::DelIf(key, ..)) = self;
        key
    }

    /// Applies the operation to `state`; says whether its result is the right one.
    fn agrees(self, state: &mut State) -> bool {
        match self {
            Op::Get(key, value) => state.get(&key).copied() == value,
            Op::Set(key, value) => {
                state.insert(key, value);
                true
            }
            Op::Add(key, delta, sum) => {
                let value = state.entry(key).or_insert(0);
                *value += delta;
                *value == sum
            }
            Op::TryAdd(key, delta, result) => match (state.get_mut(&key), result) {
                (None, None) => true,
                (Some(value), Some(Ok(sum))) => {
                    *value += delta;
                    *value == sum && sum >= 0
                }
                (Some(value), Some(Err(current))) => *value == current && current + delta < 0,
                _ => false,
            },
            Op::Del(key, there) => state.remove(&key).is_some() == there,
            Op::Take(key, last) => state.remove(&key) == last,
            Op::DelIf(key, value, true) => state.remove(&key) == Some(value),
            Op::DelIf(key, value, false) => state.get(&key) != Some(&value),
        }
    }
}

/// Whether some order of the threads' operations has these results, after `before` and before `after`. Each thread's
/// operations keep their order.
pub(super) fn explained(before: &[Op], threads: &[Vec<Op>], after: &[Op]) -> bool {
    let mut state = State::new();
    assert!(before.iter().all(|op| op.agrees(&mut state)), "one thread alone: {before:?}");
    let mut done = vec![0; threads.len()];
    search(&state, threads, &mut done, after)
}

fn search(state: &State, threads: &[Vec<Op>], done: &mut [usize], after: &[Op]) -> bool {
    let mut all = true;
    for (thread, ops) in threads.iter().enumerate() {
        let Some(op) = ops.get(done[thread]) else { continue };
        all = false;
        let mut next = state.clone();
        if op.agrees(&mut next) {
            done[thread] += 1;
            if search(&next, threads, done, after) {
                return true;
            }
            done[thread] -= 1;
        }
    }
    let mut last = state.clone();
    all && after.iter().all(|op| op.agrees(&mut last))
}

#[test]
fn only_what_can_have_happened_is_explained() {
    let before = [Op::Set(1, 5)];
    let threads = |sum, there| vec![vec![Op::Add(1, 1, sum)], vec![Op::Del(1, there)]];
    assert!(explained(&before, &threads(6, true), &[Op::Get(1, None)]));
    assert!(explained(&before, &threads(1, true), &[Op::Get(1, Some(1))]));
    assert!(!explained(&before, &threads(6, true), &[Op::Get(1, Some(6))]));
    assert!(!explained(&before, &threads(1, false), &[Op::Get(1, Some(1))]));
    let twice = vec![vec![Op::Add(1, 1, 6)], vec![Op::Add(1, 1, 6)]];
    assert!(!explained(&before, &twice, &[Op::Get(1, Some(6))]));
    let refused = vec![vec![Op::TryAdd(1, -6, Some(Err(5)))], vec![Op::TryAdd(1, -5, Some(Ok(0)))]];
    assert!(explained(&before, &refused, &[Op::Get(1, Some(0))]));
}
