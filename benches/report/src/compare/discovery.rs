//! Telling findings from chance among many cells: the step-up procedure of Benjamini and Hochberg (1995).
//!
//! Of 500 unchanged cells, 25 look changed at a level of 5 %. Here the level falls with the number of cells, and
//! rises with the number that changed, so that among all findings the false ones are the allowed share.

/// For each p, whether it is a finding.
pub(super) fn real(ps: &[f64], false_discovery: f64) -> Vec<bool> {
    let mut sorted = ps.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let steps = sorted.iter().enumerate().rev();
    let allowed = |rank: usize| false_discovery * (rank + 1) as f64 / ps.len() as f64;
    let limit = steps.into_iter().find(|(rank, p)| **p <= allowed(*rank)).map(|(_, p)| *p);
    ps.iter().map(|p| limit.is_some_and(|limit| *p <= limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_finds_its_four() {
        // Benjamini and Hochberg, 1995, section 3.2: fifteen hypotheses, four rejected at 0.05.
        let ps = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        assert_eq!(real(&ps, 0.05).iter().filter(|real| **real).count(), 4);
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert!(real(&[], 0.05).is_empty());
        assert!(!real(&[f64::NAN, 0.9], 0.05).contains(&true));
    }
}
