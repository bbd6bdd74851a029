use std::fmt;
use std::str::FromStr;

use crate::Refusal;

/// How many operations arrive.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::Rate;
/// assert_eq!("500_000".parse(), Ok(Rate::PerSecond(500_000.0)));
/// assert_eq!("25%".parse(), Ok(Rate::Share(0.25)));
/// assert_eq!(Rate::Share(0.25).to_string(), "25%");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// So many a second, of all threads together.
    PerSecond(f64),
    /// A share of what the slowest row can do, from 0 to 1.
    Share(f64),
}

/// Past this, an operation is due every nanosecond.
const MOST_PER_SECOND: f64 = 1e9;

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::PerSecond(rate) => f.pad(&format!("{rate}")),
            Rate::Share(share) => f.pad(&format!("{}%", share * 100.0)),
        }
    }
}

impl FromStr for Rate {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let rate = match text.strip_suffix('%') {
            Some(percent) => percent
                .parse::<f64>()
                .ok()
                .filter(|p| *p > 0.0 && *p <= 100.0)
                .map(|p| Rate::Share(p / 100.0)),
            None => {
                let number = text.replace('_', "").parse::<f64>().ok();
                number.filter(|rate| *rate > 0.0 && *rate <= MOST_PER_SECOND).map(Rate::PerSecond)
            }
        };
        rate.ok_or_else(|| {
            Refusal::new(format!(
                "invalid rate `{text}`: expected arrivals per second, such as 500000, or a share of the throughput of the \
                 slowest row, such as 50%"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_rate_is_refused_by_name() {
        for bad in ["", "0", "-1", "fast", "0%", "101%", "nan", "inf", "1e10", "%"] {
            let refused = bad.parse::<Rate>().expect_err(bad).to_string();
            assert!(refused.contains(&format!("`{bad}`")), "{refused}");
        }
    }
}
