use std::fmt;
use std::str::FromStr;

use crate::{Cache, Op, Refusal};

/// Operations by weight, each step drawn anew.
///
/// `insert` in a mix stores only if the key is absent; `get`, `set`, `add` and `del` may meet an absent key where the
/// mix deletes.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{Cache, Mix, Op};
///
/// let mix: Mix = "get=90, add=9, del=1".parse()?;
/// assert_eq!(mix.to_string(), "get=90,add=9,del=1");
/// assert_eq!((mix.weight(Op::Add), mix.weight(Op::Set)), (9, 0));
/// assert!(mix.suits(Cache::Int) && !mix.suits(Cache::Obj));
/// # Ok::<(), hotcache_bench_plan::Refusal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mix {
    /// One for each of [`Op::DEFAULT`].
    weights: [u16; 5],
}

/// Shares finer than this take more steps to show than a stream has.
const MOST: u16 = 10_000;

impl Mix {
    /// The default mix: mostly reads, some replacements, few removals. Both caches support it.
    pub const USUAL: Mix = Mix::of(90, 9, 0, 0, 1);

    /// A mix of these weights.
    pub(crate) const fn of(get: u16, set: u16, add: u16, insert: u16, del: u16) -> Self {
        Self { weights: [get, set, add, insert, del] }
    }

    /// The weight of an operation.
    #[must_use]
    pub fn weight(self, op: Op) -> u16 {
        self.shares().find(|(of, _)| *of == op).map_or(0, |(_, weight)| weight)
    }

    /// The operations of the mix, with their weights.
    pub fn shares(self) -> impl Iterator<Item = (Op, u16)> {
        Op::DEFAULT.into_iter().zip(self.weights).filter(|(_, weight)| *weight > 0)
    }

    /// Whether this cache has all of its operations.
    #[must_use]
    pub fn suits(self, cache: Cache) -> bool {
        self.shares().all(|(op, _)| cache.ops().contains(&op))
    }

    /// Whether a key may be absent for a while.
    #[must_use]
    pub fn deletes(self) -> bool {
        self.weight(Op::Del) > 0
    }

    /// Whether the order in which threads write makes no difference to what they leave: they only add.
    #[must_use]
    pub fn commutes(self) -> bool {
        self.shares().all(|(op, _)| matches!(op, Op::Get | Op::Add))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares: Vec<_> = self.shares().map(|(op, weight)| format!("{op}={weight}")).collect();
        f.pad(&shares.join(","))
    }
}

impl FromStr for Mix {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let mut mix = Mix::of(0, 0, 0, 0, 0);
        for share in text.split(',') {
            let share = share.trim();
            let named =
                share.split_once('=').map(|(name, weight)| (name.trim(), weight.trim().parse::<u16>()));
            let Some((name, Ok(weight @ 1..=MOST))) = named else {
                return Err(Refusal::new(format!(
                    "invalid share of a mix `{share}`: expected OPERATION=WEIGHT, with an integer weight from 1 to {MOST}"
                )));
            };
            let Some(at) = Op::DEFAULT.iter().position(|op| op.name() == name) else {
                return Err(Refusal::unknown("operation of a mix", name, Op::DEFAULT.map(Op::name)));
            };
            if mix.weights[at] > 0 {
                return Err(Refusal::new(format!("`{name}` occurs twice in the mix `{text}`")));
            }
            mix.weights[at] = weight;
        }
        Ok(mix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_mix_is_refused_by_name() {
        for (bad, named) in [
            ("", "``"),
            ("get", "`get`"),
            ("get=", "`get=`"),
            ("get=0", "`get=0`"),
            ("get=-1", "`get=-1`"),
            ("get=0.9", "`get=0.9`"),
            ("get=90,add", "`add`"),
            ("get=20000", "`get=20000`"),
            ("get=90,incr=10", "`incr`"),
            ("get=90,get_many=10", "`get_many`"),
            ("get=90,set=9,get=1", "`get` occurs twice"),
        ] {
            let refused = bad.parse::<Mix>().expect_err(bad).to_string();
            assert!(refused.contains(named), "{bad}: {refused}");
        }
    }

    #[test]
    fn a_mix_knows_what_it_can_lead_to() {
        let mix = |text: &str| text.parse::<Mix>().expect(text);
        assert!(mix("get=1,add=1").commutes() && !mix("get=1,add=1").deletes());
        assert!(!mix("get=1,set=1").commutes() && !mix("get=1,insert=1").commutes());
        assert!(mix("get=1,del=1").deletes() && !mix("get=1,del=1").commutes());
        assert!(Cache::ALL.into_iter().all(|cache| Mix::USUAL.suits(cache)));
    }
}
