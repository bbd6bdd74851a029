use crate::Refusal;

/// The digits that keys are written in: short keys tell many apart, and every key is plain text.
pub const KEY_DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The least length of keys of which there are this many.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::least_key_len;
/// assert_eq!([1, 36, 37, 1_000_000, 10_000_000].map(least_key_len), [1, 1, 2, 4, 5]);
/// ```
#[must_use]
pub fn least_key_len(keys: usize) -> usize {
    let last = keys.saturating_sub(1);
    last.checked_ilog(KEY_DIGITS.len()).map_or(1, |digits| digits as usize + 1)
}

/// Keys of this length do not run out within a cell that inserts new ones all the time: there are two thousand
/// millions of them.
const ENDLESS: usize = 6;

/// Refuses keys that are too short for new ones all the time.
pub(crate) fn endless(key_len: usize) -> Result<(), Refusal> {
    if key_len < ENDLESS {
        return Err(Refusal::new(format!(
            "keys of {key_len} bytes are too short for `churn`, which keeps inserting new keys: at least {ENDLESS} bytes are needed"
        )));
    }
    Ok(())
}

/// Refuses keys that are too short to tell that many apart.
pub(crate) fn long_enough(key_len: usize, keys: usize) -> Result<(), Refusal> {
    let least = least_key_len(keys);
    if key_len < least {
        return Err(Refusal::new(format!(
            "keys of {key_len} bytes are too short to tell {keys} keys apart: at least {least} bytes are needed"
        )));
    }
    Ok(())
}
