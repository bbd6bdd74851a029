use super::Law;

/// Throughput that was not measured.
///
/// # Examples
///
/// ```
/// use hotcache_report::Law;
/// let points = [(1, 100.0), (2, 190.0), (4, 340.0), (8, 540.0)];
/// let predicted = Law::fit(&points).unwrap().predict(16, &points);
/// assert!(predicted.low <= predicted.mops && predicted.mops <= predicted.high);
/// assert!(predicted.says_something());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The number of threads, on as many cores.
    pub threads: usize,
    /// Million operations a second.
    pub mops: f64,
    /// The lower end of an interval of 90 %.
    pub low: f64,
    /// The upper end: at most one thread's throughput for each thread.
    pub high: f64,
}

/// Student's t for an interval of 90 %, for 1, 2, 3 … degrees of freedom. Past the last, the last is a little too wide.
const STUDENT: [f64; 10] = [6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812];

/// Past this ratio of its ends, an interval holds both good news and bad.
const WIDEST: f64 = 4.0;

impl Prediction {
    /// The law's prediction, given those of the laws that leave one point out each.
    ///
    /// The interval is the jackknife's (Tukey, 1958), on the time for an operation, in which the law is linear. How
    /// often it holds the truth is tested below: about nine times in ten, if the law does.
    pub(super) fn by(law: &Law, threads: usize, left_out: impl Iterator<Item = f64>) -> Self {
        let n = threads as f64;
        let mops = law.at(threads);
        let times: Vec<_> = left_out.map(|mops| n / mops).collect();
        let count = times.len().max(1) as f64;
        let mean = times.iter().sum::<f64>() / count;
        let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
        let freedom = times.len().saturating_sub(1).clamp(1, STUDENT.len());
        let margin = STUDENT[freedom - 1] * (squares * (count - 1.0) / count).sqrt();
        let time = n / mops;
        let linear = n * law.speed * (1.0 + law.left_out_error);
        let high = if time > margin { (n / (time - margin)).min(linear) } else { linear };
        Self { threads, mops, low: n / (time + margin), high: high.max(mops) }
    }

    /// Whether its interval is narrow enough to go by: its ends lie within a factor of 4.
    #[must_use]
    pub fn says_something(&self) -> bool {
        self.high <= self.low * WIDEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn law(contention: f64, coherency: f64) -> Law {
        Law { speed: 50.0, contention, coherency, r_squared: 0.0, left_out_error: 0.0 }
    }

    /// Returns simulated measurements with this share of noise.
    fn measured(law: &Law, threads: &[usize], noise: f64, random: &mut Random) -> Vec<(usize, f64)> {
        threads.iter().map(|&n| (n, law.at(n) * (1.0 + noise * random.normal()))).collect()
    }

    #[test]
    fn predictions_know_that_noise_makes_them_unsure() {
        let exact = measured(&law(0.05, 0.001), &[1, 2, 4, 8], 0.0, &mut Random::named(1, "exact"));
        let mut noisy = exact.clone();
        noisy[3].1 *= 1.15;
        let width = |points: &[(usize, f64)]| {
            let prediction = Law::fit(points).expect("a law").predict(64, points);
            prediction.high / prediction.low
        };
        assert!(width(&exact) < 1.01 && width(&noisy) > 1.3, "{} {}", width(&exact), width(&noisy));
    }

    #[test]
    fn known_laws_are_found_again_through_noise() {
        let threads = [1, 2, 4, 8, 12, 16];
        for (contention, coherency) in [(0.0, 0.0), (0.1, 0.0), (0.3, 0.01), (0.05, 0.001)] {
            let known = law(contention, coherency);
            let mut random = Random::named(1, &format!("{contention} {coherency}"));
            let mut misses: Vec<f64> = Vec::new();
            for _ in 0..200 {
                let found = Law::fit(&measured(&known, &threads, 0.02, &mut random)).expect("a law");
                misses.push((found.speed / known.speed - 1.0).abs());
                misses.push((found.contention - contention).abs());
                // Per thread, so that all three are shares of a thread's time at the most threads.
                misses.push((found.coherency - coherency).abs() * 16.0);
            }
            misses.sort_by(f64::total_cmp);
            assert!(
                misses[misses.len() * 9 / 10] < 0.06,
                "{contention} {coherency}: {}",
                misses[misses.len() * 9 / 10]
            );
        }
    }

    #[test]
    fn nine_intervals_in_ten_hold_the_truth() {
        for threads in [&[1, 2, 3, 4][..], &[1, 2, 4, 8], &[1, 2, 3, 4, 6, 8], &[1, 2, 4, 8, 12, 16]] {
            let (mut held, mut all) = (0, 0);
            for (contention, coherency) in
                [(0.0, 0.0), (0.02, 0.0), (0.1, 0.0), (0.05, 0.001), (0.3, 0.01), (0.8, 0.0)]
            {
                let known = law(contention, coherency);
                for noise in [0.01, 0.03] {
                    let mut random =
                        Random::named(2, &format!("{threads:?} {contention} {coherency} {noise}"));
                    for _ in 0..100 {
                        let points = measured(&known, threads, noise, &mut random);
                        let Some(found) = Law::fit(&points) else { continue };
                        for predicted in [16, 32, 64, 128].map(|threads| found.predict(threads, &points)) {
                            let truth = known.at(predicted.threads);
                            held += usize::from((predicted.low..=predicted.high).contains(&truth));
                            all += 1;
                        }
                    }
                }
            }
            let share = f64::from(held as u32) / f64::from(all as u32);
            assert!((0.86..0.97).contains(&share), "{threads:?}: {share}");
        }
    }

    #[test]
    fn an_interval_that_says_nothing_is_known() {
        let [mut narrow, mut wide] = [Prediction { threads: 64, mops: 100.0, low: 50.0, high: 200.0 }; 2];
        assert!(narrow.says_something());
        narrow.low = 60.0;
        wide.high = 201.0;
        assert!(narrow.says_something() && !wide.says_something());
    }
}
