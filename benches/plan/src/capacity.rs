use std::fmt;
use std::str::FromStr;

use crate::Refusal;

/// How many entries a bounded cache may hold.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::Capacity;
///
/// assert_eq!("10_000".parse(), Ok(Capacity(10_000)));
/// assert!("0".parse::<Capacity>().unwrap_err().to_string().contains("at least 1"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capacity(pub usize);

/// Past this, what some caches allocate for their policy alone would fill gigabytes.
const MOST: usize = 100_000_000;

impl FromStr for Capacity {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        match text.trim().replace('_', "").parse::<usize>() {
            Ok(0) => Err(Refusal::new("a capacity of 0 entries is too small: at least 1 is needed")),
            Ok(entries) if entries <= MOST => Ok(Capacity(entries)),
            Ok(_) => Err(Refusal::new(format!(
                "a capacity of `{text}` entries is too large: at most {MOST} are allowed"
            ))),
            Err(_) => Err(Refusal::new(format!(
                "invalid capacity `{text}`: expected a number of entries, such as 1000"
            ))),
        }
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_capacity_is_refused_by_name() {
        for bad in ["", "x", "1e3", "-1", "1.5", "100000001"] {
            let refused = bad.parse::<Capacity>().expect_err(bad).to_string();
            assert!(refused.contains(&format!("`{bad}`")), "{refused}");
        }
    }
}
