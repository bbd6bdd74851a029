//! Checks that types cannot express: times are positive, medians lie between the ends, and nothing occurs twice.

use std::collections::HashMap;

use super::{
    Bounded, BoundedMemory, Cell, Footprint, Garbage, HitRatio, Latency, Memory, Percentiles, Replay, Run,
    SchemaError, Spread, VERSION,
};

type Checked = Result<(), SchemaError>;

/// More than any name needs; longer ones are rubbish in a table.
const LONGEST_NAME: usize = 80;

pub(super) fn run(run: &Run) -> Checked {
    if run.version != VERSION {
        return refuse("version", format!("is {}; this program writes version {VERSION}", run.version));
    }
    if run.machine.cores == 0 {
        return refuse("machine.cores", "must be at least 1");
    }
    if let Some(busy) = run.machine.busy_elsewhere {
        share("machine.busy_elsewhere", busy)?;
    }
    each("cells", &run.cells, cell)?;
    each("latency", &run.latency, latency)?;
    each("memory", &run.memory, memory)?;
    each("garbage", &run.garbage, garbage)?;
    each("trace", &run.trace, replay)?;
    each("bounded", &run.bounded, bounded)?;
    each("bounded_memory", &run.bounded_memory, bounded_memory)?;
    each("hit_ratio", &run.hit_ratio, hit_ratio)?;
    each("skipped", &run.skipped, |at, skipped| name(&format!("{at}.backend"), &skipped.backend))?;
    distinct("cells", &run.cells, Cell::identity)?;
    distinct("latency", &run.latency, Latency::identity)?;
    distinct("memory", &run.memory, Memory::identity)?;
    distinct("garbage", &run.garbage, Garbage::identity)?;
    distinct("trace", &run.trace, Replay::identity)?;
    distinct("bounded", &run.bounded, Bounded::identity)?;
    distinct("bounded_memory", &run.bounded_memory, BoundedMemory::identity)?;
    distinct("hit_ratio", &run.hit_ratio, HitRatio::identity)
}

fn cell(at: &str, cell: &Cell) -> Checked {
    for (field, text) in [
        ("cache", &cell.cache),
        ("backend", &cell.backend),
        ("op", &cell.op),
        ("dist", &cell.dist),
        ("key_type", &cell.key_type),
    ] {
        name(&format!("{at}.{field}"), text)?;
    }
    at_least_one(&format!("{at}.threads"), cell.threads)?;
    spread(&format!("{at}.ns_per_op"), cell.ns_per_op)?;
    at_least_zero(&format!("{at}.mops"), Some(cell.mops))?;
    at_least_zero(&format!("{at}.bytes_per_op"), cell.bytes_per_op)?;
    at_least_zero(&format!("{at}.allocs_per_op"), cell.allocs_per_op)?;
    at_least_zero(&format!("{at}.worst_ns"), cell.worst_ns)?;
    if let Some(rate) = cell.hit_rate {
        share(&format!("{at}.hit_rate"), rate)?;
    }
    each(&format!("{at}.busy"), &cell.busy, |at, busy| share(at, *busy))?;
    if !cell.busy.is_empty()
        && (cell.samples.is_empty() || !cell.samples.len().is_multiple_of(cell.busy.len()))
    {
        let (passes, samples) = (cell.busy.len(), cell.samples.len());
        return refuse(
            &format!("{at}.busy"),
            format!("has {passes} passes, among which {samples} samples cannot be divided"),
        );
    }
    each(&format!("{at}.samples"), &cell.samples, |at, sample| positive(at, *sample))
}

fn latency(at: &str, latency: &Latency) -> Checked {
    for (field, text) in [
        ("cache", &latency.cache),
        ("backend", &latency.backend),
        ("op", &latency.op),
        ("dist", &latency.dist),
    ] {
        name(&format!("{at}.{field}"), text)?;
    }
    at_least_one(&format!("{at}.threads"), latency.threads)?;
    positive(&format!("{at}.per_second"), latency.per_second)?;
    percentiles(&format!("{at}.percentiles"), &latency.percentiles)?;
    each(&format!("{at}.curve"), &latency.curve, |at, [quantile, ns]| {
        share(at, *quantile)?;
        at_least_zero(at, Some(*ns))
    })?;
    match latency.curve.windows(2).position(|pair| pair[0][0] > pair[1][0] || pair[0][1] > pair[1][1]) {
        Some(i) => refuse(&format!("{at}.curve[{}]", i + 1), "falls below the point before it"),
        None => Ok(()),
    }
}

fn percentiles(at: &str, percentiles: &Percentiles) -> Checked {
    let mut before = ("0", 0.0);
    for (name, value) in percentiles.named() {
        let at = format!("{at}.{name}");
        at_least_zero(&at, Some(value))?;
        if value < before.1 {
            return refuse(&at, format!("is {value}, below {} of {}", before.0, before.1));
        }
        before = (name, value);
    }
    Ok(())
}

fn memory(at: &str, memory: &Memory) -> Checked {
    name(&format!("{at}.cache"), &memory.cache)?;
    name(&format!("{at}.backend"), &memory.backend)?;
    let stages = [
        ("after_load", Some(memory.after_load)),
        ("worst", memory.worst),
        ("after_churn", memory.after_churn),
        ("after_delete_all", memory.after_delete_all),
    ];
    let mut known = stages.into_iter().filter_map(|(stage, known)| Some((stage, known?)));
    known.try_for_each(|(stage, known)| footprint(&format!("{at}.{stage}"), known))
}

fn garbage(at: &str, garbage: &Garbage) -> Checked {
    name(&format!("{at}.workload"), &garbage.workload)?;
    name(&format!("{at}.cache"), &garbage.cache)?;
    name(&format!("{at}.backend"), &garbage.backend)?;
    if garbage.moments.is_empty() {
        return refuse(&format!("{at}.moments"), "has no moment");
    }
    each(&format!("{at}.moments"), &garbage.moments, |at, one| name(&format!("{at}.moment"), &one.moment))?;
    distinct(&format!("{at}.moments"), &garbage.moments, |one| one.moment.clone())
}

fn replay(at: &str, replay: &Replay) -> Checked {
    name(&format!("{at}.trace"), &replay.trace)?;
    name(&format!("{at}.cache"), &replay.cache)?;
    name(&format!("{at}.backend"), &replay.backend)?;
    at_least_one(&format!("{at}.threads"), replay.threads)?;
    if let Some(rate) = replay.hit_rate {
        share(&format!("{at}.hit_rate"), rate)?;
    }
    spread(&format!("{at}.ns_per_op"), replay.ns_per_op)
}

fn bounded(at: &str, bounded: &Bounded) -> Checked {
    cell(at, &bounded.cell)?;
    bounded.single.as_ref().map_or(Ok(()), |single| percentiles(&format!("{at}.single"), single))
}

fn bounded_memory(at: &str, memory: &BoundedMemory) -> Checked {
    name(&format!("{at}.backend"), &memory.backend)?;
    name(&format!("{at}.key_type"), &memory.key_type)?;
    footprint(&format!("{at}.entry"), memory.entry)?;
    // A cache may take less than the map.
    at_least_zero(&format!("{at}.overhead"), memory.overhead.map(f64::abs))
}

fn hit_ratio(at: &str, one: &HitRatio) -> Checked {
    name(&format!("{at}.workload"), &one.workload)?;
    name(&format!("{at}.backend"), &one.backend)?;
    let most = one.requests.saturating_sub(one.distinct_keys);
    if one.hits <= most {
        return Ok(());
    }
    let (hits, requests, distinct) = (one.hits, one.requests, one.distinct_keys);
    refuse(
        &format!("{at}.hits"),
        format!("is {hits}; of {requests} requests for {distinct} keys at most {most} can hit"),
    )
}

fn footprint(at: &str, Footprint { counted, rss }: Footprint) -> Checked {
    // A process may hold less than before; an allocator cannot.
    at_least_zero(&format!("{at}.counted"), counted)?;
    at_least_zero(&format!("{at}.rss"), rss.map(f64::abs))
}

fn spread(at: &str, spread: Spread) -> Checked {
    let Spread { median, min, max } = spread;
    for (field, value) in [("median", median), ("min", min), ("max", max)] {
        positive(&format!("{at}.{field}"), value)?;
    }
    if min <= median && median <= max {
        return Ok(());
    }
    refuse(at, format!("the median {median} does not lie between min {min} and max {max}"))
}

fn name(at: &str, name: &str) -> Checked {
    if name.trim().is_empty() {
        return refuse(at, "is empty");
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return refuse(
            at,
            format!(
                "is not a valid name: at most {LONGEST_NAME} characters are allowed, and no control characters"
            ),
        );
    }
    Ok(())
}

fn positive(at: &str, value: f64) -> Checked {
    if value.is_finite() && value > 0.0 { Ok(()) } else { refuse(at, format!("is {value}; must be above 0")) }
}

fn at_least_zero(at: &str, value: Option<f64>) -> Checked {
    match value {
        Some(value) if !(value.is_finite() && value >= 0.0) => {
            refuse(at, format!("is {value}; must be 0 or more"))
        }
        _ => Ok(()),
    }
}

fn share(at: &str, value: f64) -> Checked {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { refuse(at, format!("is {value}; must lie in 0 to 1")) }
}

fn at_least_one(at: &str, value: usize) -> Checked {
    if value >= 1 { Ok(()) } else { refuse(at, "must be at least 1") }
}

fn each<T>(at: &str, all: &[T], check: impl Fn(&str, &T) -> Checked) -> Checked {
    all.iter().enumerate().try_for_each(|(i, one)| check(&format!("{at}[{i}]"), one))
}

fn distinct<T, I: std::hash::Hash + Eq>(at: &str, all: &[T], identity: impl Fn(&T) -> I) -> Checked {
    let mut seen = HashMap::new();
    for (i, one) in all.iter().enumerate() {
        if let Some(first) = seen.insert(identity(one), i) {
            return refuse(&format!("{at}[{i}]"), format!("measures the same as {at}[{first}]"));
        }
    }
    Ok(())
}

fn refuse(at: &str, why: impl Into<String>) -> Checked {
    Err(SchemaError::new(at, why))
}
