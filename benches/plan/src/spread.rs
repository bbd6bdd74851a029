use serde::{Deserialize, Serialize};

/// The middle and the ends of repeated measurements.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::Spread;
/// let spread = Spread::of(&[3.0, 1.0, 2.0, 10.0]).unwrap();
/// assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 10.0));
/// assert_eq!(Spread::of(&[]), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of the measurements are at most this.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// The spread of some measurements; `None` if there are none.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Spread> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Spread { median, min, max })
    }
}
