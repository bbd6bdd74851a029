//! The check of what was seen of each key in one cycle.

use cache_testkit::history::{Event, Spec, check};

use crate::act::{Seen, Sure};
use crate::fault::fault;
use crate::world::{OpOf, RetOf, World};

/// Checks the operations of one key; returns the state after them. The last one is a read that runs alone.
pub(crate) fn check_key<W: World>(key: usize, start: &W::Spec, seen: &[Seen<W::Spec>]) -> W::Spec {
    let mut of_key: Vec<_> = seen.iter().filter(|seen| seen.event.key == key).collect();
    of_key.sort_by_key(|seen| seen.event.called);
    let unsure: Vec<_> = of_key.iter().filter(|seen| seen.sure != Sure::Yes).collect();
    let mut why = None;
    // One outcome of the uncertain operations must explain the others.
    for outcomes in 0..1_u32 << unsure.len() {
        let mut unsure = 0;
        let events = of_key.iter().filter_map(|seen| {
            let mut event = seen.event.clone();
            if seen.sure != Sure::Yes {
                let first = outcomes >> unsure & 1 == 0;
                unsure += 1;
                match seen.sure {
                    Sure::Perhaps if !first => return None,
                    _ => event.ret = W::removed(first),
                }
            }
            Some(event)
        });
        let events: Vec<_> = events.collect();
        match explain::<W>(start, &events) {
            Ok(()) => {
                let last = events.last().map_or_else(|| start.clone(), |last| W::Spec::from_read(&last.ret));
                return last;
            }
            Err(violation) => why = why.or(Some(violation)),
        }
    }
    fault(&format!("key {key}: {}", why.unwrap_or_default()))
}

type EventOf<W> = Event<OpOf<W>, RetOf<W>>;

/// Finds a sequential order of one key's operations, which are sorted by their calls.
fn explain<W: World>(start: &W::Spec, events: &[EventOf<W>]) -> Result<(), String> {
    // One of these two orders nearly always explains them, without a search.
    let mut events: Vec<_> = events.iter().collect();
    if in_order::<W::Spec>(start, &events) {
        return Ok(());
    }
    events.sort_by_key(|event| event.returned);
    if in_order::<W::Spec>(start, &events) {
        return Ok(());
    }
    check(start.clone(), &events).map_err(|violation| violation.to_string())
}

fn in_order<S: Spec<Ret: PartialEq>>(start: &S, events: &[&Event<S::Op, S::Ret>]) -> bool {
    let mut state = start.clone();
    events.iter().all(|event| state.invoke(&event.op) == event.ret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Numbers;
    use crate::world::Ints;
    use cache_testkit::history::{IntOp, IntRet, IntSpec};

    type World = Ints<Numbers>;

    fn seen(thread: usize, time: std::ops::Range<u64>, op: IntOp, ret: IntRet, sure: Sure) -> Seen<IntSpec> {
        let event = Event { thread, key: 0, op, ret, called: time.start, returned: time.end };
        Seen { event, sure }
    }

    #[test]
    fn uncertain_operations_are_tried_both_ways() {
        for (sure, left) in [(Sure::Perhaps, Some(5)), (Sure::Perhaps, None), (Sure::UnknownAnswer, None)] {
            let history = [
                seen(0, 0..5, IntOp::Del, IntRet::Removed(true), sure),
                seen(1, 1..2, IntOp::Get, IntRet::Value(Some(5)), Sure::Yes),
                seen(1, 6..7, IntOp::Get, IntRet::Value(left), Sure::Yes),
            ];
            assert_eq!(check_key::<World>(0, &IntSpec(Some(5)), &history), IntSpec(left));
        }
    }

    #[test]
    fn an_order_is_searched_for() {
        let events = [
            Event { thread: 0, key: 0, op: IntOp::Set(1), ret: IntRet::Stored, called: 0, returned: 9 },
            Event { thread: 1, key: 0, op: IntOp::Set(2), ret: IntRet::Stored, called: 1, returned: 2 },
            Event { thread: 1, key: 0, op: IntOp::Get, ret: IntRet::Value(Some(1)), called: 3, returned: 4 },
        ];
        assert!(explain::<World>(&IntSpec(None), &events).is_ok());
        assert!(explain::<World>(&IntSpec(None), &events[1..]).is_err());
    }
}
