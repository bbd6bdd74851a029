//! Results are kept before they are shown: a reader that goes, a full disk or a closed output lose nothing.
//!
//! The program starts itself as a benchmark, and has its output go wrong.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    #[cfg(unix)]
    return unix::main();
    #[cfg(not(unix))]
    {
        println!("the output is made to fail as on Unix only");
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(unix)]
mod unix {
    use std::env;
    use std::fs::{self, File};
    use std::io::{BufRead, BufReader};
    use std::os::unix::fs::FileTypeExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, ExitCode, Output, Stdio};
    use std::time::Duration;

    use clap::Parser;
    use hotcache_bench::session::Session;
    use hotcache_bench::{cli, matrix, peers};
    use hotcache_bench_plan::{Flags, Matrix, Pace, Task, saved_runs};
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
        let tests: [(&str, fn()); 5] = [
            ("a_reader_that_goes_loses_nothing", reader_goes),
            ("a_full_output_loses_nothing", full_output),
            ("a_closed_output_loses_nothing", closed_output),
            ("a_run_that_is_kept_nowhere_ends_with_its_output", kept_nowhere),
            ("what_cannot_be_written_is_refused_before_anything_is_measured", refused),
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
        let Task::Matrix(plan) = flags.task(None)? else { anyhow::bail!("only the matrix") };
        let (warm_up, measurement) = (Duration::from_millis(1), Duration::from_millis(10));
        let pace = Pace { warm_up, measurement, patience: Duration::ZERO, ..plan.pace };
        let plan = Matrix { pace, ..plan };
        let criterion = cli::directory()?.join("criterion");
        Session::run(&flags, |console, document| {
            matrix::run(&plan, peers::ENTRIES, &criterion, console, document)
        })
    }

    const SMALL: &str = "--backends rwlock --caches int --ops get,set --max-key 100 --threads 1 --passes 1";

    /// The lines of results that such a run prints before its tables.
    const CELLS: usize = 2 * 3;

    fn json(name: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kept-{name}-{}.json", std::process::id()))
    }

    fn command(words: &str) -> Command {
        let mut command = Command::new(env::current_exe().expect("the path of this program"));
        command.env(WORDS, words).stderr(Stdio::piped());
        command
    }

    /// The document must be whole; then it is removed.
    fn assert_whole(json: &Path) {
        let run = Run::read(json).expect("it was kept");
        assert!(!run.partial && run.cells.len() == CELLS, "{} cells", run.cells.len());
        fs::remove_file(json).expect("removed");
    }

    #[track_caller]
    fn assert_told(output: &Output, code: i32) {
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(!told.contains("panicked"), "{told}");
        assert_eq!(told.contains("error: standard output: "), code != 0, "{told}");
    }

    fn reader_goes() {
        let json = json("reader");
        let words = format!("{SMALL} --json {} --save kept-reader-{}", json.display(), std::process::id());
        let mut child = command(&words).stdout(Stdio::piped()).spawn().expect("it starts again");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        drop(output);
        assert!(line.starts_with("int/get/100/"), "{line}");
        let output = child.wait_with_output().expect("it ends");
        assert_told(&output, 1);
        assert_whole(&json);
        let (store, name) = (saved_runs(), format!("kept-reader-{}", std::process::id()));
        assert!(!store.load(&name).expect("it was saved").partial);
        store.remove(&name).expect("removed");
    }

    fn full_output() {
        let Ok(full) = File::options().write(true).open("/dev/full") else { return };
        let json = json("full");
        let words = format!("{SMALL} --json {}", json.display());
        let output = command(&words).stdout(full).output().expect("it starts again");
        assert_told(&output, 1);
        assert_whole(&json);
    }

    fn closed_output() {
        let json = json("closed");
        let output = Command::new("sh")
            .args(["-c", "exec \"$0\" >&-"])
            .arg(env::current_exe().expect("the path of this program"))
            .env(WORDS, format!("{SMALL} --json {}", json.display()))
            .stderr(Stdio::piped())
            .output()
            .expect("a shell");
        // What is closed when a program starts is opened on nothing, and swallows all.
        assert_told(&output, 0);
        assert_whole(&json);
    }

    fn kept_nowhere() {
        let Ok(full) = File::options().write(true).open("/dev/full") else { return };
        let output = command(SMALL).stdout(full).output().expect("it starts again");
        assert_told(&output, 1);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("kept"), "{told}");
    }

    fn refused() {
        let fifo = json("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
        for file in [fifo.as_path(), Path::new("/dev/null"), Path::new("no/such/run.json")] {
            let words = format!("{SMALL} --json {}", file.display());
            let output = command(&words).stdout(Stdio::piped()).output().expect("it starts again");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && told.contains("--json: "), "{told}");
            assert!(output.stdout.is_empty(), "measured: {}", String::from_utf8_lossy(&output.stdout));
        }
        let sort = fs::symlink_metadata(&fifo).expect("it is there").file_type();
        assert!(sort.is_fifo(), "it is not replaced");
        fs::remove_file(fifo).expect("removed");
    }
}
