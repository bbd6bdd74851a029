//! References to blocks: `first_block count 0 sequence`.

use hotcache_bench_plan::shown;

use super::reader::Trace;
use super::requests::Step;

const CITE: &str = "Traces in this form: N. Megiddo and D. S. Modha, \"ARC: A Self-Tuning, Low Overhead \
                    Replacement Cache\", FAST '03, pp. 115-130.";

/// No transfer is longer; a larger count is another format.
const MOST_BLOCKS: u64 = 1 << 20;

pub(super) fn parse(line: &str, trace: &mut Trace) -> Result<(), String> {
    let fields: Vec<_> = line.split_ascii_whitespace().collect();
    let [first, count, zero, sequence] = fields[..] else {
        return Err(format!("{} fields, where `first_block count 0 sequence` has 4", fields.len()));
    };
    let number = |field: &str| field.parse::<u64>().map_err(|_| format!("invalid number `{}`", shown(field)));
    let (first, count) = (number(first)?, number(count)?);
    number(zero)?;
    number(sequence)?;
    if count > MOST_BLOCKS {
        return Err(format!("{count} blocks in one request"));
    }
    let end =
        first.checked_add(count).ok_or_else(|| format!("block {first} and {count} more leave 64 bits"))?;
    for block in first..end {
        trace.push(Step::ReadThrough, &block.to_string());
    }
    trace.cite = Some(CITE);
    Ok(())
}
