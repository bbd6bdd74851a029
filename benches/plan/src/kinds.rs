//! Which works the flags ask for: one set of axes for each kind of work.

use std::{iter, thread};

use crate::asked::or;
use crate::matrix::Axes;
use crate::{Cache, Dist, Flags, KeyCount, KeyType, Op, Pace, Profile, Refusal, Work};

/// Keys of a length that needs no heap in any row.
pub(crate) const DEFAULT_KEY_LEN: usize = 8;

/// The operations for `--hot-key`, on one key from all threads.
const ON_ONE_KEY: [Op; 4] = [Op::Get, Op::Set, Op::Add, Op::With];

/// The operations for `--latency`, besides growth.
const AT_THEIR_TIME: [Op; 3] = [Op::Get, Op::Set, Op::Add];

/// The default operations for keys that are not text, if no flag names keys or operations.
const TYPED_OPS: [Op; 3] = [Op::Get, Op::Add, Op::Insert];

/// The number of keys for these: they mostly fit a server's last-level cache, and not a core's own.
const TYPED_KEYS: KeyCount = KeyCount(100_000);

/// The largest map that is filled and emptied for each sample unless key counts are asked for: one of a million
/// keys takes seconds a cell.
const MOST_CONSUMED: usize = 100_000;

/// The default number of keys for `--grow`.
const GROWN: KeyCount = KeyCount(1_000_000);

/// The works that these flags ask for, on `max_key` keys or, where that is empty, on as many as suit the kind.
pub(crate) fn works(flags: &Flags, max_key: &[KeyCount], pace: &Pace) -> Result<Vec<Work>, Refusal> {
    let caches = or(&flags.caches, &Cache::ALL);
    let ops = ops(flags);
    refuse_ops(flags, &ops, &caches)?;
    let plain =
        if flags.full { full(flags, caches, ops, max_key) } else { usual(flags, caches, ops, max_key) };
    if flags.hot_key {
        let max_key = or(max_key, &[KeyCount(1)]);
        return Axes { max_key, dist: vec![Dist::Hot], ..plain }.works(pace);
    }
    let mut works = plain.works(pace)?;
    if everything(flags) {
        let ops: Vec<_> = ON_ONE_KEY.into_iter().filter(|op| plain.ops.contains(op)).collect();
        let hot = Axes { ops, max_key: vec![KeyCount(1)], dist: vec![Dist::Hot], ..plain.clone() };
        works.extend(hot.works(pace)?);
        // Which take new keys all the time: the shortest are too few for that.
        let keys = plain.keys.iter().copied().filter(|(_, len)| *len > SHORTEST).collect();
        let churning = Axes { ops: vec![Op::Churn, Op::Reinsert], keys, ..plain.clone() };
        works.extend(churning.works(pace)?);
    }
    if let Some(typed) = typed(flags, max_key, &plain) {
        works.extend(typed.works(pace)?);
    }
    if grows(flags) {
        let (ops, max_key) = (vec![Op::Grow], or(max_key, &[GROWN]));
        works.extend(Axes { ops, max_key, most_consumed: usize::MAX, ..plain.clone() }.works(pace)?);
    }
    let profiles = if everything(flags) { Profile::ALL.to_vec() } else { or(&flags.profile, &[]) };
    for profile in profiles {
        let profiled = Axes {
            ops: vec![Op::Profile(profile)],
            max_key: or(max_key, &[KeyCount(Profile::KEYS)]),
            keys: vec![(KeyType::Str, profile.key_len())],
            dist: vec![profile.dist()],
            ..plain.clone()
        };
        works.extend(profiled.works(pace)?);
    }
    Ok(works)
}

/// The types of keys that are asked for, those of text with each length.
fn keys(flags: &Flags, lengths: &[usize]) -> Vec<(KeyType, usize)> {
    let of_type = |key_type: KeyType| match key_type.fixed_len() {
        Some(len) => vec![(key_type, len)],
        None => or(&flags.key_len, lengths).into_iter().map(|len| (key_type, len)).collect(),
    };
    or(&flags.key_type, &[KeyType::Str]).into_iter().flat_map(of_type).collect()
}

/// The default works for keys that are not text, if no flag names keys or operations: enough to see whether a
/// lead holds for them.
fn typed(flags: &Flags, max_key: &[KeyCount], plain: &Axes) -> Option<Axes> {
    let Flags { key_type, key_len, dist, hot_key, quick, latency, .. } = flags;
    let said = !(key_type.is_empty() && key_len.is_empty() && max_key.is_empty() && dist.is_empty());
    if said || chosen(flags) || *hot_key || *quick || *latency {
        return None;
    }
    let types = [KeyType::U64, KeyType::Pair];
    let keys = types.into_iter().filter_map(|key_type| Some((key_type, key_type.fixed_len()?))).collect();
    let caches = plain.caches.iter().copied().filter(|cache| *cache == Cache::Int).collect();
    let max_key = if flags.full { vec![TYPED_KEYS, KeyCount(1_000_000)] } else { vec![TYPED_KEYS] };
    let dist = vec![Dist::Uniform];
    Some(Axes { caches, ops: TYPED_OPS.to_vec(), max_key, keys, dist, ..plain.clone() })
}

/// Returns the axes of a run without flags, which takes minutes.
fn usual(flags: &Flags, caches: Vec<Cache>, ops: Vec<Op>, max_key: &[KeyCount]) -> Axes {
    let few_and_many = match (flags.quick, flags.latency) {
        (true, _) => &QUICK_KEYS[..],
        (_, true) => &[GROWN],
        _ => &DEFAULT_KEYS[..],
    };
    Axes {
        caches,
        ops,
        max_key: or(max_key, few_and_many),
        keys: keys(flags, &[DEFAULT_KEY_LEN]),
        dist: or(&flags.dist, &[Dist::Uniform]),
        threads: or(&flags.threads, if flags.latency { &[1] } else { &[1, 2] }),
        most_consumed: if max_key.is_empty() { MOST_CONSUMED } else { usize::MAX },
    }
}

/// Returns the axes of `--full`, which takes hours.
fn full(flags: &Flags, caches: Vec<Cache>, ops: Vec<Op>, max_key: &[KeyCount]) -> Axes {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let doubling: Vec<_> =
        iter::successors(Some(1), |threads| Some(threads * 2)).take_while(|n| *n <= cores * 2).collect();
    // The shortest are too few for keys that come and go.
    let lengths = if ops.iter().any(|op| op.churns()) { &[13, 36][..] } else { &[SHORTEST, 13, 36] };
    Axes {
        caches,
        ops,
        max_key: or(max_key, &FULL_KEYS),
        keys: keys(flags, lengths),
        dist: or(&flags.dist, &[Dist::Uniform, Dist::Zipf(0.99)]),
        threads: or(&flags.threads, &doubling),
        most_consumed: if max_key.is_empty() { MOST_CONSUMED_IN_FULL } else { usize::MAX },
    }
}

/// Whether every kind of work is asked for: `--full`, and no kind by name.
fn everything(flags: &Flags) -> bool {
    let Flags { ops, mix, profile, churn, grow, hot_key, .. } = flags;
    flags.full && ops.is_empty() && mix.is_empty() && profile.is_empty() && !churn && !grow && !hot_key
}

/// Whether anything is said of what to do.
fn chosen(flags: &Flags) -> bool {
    !(flags.ops.is_empty() && flags.mix.is_empty() && flags.profile.is_empty()) || flags.churn || flags.grow
}

/// Whether maps shall grow, which has key counts of its own.
fn grows(flags: &Flags) -> bool {
    let by_default = flags.latency && !flags.hot_key && !chosen(flags);
    everything(flags) || flags.grow || flags.ops.contains(&Op::Grow) || by_default
}

/// The operations to do on the same keys, in the order of the tables.
fn ops(flags: &Flags) -> Vec<Op> {
    let mut ops = flags.ops.clone();
    if flags.churn {
        ops.extend([Op::Churn, Op::Reinsert]);
    }
    if !flags.mix.is_empty() {
        // `--ops mix` means those that are described.
        ops.retain(|op| !matches!(op, Op::Mix(_)));
        ops.extend(flags.mix.iter().copied().map(Op::Mix));
    }
    let apart = grows(flags) || !flags.profile.is_empty();
    ops.retain(|op| *op != Op::Grow);
    ops.sort_unstable();
    match ops[..] {
        // What grows and what churns have keys of their own.
        [] if everything(flags) => Op::ALL.into_iter().filter(|op| *op != Op::Grow && !op.churns()).collect(),
        [] if flags.hot_key => ON_ONE_KEY.to_vec(),
        [] if flags.latency && !chosen(flags) => AT_THEIR_TIME.to_vec(),
        [] if !apart => Op::DEFAULT.to_vec(),
        _ => or(&ops, &[]),
    }
}

/// Rejects requested operations that none of the caches supports, or that this distribution does not allow.
fn refuse_ops(flags: &Flags, ops: &[Op], caches: &[Cache]) -> Result<(), Refusal> {
    let profiles = flags.profile.iter().copied().map(Op::Profile);
    for op in flags.ops.iter().copied().chain(flags.mix.iter().copied().map(Op::Mix)).chain(profiles) {
        if !caches.iter().any(|cache| cache.does(op)) {
            let names: Vec<_> = caches.iter().map(|cache| cache.name()).collect();
            let names = names.join(" or ");
            return Err(Refusal::new(match op.mix() {
                // Nothing else is missing anywhere.
                Some(_) => format!("`{op}` adds, and the {names} cache has no add"),
                None => format!("the {names} cache has no operation `{op}`"),
            }));
        }
    }
    let asked = ops.iter().chain(&flags.ops);
    match asked.filter(|_| flags.hot_key).find(|op| !ON_ONE_KEY.contains(op)) {
        Some(op) => Err(Refusal::new(format!(
            "`{op}` is not measured with --hot-key: all threads get, set or add to the one key"
        ))),
        None => Ok(()),
    }
}

/// The limit for `--full`: with ten million keys, a cell takes minutes.
const MOST_CONSUMED_IN_FULL: usize = 1_000_000;

const QUICK_KEYS: [KeyCount; 2] = [KeyCount(100), KeyCount(100_000)];
const DEFAULT_KEYS: [KeyCount; 3] = [KeyCount(100), KeyCount(100_000), KeyCount(1_000_000)];
/// The least length that tells ten million keys apart.
const SHORTEST: usize = 5;

const FULL_KEYS: [KeyCount; 4] = [KeyCount(100), KeyCount(10_000), KeyCount(1_000_000), KeyCount(10_000_000)];
