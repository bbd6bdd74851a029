//! Which flag goes with which mode: as the guide's table says, and no other way.
#![forbid(unsafe_code)]

use clap::{CommandFactory, Parser};
use hotcache_bench_plan::{Flags, Task};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn task(words: &str) -> Result<Task, String> {
    let words = std::iter::once("bench").chain(words.split_whitespace());
    let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    cli.flags.task(None).map_err(|refusal| refusal.to_string())
}

/// The guide's table of modes and flags: the modes of its columns, and for each flag whether it goes with them.
fn table_of_the_guide() -> (Vec<String>, Vec<(String, Vec<bool>)>) {
    let guide = include_str!("../../../docs/benchmarking.md");
    let table: Vec<_> = guide.lines().skip_while(|line| !line.starts_with("| flag |")).collect();
    let cells = |line: &str| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>()
    };
    let modes = cells(table[0])[1..].to_vec();
    let rows = table[2..].iter().take_while(|line| line.starts_with('|')).map(|line| {
        let cells = cells(line);
        (cells[0].clone(), cells[1..].iter().map(|cell| cell == "yes").collect())
    });
    (modes, rows.collect())
}

/// A flag with a value that suits it.
fn with_value(flag: &str) -> String {
    let value = match flag {
        "--passes" => " 2",
        "--backends" => " papaya",
        "--caches" => " int",
        "--ops" => " get",
        "--max-key" => " 100",
        "--threads" => " 1",
        "--key-len" => " 9",
        "--key-type" => " u64",
        "--dist" => " uniform",
        "--mix" => " get=9,add=1",
        "--profile" => " lists",
        "--rate" => " 50%",
        "--json" => " some-run.json",
        "--save" | "--compare" => " some-run",
        "--deny-regressions" => " 5 --compare some-run",
        "--trace" => " Cargo.toml",
        "--capacity" => " 100",
        _ => "",
    };
    format!("{flag}{value}")
}

#[test]
fn every_flag_goes_with_the_modes_that_the_guide_says_and_is_refused_with_all_others() {
    let (modes, rows) = table_of_the_guide();
    assert_eq!(modes.len(), 11, "{modes:?}");
    let known = Cli::command();
    let long = known.get_arguments().filter_map(|arg| arg.get_long());
    let known: Vec<_> = long.map(|long| format!("--{long}")).collect();
    for flag in known.iter().filter(|flag| *flag != "--help") {
        let is_there = rows.iter().any(|(row, _)| row == flag) || modes.contains(flag);
        assert!(is_there, "{flag} is not in the guide's table");
    }
    for (flag, goes) in &rows {
        for (mode, goes) in modes.iter().zip(goes) {
            let mode = if mode.starts_with("--") { with_value(mode) } else { String::new() };
            let words = format!("{mode} {}", with_value(flag));
            match task(&words) {
                Ok(_) => assert!(goes, "`{words}` is not refused"),
                // Where two flags do not go with the mode, the first is named.
                Err(refused) => {
                    let named = refused.contains(flag)
                        || words.contains("--compare") && refused.contains("--compare");
                    assert!(!goes && named, "`{words}`: {refused}");
                }
            }
        }
    }
    for (i, one) in modes.iter().enumerate().skip(1) {
        for other in &modes[i + 1..] {
            let words = format!("{} {}", with_value(one), with_value(other));
            let both = task(&words);
            let go = [
                "--quick --memory",
                "--quick --bounded",
                "--quick --hit-ratio",
                "--quick --redis",
                "--quick --gate",
                "--trace Cargo.toml --hit-ratio",
            ];
            assert_eq!(both.is_ok(), go.contains(&&*words), "`{words}`: {both:?}");
        }
    }
}

#[test]
fn a_flag_without_its_mode_is_refused_though_another_mode_excludes_that() {
    for (words, said) in [
        ("--trace Cargo.toml --rate 5", "--rate goes with --latency only, not with --trace"),
        ("--quick --fresh", "--fresh goes with --full only"),
        ("--memory --rate 50%", "--rate goes with --latency only, not with --memory"),
        ("--adapters --deny-regressions 5", "--deny-regressions goes with the matrix and --full only"),
        (
            "--latency --passes 2",
            "--passes goes with the matrix, --full and --bounded only, not with --latency",
        ),
        ("--capacity 5", "--capacity goes with --hit-ratio only"),
        ("--trace Cargo.toml --capacity 5", "--capacity goes with --hit-ratio only, not with --trace"),
        ("--bounded --ops get", "--ops goes with the matrix, --full and --latency only, not with --bounded"),
    ] {
        let refused = task(words).expect_err(words);
        assert!(refused.starts_with(said), "`{words}`: {refused}");
    }
}

#[test]
fn what_a_message_repeats_is_short_and_shows_its_control_characters() {
    let word = format!("\u{1b}[31m{}", "x".repeat(5_000));
    for flag in ["--backends", "--caches", "--ops", "--trace"] {
        let words = ["bench", flag, &word];
        let refused = match Cli::try_parse_from(words) {
            Ok(cli) => cli.flags.task(None).expect_err(flag).to_string(),
            // The parser repeats the word as well, whole; our part of the message comes last.
            Err(error) => error.to_string().rsplit(": ").take(2).collect(),
        };
        assert!(!refused.contains('\u{1b}') && refused.len() < 500, "{flag}: {refused:?}");
    }
}
