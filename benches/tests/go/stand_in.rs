//! A fake of the program in Go: a thread that answers correctly, or lies.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::thread::{self, JoinHandle};

use hotcache_bench::go::Program;
use hotcache_bench::go::protocol::{Answer, Content, Part, Request, Sampling};
use hotcache_bench::keys::KeyIter;
use hotcache_bench::peers::{Entry, Setup};
use hotcache_bench::subject::{Batch, Subject, Tally, objects};
use hotcache_bench_plan::{Cache, Op, Row};

/// How it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    OneHitMore,
    OneKeyLess,
    OtherSum,
    OtherTotal,
    StaleValues,
    FewerOperations,
    NoMaps,
    Refuses,
    EndsInstead,
    TalksRubbish,
}

/// The requests that it got: the first letter of each.
pub(crate) type Asked = JoinHandle<io::Result<String>>;

pub(crate) struct StandIn {
    lie: Lie,
    key_len: usize,
    keys: Vec<String>,
    /// Each thread's keys, and how many of them are a chunk.
    streams: Vec<(Vec<String>, usize)>,
    filled: Box<dyn Subject>,
}

impl StandIn {
    /// The program as which the harness sees it.
    pub(crate) fn start(lie: Lie) -> (Program, Asked) {
        let (their_input, input) = io::pipe().expect("a pipe");
        let (output, their_output) = io::pipe().expect("a pipe");
        let it = StandIn { lie, key_len: 0, keys: Vec::new(), streams: Vec::new(), filled: map() };
        let thread = thread::spawn(move || it.serve(BufReader::new(their_input), their_output));
        (Program::on(input, BufReader::new(output)), thread)
    }

    fn serve(mut self, mut input: impl BufRead, mut output: impl Write) -> io::Result<String> {
        let (mut line, mut asked) = (String::new(), String::new());
        while input.read_line(&mut line)? > 0 {
            let mut answer = Answer::default();
            match serde_json::from_str(&line)? {
                Request::Keys { count, len } => {
                    asked.push('k');
                    self.key_len = len;
                    self.keys = self.read_keys(count, &mut input)?;
                    self.filled = map();
                }
                Request::Streams { threads } => {
                    asked.push('s');
                    self.streams.clear();
                    for of in threads {
                        let keys = self.read_keys(of.count, &mut input)?;
                        self.streams.push((keys, of.chunk));
                    }
                }
                Request::Sample(sampling) => {
                    asked.push('.');
                    match self.lie {
                        Lie::EndsInstead => return Ok(asked),
                        Lie::Refuses => answer.error = format!("there is no map {}", sampling.map),
                        _ => answer.parts = self.sample(&sampling),
                    }
                }
            }
            let rubbish = self.lie == Lie::TalksRubbish;
            let answer = if rubbish { "done".to_owned() } else { serde_json::to_string(&answer)? };
            writeln!(output, "{answer}")?;
            line.clear();
        }
        Ok(asked)
    }

    fn read_keys(&self, count: usize, input: &mut impl Read) -> io::Result<Vec<String>> {
        let mut text = vec![0; count * self.key_len];
        input.read_exact(&mut text)?;
        let keys = text.chunks(self.key_len).map(|key| String::from_utf8_lossy(key).into_owned());
        Ok(keys.collect())
    }

    fn sample(&self, sampling: &Sampling) -> Vec<Part> {
        let op: Op = sampling.op.parse().expect("an operation by its name");
        let parts: Vec<_> = if op.consumes() {
            (0..sampling.rounds).map(|_| self.on_fresh(op, sampling)).collect()
        } else {
            vec![self.on_filled(op, sampling)]
        };
        parts.into_iter().map(|part| self.lied(part)).collect()
    }

    fn on_fresh(&self, op: Op, sampling: &Sampling) -> Part {
        let maps: Vec<_> = (0..sampling.maps).map(|_| map()).collect();
        let mut part = Part { elapsed_ns: 1_000, ..Part::default() };
        for map in &maps {
            if op == Op::Del {
                run(&**map, Op::Set, &self.keys, 1);
            }
            for ((keys, _), first) in self.streams.iter().zip(&sampling.first) {
                count(&mut part, run(&**map, op, keys, *first), keys.len());
            }
            part.maps.push(content(&**map));
        }
        part
    }

    fn on_filled(&self, op: Op, sampling: &Sampling) -> Part {
        let map = &*self.filled;
        if sampling.turn == 0 {
            run(map, Op::Set, &self.keys, 1);
        }
        let mut part = Part { elapsed_ns: 1_000, total_before: map.total(), ..Part::default() };
        for ((keys, chunk), first) in self.streams.iter().zip(&sampling.first) {
            let mut last: &[String] = &[];
            for round in 0..sampling.rounds {
                let chunks = keys.chunks(*chunk);
                last = chunks.cycle().nth(sampling.turn + round).expect("a stream has a chunk");
                count(&mut part, run(map, op, last, first + (round * chunk) as i64), *chunk);
            }
            if op == Op::Set {
                let last = &last[last.len().saturating_sub(sampling.look)..];
                part.looked_at.push(last.iter().map(|key| one(map, Op::Get, key, 0).sum).collect());
            }
        }
        part.maps.push(content(map));
        part
    }

    fn lied(&self, mut part: Part) -> Part {
        match self.lie {
            Lie::OneHitMore => part.hits += 1,
            Lie::OneKeyLess => part.maps[0].count = part.maps[0].count.wrapping_sub(1),
            Lie::OtherSum => part.sum += 1,
            Lie::OtherTotal => part.maps[0].total += 1,
            Lie::StaleValues => part.looked_at.iter_mut().flatten().for_each(|value| *value = 1),
            Lie::FewerOperations => part.ops -= 1,
            Lie::NoMaps => part.maps.clear(),
            Lie::None | Lie::Refuses | Lie::EndsInstead | Lie::TalksRubbish => {}
        }
        part
    }
}

fn map() -> Box<dyn Subject> {
    let entry = Row::named("std").ok().and_then(Entry::of).expect("a row that is built");
    entry.build(Cache::Int, &Setup::for_keys(1)).expect("it has integers")
}

fn run(map: &dyn Subject, op: Op, keys: &[String], first: i64) -> Tally {
    let mut tally = Tally::default();
    for (key, value) in keys.iter().zip(first..) {
        tally += one(map, op, key, value);
    }
    tally
}

fn one(map: &dyn Subject, op: Op, key: &str, first: i64) -> Tally {
    map.run(op, Batch { keys: KeyIter::one(key), first, objects: &mut objects(0, 0) })
}

fn count(part: &mut Part, tally: Tally, ops: usize) {
    part.ops += ops as u64;
    part.hits += tally.hits;
    part.sum = part.sum.wrapping_add(tally.sum);
}

fn content(map: &dyn Subject) -> Content {
    Content { count: map.count(), total: map.total() }
}
