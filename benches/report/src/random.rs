/// A small seeded generator, so that a bootstrap gives the same interval every time it is asked.
///
/// The steps are those of SplitMix64 (Steele, Lea and Flood, 2014), which is good enough to resample by.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator of its own for each name under one seed: what one cell draws does not depend on the others.
    pub(crate) fn named(seed: u64, name: &str) -> Self {
        // FNV-1a; the standard hasher may change between releases.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly in 0 to 1, never 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An index below `bound`, which is above 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // The bias of the multiplication is below 1 in 2^40 for the few samples of a cell.
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// A draw from the normal distribution, by the method of Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_and_names_differ() {
        let draw = |seed, name| Random::named(seed, name).next();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn draws_are_spread_as_they_should_be() {
        let mut random = Random::named(1, "spread");
        let normal: Vec<_> = (0..20_000).map(|_| random.normal()).collect();
        let mean = normal.iter().sum::<f64>() / 20_000.0;
        let variance = normal.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let mut seen = [0; 5];
        (0..10_000).for_each(|_| seen[random.below(5)] += 1);
        assert!(seen.iter().all(|n| (1_800..2_200).contains(n)), "{seen:?}");
    }
}
