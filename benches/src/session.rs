//! A run: its document, which outlives Ctrl-C and its output, and how it is kept, shown and compared.

use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hotcache_bench_plan::{Cache, Flags, Output, partial_name, saved_runs};
use hotcache_report::{
    Comparison, Machine, Run, Settings, bounded, bounded_memory, compare, disturbance, garbage, hit_ratios,
    latencies, summary, write_whole,
};

use crate::console::Console;
use crate::document::{self, Shared, lock};
use crate::load::Load;
use crate::progress::short;
use crate::{child, cli, machine, resume, signals};

/// Within this time whoever handles Ctrl-C has heard of it. A process that measures for this one hears of it too, and that
/// it ends is no fault then.
const HEARD: Duration = Duration::from_millis(500);

/// A document that grows, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Session {
    document: Shared,
    output: Output,
    saved_as: Option<String>,
    baseline: Option<Arc<Run>>,
    started: Instant,
    load: Option<Load>,
    interrupted: Arc<AtomicBool>,
}

impl Session {
    /// Measures, and then keeps, shows and compares what was measured; on Ctrl-C and after a fault too.
    ///
    /// # Errors
    ///
    /// If the run to compare with cannot be had, or the output or Ctrl-C cannot be.
    pub fn run(flags: &Flags, measure: impl FnOnce(&mut Console, &Shared) -> Result<()>) -> Result<ExitCode> {
        let baseline = flags.baseline(&saved_runs())?.map(Arc::new);
        let (saved_as, here) = (flags.saved_as().map(str::to_owned), machine::describe());
        let document = match saved_as.as_deref().filter(|_| flags.full) {
            Some(name) => resume::document(name, flags.fresh, here, &saved_runs())?,
            None => document::begin(here),
        };
        let mut console = cli::console(&cli::directory()?)?;
        if flags.output.json.is_some() || saved_as.is_some() {
            console.go_on_without_output();
        }
        if flags.full {
            console.line(&resume::describe(&lock(&document)))?;
        }
        let session = Self {
            document,
            output: flags.output.clone(),
            saved_as,
            baseline,
            started: Instant::now(),
            load: Load::now(),
            interrupted: Arc::default(),
        };
        session.handle_signals(&console)?;
        let measured = measure(&mut console, &session.document);
        if measured.is_err() {
            session.leave_to_ctrl_c();
        }
        let concluded = session.conclude(&mut console, "");
        // Why it was cut short matters more than what became of it then.
        Ok(cli::finish(&mut console, measured.and(concluded)))
    }

    /// From now on, Ctrl-C and the signals that ask for an end keep and show what there is, and end the process.
    fn handle_signals(&self, console: &Console) -> Result<()> {
        let (session, mut console) = (self.clone(), console.try_clone()?);
        signals::handle(move |status| {
            session.interrupted.store(true, Ordering::Relaxed);
            let concluded = session.conclude(&mut console, "\ninterrupted; this is what was measured:");
            if let Err(error) = concluded {
                console.error(&format!("{error:#}"));
            }
            child::end();
            process::exit(status);
        })
    }

    /// Does not return if Ctrl-C is what a process that measures for this one ended by: its handler ends this one too.
    fn leave_to_ctrl_c(&self) {
        thread::sleep(HEARD);
        while self.interrupted.load(Ordering::Relaxed) {
            thread::park();
        }
    }

    /// Keeps the document, and then shows it: the tables below this heading, the machine, where it is kept.
    fn conclude(&self, console: &mut Console, heading: &str) -> Result<()> {
        let document = self.closed();
        let kept = self.keep(&document);
        // What was kept is not given up for what cannot be shown, nor the other way round.
        let shown = self.show(&document, &kept, console, heading);
        kept.and(shown)
    }

    /// The document as it is now, with how busy the machine was. A copy: to print takes as long as a reader likes.
    fn closed(&self) -> Run {
        let mut document = lock(&self.document);
        let busy = Load::now().zip(self.load).map(|(now, earlier)| now.elsewhere_since(earlier));
        // The worse of this and what a run that is gone on with had before.
        document.machine.busy_elsewhere =
            busy.into_iter().chain(document.machine.busy_elsewhere).reduce(f64::max);
        document.clone()
    }

    /// Writes the document where it was asked for, and tells where that is.
    fn keep(&self, document: &Run) -> Result<Vec<String>> {
        let mut told = Vec::new();
        if document.partial && measurements(document) == 0 {
            // It would replace what an earlier run measured.
            return Ok(vec!["nothing was measured yet, and nothing is written".to_owned()]);
        }
        // The saved run first: its directory is ours, while the file may be anywhere.
        let saved = self.saved_as.as_deref().map(|name| save(name, document));
        let written = self.output.json.as_deref().map(|file| {
            let written = document.to_json().map_err(anyhow::Error::from);
            let written = written.and_then(|json| Ok(write_whole(file, json)?));
            let told = || format!("results are in {}", file.display());
            written.map(|()| told()).with_context(|| format!("cannot write {}", file.display()))
        });
        for one in [written, saved].into_iter().flatten() {
            told.push(one?);
        }
        Ok(told)
    }

    fn show(
        &self,
        document: &Run,
        kept: &Result<Vec<String>>,
        console: &mut Console,
        heading: &str,
    ) -> Result<()> {
        if !heading.is_empty() {
            console.line(heading)?;
        }
        for cache in Cache::ALL {
            let table = summary(document, cache.name());
            if !table.is_empty() {
                console.line("")?;
                console.line(table.trim_end())?;
            }
        }
        let tables = [latencies, garbage, bounded, bounded_memory, hit_ratios].map(|table| table(document));
        for table in tables {
            if !table.is_empty() {
                console.line(&format!("\n{}", table.trim_end()))?;
            }
        }
        for skipped in &document.skipped {
            console.line(&format!("{} was not measured: {}", skipped.backend, skipped.why))?;
        }
        console.line("")?;
        console.line(&describe(&document.machine))?;
        if let Some(why) = disturbance(document) {
            console.line(&format!("warning: {why}"))?;
        }
        let took = short(self.started.elapsed());
        console.line(&format!("{} measurements, each verified, in {took}", measurements(document)))?;
        for told in kept.iter().flatten() {
            console.line(told)?;
        }
        self.compare(document, console)
    }

    fn compare(&self, document: &Run, console: &mut Console) -> Result<()> {
        let Some(baseline) = &self.baseline else { return Ok(()) };
        let name = self.output.compare.as_deref().unwrap_or_default();
        let comparison = compare(baseline, document, &Settings::default());
        console.line(&format!("\ncompared with {name}: {}\n{comparison}", describe(&baseline.machine)))?;
        self.output.deny_regressions.map_or(Ok(()), |percent| refuse_regressions(&comparison, percent))
    }
}

fn measurements(document: &Run) -> usize {
    let Run { cells, trace, memory, garbage, latency, bounded, bounded_memory, hit_ratio, .. } = document;
    let of_maps = cells.len() + trace.len() + memory.len() + garbage.len() + latency.len();
    of_maps + bounded.len() + bounded_memory.len() + hit_ratio.len()
}

/// Saves a run, and tells under which name.
fn save(name: &str, document: &Run) -> Result<String> {
    // A whole run is not given up for part of one, and needs no part of one.
    let (store, partial) = (saved_runs(), partial_name(name));
    let name = if document.partial { &partial } else { name };
    store.save(name, document)?;
    if !document.partial {
        store.remove(&partial)?;
    }
    Ok(format!("saved as {name}"))
}

fn refuse_regressions(comparison: &Comparison, percent: f64) -> Result<()> {
    if !comparison.has_regressed_beyond(percent) {
        return Ok(());
    }
    let regressions = comparison.regressions_beyond(percent);
    if regressions.is_empty() {
        bail!("all backends together became slower by more than {percent} %");
    }
    let named = regressions.iter().map(|change| {
        format!("\n  {}: {} by {:.1} %", change.backend, change.work, (change.change - 1.0) * 100.0)
    });
    bail!("slower by more than {percent} %:{}", named.collect::<String>());
}

fn describe(machine: &Machine) -> String {
    format!(
        "{}, {} cores, {:.0} GiB, {}; {}; {}; allocator: {}; hasher: {}; commit {}",
        machine.cpu,
        machine.cores,
        machine.memory as f64 / f64::from(1 << 30),
        machine.os,
        machine.compiler,
        machine.flags,
        machine.allocator,
        machine.hasher,
        machine.commit,
    )
}

#[cfg(test)]
mod tests {
    use hotcache_report::{Cell, Kind, Work};

    use super::*;

    /// A quick run's rows, one of them as slow as is said.
    fn run(papaya: f64) -> Run {
        let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
        for max_key in [100, 100_000] {
            for (row, ns) in [("rwlock", 16.0), ("dashmap", 17.0), ("scc", 25.0), ("papaya", papaya)] {
                let samples = (0..10).map(|i| ns * (1.0 + 0.002 * f64::from(i % 4))).collect();
                let work = Work::new("int", "get", max_key, 1);
                run.cells.extend(Cell::measured(work, row, Kind::Backend, samples));
            }
        }
        run
    }

    #[test]
    fn a_regression_is_refused_by_the_names_of_its_cells() {
        let comparison = compare(&run(18.0), &run(27.0), &Settings::default());
        let refused = refuse_regressions(&comparison, 10.0).expect_err("slower by half").to_string();
        assert!(refused.contains("papaya: int get, 100k keys, 1 thread"), "{refused}");
        assert!(!refused.contains("scc"), "{refused}");
        refuse_regressions(&comparison, 60.0).expect("slower by less than is allowed");
        refuse_regressions(&compare(&run(18.0), &run(18.0), &Settings::default()), 0.0)
            .expect("nothing changed");
        refuse_regressions(&compare(&run(27.0), &run(18.0), &Settings::default()), 0.0).expect("faster");
    }
}
