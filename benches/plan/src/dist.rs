use std::fmt;
use std::str::FromStr;

use crate::Refusal;

/// How often each key is asked for.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::Dist;
/// assert_eq!("zipf:0.99".parse(), Ok(Dist::Zipf(0.99)));
/// assert_eq!(Dist::Uniform.to_string(), "uniform");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dist {
    /// Each equally often.
    Uniform,
    /// The key of rank `r` in proportion to `r` to the power of minus this.
    Zipf(f64),
    /// One key always, by every thread.
    Hot,
}

impl fmt::Display for Dist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dist::Uniform => f.pad("uniform"),
            Dist::Zipf(exponent) => f.pad(&format!("zipf:{exponent}")),
            Dist::Hot => f.pad("hot"),
        }
    }
}

impl FromStr for Dist {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let exponent = match text.split_once(':') {
            None if text == "uniform" => return Ok(Dist::Uniform),
            None if text == "hot" => return Ok(Dist::Hot),
            Some(("zipf", exponent)) => exponent.parse::<f64>().ok(),
            _ => None,
        };
        match exponent {
            Some(exponent) if exponent.is_finite() && exponent > 0.0 => Ok(Dist::Zipf(exponent)),
            _ => Err(Refusal::new(format!(
                "invalid distribution `{text}`: expected uniform, hot, or zipf:EXPONENT with an exponent above 0, \
                 such as zipf:0.99"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_distribution_is_refused_by_name() {
        for bad in ["zipf", "zipf:", "zipf:-1", "zipf:0", "zipf:nan", "zipf:inf", "normal", ""] {
            let refused = bad.parse::<Dist>().expect_err(bad).to_string();
            assert!(refused.contains(&format!("`{bad}`")), "{refused}");
        }
    }

    #[test]
    fn a_distribution_survives_being_written() {
        for dist in [Dist::Uniform, Dist::Hot, Dist::Zipf(0.99), Dist::Zipf(1.41)] {
            assert_eq!(dist.to_string().parse(), Ok(dist));
        }
    }
}
