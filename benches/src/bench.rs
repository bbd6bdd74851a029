//! A map that is sampled over and over, with what it must hold.

use hotcache_bench_plan::Mix;

use crate::churn::Churn;
use crate::fault::Fault;
use crate::mix::Model;
use crate::peers::{Build, Setup};
use crate::sample::{Cell, Sample};
use crate::subject::Subject;

/// A filled map on which a cell is sampled, each sample going on from where the one before ended.
pub struct Bench {
    subject: Box<dyn Subject>,
    follows: Follows,
}

/// The model of the map's contents.
#[derive(Debug)]
enum Follows {
    /// Its keys stay as they are.
    Keys,
    Churn(Churn),
    Mix(Mix, Model),
}

impl Bench {
    /// A map for this cell, built and filled.
    #[must_use]
    pub fn filled(cell: &Cell<'_>, build: Build) -> Self {
        let (op, keys) = (cell.work.op, cell.keys.count());
        let subject = build(&Setup::of(cell.keys));
        subject.fill(cell.keys.all());
        let follows = match op.mix() {
            Some(mix) => Follows::Mix(mix, Model::filled(cell.work.cache, keys)),
            None if op.churns() => Follows::Churn(Churn::new(op, keys, cell.work.threads)),
            None => Follows::Keys,
        };
        Self { subject, follows }
    }

    /// Times `rounds` of the cell's work, beginning with that of this turn, and checks them.
    ///
    /// # Errors
    ///
    /// If the results, or the contents of the map afterwards, are wrong.
    pub fn sample(&mut self, cell: &Cell<'_>, turn: usize, rounds: usize) -> Result<Sample, Fault> {
        let subject = &*self.subject;
        match &mut self.follows {
            Follows::Keys => cell.on_filled(subject, turn, rounds),
            Follows::Churn(churn) => cell.on_churned(subject, churn, rounds),
            Follows::Mix(mix, model) => cell.on_mixed(subject, *mix, model, turn, rounds),
        }
    }
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("follows", &self.follows).finish_non_exhaustive()
    }
}
