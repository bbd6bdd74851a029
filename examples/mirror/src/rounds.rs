//! The first process: it starts the others, writes, and compares.

use std::collections::BTreeMap;
use std::env;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cache_redis::feed::Log;
use cache_redis::writer::{Write, Writer};
use cache_redis::{Commands, Server, redis};
use redis_testkit::Redis;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::{Arguments, Mode};

/// Longer than any answer takes. A process that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs all rounds, and tells whether both processes agreed with Redis after each.
pub(crate) async fn run(arguments: &Arguments) -> Result<bool> {
    let own = if arguments.redis.is_none() { Some(Redis::builder().try_start()?) } else { None };
    let url =
        own.as_ref().map(Redis::url).or_else(|| arguments.redis.clone()).context("there is a server")?;
    let server = Server::standalone(&url)?;
    // Nobody else's keys, on a server that is shared.
    let log = Log::of(&format!("mirror-example:{}:", std::process::id()))?;
    let store = Store {
        commands: server.commands().await?,
        writer: match arguments.mode {
            Mode::Tracking => None,
            Mode::Stream => Some(Writer::connect(&server, &log).await?),
        },
        log,
    };
    // Some keys are there before the caches are.
    store.write(0, arguments.keys).await?;
    let result = compare(arguments, &url, &store).await;
    if own.is_none() {
        store.clear().await?;
    }
    result
}

async fn compare(arguments: &Arguments, url: &str, store: &Store) -> Result<bool> {
    let mut nodes = Vec::new();
    for number in 1..=2 {
        nodes.push(Node::start(arguments, url, store.log.prefix(), number).await?);
    }
    println!("{:>5}  {:>5}  {:>17}  {:>17}", "round", "keys", "staleness of 1", "staleness of 2");
    for round in 1..=arguments.rounds {
        store.write(round, arguments.keys).await?;
        let expected = store.read().await?;
        let mut ages = Vec::new();
        for node in &mut nodes {
            let (age, found) = node.ask().await?;
            if found != expected {
                println!("process {} does not agree in round {round}:", node.number);
                differences(&expected, &found).iter().take(5).for_each(|line| println!("  {line}"));
                return Ok(false);
            }
            ages.push(format!("{:.1} ms", age.as_secs_f64() * 1e3));
        }
        println!("{round:>5}  {:>5}  {:>17}  {:>17}", expected.len(), ages[0], ages[1]);
    }
    println!("both processes agree with Redis");
    Ok(true)
}

type Values = BTreeMap<String, i64>;

fn differences(expected: &Values, found: &Values) -> Vec<String> {
    let mut keys: Vec<_> = expected.keys().chain(found.keys()).collect();
    keys.sort();
    keys.dedup();
    let differ = keys.into_iter().filter(|key| expected.get(*key) != found.get(*key));
    differ.map(|key| format!("{key}: {:?} in Redis, {:?} here", expected.get(key), found.get(key))).collect()
}

/// The keys in Redis.
struct Store {
    commands: Commands,
    /// In stream mode: the only one who may write.
    writer: Option<Writer>,
    log: Log,
}

impl Store {
    /// Writes to a third of the keys, and deletes some.
    async fn write(&self, round: u32, keys: u32) -> Result<()> {
        let keys = (0..keys).filter(|key| round == 0 || (key + round).is_multiple_of(3));
        let writes: Vec<_> = keys
            .map(|key| match (key + round) % 7 {
                6 if round > 0 => (key, None),
                _ => (key, Some(i64::from(round) * 1000 + i64::from(key))),
            })
            .collect();
        if let Some(writer) = &self.writer {
            let write = |(key, value): &(u32, Option<i64>)| match value {
                Some(value) => Write::set_int(key, *value),
                None => Write::del(key),
            };
            let writes: Vec<_> = writes.iter().map(write).collect();
            writer.apply(&writes).await?;
            return Ok(());
        }
        for (key, value) in writes {
            let key = format!("{}{key}", self.log.prefix());
            match value {
                Some(value) => () = self.commands.query(redis::cmd("SET").arg(key).arg(value)).await?,
                None => () = self.commands.query(redis::cmd("DEL").arg(key)).await?,
            }
        }
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>> {
        let (mut names, mut cursor) = (Vec::new(), 0_u64);
        let pattern = format!("{}*", self.log.prefix());
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
            let (next, found): (u64, Vec<String>) = self.commands.query(&scan).await?;
            names.extend(found);
            cursor = next;
            if cursor == 0 {
                return Ok(names);
            }
        }
    }

    async fn read(&self) -> Result<Values> {
        let mut values = Values::new();
        for name in self.names().await? {
            let value: Option<i64> = self.commands.query(redis::cmd("GET").arg(&name)).await?;
            let name = name.strip_prefix(self.log.prefix()).unwrap_or(&name).to_owned();
            values.extend(value.map(|value| (name, value)));
        }
        Ok(values)
    }

    async fn clear(&self) -> Result<()> {
        let mut names = self.names().await?;
        names.extend([self.log.stream().to_owned(), self.log.writers()]);
        self.commands.query(redis::cmd("DEL").arg(names)).await.context("the keys stay in Redis")
    }
}

/// One of the two processes. It ends with its input, and is killed if it is dropped before.
struct Node {
    number: u32,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Node {
    async fn start(arguments: &Arguments, url: &str, prefix: &str, number: u32) -> Result<Self> {
        let mode = match arguments.mode {
            Mode::Tracking => "tracking",
            Mode::Stream => "stream",
        };
        let mut command = Command::new(env::current_exe()?);
        command.args(["node", "--server", url, "--prefix", prefix, "--follow", mode]);
        if arguments.sabotage && number == 2 {
            command.arg("--stop-after-load");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let input = process.stdin.take().context("its input is a pipe")?;
        let output = process.stdout.take().context("its output is a pipe")?;
        let mut node = Self { number, input, output: BufReader::new(output).lines(), _process: process };
        match &*node.line().await? {
            "ready" => Ok(node),
            other => bail!("process {number} said {other:?} instead of being ready"),
        }
    }

    /// Asks for everything in the cache, and how old it may be.
    async fn ask(&mut self) -> Result<(Duration, Values)> {
        self.input.write_all(b"sync\n").await?;
        let line = self.line().await?;
        let mut parts = line.splitn(3, '\t').skip(1);
        let age = parts.next().and_then(|age| age.parse().ok()).context("its answer has an age")?;
        let values = parts.next().context("its answer has values")?;
        let value = |text: &str| {
            let (key, value) = text.split_once('=')?;
            Some((key.to_owned(), value.parse().ok()?))
        };
        let values = values.split_whitespace().map(value).collect::<Option<_>>();
        Ok((Duration::from_micros(age), values.context("its values are integers")?))
    }

    async fn line(&mut self) -> Result<String> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
        let line = line.with_context(|| format!("process {} says nothing", self.number))??;
        line.with_context(|| format!("process {} has ended", self.number))
    }
}
