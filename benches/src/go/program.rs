use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hotcache_bench_plan::{Op, Work};

use super::protocol::{Announced, Answer, Content, Part, Request, Sampling};
use crate::alloc::Allocated;
use crate::check::LOOKED_AT;
use crate::fault::Fault;
use crate::keys::{KeyIter, KeyRef};
use crate::mix::{Mixed, Steps};
use crate::sample::{Cell, Sample};
use crate::stream::Stream;
use crate::subject::{Batch, Objects, Subject, Tally};
use crate::timer::Timer;
use crate::trace::{Replayed, Requests};

/// A program that measures maps on request. It ends when this is dropped.
pub struct Program {
    // Dropped in this order: the end of its input is the end of the program, which is then waited for.
    input: Box<dyn Write + Send>,
    output: Box<dyn BufRead + Send>,
    child: Option<Running>,
    /// Whether it knows the keys of the present group of works.
    knows_keys: bool,
    /// The work whose streams it has.
    knows: Option<Work>,
}

impl Program {
    /// Starts a program.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start(program: impl AsRef<OsStr>) -> io::Result<Self> {
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| io::Error::other("it has no pipes"))?;
        Ok(Self { child: Some(Running(child)), ..Self::on(input, BufReader::new(output)) })
    }

    /// A program at the other end of these.
    #[must_use]
    pub fn on(input: impl Write + Send + 'static, output: impl BufRead + Send + 'static) -> Self {
        Self { input: Box::new(input), output: Box::new(output), child: None, knows_keys: false, knows: None }
    }

    /// Forgets which keys and maps the program has. The next requests use other keys, or new maps.
    pub fn forget(&mut self) {
        self.knows_keys = false;
        self.knows = None;
    }

    /// Has `rounds` of a cell's operations timed on a map, beginning with the chunk at `turn`, and checks them.
    ///
    /// # Errors
    ///
    /// If what it tells is not what the operations say, or it does not answer.
    pub fn sample(
        &mut self,
        map: &str,
        cell: &Cell<'_>,
        turn: usize,
        rounds: usize,
    ) -> Result<Sample, Fault> {
        let parts = self.timed(map, cell, turn, rounds);
        let parts = parts.map_err(|error| cell.fault(format!("its program: {error}")))?;
        let mut all: Option<Sample> = None;
        for part in &parts {
            let sample = checked(part, cell, turn, rounds)?;
            all = Some(all.map_or(sample, |all| all.and(sample)));
        }
        all.ok_or_else(|| cell.fault("its program timed nothing".to_owned()))
    }

    fn timed(&mut self, map: &str, cell: &Cell<'_>, turn: usize, rounds: usize) -> io::Result<Vec<Part>> {
        if !self.knows_keys {
            let (count, len) = (cell.keys.count(), cell.work.key_len);
            self.ask(&Request::Keys { count, len }, &[cell.keys.text()])?;
            self.knows_keys = true;
        }
        if self.knows.as_ref() != Some(cell.work) {
            let announced =
                |stream: &Stream| Announced { count: stream.keys().count(), chunk: stream.chunk_len() };
            let threads = cell.streams.iter().map(announced).collect();
            let texts: Vec<_> = cell.streams.iter().map(|stream| stream.keys().text()).collect();
            self.ask(&Request::Streams { threads }, &texts)?;
            self.knows = Some(*cell.work);
        }
        // Maps that are filled or emptied are new in each round.
        let first_turn = if cell.work.op.consumes() { 0 } else { turn };
        let sampling = Sampling {
            map: map.to_owned(),
            op: cell.work.op.to_string(),
            turn,
            rounds,
            maps: cell.maps_per_round(),
            first: (0..cell.streams.len()).map(|thread| cell.first(thread, first_turn)).collect(),
            look: LOOKED_AT,
        };
        Ok(self.ask(&Request::Sample(sampling), &[])?.parts)
    }

    fn ask(&mut self, request: &Request, texts: &[&str]) -> io::Result<Answer> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.input.write_all(&line)?;
        texts.iter().try_for_each(|text| self.input.write_all(text.as_bytes()))?;
        self.input.flush()?;
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended without an answer"));
        }
        let answer: Answer = serde_json::from_str(&line)?;
        if answer.error.is_empty() { Ok(answer) } else { Err(io::Error::other(answer.error)) }
    }
}

/// A process that is waited for when this is dropped, so that its time is known to be ours.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // If that fails, the failure cannot be reported.
        drop(self.0.wait());
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("child", &self.child)
            .field("knows", &self.knows)
            .finish_non_exhaustive()
    }
}

/// Returns the sample, after checking it against the contents of the maps.
fn checked(part: &Part, cell: &Cell<'_>, turn: usize, rounds: usize) -> Result<Sample, Fault> {
    let tells = matches!(cell.work.op, Op::Get | Op::Del);
    let sample = Sample {
        elapsed: Duration::from_nanos(part.elapsed_ns),
        ops: part.ops,
        hits: tells.then_some(part.hits),
        told: if tells { part.ops } else { 0 },
        allocated: Allocated { bytes: part.bytes, count: part.allocs },
    };
    let tally = Tally { hits: part.hits, sum: part.sum };
    let consumes = cell.work.op.consumes();
    let (ops, maps) =
        if consumes { (cell.round_ops(), cell.maps_per_round()) } else { (cell.round_ops() * rounds, 1) };
    cell.expect("operations", part.ops, ops as u64)?;
    cell.expect("maps", part.maps.len(), maps)?;
    for content in &part.maps {
        if consumes {
            cell.check_fresh(&Told { content: *content, values: HashMap::new() }, sample, tally)?;
        } else {
            let values = looked_at(part, cell, turn + rounds - 1);
            let told = Told { content: *content, values };
            cell.check_filled(&told, part.total_before, turn, rounds, sample, tally)?;
        }
    }
    Ok(sample)
}

/// Returns the values of the last keys that each thread set.
fn looked_at<'a>(part: &Part, cell: &Cell<'a>, last_turn: usize) -> HashMap<KeyRef<'a>, i64> {
    let last = |stream: &'a Stream| {
        let keys = stream.chunk(last_turn).keys;
        keys.skip(stream.chunk_len().saturating_sub(LOOKED_AT))
    };
    let of_threads = cell.streams.iter().zip(&part.looked_at);
    of_threads.flat_map(|(stream, values)| last(stream).zip(values.iter().copied())).collect()
}

/// The contents of a map as the program reports them, to be checked like a map.
struct Told<'a> {
    content: Content,
    values: HashMap<KeyRef<'a>, i64>,
}

impl Subject for Told<'_> {
    fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
        assert_eq!(op, Op::Get, "what was told can only be looked at");
        let mut tally = Tally::default();
        for value in batch.keys.filter_map(|key| self.values.get(&key)) {
            tally += Tally { hits: 1, sum: *value };
        }
        tally
    }

    fn timed(&self, _op: Op, _batch: Batch<'_>, _timer: &mut Timer) -> Tally {
        unreachable!("single operations are timed in this process only")
    }

    fn mix(&self, _steps: Steps<'_>, _next: &mut i64, _objects: &mut Objects) -> Mixed {
        unreachable!("plans have no mixes for maps of other programs")
    }

    fn mix_timed(
        &self,
        steps: Steps<'_>,
        next: &mut i64,
        objects: &mut Objects,
        _timer: &mut Timer,
    ) -> Mixed {
        self.mix(steps, next, objects)
    }

    fn replay(&self, _requests: Requests<'_>, _objects: &mut Objects) -> Replayed {
        unreachable!("plans replay traces into maps of this process only")
    }

    fn fill(&self, _keys: KeyIter<'_>) {
        unreachable!("the program fills its own maps")
    }

    fn count(&self) -> usize {
        self.content.count
    }

    fn total(&self) -> i64 {
        self.content.total
    }
}
