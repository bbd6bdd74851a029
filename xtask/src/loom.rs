//! `cargo xtask loom`: the models of the bucket table's kernel, with the bugs that they must catch, those of `Closable`, and
//! those of `cache-policy` and `cache-gate`, which shuttle runs.
//!
//! A passing model is evidence only if it fails on the bugs that it is meant to catch. So each bug in `seeded.rs` is
//! planted in the kernel, one at a time, and its model must fail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::preempt;
use crate::sh::{self, cargo};

/// A bug, and the model that must catch it.
struct Bug {
    name: &'static str,
    model: &'static str,
    /// The number of preemptions that it takes. With fewer, the model does not catch it.
    preemptions: u32,
}

impl Bug {
    /// The full name of its model.
    fn model_of(&self, models: &[String]) -> Result<String> {
        let model = models.iter().find(|model| model.rsplit("::").next() == Some(self.model));
        Ok(model.with_context(|| format!("there is no model {:?}", self.model))?.clone())
    }
}

/// Where the bugs of the table are planted, those of the layer, and those of the gate.
const KERNEL: &[&str] = &["crates/cache-bucket/src"];
const LAYER: &[&str] = &["crates/cache-core/src", "crates/cache-policy/src"];
const GATE: &[&str] = &["crates/cache-gate/src"];

const fn bug(name: &'static str, model: &'static str, preemptions: u32) -> Bug {
    Bug { name, model, preemptions }
}

/// Every bug that can be planted.
const BUGS: &[Bug] = &[
    bug("pin", "retire_enter_again", 2),
    bug("pin-fence", "retire_enter", 1),
    bug("move-fence", "retire_enter", 1),
    bug("grace", "retire_enter", 1),
    bug("no-grace", "retire_enter", 1),
    bug("move-anyway", "retire_enter", 1),
    bug("unpin", "retire_enter", 1),
    bug("scan", "retire_enter", 1),
    bug("epoch-store", "retire_enter_again", 2),
    bug("epoch-load", "moved_by_one_freed_by_another", 2),
    bug("join", "thread_exit", 1),
    bug("leave", "thread_exit", 1),
    bug("bag-fence", "bag_claimed", 1),
    bug("bag-busy", "bag_claimed", 1),
    bug("bag-done", "bag_claimed", 1),
    bug("bag-unclaimed", "bag_claimed", 2),
    bug("lagging", "light_pins", 1),
    bug("fenced-early", "barrier_refused", 1),
    bug("join-fence", "fences_are_left_out_again", 2),
    bug("fenced-release", "settled_beside_a_barrier", 1),
    bug("fenced-acquire", "settled_beside_a_barrier", 1),
    bug("pending", "pending_is_not_forgotten", 1),
    bug("closed-early", "bag_closed", 2),
    bug("settled-nested", "growth_within_an_operation", 1),
    bug("lane", "get_insert", 1),
    bug("match", "get_insert", 1),
    bug("reclaim-dead", "insert_free_get", 1),
    bug("lock", "del_insert", 1),
    bug("unlock", "insert_two", 1),
    bug("unseen", "add_del_insert_other", 1),
    bug("removed", "add_del_insert_other", 1),
    bug("version", "insert_insert", 1),
    bug("insert", "insert_insert", 1),
    bug("link", "append_get_behind", 1),
    bug("strays", "append_get", 1),
    bug("stray-gone", "append_del_get", 1),
    bug("trim", "trim_get_behind", 1),
    bug("close", "insert_growth", 1),
    bug("remove-moved", "del_growth", 1),
    bug("step-lock", "add_growth", 1),
    bug("step-moved", "add_growth", 1),
    bug("get-moved", "get_growth", 1),
    bug("get-likely", "get_growth", 1),
    bug("assist-early", "add_resize", 1),
    bug("settled-anyway", "add_resize", 1),
    bug("insert-at-home", "fast_insert_insert", 1),
    bug("unseen-fast", "fast_del_add_insert_other", 1),
    bug("age", "fast_insert_while_one_dies", 1),
    bug("insert-closed", "fast_insert_growth", 1),
    bug("publish", "fast_insert_get", 1),
    bug("remove-at-home", "fast_del_del", 1),
    bug("remove-at-home-moved", "fast_del_growth", 1),
    bug("fill", "fill_get", 1),
    bug("allocate-first", "first_insert", 1),
    bug("cleared", "grow_grow", 2),
    bug("coming", "grow_begins", 1),
    bug("follow", "resize_resize", 1),
    bug("follow-anyway", "resize_resize", 1),
    bug("move-twice", "growth_growth", 1),
    bug("moved", "assist_assist_get", 2),
    bug("root", "get_retired_generation", 1),
    bug("root-load", "get_retired_generation", 1),
    bug("end", "object_set_del", 1),
    bug("blindly", "take_add", 1),
    bug("unsettled", "take_add", 1),
    bug("restless", "take_add", 1),
    bug("rest-fence", "take_beside_a_closure", 1),
    bug("reopen", "take_beside_a_section", 1),
];

/// Every bug that can be planted in `cache-policy` and in the loads of `cache-core`. Shuttle knows no bound of preemptions.
const POLICY_BUGS: &[Bug] = &[
    bug("uncount-twice", "replacement_beside_eviction_and_removal", 0),
    bug("pick-uncounted", "three_inserts_into_two_places", 0),
    bug("unlink-any", "expiry_beside_replacement_and_sweeps", 0),
    bug("prolong-blindly", "an_entry_is_prolonged_or_swept", 0),
    bug("absent-unremoved", "what_is_absent_stays_absent", 0),
    bug("evict-as-write", "what_is_past_its_time_spoils_no_load", 0),
    bug("refresh-all", "one_caller_refreshes", 0),
    bug("publish-stale", "a_removal_wins_over_a_load", 0),
    bug("join-stale", "a_removal_wins_over_a_load", 0),
    bug("hand-over-unsaid", "a_dropped_leader_hands_over", 0),
    bug("waiter-gone", "a_dropped_heir_hands_over", 0),
    bug("lead-taken", "loads_of_many_keys_share_and_end", 0),
    bug("dropped-anyway", "a_dropped_group_wins_over_a_load", 0),
];

/// Every bug that can be planted in `cache-gate`.
const GATE_BUGS: &[Bug] = &[
    bug("latch-uncounted", "what_comes_back_is_sold", 0),
    bug("change-blindly", "all_is_given_back_once", 0),
    bug("expire-unknown", "what_is_unknown_does_not_expire", 0),
    bug("sold-late", "no_less_than_nothing_is_sold", 0),
    bug("compare-restless", "a_comparison_beside_a_buyer_differs_in_nothing", 0),
    bug("window-torn", "a_window_is_changed_in_one_piece", 0),
    bug("ended-unseen", "an_event_ends_beside_a_buyer", 0),
    bug("claim-anyway", "a_request_buys_once", 0),
    bug("places-blindly", "the_bulkhead_holds", 0),
    bug("split-unsure", "a_split_stock_refuses_nobody_who_can_be_served", 0),
    bug("list-late", "who_is_on_both_lists_stays_blocked", 0),
];

/// The end of a model's line if its time was up.
const STOPPED: &str = "stopped before the end";

/// The number of preemptions in the quick version. It catches all but a few bugs.
const QUICK: u32 = 1;

/// Models that take half of the time, even with one preemption. The quick version runs them only with their bugs.
const LONG: [&str; 3] = ["add_del_insert_other", "append_append", "fast_insert_while_one_dies"];

/// Runs every model unchanged, then every bug with its model. With `quick`, it allows one preemption, and plants the
/// bugs that this catches. Each model is stopped after `minutes`, if that is given.
pub(crate) fn run(quick: bool, minutes: Option<u64>) -> Result<()> {
    every_bug_is_tried(KERNEL, BUGS.iter().map(|bug| bug.name).chain(preempt::bugs()))?;
    every_bug_is_tried(LAYER, POLICY_BUGS.iter().map(|bug| bug.name))?;
    every_bug_is_tried(GATE, GATE_BUGS.iter().map(|bug| bug.name))?;
    let program = build("cache-bucket", "loom")?;
    let models = models(&program)?;
    let is_long = |model: &String| LONG.iter().any(|long| model.ends_with(&format!("::{long}")));
    let mut tasks: Vec<_> = models
        .iter()
        .filter(|model| !quick || !is_long(model))
        .cloned()
        .map(|model| Task { model, bug: None, preemptions: quick.then_some(QUICK), minutes })
        .collect();
    for bug in BUGS.iter().filter(|bug| !quick || bug.preemptions <= QUICK) {
        let model = bug.model_of(&models)?;
        tasks.push(Task { model, bug: Some(bug.name), preemptions: Some(bug.preemptions), minutes: None });
    }
    run_all(&program, &tasks)?;
    counter_models()?;
    shuttle_models("cache-policy", POLICY_BUGS)?;
    shuttle_models("cache-gate", GATE_BUGS)
}

/// The models of a package that shuttle runs, and their bugs.
fn shuttle_models(package: &str, bugs: &[Bug]) -> Result<()> {
    let program = build(package, "shuttle")?;
    let models = models(&program)?;
    let task = |model: String, bug| Task { model, bug, preemptions: None, minutes: None };
    let mut tasks: Vec<_> = models.iter().map(|model| task(model.clone(), None)).collect();
    for bug in bugs {
        tasks.push(task(bug.model_of(&models)?, Some(bug.name)));
    }
    run_all(&program, &tasks)
}

/// The models of `cache_core::counter::Closable`, which take a second.
fn counter_models() -> Result<()> {
    let mut command =
        cargo(["test", "--profile", "loom", "--package", "cache-core", "--lib", "counter::models"]);
    sh::run(command.env("CARGO_TARGET_DIR", sh::root().join("target/loom")).env("RUSTFLAGS", "--cfg loom"))
}

/// One run of a model.
struct Task {
    model: String,
    bug: Option<&'static str>,
    /// The bound of preemptions, if it is not the model's own.
    preemptions: Option<u32>,
    /// The number of minutes after which it is stopped, if any.
    minutes: Option<u64>,
}

/// Runs the tasks on as many threads as there are cores, and prints a line when a task ends.
fn run_all(program: &Path, tasks: &[Task]) -> Result<()> {
    let start = Instant::now();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    let stopped = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |cores| cores.get()) {
            scope.spawn(|| {
                while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let outcome = task.run(program);
                    let number = done.fetch_add(1, Ordering::Relaxed) + 1;
                    let what = match task.bug {
                        None => task.model.clone(),
                        Some(bug) => format!("{} with the bug {bug:?}", task.model),
                    };
                    let result = match &outcome {
                        Ok(said) => said.clone(),
                        Err(error) => format!("FAILED: {error:#}"),
                    };
                    if result.ends_with(STOPPED) {
                        stopped.fetch_add(1, Ordering::Relaxed);
                    }
                    let took = began.elapsed().as_secs_f64();
                    println!("[{number:>2}/{}] {took:>6.1} s  {what}: {result}", tasks.len());
                    if let Err(error) = outcome {
                        failures.lock().expect("no thread panics").push(format!("{what}: {error:#}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panics");
    if !failures.is_empty() {
        bail!("{} of {} runs failed:\n{}", failures.len(), tasks.len(), failures.join("\n"));
    }
    let bugs = tasks.iter().filter(|task| task.bug.is_some()).count();
    let stopped = stopped.into_inner();
    println!(
        "{} models hold, {bugs} bugs are caught, in {:.0} s",
        tasks.len() - bugs - stopped,
        start.elapsed().as_secs_f64()
    );
    if stopped > 0 {
        println!("{stopped} models were stopped before the end: nothing was found in them so far");
    }
    Ok(())
}

impl Task {
    /// Runs the task, and returns its line of output if the result is as expected.
    fn run(&self, program: &Path) -> Result<String> {
        let mut command = Command::new(program);
        command.args(["--exact", &self.model, "--nocapture", "--test-threads", "1"]);
        command.env_remove("HOTCACHE_SEEDED").env("RUST_BACKTRACE", "0");
        if let Some(bug) = self.bug {
            command.env("HOTCACHE_SEEDED", bug);
        }
        if let Some(preemptions) = self.preemptions {
            command.env("HOTCACHE_LOOM_PREEMPTIONS", preemptions.to_string());
        }
        if let Some(minutes) = self.minutes {
            command.env("HOTCACHE_LOOM_SECONDS", (minutes * 60).to_string());
        }
        let output = sh::capture(&mut command)?;
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = text.concat();
        match self.bug {
            None if output.status.success() => {
                let executions = text.split("executions: ").nth(1).and_then(|rest| rest.lines().next());
                Ok(executions
                    .map_or("holds".to_owned(), |executions| format!("holds; executions: {executions}")))
            }
            None => bail!("the model does not hold ({}):\n{text}", output.status),
            Some(_) if output.status.success() => bail!("not caught"),
            Some(_) => {
                caught(&text).with_context(|| format!("it failed ({}) without a message", output.status))
            }
        }
    }
}

/// Returns the message of a model that caught a bug: the line after that of the panic.
fn caught(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.contains("panicked at"));
    lines.next()?;
    let message = lines.next()?;
    // Loom gives up on a model that does not end. That is no verdict.
    (!message.contains("maximum number of branches")).then(|| format!("caught: {message}"))
}

/// Checks that every bug planted in these folders is `known`, and that there are no others.
fn every_bug_is_tried(folders: &[&str], known: impl Iterator<Item = &'static str>) -> Result<()> {
    let mut planted = BTreeSet::new();
    let mut folders: Vec<_> = folders.iter().map(|folder| sh::root().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text =
                    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                planted.extend(named(&text));
            }
        }
    }
    let known: BTreeSet<_> = known.map(str::to_owned).collect();
    let untried: Vec<_> = planted.difference(&known).collect();
    ensure!(
        untried.is_empty(),
        "bugs in the code that are tried with no model and not by preemption: {untried:?}"
    );
    let gone: Vec<_> = known.difference(&planted).collect();
    ensure!(gone.is_empty(), "bugs that are not in the code: {gone:?}");
    Ok(())
}

/// Returns the bugs that are named in a source text.
fn named(text: &str) -> impl Iterator<Item = String> {
    ["seeded::bug(", "seeded::ordering("].into_iter().flat_map(move |call| {
        text.split(call).skip(1).filter_map(|rest| rest.split('"').nth(1)).map(str::to_owned)
    })
}

/// Builds the models, and returns the program.
fn build(package: &str, cfg: &str) -> Result<PathBuf> {
    eprintln!("building the models of {package}");
    let mut command = cargo(["test", "--profile", "loom", "--package", package, "--lib"]);
    command.args(["--no-run", "--message-format=json-render-diagnostics"]);
    // A directory of its own, or every other build would start afresh after this one.
    let target = sh::root().join("target").join(cfg);
    command.env("CARGO_TARGET_DIR", target).env("RUSTFLAGS", format!("--cfg {cfg}"));
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the models do not build");
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let program = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it =
            message["target"]["name"] == package.replace('-', "_") && message["profile"]["test"] == true;
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    program.context("cargo built no program for the models")
}

/// Returns the names of the models.
fn models(program: &Path) -> Result<Vec<String>> {
    let output = sh::capture(Command::new(program).args(["models::", "--list"]))?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let names: Vec<_> =
        listed.lines().filter_map(|line| line.strip_suffix(": test").map(str::to_owned)).collect();
    ensure!(!names.is_empty(), "there are no models in {}", program.display());
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bugs_are_found_in_a_source() {
        let text = r#"a.store(1, seeded::ordering(Ordering::Release, "one")); if seeded::bug("two") {}"#;
        assert_eq!(
            named(text).collect::<BTreeSet<_>>(),
            BTreeSet::from(["one".to_owned(), "two".to_owned()])
        );
    }

    #[test]
    fn a_model_that_does_not_end_caught_nothing() {
        let text = |message: &str| format!("thread 'a' panicked at b.rs:1:\n{message}\n");
        assert_eq!(caught(&text("lost")), Some("caught: lost".to_owned()));
        assert_eq!(caught(&text("Model exceeded maximum number of branches.")), None);
        assert_eq!(caught("killed"), None);
    }

    #[test]
    fn the_kernel_has_these_bugs_and_no_others() {
        let table = BUGS.iter().map(|bug| bug.name).chain(preempt::bugs());
        every_bug_is_tried(KERNEL, table).expect("they are the same");
        every_bug_is_tried(LAYER, POLICY_BUGS.iter().map(|bug| bug.name)).expect("they are the same");
        every_bug_is_tried(GATE, GATE_BUGS.iter().map(|bug| bug.name)).expect("they are the same");
    }
}
