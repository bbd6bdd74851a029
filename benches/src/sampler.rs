//! criterion, having samples taken of one cell after another.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use criterion::{Criterion, SamplingMode, Throughput};
use hotcache_bench_plan::Pace;

use crate::document::{SAMPLES, Taken};
use crate::fault::Fault;
use crate::machine_speed::MachineSpeed;
use crate::quiet::Waits;
use crate::sample::Sample;
use crate::team::Team;

/// criterion, for one pass.
pub(crate) struct Sampler {
    criterion: Criterion,
}

/// A cell that samples are taken of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampled<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The operations of all threads in a round.
    pub(crate) round_ops: usize,
    /// The threads.
    pub(crate) team: &'a Team,
}

impl Sampler {
    pub(crate) fn new(directory: &Path) -> Self {
        let criterion = Criterion::default()
            .output_directory(directory)
            .without_plots()
            .sample_size(SAMPLES)
            // For criterion's own intervals; ours are the median and the spread.
            .nresamples(1_001);
        Self { criterion }
    }

    /// Has criterion take samples. An iteration is a round: a chunk of each stream, or some maps filled or emptied.
    /// Rounds are counted in `turn`.
    pub(crate) fn take(
        &mut self,
        pace: &Pace,
        cell: Sampled<'_>,
        turn: &mut usize,
        speed: &mut MachineSpeed,
        waits: Waits<'_>,
        sample: &mut dyn FnMut(usize, usize) -> Result<Sample, Fault>,
    ) -> Result<Taken, Fault> {
        let mut samples = Vec::new();
        let (work, row) = cell.name.rsplit_once('/').unwrap_or(("", cell.name));
        let mut group = self.criterion.benchmark_group(work);
        group.sampling_mode(SamplingMode::Flat);
        group.warm_up_time(pace.warm_up).measurement_time(pace.measurement);
        group.throughput(Throughput::Elements(cell.round_ops as u64));
        // criterion cannot abort a benchmark, so a fault unwinds through it. Its state is not used again.
        let measured = panic::catch_unwind(AssertUnwindSafe(|| {
            group.bench_function(row, |bencher| {
                bencher.iter_custom(|rounds| {
                    let taken = speed.take(cell.team, waits, || {
                        let sample = sample(*turn, rounds as usize);
                        *turn += rounds as usize;
                        sample
                    });
                    let (sample, lost) = taken.unwrap_or_else(|fault| panic::resume_unwind(Box::new(fault)));
                    samples.push((sample, lost));
                    sample.elapsed
                });
            });
        }));
        if let Err(thrown) = measured {
            return Err(*thrown.downcast::<Fault>().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        group.finish();
        // Those before are criterion's warm-up.
        let samples = samples.split_off(samples.len().saturating_sub(SAMPLES));
        let lost = samples.iter().map(|(_, lost)| lost).sum::<f64>() / samples.len().max(1) as f64;
        Ok(Taken { samples: samples.into_iter().map(|(sample, _)| sample).collect(), worst: None, lost })
    }
}
