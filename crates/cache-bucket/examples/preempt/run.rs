//! Runs the profiles in turn, and reports progress.

use std::panic;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cache_testkit::Random;

use crate::act::Worker;
use crate::aim::Aim;
use crate::cycle::{CLOCK, Director, Totals};
use crate::fault::{self, fault};
use crate::flags::{Flags, USAGE};
use crate::futex::Processors;
use crate::interrupt::{self, SLOTS};
use crate::keys::{Names, Numbers, Strings};
use crate::kind::Kind;
use crate::plan::Plan;
use crate::profile::{Profile, Type, in_turn};
use crate::subject::Desk;
use crate::timer;
use crate::world::{Ints, Objects, World};

/// How long a profile runs before the next.
const SLICE: Duration = Duration::from_millis(150);
/// How often progress is reported.
const TELL: Duration = Duration::from_secs(5);
/// The program hangs if it makes no progress for this long.
const HANGS: Duration = Duration::from_secs(60);

pub(crate) fn main() {
    let flags = Flags::parse(std::env::args().skip(1)).unwrap_or_else(|error| {
        eprintln!("error: {error}\n{USAGE}");
        process::exit(2);
    });
    println!("seed {}", flags.seed);
    // A panic is a fault: no operation has a reason for one.
    panic::set_hook(Box::new(|info| fault(&info.to_string())));
    timer::install();
    let processors = Processors::of_this_thread();
    thread::spawn(watch);
    let start = Instant::now();
    let end = start + Duration::from_secs(flags.seconds);
    let (mut totals, mut told) = (Totals::default(), start);
    let mut aims = vec![Aim::new(); SLOTS];
    for slice in 0_u64.. {
        let now = Instant::now();
        if now >= end {
            break;
        }
        if now - told >= TELL {
            told = now;
            let (seconds, (hits, _)) = ((now - start).as_secs(), interrupt::counts());
            eprintln!("{seconds} of {} s: {}", flags.seconds, sentence(&totals, hits.iter().sum()));
        }
        let profile = flags.profile.unwrap_or_else(|| in_turn(slice));
        fault::now_in(format!(
            "in slice {slice} of seed {}, profile {}, after {:.1} s",
            flags.seed,
            profile.name,
            (now - start).as_secs_f64()
        ));
        // On one processor the threads take turns, which is faster; on several they also meet.
        let together = slice % 4 != 3;
        interrupt::together(together);
        if together {
            processors.one();
        } else {
            processors.all();
        }
        let random = Random::new(flags.seed ^ slice.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let until = end.min(now + SLICE);
        totals = match profile.of {
            Type::IntStrings => slice_of::<Ints<Strings>>(profile, random, until, &mut aims, totals),
            Type::IntNumbers => slice_of::<Ints<Numbers>>(profile, random, until, &mut aims, totals),
            Type::IntNames => slice_of::<Ints<Names>>(profile, random, until, &mut aims, totals),
            Type::ObjStrings => slice_of::<Objects<Strings>>(profile, random, until, &mut aims, totals),
            Type::ObjNames => slice_of::<Objects<Names>>(profile, random, until, &mut aims, totals),
        };
    }
    let (hits, gave_up) = interrupt::counts();
    println!(
        "{}, nothing found; {:.0} s",
        sentence(&totals, hits.iter().sum()),
        start.elapsed().as_secs_f64()
    );
    let by_kind = Kind::ALL.iter().zip(hits).map(|(kind, hits)| format!("{} {hits}", kind.name()));
    println!("interrupted in: {}", by_kind.collect::<Vec<_>>().join(", "));
    println!("interrupted threads went on by themselves {gave_up} times, because others waited for them");
}

fn sentence(totals: &Totals, hits: u64) -> String {
    let Totals { cycles, operations, histories, caches } = totals;
    format!(
        "{operations} operations in {cycles} cycles on {caches} caches, {hits} interrupts, {histories} histories checked"
    )
}

/// Runs a profile for a while.
fn slice_of<W: World>(
    profile: &'static Profile,
    mut random: Random,
    until: Instant,
    aims: &mut [Aim],
    totals: Totals,
) -> Totals {
    let desks: Vec<_> = (0..SLOTS).map(Desk::<W>::new).collect();
    thread::scope(|scope| {
        for (number, (desk, aim)) in desks.iter().zip(aims).enumerate() {
            let random = Random::new(random.next());
            scope.spawn(move || desk.serve(number + 1, &CLOCK, aim, random));
        }
        let new_world = |random: &mut Random| {
            let plan = Arc::new(Plan::<W::Keys>::new(profile, random));
            Arc::new(W::new(plan, profile.capacity))
        };
        let worker = Worker { thread: 0, clock: &CLOCK, slot: None, seen: Vec::new() };
        let mut director = Director { profile, desks: &desks, worker, random, totals, new_world: &new_world };
        director.run(until);
        desks.iter().for_each(Desk::close);
        director.totals
    })
}

/// Reports a fault if there is no more progress.
fn watch() {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        thread::sleep(Duration::from_secs(1));
        let now = interrupt::progress();
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > HANGS {
            fault("nothing happens any more");
        }
    }
}
