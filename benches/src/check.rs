//! Checks after the clock has stopped, for all work except churn and mixes.

use std::collections::HashMap;

use hotcache_bench_plan::Op;

use crate::fault::Fault;
use crate::keys::{KeyIter, KeyRef};
use crate::sample::{Cell, Sample};
use crate::stream::Stream;
use crate::subject::{Batch, Checks, Subject, Tally, objects};

/// The keys of each thread that are looked at after `set`.
pub(crate) const LOOKED_AT: usize = 8_192;

impl Cell<'_> {
    /// Checks what was timed on a filled map, whose values had this sum before.
    pub(crate) fn check_filled(
        &self,
        subject: &dyn Subject,
        total_before: i64,
        turn: usize,
        rounds: usize,
        sample: Sample,
        tally: Tally,
    ) -> Result<(), Fault> {
        if self.work.op == Op::Add && subject.checks() != Checks::None {
            let added = subject.total().wrapping_sub(total_before);
            self.expect("the sum of all adds of 1", added, sample.ops as i64)?;
        }
        if subject.checks() == Checks::All {
            match self.work.op {
                Op::Get | Op::GetMany | Op::With => self.check_read(turn, rounds, sample, tally)?,
                Op::Set => self.check_set(subject, turn, rounds)?,
                _ => {}
            }
            self.expect("keys in the map", subject.count(), self.keys.count())?;
        }
        Ok(())
    }

    fn check_read(&self, turn: usize, rounds: usize, sample: Sample, tally: Tally) -> Result<(), Fault> {
        let turns = |stream| (turn..turn + rounds).map(move |turn| Stream::chunk(stream, turn).sum);
        self.expect("keys found", tally.hits, sample.ops)?;
        self.expect("the sum of the values read", tally.sum, self.streams.iter().flat_map(turns).sum())
    }

    /// The keys that each thread stored in last must hold what one of the threads stored there last.
    fn check_set(&self, subject: &dyn Subject, turn: usize, rounds: usize) -> Result<(), Fault> {
        let mut stored: HashMap<KeyRef<'_>, Vec<i64>> = HashMap::new();
        for (thread, stream) in self.streams.iter().enumerate() {
            let len = stream.chunk_len();
            let mut of_thread = HashMap::new();
            let last_keys = stream.chunk(turn + rounds - 1).keys.enumerate();
            for (i, key) in last_keys.skip(len.saturating_sub(LOOKED_AT)) {
                of_thread.insert(key, self.stored(thread, turn, len * (rounds - 1) + i));
            }
            of_thread.into_iter().for_each(|(key, value)| stored.entry(key).or_default().push(value));
        }
        for (key, last) in stored {
            let read = subject
                .run(Op::Get, Batch { keys: KeyIter::one(key), first: 0, objects: &mut objects(0, 0) });
            self.expect("keys found after set", read.hits, 1)?;
            // A thread that is not among them may have stored in this key too, at a time that is not known.
            let all_known = self.work.max_key.is_own() || last.len() == self.streams.len();
            if all_known && !last.contains(&read.sum) {
                self.expect("the value that was set last", read.sum, last[0])?;
            }
        }
        Ok(())
    }

    /// Checks one of the maps that were filled or emptied.
    pub(crate) fn check_fresh(
        &self,
        subject: &dyn Subject,
        sample: Sample,
        tally: Tally,
    ) -> Result<(), Fault> {
        if subject.checks() == Checks::None {
            return Ok(());
        }
        if self.work.op == Op::Del {
            self.expect("keys found to delete", tally.hits, sample.ops)?;
            return self.expect("keys left after deleting all", subject.count(), 0);
        }
        self.expect("keys after inserting all", subject.count(), self.keys.count())?;
        let inserted = self
            .streams
            .iter()
            .enumerate()
            .flat_map(|(thread, stream)| (0..stream.chunk_len()).map(move |i| self.stored(thread, 0, i)));
        self.expect("the sum of the values inserted", subject.total(), inserted.sum())
    }

    /// Returns the error for this cell.
    pub(crate) fn fault(&self, what: String) -> Fault {
        Fault { cell: self.name.to_owned(), what }
    }

    pub(crate) fn expect<T: PartialEq + std::fmt::Display>(
        &self,
        what: &str,
        found: T,
        expected: T,
    ) -> Result<(), Fault> {
        Fault::unless_equal(self.name, what, found, expected)
    }
}
