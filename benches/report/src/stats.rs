//! Robust statistics: what a few wild samples cannot move.

use crate::random::Random;

/// The standard deviation of a normal distribution for each unit of its median absolute deviation.
const DEVIATIONS: f64 = 1.4826;

pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The value that half of them do not exceed; between two, their middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

/// The value at a share from 0 to 1 of sorted values, between two in proportion.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(low + (high - low) * at.fract())
}

/// How far values usually lie from zero, as the standard deviation of a normal distribution would tell.
pub(crate) fn scale(residuals: &[f64]) -> Option<f64> {
    let sizes: Vec<_> = residuals.iter().map(|r| r.abs()).collect();
    median(&sizes).map(|middle| middle * DEVIATIONS)
}

/// Half the width of the middle two thirds: a standard deviation that the wildest sixth on either side cannot move.
pub(crate) fn half_width(values: &[f64]) -> f64 {
    // What lies within one standard deviation of a normal distribution.
    const INSIDE: f64 = 0.6827;
    let sorted = sorted(values);
    let end = |share| quantile(&sorted, share).unwrap_or(0.0);
    (end(f64::midpoint(1.0, INSIDE)) - end((1.0 - INSIDE) / 2.0)) / 2.0
}

/// A quantile of each of `count` resamples, which are as many draws with repetition as there are values.
pub(crate) fn resampled(values: &[f64], share: f64, count: usize, random: &mut Random) -> Vec<f64> {
    let mut resample = vec![0.0; values.len()];
    let quantiles = (0..count).filter_map(|_| {
        resample.fill_with(|| values[random.below(values.len())]);
        resample.sort_unstable_by(f64::total_cmp);
        quantile(&resample, share)
    });
    quantiles.collect()
}

/// Returns the two-sided probability of Student's t for an even number of degrees of freedom.
///
/// The closed form for even degrees: Abramowitz and Stegun, 26.7.4.
pub(crate) fn student_tails(t: f64, freedom: u32) -> f64 {
    let angle = (t.abs() / f64::from(freedom).sqrt()).atan();
    let (sin, cos) = angle.sin_cos();
    let (mut term, mut sum) = (1.0, 1.0);
    for j in 1..freedom / 2 {
        term *= f64::from(2 * j - 1) / f64::from(2 * j) * cos * cos;
        sum += term;
    }
    (1.0 - sin * sum).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(quantile(&[0.0, 10.0], 0.25), Some(2.5));
        assert_eq!(quantile(&[5.0], 0.9), Some(5.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn scale_estimates_a_deviation_through_outliers() {
        let mut random = Random::named(3, "scale");
        let mut values: Vec<_> = (0..4_000).map(|_| 2.0 * random.normal()).collect();
        values.extend([1e9; 200]);
        let scale = scale(&values).unwrap();
        assert!((1.9..2.4).contains(&scale), "{scale}");
    }

    #[test]
    fn student_agrees_with_the_printed_tables() {
        for (t, freedom, tails) in [(2.776, 4, 0.05), (2.306, 8, 0.05), (3.355, 8, 0.01), (0.0, 8, 1.0)] {
            assert!((student_tails(t, freedom) - tails).abs() < 2e-4, "t {t}, {freedom} degrees");
        }
    }

    #[test]
    fn resampled_medians_vary_as_medians_do() {
        let mut random = Random::named(5, "bootstrap");
        let values: Vec<_> = (0..101).map(|_| random.normal()).collect();
        let deviation = half_width(&resampled(&values, 0.5, 2_000, &mut random));
        // The median of n normal values deviates by 1.2533 / sqrt(n).
        assert!((0.08..0.18).contains(&deviation), "{deviation}");
    }
}
