//! Axes: where a value lies, and which values are named.

/// How values map to distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// By their logarithm.
    Log,
    /// Shares from 0 to 1 by how many nines they have, as tails are read.
    Nines,
}

/// One axis of a chart.
#[derive(Debug)]
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    pub(crate) scale: Scale,
    pub(crate) format: fn(f64) -> String,
    /// The values that are named; if empty, round ones are found.
    pub(crate) ticks: Vec<f64>,
}

/// An axis laid over the values that it must hold.
#[derive(Debug)]
pub(super) struct Laid {
    scale: Scale,
    low: f64,
    high: f64,
    pub(super) ticks: Vec<f64>,
}

/// Past six nines few runs have enough operations.
const MOST_NINES: f64 = 6.0;

impl Axis {
    pub(super) fn lay(&self, values: impl Iterator<Item = f64>) -> Laid {
        let places = values.map(|value| place(self.scale, value)).filter(|place| place.is_finite());
        let (mut low, mut high) =
            places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p), high.max(p)));
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low < 1e-9 {
            (low, high) = (low - 0.5, high + 0.5);
        }
        let mut laid = Laid { scale: self.scale, low, high, ticks: Vec::new() };
        laid.ticks = if self.ticks.is_empty() { laid.round_ticks() } else { self.ticks.clone() };
        let inside = |tick: &f64| (-1e-6..=1.0 + 1e-6).contains(&laid.share(*tick));
        laid.ticks = laid.ticks.iter().copied().filter(inside).collect();
        laid
    }
}

impl Laid {
    /// Where a value lies, from 0 at the low end to 1 at the high one; what has no place lies at the low end.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = (place(self.scale, value) - self.low) / (self.high - self.low);
        if share.is_finite() { share } else { 0.0 }
    }

    fn round_ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Log => log_ticks(self.low, self.high),
            Scale::Nines => vec![0.0, 0.9, 0.99, 0.999, 0.9999, 0.99999],
        }
    }
}

fn place(scale: Scale, value: f64) -> f64 {
    match scale {
        Scale::Log => value.log10(),
        Scale::Nines => (-(1.0 - value).log10()).min(MOST_NINES),
    }
}

/// Powers of ten; with 2 and 5 times them between, where there are few.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    /// More would lie on top of each other.
    const MOST: usize = 7;
    let (first, last) = (low.floor().max(-300.0) as i32, high.ceil().min(300.0) as i32);
    let within = |tick: f64| (low - 1e-6..=high + 1e-6).contains(&tick.log10());
    let of = |steps: &[f64]| -> Vec<f64> {
        let all = (first..=last).flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
        all.filter(|tick| within(*tick)).collect()
    };
    let [fine, middle, coarse] = [of(&[1.0, 2.0, 5.0]), of(&[1.0, 3.0]), of(&[1.0])];
    let choice = [fine, middle, coarse.clone()].into_iter().find(|ticks| ticks.len() <= MOST);
    choice.unwrap_or_else(|| {
        let every = coarse.len().div_ceil(MOST);
        coarse.into_iter().step_by(every).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(scale: Scale) -> Axis {
        Axis { label: "", scale, format: crate::number::short, ticks: Vec::new() }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let log = axis(Scale::Log).lay([8.0, 600.0].into_iter());
        assert_eq!(log.ticks, [10.0, 20.0, 50.0, 100.0, 200.0, 500.0]);
        let wide = axis(Scale::Log).lay([1e-12, 1e30].into_iter());
        assert!((3..=8).contains(&wide.ticks.len()), "{:?}", wide.ticks);
    }

    #[test]
    fn every_value_has_a_finite_place() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 1.0, f64::MAX, f64::MIN_POSITIVE];
        for scale in [Scale::Log, Scale::Nines] {
            for laid in [axis(scale).lay(odd.into_iter()), axis(scale).lay(std::iter::empty())] {
                assert!(odd.iter().all(|value| laid.share(*value).is_finite()), "{laid:?}");
            }
        }
    }
}
