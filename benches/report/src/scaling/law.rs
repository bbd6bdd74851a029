use super::Prediction;

/// The Universal Scalability Law (Gunther, 1993): N threads do
///
/// ```text
/// X(N) = speed · N / (1 + contention · (N − 1) + coherency · N · (N − 1))
/// ```
///
/// operations. Contention is the share of the work that waits in a queue, coherency what each pair of threads costs
/// by keeping each other's caches coherent: past the peak, more threads do less.
///
/// # Examples
///
/// ```
/// use hotcache_report::Law;
///
/// let law = Law::fit(&[(1, 100.0), (2, 190.0), (4, 340.0), (8, 540.0)]).unwrap();
/// assert!(law.at(16) > 540.0 && law.at(16) < 1080.0);
/// assert!(law.left_out_error < 0.1, "{law:?}");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Law {
    /// Million operations a second of one thread alone.
    pub speed: f64,
    /// Gunther's sigma; 0 or more.
    pub contention: f64,
    /// Gunther's kappa; 0 or more.
    pub coherency: f64,
    /// The share of the variance of the measured throughput that the law explains.
    pub r_squared: f64,
    /// How far off, as a share, the law is at a point that was left out when it was fitted: the root of the mean
    /// square over all points. The honest measure, as with few points any law fits well.
    pub left_out_error: f64,
}

impl Law {
    /// Fits the law to threads and throughput; `None` if the points allow none.
    ///
    /// Turned about, the law is linear in the time per operation: N/X = a + b(N−1) + cN(N−1). So the least squares
    /// of the relative errors, with b and c at 0 or more, are found exactly, with no iteration that could stray.
    #[must_use]
    pub fn fit(points: &[(usize, f64)]) -> Option<Self> {
        let [a, b, c] = coefficients(points)?;
        let mut law =
            Self { speed: 1.0 / a, contention: b / a, coherency: c / a, r_squared: 0.0, left_out_error: 0.0 };
        law.r_squared = law.explained(points);
        let misses: Vec<_> = without_one(points)
            .filter_map(|(left_out, rest)| Some(raw(coefficients(&rest)?, left_out.0) / left_out.1 - 1.0))
            .collect();
        let mean_square = misses.iter().map(|miss| miss * miss).sum::<f64>() / misses.len().max(1) as f64;
        law.left_out_error = mean_square.sqrt();
        let numbers = [law.speed, law.contention, law.coherency, law.r_squared, law.left_out_error];
        (numbers.iter().all(|number| number.is_finite()) && !misses.is_empty()).then_some(law)
    }

    /// Returns the throughput with this many threads, in million operations per second.
    ///
    /// # Examples
    ///
    /// ```
    /// let law = hotcache_report::Law::fit(&[(1, 100.0), (2, 200.0), (4, 400.0)]).unwrap();
    /// assert_eq!(law.at(8).round(), 800.0);
    /// ```
    #[must_use]
    pub fn at(&self, threads: usize) -> f64 {
        let n = threads as f64;
        self.speed * n / (1.0 + self.contention * (n - 1.0) + self.coherency * n * (n - 1.0))
    }

    /// The number of threads past which more do less; `None` if there is no such number.
    ///
    /// # Examples
    ///
    /// ```
    /// let law = hotcache_report::Law::fit(&[(1, 100.0), (2, 200.0), (4, 400.0)]).unwrap();
    /// assert_eq!(law.peak(), None);
    /// ```
    #[must_use]
    pub fn peak(&self) -> Option<f64> {
        let peak = ((1.0 - self.contention).max(0.0) / self.coherency).sqrt().max(1.0);
        (self.coherency > 0.0 && peak.is_finite()).then_some(peak)
    }

    /// Returns the prediction of this law, which was fitted to `points`.
    #[must_use]
    pub fn predict(&self, threads: usize, points: &[(usize, f64)]) -> Prediction {
        let fits = without_one(points).filter_map(|(_, rest)| coefficients(&rest));
        Prediction::by(self, threads, fits.map(|fit| raw(fit, threads)))
    }

    fn explained(&self, points: &[(usize, f64)]) -> f64 {
        let mean = points.iter().map(|(_, x)| x).sum::<f64>() / points.len() as f64;
        let total: f64 = points.iter().map(|(_, x)| (x - mean).powi(2)).sum();
        let missed: f64 = points.iter().map(|(n, x)| (x - self.at(*n)).powi(2)).sum();
        if total > 0.0 { 1.0 - missed / total } else { f64::from(u8::from(missed == 0.0)) }
    }
}

type Point = (usize, f64);

fn without_one(points: &[Point]) -> impl Iterator<Item = (Point, Vec<Point>)> {
    (0..points.len()).map(|i| {
        let mut rest = points.to_vec();
        (rest.remove(i), rest)
    })
}

fn raw([a, b, c]: [f64; 3], threads: usize) -> f64 {
    let n = threads as f64;
    n / (a + b * (n - 1.0) + c * n * (n - 1.0))
}

/// The terms that may be in use: always a; neither, either or both of b and c. Simpler ones first.
const USES: [[bool; 3]; 4] =
    [[true, false, false], [true, true, false], [true, false, true], [true, true, true]];

/// A richer law must miss by so much less, as a share of the squares: rounding alone must not decide.
const WORTH: f64 = 1e-9;

/// The a, b and c with the least squares of relative errors, of all that are 0 or more.
///
/// With two bounded terms there are four sets of terms to try, so all are.
fn coefficients(points: &[Point]) -> Option<[f64; 3]> {
    let rows: Vec<_> = points
        .iter()
        .filter(|(n, x)| *n > 0 && x.is_finite() && *x > 0.0)
        .map(|&(n, x)| {
            let (n, time) = (n as f64, n as f64 / x);
            // Divided by the time, so that errors are relative and the wanted sum is 1.
            [1.0 / time, (n - 1.0) / time, n * (n - 1.0) / time]
        })
        .collect();
    let mut best: Option<(f64, [f64; 3])> = None;
    for used in USES.iter().filter(|used| used.iter().filter(|u| **u).count() <= rows.len()) {
        let Some(found) = least_squares(&rows, used) else { continue };
        if found[0] <= 0.0 || found[1] < 0.0 || found[2] < 0.0 {
            continue;
        }
        let miss = |row: &[f64; 3]| row.iter().zip(found).map(|(r, f)| r * f).sum::<f64>() - 1.0;
        let squares: f64 = rows.iter().map(|row| miss(row).powi(2)).sum();
        if best.is_none_or(|(least, _)| squares + WORTH < least) {
            best = Some((squares, found));
        }
    }
    best.map(|(_, found)| found)
}

/// Solves the normal equations for the terms in use; the others are 0.
fn least_squares(rows: &[[f64; 3]], used: &[bool; 3]) -> Option<[f64; 3]> {
    let terms: Vec<_> = (0..3).filter(|&i| used[i]).collect();
    // Each term in its own unit, or the products of the largest swamp the rest.
    let unit = |i: usize| rows.iter().map(|row| row[i] * row[i]).sum::<f64>().sqrt();
    let units: Vec<_> = terms.iter().map(|&i| unit(i)).collect();
    let mut system: Vec<Vec<f64>> = Vec::new();
    for (&i, ui) in terms.iter().zip(&units) {
        let products =
            terms.iter().zip(&units).map(|(&j, uj)| rows.iter().map(|r| r[i] * r[j]).sum::<f64>() / ui / uj);
        let mut line: Vec<_> = products.collect();
        line.push(rows.iter().map(|row| row[i]).sum::<f64>() / ui);
        system.push(line);
    }
    let solved = solve(system)?;
    let mut found = [0.0; 3];
    for ((&i, unit), value) in terms.iter().zip(units).zip(solved) {
        found[i] = value / unit;
    }
    Some(found)
}

/// Gauss's elimination, with the largest pivot first.
fn solve(mut system: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    // The points cannot distinguish terms that are this close.
    const SINGULAR: f64 = 1e-12;
    let n = system.len();
    for column in 0..n {
        let pivot =
            (column..n).max_by(|&a, &b| system[a][column].abs().total_cmp(&system[b][column].abs()))?;
        system.swap(column, pivot);
        let top = system[column].clone();
        if top[column].abs() <= SINGULAR || top[column].is_nan() {
            return None;
        }
        for line in &mut system[column + 1..] {
            let factor = line[column] / top[column];
            line.iter_mut().zip(&top).for_each(|(value, above)| *value -= factor * above);
        }
    }
    let mut solved = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| system[i][j] * solved[j]).sum();
        solved[i] = (system[i][n] - known) / system[i][i];
    }
    Some(solved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(speed: f64, contention: f64, coherency: f64, threads: &[usize]) -> Vec<Point> {
        let law = Law { speed, contention, coherency, r_squared: 0.0, left_out_error: 0.0 };
        threads.iter().map(|&n| (n, law.at(n))).collect()
    }

    #[test]
    fn known_laws_are_found_again() {
        for (contention, coherency) in [(0.0, 0.0), (0.1, 0.0), (0.0, 0.01), (0.03, 0.002), (0.9, 0.3)] {
            let law = Law::fit(&points(50.0, contention, coherency, &[1, 2, 4, 8, 16])).expect("a law");
            for (found, wanted) in
                [(law.speed, 50.0), (law.contention, contention), (law.coherency, coherency)]
            {
                assert!((found - wanted).abs() < 1e-4 * wanted.max(0.1), "{law:?}");
            }
            assert!(law.r_squared > 0.9999 && law.left_out_error < 1e-3, "{law:?}");
        }
    }

    #[test]
    fn better_than_linear_is_not_believed() {
        let law = Law::fit(&[(1, 10.0), (2, 25.0), (4, 60.0), (8, 150.0)]).expect("a law");
        assert_eq!((law.contention, law.coherency), (0.0, 0.0));
        assert!(law.left_out_error > 0.2, "an impossible fit must show its error: {law:?}");
    }

    #[test]
    fn a_peak_is_where_more_threads_do_less() {
        let law = Law::fit(&points(50.0, 0.05, 0.01, &[1, 2, 4, 8, 16])).expect("a law");
        let peak = law.peak().expect("a peak").round() as usize;
        assert!(law.at(peak) > law.at(peak - 4) && law.at(peak) > law.at(peak + 4));
    }

    #[test]
    fn odd_points_give_no_law_and_no_panic() {
        assert_eq!(Law::fit(&[]), None);
        assert_eq!(Law::fit(&[(1, 5.0)]), None);
        for odd in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            let _ = Law::fit(&[(1, odd), (2, 3.0), (0, 4.0)]);
        }
        let _ = Law::fit(&[(4, 3.0), (4, 3.0), (4, 3.0)]);
    }
}
