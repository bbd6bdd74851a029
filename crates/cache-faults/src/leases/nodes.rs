//! The processes of a round's nodes, as the driver sees them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use redis_testkit::{PATIENCE, Proxy, Redis};
use rustix::process::{Pid, Signal, kill_process};

use super::Plan;

/// The outcome of an order, as its node was told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Yes,
    No,
    Unknown,
}

/// What nodes were told of their orders, by the names of these, with the units.
pub(crate) type Told = HashMap<String, (Said, u32)>;

/// The nodes of a round. Dropping them kills their processes.
pub(crate) struct Nodes {
    plan: Plan,
    program: PathBuf,
    new_number: bool,
    proxies: Vec<Proxy>,
    running: Vec<Option<Node>>,
    told: Arc<Mutex<Told>>,
    readers: Vec<JoinHandle<()>>,
    started: u64,
}

struct Node {
    process: Child,
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Nodes {
    pub(crate) fn new(plan: &Plan, program: &Path, redis: &Redis, new_number: bool) -> Self {
        Self {
            plan: plan.clone(),
            program: program.to_owned(),
            new_number,
            proxies: (0..plan.nodes).map(|_| Proxy::to(redis)).collect(),
            running: (0..plan.nodes).map(|_| None).collect(),
            told: Arc::default(),
            readers: Vec::new(),
            started: 0,
        }
    }

    pub(crate) fn start(&mut self, node: usize) -> Result<()> {
        self.started += 1;
        let Plan { users, pace, batch, .. } = &self.plan;
        let (name, seed) = (format!("n{node}.{}", self.started), self.started);
        let mut command = Command::new(&self.program);
        command.args(["node", "--url", &self.proxies[node].url(), "--name", &name]);
        for (flag, number) in [("--users", users), ("--pace", pace), ("--batch", batch), ("--seed", &seed)] {
            command.args([flag, &number.to_string()]);
        }
        if self.new_number {
            command.arg("--new-number");
        }
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start a node")?;
        let output = process.stdout.take().context("the output of a node is a pipe")?;
        let told = Arc::clone(&self.told);
        self.readers.push(std::thread::spawn(move || read(BufReader::new(output), &told)));
        self.running[node] = Some(Node { process });
        Ok(())
    }

    /// Kills it in the middle of whatever it does.
    pub(crate) fn kill(&mut self, node: usize) {
        self.running[node] = None;
    }

    pub(crate) fn pause(&self, node: usize) -> Result<()> {
        self.signal(node, Signal::STOP)
    }

    pub(crate) fn resume(&self, node: usize) -> Result<()> {
        self.signal(node, Signal::CONT)
    }

    fn signal(&self, node: usize, signal: Signal) -> Result<()> {
        let Some(node) = &self.running[node] else { return Ok(()) };
        Ok(kill_process(Pid::from_child(&node.process), signal)?)
    }

    pub(crate) fn proxy(&self, node: usize) -> &Proxy {
        &self.proxies[node]
    }

    /// Fails if a node ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        for node in self.running.iter_mut().flatten() {
            if let Some(status) = node.process.try_wait()? {
                bail!("a node ended by itself: {status}");
            }
        }
        Ok(())
    }

    /// Ends all nodes, and returns what they were told.
    pub(crate) fn end(mut self) -> Result<Told> {
        for node in 0..self.plan.nodes {
            if self.plan.killed_at_end[node] {
                self.kill(node);
            } else if let Some(node) = &mut self.running[node] {
                // The end of its input.
                node.process.stdin = None;
            }
        }
        let give_up = Instant::now() + PATIENCE;
        for node in self.running.iter_mut().flatten() {
            loop {
                match node.process.try_wait()? {
                    Some(status) if status.success() => break,
                    Some(status) => bail!("a node failed: {status}"),
                    None if Instant::now() > give_up => bail!("a node does not end"),
                    None => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        }
        for reader in self.readers.drain(..) {
            if reader.join().is_err() {
                bail!("the reader of a node's output panicked");
            }
        }
        Ok(std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Reads what a node says, up to its end. A line that its death cut short was said to nobody.
fn read(mut output: impl BufRead, told: &Mutex<Told>) {
    let mut line = String::new();
    while matches!(output.read_line(&mut line), Ok(length) if length > 0) {
        let Some(complete) = line.strip_suffix('\n') else { return };
        let words: Vec<&str> = complete.split(' ').collect();
        if let [said, order, _, units] = words[..] {
            let said = match said {
                "yes" => Said::Yes,
                "no" => Said::No,
                _ => Said::Unknown,
            };
            let units = units.parse().unwrap_or(0);
            told.lock().unwrap_or_else(PoisonError::into_inner).insert(order.to_owned(), (said, units));
        }
        line.clear();
    }
}
