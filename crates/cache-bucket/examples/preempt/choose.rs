//! The choice of the next action.

use crate::act::Act;
use crate::cycle::{Director, Spent, Stage};
use crate::world::{OpOf, World};

/// The number of operations in a series. They take longer than a timer varies, so a signal finds one of them.
pub(crate) const SEVERAL: usize = 40;

/// Returns a count that no operation sets again soon, nor the counts after it. It is so small that sums stay in
/// range.
fn fresh(operations: u64) -> i64 {
    1 + (operations % 600) as i64 * SEVERAL as i64
}

impl<W: World> Director<'_, W> {
    /// Chooses an action.
    pub(crate) fn act(
        &mut self,
        stage: &mut Stage<W>,
        weights: [usize; 8],
        spent: &mut Spent,
    ) -> Act<OpOf<W>> {
        let random = &mut self.random;
        let actors = stage.states.len();
        let key = random.below(actors);
        let mut choice = random.below(100);
        let chosen = weights.iter().position(|weight| {
            let here = choice < *weight;
            choice = choice.wrapping_sub(*weight);
            here
        });
        let stays = random.below(4);
        let pool = stage.world.plan().pool();
        match chosen {
            Some(0) => Act::GetMany((0..actors).filter(|_| random.one_in(2)).collect()),
            Some(1) => Act::ForEach(stays),
            Some(2) if !spent.unsure => {
                spent.unsure = true;
                Act::Retain { removed: key, stays }
            }
            Some(3) if !spent.unsure && !spent.pool => {
                spent.unsure = true;
                stage.cleared = true;
                Act::Clear
            }
            Some(4) if !spent.pool && !stage.cleared && stage.pooled < pool.len() => {
                let from = pool.start + stage.pooled;
                let more = 1 + random.below((pool.len() - stage.pooled).min(12));
                stage.pooled += more;
                Act::Inserts(from..from + more)
            }
            Some(5) if !spent.pool && !stage.cleared && stage.pooled > 0 => {
                let end = pool.start + stage.pooled;
                let less = 1 + random.below(stage.pooled);
                stage.pooled -= less;
                Act::Deletes(end - less..end)
            }
            Some(6) => Act::Shrink,
            Some(7) if random.one_in(8) => Act::Reclaim,
            Some(7) => Act::Replace,
            _ => {
                let fresh = fresh(self.totals.operations);
                Act::One(key, W::random_op(random, key, fresh))
            }
        }
    }

    /// Chooses a series of operations on one key each; if `deadly`, most of them insert a key.
    pub(crate) fn several(&mut self, actors: usize, deadly: bool) -> Act<OpOf<W>> {
        let random = &mut self.random;
        let fresh = fresh(self.totals.operations);
        let inserts = deadly && !random.one_in(4);
        let mut set = None;
        let ops = (fresh..).take(SEVERAL).map(|fresh| {
            let key = set.take().unwrap_or_else(|| random.below(actors));
            match inserts {
                false => (key, W::random_op(random, key, fresh)),
                // The next operation sets the key.
                true if random.one_in(2) => {
                    set = Some(key);
                    (key, W::del())
                }
                true => (key, W::set(key, fresh)),
            }
        });
        Act::Several(ops.collect())
    }
}
