use std::collections::BTreeMap;
use std::fmt::{Debug, Write};

use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

use super::{Event, History, Spec};
use crate::Violation;

/// Checks the recorded windows of a run, key by key, each window from where the last one ended.
///
/// # Errors
///
/// A [`Violation`] that shows the first history with no sequential explanation.
///
/// # Examples
///
/// ```
/// use cache_testkit::history::{Event, IntOp, IntRet, IntSpec, check_windows};
///
/// let read = |called, value| Event {
///     thread: 0, key: 0, op: IntOp::Get, ret: IntRet::Value(value), called, returned: called + 1,
/// };
/// // A value out of nowhere, in the second window.
/// assert!(check_windows::<IntSpec>(&[vec![read(0, None)], vec![read(2, Some(7))]]).is_err());
/// ```
pub fn check_windows<S: Spec>(histories: &[History<S>]) -> Result<(), Violation> {
    let mut states: BTreeMap<usize, S> = BTreeMap::new();
    for (window, history) in histories.iter().enumerate() {
        let mut by_key: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for event in history {
            by_key.entry(event.key).or_default().push(event);
        }
        for (key, events) in by_key {
            let start = states.get(&key).cloned().unwrap_or_else(S::absent);
            check(start, &events)
                .map_err(|violation| violation.at(format_args!("window {window}, key number {key}")))?;
            if let Some(last) = events.last() {
                states.insert(key, S::from_read(&last.ret));
            }
        }
    }
    Ok(())
}

/// Checks one history of one key that starts as `start`.
///
/// # Errors
///
/// A [`Violation`] that shows the history, if no sequential order explains it.
///
/// # Examples
///
/// ```
/// use cache_testkit::history::{Event, IntOp, IntRet, IntSpec, check};
///
/// let removal = Event {
///     thread: 0, key: 0, op: IntOp::Del, ret: IntRet::Removed(true), called: 0, returned: 1,
/// };
/// assert!(check(IntSpec(Some(1)), &[&removal]).is_ok());
/// assert!(check(IntSpec(None), &[&removal]).is_err());
/// ```
pub fn check<S: Spec>(start: S, events: &[&Event<S::Op, S::Ret>]) -> Result<(), Violation> {
    let mut tester = LinearizabilityTester::new(start.clone());
    let mut tickets: Vec<(u64, Ticket<'_, S>)> = events
        .iter()
        .flat_map(|event| {
            [
                (event.called, Ticket::Call(event.thread, &event.op)),
                (event.returned, Ticket::Return(event.thread, &event.ret)),
            ]
        })
        .collect();
    tickets.sort_by_key(|(time, _)| *time);
    for (_, ticket) in tickets {
        let told = match ticket {
            Ticket::Call(thread, op) => tester.on_invoke(thread, op.clone()),
            Ticket::Return(thread, ret) => tester.on_return(thread, ret.clone()),
        };
        if let Err(error) = told {
            return Err(Violation::wrong(format!("this is no history: {error}")));
        }
    }
    if tester.is_consistent() {
        Ok(())
    } else {
        Err(Violation::wrong(format!(
            "no sequential order explains this, starting from {start:?}:{}",
            table(events)
        )))
    }
}

enum Ticket<'a, S: Spec> {
    Call(usize, &'a S::Op),
    Return(usize, &'a S::Ret),
}

fn table<O: Debug, R: Debug>(events: &[&Event<O, R>]) -> String {
    let mut text = String::new();
    for event in events {
        let Event { thread, op, ret, called, returned, .. } = event;
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  thread {thread}, from {called} to {returned}: {op:?} gave {ret:?}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{IntOp, IntRet, IntSpec};

    fn event(thread: usize, time: std::ops::Range<u64>, op: IntOp, ret: IntRet) -> Event<IntOp, IntRet> {
        Event { thread, key: 0, op, ret, called: time.start, returned: time.end }
    }

    fn is_explained(start: Option<i64>, events: &[Event<IntOp, IntRet>]) -> bool {
        check(IntSpec(start), &events.iter().collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn an_add_lost_to_a_set_that_came_first_is_found() {
        let lost = |final_value| {
            [
                event(0, 0..3, IntOp::Set(10), IntRet::Stored),
                event(1, 1..2, IntOp::Add(5), IntRet::Sum(15)),
                event(0, 4..5, IntOp::Get, IntRet::Value(Some(final_value))),
            ]
        };
        assert!(is_explained(None, &lost(15)));
        assert!(!is_explained(None, &lost(10)));
    }

    #[test]
    fn overlap_decides() {
        // A read of the old value is right while the write runs, and wrong after it.
        let read_at = |time| {
            [
                event(0, 0..5, IntOp::Set(2), IntRet::Stored),
                event(1, time, IntOp::Get, IntRet::Value(Some(1))),
            ]
        };
        assert!(is_explained(Some(1), &read_at(2..9)));
        assert!(!is_explained(Some(1), &read_at(6..9)));
    }

    #[test]
    fn two_removals_of_one_key_are_found() {
        let removals = [
            event(0, 0..3, IntOp::Del, IntRet::Removed(true)),
            event(1, 1..2, IntOp::Del, IntRet::Removed(true)),
        ];
        assert!(!is_explained(Some(1), &removals));
    }

    #[test]
    fn an_add_on_a_detached_counter_orders_before_the_removal() {
        let history = [
            event(0, 0..5, IntOp::Add(5), IntRet::Sum(6)),
            event(1, 1..2, IntOp::Del, IntRet::Removed(true)),
            event(1, 3..4, IntOp::Get, IntRet::Value(None)),
            event(1, 6..7, IntOp::Get, IntRet::Value(None)),
        ];
        assert!(is_explained(Some(1), &history));
    }
}
