//! A run: its rounds, their report, and the first violation.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::{Flags, Subject, Violation, leases, mirrors};

/// Rounds within which a control must be caught.
const CONTROL_ROUNDS: u64 = 10;

/// Runs what the flags say. `program` is this program, which is started again for each node.
///
/// # Errors
///
/// The first violation, with the seed and the round; or a control that was not caught.
pub fn run(flags: &Flags, program: &Path) -> Result<()> {
    // Any number will do, because it is printed.
    let seed = flags.seed.unwrap_or_else(|| RandomState::new().hash_one(()) >> 32);
    println!("seed {seed}");
    let began = Instant::now();
    if flags.wants(Subject::Controls) {
        controls(seed, program)?;
    }
    if flags.wants(Subject::Mirrors) {
        let mut totals = mirrors::Totals::default();
        for round in flags.from..flags.from + flags.rounds {
            let plan = mirrors::Plan::new(seed, round);
            println!("mirrors {round}: {plan}");
            let done = mirrors::run(&plan, None).with_context(|| repeat(seed, round, "mirrors"))?;
            println!("mirrors {round}: {done}");
            totals.add(&done);
        }
        println!("mirrors, {} rounds: {totals}", flags.rounds);
    }
    if flags.wants(Subject::Leases) {
        let mut totals = leases::Totals::default();
        for round in flags.from..flags.from + flags.rounds {
            let plan = leases::Plan::new(seed, round);
            println!("leases {round}: {plan}");
            let done = leases::run(&plan, program, false).with_context(|| repeat(seed, round, "leases"))?;
            println!("leases {round}: {done}");
            totals.add(&done);
        }
        println!("leases, {} rounds: {totals}", flags.rounds);
    }
    println!("no violation; {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn repeat(seed: u64, round: u64, subject: &str) -> String {
    format!(
        "seed {seed}, round {round}; to repeat: cargo xtask faults --seed {seed} --from {round} --rounds 1 --only {subject}"
    )
}

/// Runs what is wrong until it is caught.
fn controls(seed: u64, program: &Path) -> Result<()> {
    catch("tracking is armed after the load", seed, |round| {
        let plan = mirrors::Plan::of_control(seed, round, false);
        (plan.to_string(), mirrors::run(&plan, Some("load-then-track")).map(drop))
    })?;
    catch("one PING is taken for a barrier", seed, |round| {
        let plan = mirrors::Plan::of_control(seed, round, true);
        (plan.to_string(), mirrors::run(&plan, Some("one-ping")).map(drop))
    })?;
    catch("a commit is repeated without its number", seed, |round| {
        let plan = leases::Plan::of_lost_answers(seed, round);
        (plan.to_string(), leases::run(&plan, program, true).map(drop))
    })
}

fn catch(name: &str, seed: u64, run: impl Fn(u64) -> (String, Result<()>)) -> Result<()> {
    for round in 0..CONTROL_ROUNDS {
        let (plan, result) = run(round);
        println!("control, {name}: {plan}");
        if let Err(error) = result {
            if error.downcast_ref::<Violation>().is_none() {
                return Err(error.context(format!("control, {name}, seed {seed}, round {round}")));
            }
            println!("control, {name}: caught: {error}");
            return Ok(());
        }
    }
    bail!("control, {name}: not caught in {CONTROL_ROUNDS} rounds of seed {seed}: the oracles are blind");
}
