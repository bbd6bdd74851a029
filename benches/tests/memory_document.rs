//! `--quick --memory` from its flags to its document, each cell in a process of its own.
//!
//! The program starts itself as a benchmark, and that one starts itself for each cell.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs};

use clap::Parser;
use hotcache_bench::session::Session;
use hotcache_bench::{memory, peers};
use hotcache_bench_plan::{Flags, Garbage, Task, Workload};
use hotcache_report::{Kind, Run, bounded_memory, garbage};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    if env::args().any(|argument| argument == "--bench") {
        return measure();
    }
    two_rows();
    println!("test quick_memory_makes_a_document ... ok");
    Ok(ExitCode::SUCCESS)
}

/// Measures as `cargo xtask bench` does with these flags.
fn measure() -> anyhow::Result<ExitCode> {
    let Cli { flags, bench } = Cli::parse();
    let Task::Memory(plan) = flags.task(None)? else { anyhow::bail!("only memory, bench: {bench}") };
    if memory::as_child(&plan, peers::ENTRIES)? {
        return Ok(ExitCode::SUCCESS);
    }
    Session::run(&flags, |console, document| memory::run(&plan, console, document))
}

fn two_rows() {
    let name = format!("test-memory-{}.json", std::process::id());
    let json = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new(env::current_exe().expect("the path of this program"))
        .args(["--bench", "--quick", "--memory", "--backends", "rwlock,papaya", "--max-key", "2000"])
        .arg("--json")
        .arg(&json)
        .output()
        .expect("it starts again");
    let text = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{told}");
    assert!(told.contains("loading and growing"), "no progress: {told}");

    let run = Run::read(&json).expect("a document");
    assert!(!run.partial && run.cells.is_empty());
    assert_eq!(run.memory.len(), 2 * 2);
    // Five workloads with objects, two with integers.
    assert_eq!(run.garbage.len(), (5 + 2) * 2);
    // Bounded caches over both, and the unbounded table, with keys of two types.
    assert_eq!(run.bounded_memory.len(), (2 + 1) * 2);
    for table in [garbage(&run), bounded_memory(&run)] {
        assert!(text.contains(table.trim_end()), "the table is printed: {text}");
    }
    assert!(text.contains(&format!("{} measurements, each verified", 4 + 14 + 6)), "{text}");
    for one in &run.bounded_memory {
        let counted = one.entry.counted.expect("bytes are counted");
        assert!((40.0..500.0).contains(&counted), "{one:?}");
        assert_eq!(one.overhead.is_some(), one.kind == Kind::Backend, "{one:?}");
    }
    for one in &run.garbage {
        assert!(one.verified && !one.moments.is_empty(), "{one:?}");
        let workload: Workload = one.workload.parse().expect("a workload");
        assert_eq!(one.repeats, Garbage::QUICK.repeats(workload) as u64);
        let resident = one.moments.iter().filter(|moment| moment.moment != "left, for each cache");
        let told = resident.filter(|moment| moment.rss.is_some()).count();
        assert!(told > 0 || !cfg!(target_os = "linux"), "{one:?}");
    }
    let at = |backend: &str, moment: &str| {
        let of =
            run.garbage.iter().find(|one| one.backend == backend && one.workload == "one object replaced");
        of.and_then(|one| one.moments.iter().find(|known| known.moment == moment)).expect("it was measured")
    };
    for moment in ["peak", "idle", "after the drop"] {
        assert_eq!(at("rwlock", moment).objects, Some(0), "{moment}");
    }
    // papaya frees a batch at a time, and the rest with the map. An object is 1 MiB, and resident.
    let (peak, idle) = (at("papaya", "peak"), at("papaya", "idle"));
    assert!(peak.objects >= idle.objects && idle.objects > Some(0), "{peak:?} {idle:?}");
    assert!(peak.counted >= peak.objects.unwrap_or(0) << 20, "{peak:?}");
    assert!(peak.rss.is_none_or(|rss| rss > peak.counted as i64 / 2), "{peak:?}");
    assert_eq!(at("papaya", "after the drop").objects, Some(0));
    fs::remove_file(json).expect("removed");
}
