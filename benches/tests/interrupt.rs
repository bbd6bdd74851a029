//! Ctrl-C and SIGTERM leave what was measured, and the same command goes on from there.
//!
//! The program starts itself as a benchmark in a process group of its own, and interrupts the whole group, as a terminal
//! does, or sends a signal to the one process, as `kill` does.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    #[cfg(unix)]
    return unix::main();
    #[cfg(not(unix))]
    {
        println!("Ctrl-C is sent to a process group, which only Unix has");
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(unix)]
mod unix {
    use std::env;
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, ExitCode, Stdio};
    use std::time::Duration;
    use std::{fs, thread};

    use clap::Parser;
    use hotcache_bench::document::SAMPLES;
    use hotcache_bench::session::Session;
    use hotcache_bench::{cli, latency, matrix, peers};
    use hotcache_bench_plan::{Flags, Matrix, Pace, Task, partial_name, saved_runs};
    use hotcache_report::Run;

    /// The flags of a process that is to measure.
    const WORDS: &str = "HOTCACHE_TEST_WORDS";

    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Cli {
        #[command(flatten)]
        flags: Flags,
    }

    pub(super) fn main() -> anyhow::Result<ExitCode> {
        if let Ok(words) = env::var(WORDS) {
            return measure(&words);
        }
        let wanted = env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
        let tests: [(&str, fn()); 4] = [
            ("an_interrupted_full_run_goes_on_where_it_stopped", || full_run(CTRL_C)),
            ("a_terminated_full_run_goes_on_where_it_stopped", || full_run(TERM)),
            ("interrupted_latencies_are_kept", latencies),
            ("a_process_that_measures_ends_with_the_one_that_is_terminated", orphans),
        ];
        for (name, test) in tests.iter().filter(|(name, _)| name.contains(&wanted)) {
            test();
            println!("test {name} ... ok");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Measures as `cargo xtask bench` does with these flags, in less time.
    fn measure(words: &str) -> anyhow::Result<ExitCode> {
        let flags = Cli::try_parse_from(words.split_whitespace())?.flags;
        match flags.task(None)? {
            Task::Matrix(plan) => {
                let (warm_up, measurement) = (Duration::from_millis(1), Duration::from_millis(20));
                let pace = Pace { warm_up, measurement, patience: Duration::ZERO, ..plan.pace };
                let plan = Matrix { pace, ..plan };
                let criterion = cli::directory()?.join("criterion");
                Session::run(&flags, |console, document| {
                    matrix::run(&plan, peers::ENTRIES, &criterion, console, document)
                })
            }
            Task::Latency(plan) => {
                if latency::as_child(&plan, peers::ENTRIES)? {
                    return Ok(ExitCode::SUCCESS);
                }
                Session::run(&flags, |console, document| latency::run(&plan, console, document))
            }
            other => anyhow::bail!("no test interrupts {other:?}"),
        }
    }

    /// A signal, whether it goes to the whole group of processes, and the exit status that it leads to.
    #[derive(Clone, Copy)]
    struct Sent(&'static str, bool, i32);

    /// The signal that a terminal sends.
    const CTRL_C: Sent = Sent("INT", true, 130);
    /// The signal that `kill`, a supervisor or a stopping container sends.
    const TERM: Sent = Sent("TERM", false, 143);

    fn send(Sent(signal, to_group, _): Sent, child: &Child) {
        let to = format!("{}{}", if to_group { "-" } else { "" }, child.id());
        let told = Command::new("kill").args(["-s", signal, "--", &to]).status();
        assert!(told.expect("a kill command").success());
    }

    fn start(words: &str) -> Child {
        let program = env::current_exe().expect("the path of this program");
        let mut command = Command::new(program);
        command.env(WORDS, words).stdout(Stdio::piped()).process_group(0);
        command.spawn().expect("it starts again")
    }

    /// Runs until a line says this, interrupts, and tells what was printed and the code of the end.
    fn run(words: &str, interrupt_at: Option<(&str, Sent)>) -> (String, Option<i32>) {
        let mut child = start(words);
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut text = String::new();
        if let Some((sign, sent)) = interrupt_at {
            while !text.contains(sign) {
                assert!(output.read_line(&mut text).expect("text") > 0, "it ended without {sign:?}: {text}");
            }
            send(sent, &child);
        }
        output.read_to_string(&mut text).expect("text");
        (text, child.wait().expect("it ends").code())
    }

    fn json(name: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"))
    }

    fn full_run(sent: Sent) {
        let (store, name) = (saved_runs(), format!("test-{}-{}", sent.0, std::process::id()));
        let json = json(&name);
        let words = format!(
            "--full --save {name} --json {} --backends rwlock,papaya --caches int --ops get,set,insert --max-key 100 \
             --threads 1 --key-len 8 --dist uniform --passes 2",
            json.display()
        );
        // Lines are printed in the last pass.
        let (text, code) = run(&words, Some(("int/get/100/t1/uniform/k8/", sent)));
        assert_eq!(code, Some(sent.2), "{text}");
        assert!(
            text.contains("beginning anew") && text.contains("interrupted; this is what was measured"),
            "{text}"
        );
        let partial = Run::read(&json).expect("what was measured so far");
        assert!(partial.partial && partial.cells.len() == 3 * 4 - 1, "the roof cannot insert: {text}");
        assert_eq!(store.load(&partial_name(&name)).expect("kept"), partial);

        let (text, code) = run(&words, None);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("going on with the run of"), "{text}");
        let whole = Run::read(&json).expect("all of it");
        assert!(!whole.partial && whole.cells.len() == partial.cells.len());
        for (before, cell) in partial.cells.iter().zip(&whole.cells) {
            assert_eq!(before.name(), cell.name());
            assert_eq!(cell.samples.len(), 2 * SAMPLES, "{}", cell.name());
            assert_eq!(
                before.samples,
                cell.samples[..before.samples.len()],
                "{}: measured again",
                cell.name()
            );
        }
        assert_eq!(store.load(&name).expect("saved"), whole);
        store.load(&partial_name(&name)).expect_err("a whole run needs no part of one");
        store.remove(&name).expect("removed");
        fs::remove_file(json).expect("removed");
    }

    fn latencies() {
        let json = json(&format!("test-latency-{}", std::process::id()));
        let words = format!(
            "--latency --json {} --backends rwlock,papaya --caches int --ops get --max-key 100 --rate 20000",
            json.display()
        );
        // The first row's result, which no line of progress looks like. A process that measures the next row is interrupted
        // with this one.
        let (text, code) = run(&words, Some(("p50 ", CTRL_C)));
        assert_eq!(code, Some(130), "{text}");
        assert!(text.contains("interrupted; this is what was measured") && !text.contains("error"), "{text}");
        let run = Run::read(&json).expect("what was measured so far");
        let rows: Vec<_> = run.latency.iter().map(|one| one.backend.as_str()).collect();
        assert!(run.partial && rows.starts_with(&["empty"]) && rows.len() < 4, "{rows:?}");
        fs::remove_file(json).expect("removed");
    }

    /// The process that this one started to measure a row, where the system tells.
    fn measuring_for(id: u32) -> Option<u32> {
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        let measures = |child: &u32| {
            let variables = fs::read(format!("/proc/{child}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&variables).contains("HOTCACHE_BENCH_LATENCY=")
        };
        children.split_ascii_whitespace().filter_map(|id| id.parse().ok()).find(measures)
    }

    /// Whether a process has ended, though nobody may have asked how.
    fn has_ended(id: u32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
    }

    /// Polls for something that comes at once, or not at all.
    fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        for _ in 0..1_000 {
            if let Some(found) = found() {
                return found;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("{what} did not come");
    }

    fn orphans() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let json = json(&format!("test-orphans-{}", std::process::id()));
        fs::write(&json, "what an earlier run measured").expect("a file");
        // A row takes more than a minute.
        let words = format!(
            "--latency --json {} --backends rwlock --caches int --ops grow --max-key 1000000 --rate 10000",
            json.display()
        );
        let mut child = start(&words);
        let measures = until("a process that measures", || measuring_for(child.id()));
        send(TERM, &child);
        let mut text = String::new();
        child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(TERM.2), "{text}");
        until("the end of the process that measured", || has_ended(measures).then_some(()));
        assert!(text.contains("nothing was measured yet, and nothing is written"), "{text}");
        assert_eq!(fs::read_to_string(&json).expect("a file"), "what an earlier run measured");
        fs::remove_file(json).expect("removed");
    }
}
