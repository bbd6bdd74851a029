//! What a session with a change log knows, without any input or output.

use std::collections::HashSet;

use super::super::engine::Time;
use crate::feed::{Change, FeedError, Position};

/// Keys that changed since the load began.
pub(super) type Changed = HashSet<Vec<u8>>;

/// How far a session is: which changes it has applied, and which values of a load it may apply.
///
/// # Why a key never goes back in time
///
/// The load begins at the last position of the log, and every change after it is applied, in order. The values of a page are
/// applied only after the log was read up to its last position as of *after* they came. A value that could be read was in the
/// log by then (see [`ChangeFeed`](crate::feed::ChangeFeed)). So for each key of the page:
///
/// * If it changed since the load began, then its last change up to there is applied already, and is what was read, or newer.
///   The value of the page is left out. That holds for a deletion too: the key stays among the changed ones, as a tombstone,
///   until the load is over.
/// * If it did not change, the value is what it has held since before the load began, and holds at that position.
///
/// Either way, the cache has what the key held at the position that was read, and all later changes follow. No version is
/// kept with a value.
///
/// # Why the bound on staleness holds
///
/// A read that began at time *t* and returned everything that there was shows every change that was made before *t*. Once it
/// is applied, each write before *t* is visible, if the load is over. While nothing is written, a question whether the last
/// change is still the last gives the same. Both times are of this machine's clock.
#[derive(Debug)]
pub(super) struct Engine {
    applied: Position,
    /// `None` once the load is over.
    changed: Option<Changed>,
    fresh: Option<Time>,
}

impl Engine {
    /// Nothing is loaded, and changes will be read from here on.
    pub(super) fn load_from(position: Position) -> Self {
        Self { applied: position, changed: Some(Changed::new()), fresh: None }
    }

    /// Everything up to here was applied by an earlier session.
    pub(super) fn follow_from(position: Position) -> Self {
        Self { applied: position, changed: None, fresh: None }
    }

    /// The position of the last change that was applied.
    pub(super) fn applied(&self) -> Position {
        self.applied
    }

    /// Takes the next change. Returns whether it is to be applied: one that was applied before is not.
    pub(super) fn next(&mut self, change: &Change) -> Result<bool, FeedError> {
        if change.position <= self.applied {
            return Ok(false);
        }
        if change.position != self.applied.next() {
            return Err(FeedError::Gap { expected: self.applied.next(), found: Some(change.position) });
        }
        self.applied = change.position;
        if let Some(changed) = &mut self.changed {
            changed.insert(change.key.clone());
        }
        Ok(true)
    }

    /// Takes what the log says its last change is, now. It does not get shorter.
    pub(super) fn check(&self, last: Position) -> Result<(), FeedError> {
        if last < self.applied {
            let reason =
                format!("its last change is {last}, but {} was read: it was rolled back", self.applied);
            return Err(FeedError::NewHistory { reason });
        }
        Ok(())
    }

    /// Whether changes up to a position are still to be applied.
    pub(super) fn is_behind(&self, position: Position) -> bool {
        self.applied < position
    }

    /// Whether a value of a page may be applied, once changes are applied up to the last one as of after the page.
    pub(super) fn may_load(&self, key: &[u8]) -> bool {
        self.changed.as_ref().is_some_and(|changed| !changed.contains(key))
    }

    /// All pages are applied. Returns the keys that changed meanwhile.
    pub(super) fn loaded(&mut self) -> Changed {
        self.changed.take().unwrap_or_default()
    }

    /// Everything that was in the log at `time`, or at some moment after it, is applied.
    pub(super) fn all_applied(&mut self, time: Time) {
        if self.changed.is_none() {
            self.fresh = self.fresh.max(Some(time));
        }
    }

    /// Every write before this time is visible.
    pub(super) fn fresh(&self) -> Option<Time> {
        self.fresh
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::feed::Changed as To;

    fn change(position: u64, key: &[u8], value: Option<&str>) -> Change {
        let changed = match value {
            Some(value) => To::Set { value: value.into(), time_to_live: None },
            None => To::Deleted,
        };
        Change::new(Position::new(position), key.to_vec(), changed)
    }

    #[test]
    fn changes_are_applied_once_and_a_gap_is_noticed() {
        let mut engine = Engine::follow_from(Position::new(5));
        assert_eq!(engine.next(&change(5, b"a", None)), Ok(false));
        assert_eq!(engine.next(&change(6, b"a", None)), Ok(true));
        assert_eq!(engine.next(&change(6, b"a", None)), Ok(false));
        let gap = FeedError::Gap { expected: Position::new(7), found: Some(Position::new(8)) };
        assert_eq!(engine.next(&change(8, b"a", None)), Err(gap));
        assert!(engine.is_behind(Position::new(7)) && !engine.is_behind(Position::new(6)));
        assert_eq!(engine.check(Position::new(6)), Ok(()));
        assert!(matches!(engine.check(Position::new(5)), Err(FeedError::NewHistory { .. })));
    }

    #[test]
    fn nothing_is_fresh_before_the_load_is_over() {
        let mut engine = Engine::load_from(Position::START);
        engine.all_applied(7);
        assert_eq!(engine.fresh(), None);
        engine.loaded();
        engine.all_applied(9);
        engine.all_applied(8);
        assert_eq!(engine.fresh(), Some(9));
    }

    /// What a run of the model ended with.
    #[derive(Debug, PartialEq, Eq)]
    enum Verdict {
        Right,
        /// A key of the cache went back to an older value.
        Back,
        /// The cache differs from the store at the end.
        Different,
    }

    /// Bugs that the model must catch.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Bug {
        None,
        /// Values of pages are applied also for keys that changed.
        LoadsAll,
        /// The last position is asked for before the page.
        AsksBefore,
        /// The load ends before changes are read from where it ended.
        FollowsFromTheEnd,
    }

    /// Keys with the versions of their values, and the position up to which the log must be read before they are applied.
    type Page = (Vec<(usize, Option<u64>)>, u64);

    /// A store with its log, a scan in pages of two keys, and a session, in an order that `random` decides.
    fn run(mut random: impl FnMut(usize) -> usize, bug: Bug) -> Verdict {
        const KEYS: usize = 5;
        const STEPS: usize = 60;
        // A key has the number of its last change, and perhaps a value.
        let mut store: Vec<(u64, bool)> = (0..KEYS).map(|_| (0, random(2) == 0)).collect();
        let mut log: Vec<(usize, bool)> = Vec::new();
        // Values that are left from an earlier load have version 0, too.
        let mut cache: BTreeMap<usize, u64> =
            (0..KEYS).filter(|_| random(2) == 0).map(|key| (key, 0)).collect();
        let mut newest = [0; KEYS];
        let mut went_back = false;
        let mut engine = Engine::load_from(Position::START);
        let (mut scanned, mut seen) = (0, Vec::new());
        let mut page: Option<Page> = None;
        let mut over = false;
        for step in 0..STEPS + 200 {
            let last = log.len() as u64;
            match random(4) {
                // Towards the end, nothing changes.
                0 if step < STEPS => {
                    let (key, present) = (random(KEYS), random(3) > 0);
                    log.push((key, present));
                    store[key] = (log.len() as u64, present);
                }
                1 if page.is_none() && scanned < KEYS => {
                    let keys = scanned..(scanned + 2).min(KEYS);
                    scanned = keys.end;
                    let values = keys.map(|key| (key, store[key].1.then_some(store[key].0))).collect();
                    page = Some((values, if bug == Bug::AsksBefore { 0 } else { u64::MAX }));
                }
                // The last position is asked for after the page came, and after other writes.
                2 => {
                    if let Some((_, until)) = page.as_mut().filter(|(_, until)| *until == u64::MAX) {
                        *until = last;
                    }
                }
                3 if bug != Bug::FollowsFromTheEnd || over => {
                    let next = engine.applied().number();
                    if next < last {
                        let (key, present) = log[next as usize];
                        let name = [key as u8];
                        let applies = engine.next(&change(next + 1, &name, present.then_some("")));
                        assert_eq!(applies, Ok(true));
                        went_back |= newest[key] > next + 1;
                        newest[key] = next + 1;
                        if present {
                            cache.insert(key, next + 1)
                        } else {
                            cache.remove(&key)
                        };
                    }
                }
                _ => {}
            }
            let due = page.as_ref().is_some_and(|(_, until)| {
                bug == Bug::FollowsFromTheEnd || !engine.is_behind(Position::new(*until))
            });
            if let Some((values, _)) = page.take_if(|_| due) {
                for (key, value) in values {
                    let may_load = engine.may_load(&[key as u8]) || bug == Bug::LoadsAll;
                    if let Some(version) = value.filter(|_| may_load) {
                        went_back |= newest[key] > version;
                        newest[key] = version;
                        cache.insert(key, version);
                        seen.push(key);
                    }
                }
            }
            if scanned == KEYS && page.is_none() && !over {
                over = true;
                let changed = engine.loaded();
                cache.retain(|key, _| seen.contains(key) || changed.contains(&vec![*key as u8]));
                if bug == Bug::FollowsFromTheEnd {
                    engine = Engine::follow_from(Position::new(log.len() as u64));
                }
            }
        }
        assert!(over && engine.applied().number() == log.len() as u64, "the run is too short");
        let expected: BTreeMap<usize, u64> =
            (0..KEYS).filter(|key| store[*key].1).map(|key| (key, store[key].0)).collect();
        match (went_back, cache == expected) {
            (true, _) => Verdict::Back,
            (_, false) => Verdict::Different,
            _ => Verdict::Right,
        }
    }

    /// The number of runs that ended otherwise than they should.
    fn wrong(bug: Bug) -> usize {
        let runs = 0..2_000_u64;
        runs.filter(|seed| {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let random = move |below: usize| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 33) as usize % below
            };
            run(random, bug) != Verdict::Right
        })
        .count()
    }

    #[test]
    fn a_load_beside_writes_ends_up_equal_and_never_goes_back() {
        assert_eq!(wrong(Bug::None), 0);
    }

    #[test]
    fn the_model_catches_what_is_wrong() {
        for bug in [Bug::LoadsAll, Bug::AsksBefore, Bug::FollowsFromTheEnd] {
            assert!(wrong(bug) > 0, "{bug:?}");
        }
    }
}
