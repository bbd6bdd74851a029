//! Which works the flags ask for: one set of axes for each kind of work.

use crate::flags::or;
use crate::matrix::Axes;
use crate::{Cache, Dist, Flags, KeyCount, Op, Pace, Refusal, Work};

/// Keys of a length that needs no heap in any row.
pub(crate) const DEFAULT_KEY_LEN: usize = 8;

/// What all threads do to one key.
const ON_ONE_KEY: [Op; 4] = [Op::Get, Op::Set, Op::Add, Op::With];

/// The largest map that is filled and emptied for each sample unless key counts are asked for: one of a million
/// keys takes seconds a cell.
const MOST_CONSUMED: usize = 100_000;

/// The works that these flags ask for, on `max_key` keys or, where that is empty, on as many as suit the kind.
pub(crate) fn works(flags: &Flags, max_key: &[KeyCount], pace: &Pace) -> Result<Vec<Work>, Refusal> {
    let caches = or(&flags.caches, &Cache::ALL);
    refuse_ops(flags, &caches)?;
    let few_and_many = if flags.quick { &QUICK_KEYS[..] } else { &DEFAULT_KEYS[..] };
    let plain = Axes {
        caches,
        ops: or(&flags.ops, &Op::DEFAULT),
        max_key: or(max_key, few_and_many),
        key_len: or(&flags.key_len, &[DEFAULT_KEY_LEN]),
        dist: or(&flags.dist, &[Dist::Uniform]),
        threads: or(&flags.threads, &[1, 2]),
        most_consumed: if max_key.is_empty() { MOST_CONSUMED } else { usize::MAX },
    };
    let mut works = Vec::new();
    if flags.hot_key {
        let (ops, max_key) = (or(&flags.ops, &ON_ONE_KEY), or(max_key, &[KeyCount(1)]));
        let hot = Axes { ops, max_key, dist: vec![Dist::Hot], ..plain.clone() };
        works.extend(hot.works(pace)?);
    } else {
        works.extend(plain.works(pace)?);
    }
    Ok(works)
}

/// Refuses operations that were asked for by name and that none of the caches has, or none on this distribution.
fn refuse_ops(flags: &Flags, caches: &[Cache]) -> Result<(), Refusal> {
    for op in &flags.ops {
        if !caches.iter().any(|cache| cache.ops().contains(op)) {
            let names: Vec<_> = caches.iter().map(|cache| cache.name()).collect();
            return Err(Refusal::new(format!("`{op}` is no operation of the {} cache", names.join(" or "))));
        }
        if flags.hot_key && !ON_ONE_KEY.contains(op) {
            return Err(Refusal::new(format!(
                "`{op}` is not measured with --hot-key: all threads get, set or add to the one key"
            )));
        }
    }
    Ok(())
}

const QUICK_KEYS: [KeyCount; 2] = [KeyCount(100), KeyCount(100_000)];
const DEFAULT_KEYS: [KeyCount; 3] = [KeyCount(100), KeyCount(100_000), KeyCount(1_000_000)];
