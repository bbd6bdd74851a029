//! `kill -9`: every order that was acknowledged is in the file.
#![cfg(all(feature = "sqlite", unix))]

#[path = "handoff_support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use cache_gate::Goods;
use cache_gate::handoff::sqlite::Journal;
use cache_gate::handoff::{HandOff as _, OrderState, Submitted};
use support::{File, order};
use tokio::task::JoinSet;

/// The variables that tell the child its file and its first order.
const FILE: &str = "CACHE_GATE_CRASH_FILE";
const FIRST: &str = "CACHE_GATE_CRASH_FIRST";

/// Orders under way at a time.
const TASKS: u64 = 50;

/// Acknowledged orders before the kill: a different number each time, so that it comes at a different moment of a transaction.
const ROUNDS: [usize; 5] = [1, 37, 150, 401, 1_000];

/// The child: writes orders, and prints the numbers of those that were acknowledged, until it is killed.
#[test]
#[ignore = "started by the other test"]
fn child() {
    let (Ok(file), Ok(first)) = (env::var(FILE), env::var(FIRST)) else { return };
    let first: u64 = first.parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let journal = Journal::builder().open(file).unwrap();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let journal = journal.clone();
            tasks.spawn(async move {
                for number in (first + task..).step_by(usize::try_from(TASKS).unwrap()) {
                    assert_eq!(journal.submit(&order(number), Goods::Counted).await, Submitted::Durable);
                    let mut stdout = std::io::stdout().lock();
                    writeln!(stdout, "acknowledged {number}").unwrap();
                    stdout.flush().unwrap();
                }
            });
        }
        tasks.join_all().await;
    });
}

#[test]
fn no_acknowledged_order_is_lost_by_kill_9() {
    let file = File::new("crash");
    let mut acknowledged = HashSet::new();
    for (round, kill_after) in (0u64..).zip(ROUNDS) {
        let first = round * 1_000_000;
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["child", "--exact", "--ignored", "--nocapture"])
            .env(FILE, file.path())
            .env(FIRST, first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut numbers = Vec::new();
        for line in &mut lines {
            let line = line.unwrap();
            // The test harness may have begun a line before it.
            let Some((_, number)) = line.split_once("acknowledged ") else { continue };
            numbers.push(number.parse::<u64>().unwrap());
            if numbers.len() == kill_after {
                child.kill().unwrap();
                break;
            }
        }
        assert_eq!(numbers.len(), kill_after, "the child ended by itself: {:?}", child.wait());
        // What it had written into the pipe by then was acknowledged, too. A short line is written as a whole or not at all.
        for line in lines.map_while(Result::ok) {
            numbers.extend(line.strip_prefix("acknowledged ").and_then(|number| number.parse::<u64>().ok()));
        }
        let status = child.wait().unwrap();
        assert_eq!(status.code(), None, "killed by a signal");
        acknowledged.extend(numbers);

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let journal = file.reopen();
            let mut seen = HashSet::new();
            let mut last = 0;
            loop {
                let records = journal.orders(last, 1_000).await.unwrap();
                let Some(newest) = records.last() else { break };
                last = newest.seq;
                for record in records {
                    let number = record.order.ticket.get();
                    assert_eq!((&record.order, record.state), (&order(number), OrderState::Accepted));
                    assert!(seen.insert(number), "order {number} is there twice");
                }
            }
            let lost: Vec<_> = acknowledged.difference(&seen).collect();
            assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
            // Each task had one order at most that was not acknowledged.
            assert!(seen.len() <= acknowledged.len() + (round as usize + 1) * TASKS as usize);
            journal.close().await.unwrap();
        });
    }
}
