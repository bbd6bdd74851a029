use hotcache_report::{Comparison, Kind, Run, Settings, Verdict, compare};

use crate::fixture::{self, BUSY, FULL_PLAN, Noise, Plan, QUICK_PLAN, Row, STILL, USUAL};

/// Fewer resamples than by default: the tests compare dozens of runs.
const SETTINGS: Settings =
    Settings { threshold: 0.05, confidence: 0.95, false_discovery: 0.15, resamples: 200, seed: 0 };
/// A quick run, with as many rounds as the harness makes.
const PLAN: Plan = Plan { rounds: 10, ..QUICK_PLAN };

fn against(plan: Plan, noise: Noise, seed: u64, slowed: impl Fn(&Row) -> f64) -> Comparison {
    let old = fixture::run(plan, noise, seed, |_| 1.0);
    compare(&old, &fixture::run(plan, noise, seed + 1_000, slowed), &SETTINGS)
}

fn share(comparison: &Comparison, of: impl Fn(&str) -> bool, verdict: Verdict) -> f64 {
    let cells: Vec<_> = comparison.changes.iter().filter(|change| of(&change.backend)).collect();
    assert!(!cells.is_empty());
    cells.iter().filter(|change| change.verdict == verdict).count() as f64 / cells.len() as f64
}

#[test]
fn two_runs_of_the_same_program_show_no_regression() {
    for noise in [STILL, USUAL, BUSY] {
        for (plan, seeds) in [(QUICK_PLAN, 0..12), (PLAN, 12..24), (FULL_PLAN, 24..26)] {
            for seed in seeds {
                let comparison = against(plan, noise, seed, |_| 1.0);
                let slower = share(&comparison, |_| true, Verdict::Slower);
                assert!(slower <= 0.05, "seed {seed}: {slower} of the cells\n{comparison}");
                assert_eq!(comparison.common, None, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_backend_slowed_by_a_fifth_is_found_in_nine_of_ten_cells() {
    for (seed, backend) in (0..).zip(["rwlock-1", "rwlock", "dashmap", "flurry", "scc", "papaya", "bucket"]) {
        for (plan, noise) in [(QUICK_PLAN, STILL), (PLAN, STILL), (PLAN, USUAL)] {
            let comparison = against(plan, noise, seed, |row| if row.name == backend { 1.2 } else { 1.0 });
            let found = share(&comparison, |name| name == backend, Verdict::Slower);
            assert!(found >= 0.9, "{backend}: only {found}\n{comparison}");
            let blamed = share(&comparison, |name| name != backend, Verdict::Slower);
            assert!(blamed <= 0.05, "{blamed} of the others\n{comparison}");
        }
    }
}

#[test]
fn one_made_faster_is_found_too() {
    let comparison = against(PLAN, USUAL, 3, |row| if row.name == "scc" { 1.0 / 1.2 } else { 1.0 });
    assert!(share(&comparison, |name| name == "scc", Verdict::Faster) >= 0.9, "{comparison}");
}

#[test]
fn a_machine_too_busy_to_tell_says_so() {
    let visible = |noise| against(PLAN, noise, 1, |_| 1.0).visible;
    assert!(visible(STILL) < 0.08 && visible(BUSY) > 0.15, "{} {}", visible(STILL), visible(BUSY));
}

#[test]
fn a_machine_half_as_fast_is_no_regression() {
    let old = fixture::run(PLAN, USUAL, 5, |_| 1.0);
    let slow = fixture::run(PLAN, USUAL, 6, |_| 2.0);
    let comparison = compare(&old, &slow, &SETTINGS);
    assert!(comparison.changes.iter().all(|change| change.ratio_of_medians > 1.3));
    assert!(!comparison.has_regressed_beyond(5.0), "{comparison}");
}

#[test]
fn what_slows_every_backend_is_found_against_the_floors_or_the_peers() {
    let ours = |row: &Row| if row.kind == Kind::Backend { 1.3 } else { 1.0 };
    let among_themselves = against(PLAN, USUAL, 7, ours);
    let common = among_themselves.common.expect("all backends moved together");
    assert!((1.2..1.4).contains(&common.change), "{common:?}");
    assert!(among_themselves.has_regressed_beyond(10.0) && !among_themselves.has_regressed_beyond(50.0));
    assert!(among_themselves.to_string().contains("All backends together take +"));

    let beside_peers = against(Plan { peers: true, ..PLAN }, USUAL, 8, ours);
    let slower: Vec<_> = beside_peers.changes.iter().filter(|change| change.kind == Kind::Backend).collect();
    let found = slower.iter().filter(|change| change.verdict == Verdict::Slower).count();
    assert!(found * 10 >= slower.len() * 9, "{found} of {}", slower.len());
}

#[test]
fn a_backend_alone_with_the_floors_is_judged_by_them() {
    let alone = |run: Run| {
        let keep = |cell: &hotcache_report::Cell| cell.kind == Kind::Floor || cell.backend == "papaya";
        Run { cells: run.cells.into_iter().filter(keep).collect(), ..run }
    };
    let old = alone(fixture::run(PLAN, USUAL, 9, |_| 1.0));
    let same = alone(fixture::run(PLAN, USUAL, 10, |_| 1.5));
    assert!(!compare(&old, &same, &SETTINGS).has_regressed_beyond(5.0));
    let slow = alone(fixture::run(PLAN, USUAL, 11, |row| if row.name == "papaya" { 1.3 } else { 1.0 }));
    let comparison = compare(&old, &slow, &SETTINGS);
    assert!(share(&comparison, |name| name == "papaya", Verdict::Slower) >= 0.9, "{comparison}");
}

#[test]
fn with_nothing_beside_it_a_backend_is_compared_as_measured_and_that_is_said() {
    let alone = |run: Run| {
        let keep = |cell: &hotcache_report::Cell| cell.backend == "papaya";
        Run { cells: run.cells.into_iter().filter(keep).collect(), ..run }
    };
    let old = alone(fixture::run(PLAN, STILL, 9, |_| 1.0));
    let slow = alone(fixture::run(PLAN, STILL, 10, |_| 1.3));
    let comparison = compare(&old, &slow, &SETTINGS);
    assert!(share(&comparison, |_| true, Verdict::Slower) >= 0.9, "{comparison}");
    assert!(comparison.caveats[0].contains("nothing measured beside"), "{:?}", comparison.caveats);
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_promise() {
    let (mut held, mut all) = (0, 0);
    for seed in 0..8 {
        let comparison = against(PLAN, USUAL, seed, |_| 1.0);
        held += comparison.changes.iter().filter(|c| c.interval.0 <= 1.0 && 1.0 <= c.interval.1).count();
        all += comparison.changes.len();
    }
    let share = f64::from(u32::try_from(held).unwrap()) / f64::from(u32::try_from(all).unwrap());
    assert!((0.9..=0.995).contains(&share), "{share}");
}

#[test]
fn a_comparison_repeats_whatever_the_order_of_the_cells() {
    let old = fixture::run(PLAN, USUAL, 1, |_| 1.0);
    let new = fixture::run(PLAN, USUAL, 2, |_| 1.0);
    let mut turned = new.clone();
    turned.cells.reverse();
    let by_name = |run: &Run| {
        let mut changes = compare(&old, run, &SETTINGS).changes;
        changes.sort_by(|a, b| (&a.work, &a.backend).cmp(&(&b.work, &b.backend)));
        changes
    };
    assert_eq!(by_name(&new), by_name(&new));
    for (one, other) in by_name(&new).iter().zip(by_name(&turned)) {
        assert_eq!((one.change, one.interval, one.verdict), (other.change, other.interval, other.verdict));
    }
}

#[test]
fn floors_are_yardsticks_and_no_findings() {
    let slowed = |row: &Row| if row.kind == Kind::Floor { 1.5 } else { 1.0 };
    let comparison = against(PLAN, STILL, 13, slowed);
    let floors = comparison.changes.iter().filter(|change| change.kind == Kind::Floor);
    assert!(floors.clone().all(|floor| floor.change > 1.3 && floor.verdict == Verdict::NoDifference));
    assert!(!comparison.has_regressed_beyond(5.0), "{comparison}");
}

#[test]
fn peers_cannot_regress_and_small_regressions_can_be_allowed() {
    let plan = Plan { peers: true, ..PLAN };
    let slowed = |row: &Row| if matches!(row.name, "moka" | "scc") { 1.4 } else { 1.0 };
    let comparison = against(plan, USUAL, 12, slowed);
    assert!(share(&comparison, |name| name == "moka", Verdict::Slower) >= 0.9);
    let beyond = comparison.regressions_beyond(10.0);
    assert!(beyond.iter().any(|change| change.backend == "scc"));
    assert!(beyond.iter().all(|change| change.backend != "moka"));
    assert!(comparison.regressions_beyond(100.0).is_empty());
}

#[test]
fn cells_without_samples_are_compared_by_their_spread() {
    let bare = |mut run: Run| {
        run.cells.iter_mut().for_each(|cell| cell.samples.clear());
        run
    };
    let old = bare(fixture::run(PLAN, STILL, 1, |_| 1.0));
    let slow = bare(fixture::run(PLAN, STILL, 2, |row| if row.name == "bucket" { 1.4 } else { 1.0 }));
    let comparison = compare(&old, &slow, &SETTINGS);
    assert!(share(&comparison, |name| name == "bucket", Verdict::Slower) >= 0.9, "{comparison}");
}

#[test]
fn what_cannot_be_compared_is_named() {
    let old = fixture::run(PLAN, STILL, 1, |_| 1.0);
    let mut new = fixture::run(PLAN, STILL, 2, |_| 1.0);
    new.machine.cores = 64;
    new.partial = true;
    new.machine.busy_elsewhere = Some(0.4);
    new.cells.retain(|cell| cell.backend != "scc");
    let text = compare(&old, &new, &SETTINGS).to_string();
    let disturbed = "note: this run: the machine was not quiet: other processes took 40 %";
    for wanted in
        ["cores: 2, now 64", "this run was interrupted", disturbed, "only in the saved run: scc: int"]
    {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}
