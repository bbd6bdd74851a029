//! Which flag goes with which mode: a table, consulted before anything is built.

use crate::{Flags, KeyType, Refusal};

/// A run's mode. At most one flag chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The matrix, without a flag or with `--quick`.
    Matrix,
    Full,
    Trace,
    Memory,
    Latency,
    Adapters,
    Bounded,
    HitRatio,
    Redis,
    Gate,
}

use Mode::{Adapters, Bounded, Full, Gate, HitRatio, Latency, Matrix, Memory, Redis, Trace};

impl Mode {
    /// The flag that chooses this mode, or what the mode is called where none does.
    const fn name(self) -> &'static str {
        match self {
            Matrix => "the matrix",
            Full => "--full",
            Trace => "--trace",
            Memory => "--memory",
            Latency => "--latency",
            Adapters => "--adapters",
            Bounded => "--bounded",
            HitRatio => "--hit-ratio",
            Redis => "--redis",
            Gate => "--gate",
        }
    }

    /// The mode that these flags choose.
    fn of(flags: &Flags) -> Result<Mode, Refusal> {
        let chosen = [
            (Full, flags.full),
            // With --hit-ratio, traces are what hits are counted of.
            (Trace, !flags.trace.is_empty() && !flags.hit_ratio),
            (Memory, flags.memory),
            (Latency, flags.latency),
            (Adapters, flags.adapters),
            (Bounded, flags.bounded),
            (HitRatio, flags.hit_ratio),
            (Redis, flags.redis),
            (Gate, flags.gate),
        ];
        let mut chosen = chosen.into_iter().filter_map(|(mode, given)| given.then_some(mode));
        match (chosen.next(), chosen.next()) {
            (Some(one), Some(other)) => Err(Refusal::new(format!(
                "{} does not go with {}: each is a run of its own",
                one.name(),
                other.name()
            ))),
            (one, _) => Ok(one.unwrap_or(Matrix)),
        }
    }
}

/// A flag, whether it was given, and the modes that it goes with.
type Row = (&'static str, bool, &'static [Mode]);

fn table(flags: &Flags) -> [Row; 23] {
    const CELLS: &[Mode] = &[Matrix, Full];
    const WORKS: &[Mode] = &[Matrix, Full, Latency];
    const ROWS: &[Mode] = &[Matrix, Full, Trace, Memory, Latency, Adapters, Bounded];
    const KEPT: &[Mode] = &[Matrix, Full, Trace, Memory, Latency, Bounded, HitRatio];
    let Flags { output, .. } = flags;
    [
        ("--quick", flags.quick, &[Matrix, Memory, Bounded, HitRatio, Redis, Gate]),
        ("--fresh", flags.fresh, &[Full]),
        ("--passes", flags.passes.is_some(), &[Matrix, Full, Bounded]),
        ("--backends", !flags.backends.is_empty(), ROWS),
        ("--caches", !flags.caches.is_empty(), &[Matrix, Full, Trace, Memory, Latency]),
        ("--ops", !flags.ops.is_empty(), WORKS),
        ("--max-key", !flags.max_key.is_empty(), &[Matrix, Full, Memory, Latency, Adapters, Bounded]),
        ("--threads", !flags.threads.is_empty(), &[Matrix, Full, Trace, Latency, Bounded]),
        ("--key-len", !flags.key_len.is_empty(), &[Matrix, Full, Memory, Latency, Adapters]),
        ("--key-type", !flags.key_type.is_empty(), CELLS),
        ("--dist", !flags.dist.is_empty(), WORKS),
        ("--hot-key", flags.hot_key, WORKS),
        ("--mix", !flags.mix.is_empty(), WORKS),
        ("--profile", !flags.profile.is_empty(), WORKS),
        ("--churn", flags.churn, WORKS),
        ("--grow", flags.grow, WORKS),
        ("--rate", flags.rate.is_some(), &[Latency]),
        ("--json", output.json.is_some(), KEPT),
        ("--save", output.save.is_some(), KEPT),
        ("--compare", output.compare.is_some(), CELLS),
        ("--deny-regressions", output.deny_regressions.is_some(), CELLS),
        ("--trace", !flags.trace.is_empty(), &[Trace, HitRatio]),
        ("--capacity", !flags.capacity.is_empty(), &[HitRatio]),
    ]
}

/// Refuses flags that the chosen mode has no use for.
///
/// The parser of the command line cannot be left to do this: where it finds that two flags exclude each other, it no
/// longer asks for the flag that a third one needs.
pub(crate) fn check(flags: &Flags) -> Result<(), Refusal> {
    let mode = Mode::of(flags)?;
    let has_no_spread = |flag: &str| {
        format!(
            "{flag} is for cells of the matrix, whose passes tell a difference from chance; {} has none: save both runs \
             with --save, and make a page of each with cargo xtask report",
            mode.name()
        )
    };
    for (flag, given, modes) in table(flags) {
        if !given || modes.contains(&mode) {
            continue;
        }
        if flag == "--compare" {
            return Err(Refusal::new(has_no_spread(flag)));
        }
        let modes: Vec<_> = modes.iter().map(|mode| mode.name()).collect();
        let not = if mode == Matrix { String::new() } else { format!(", not with {}", mode.name()) };
        return Err(Refusal::new(format!("{flag} goes with {} only{not}", listed(&modes))));
    }
    if !(flags.key_len.is_empty() || flags.key_type.is_empty() || flags.key_type.contains(&KeyType::Str)) {
        return Err(Refusal::new(
            "--key-len is the length of keys of text; add str to --key-type, or leave it out",
        ));
    }
    if flags.output.deny_regressions.is_some() && flags.output.compare.is_none() {
        return Err(Refusal::new("--deny-regressions goes with --compare only: it judges what is compared"));
    }
    Ok(())
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}
