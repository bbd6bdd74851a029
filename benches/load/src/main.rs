//! `cargo xtask load`, and `hotcache-load --help`.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs, process};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use hotcache_load::{Client, Flags, Sale, Service, Start, bare, check, run};
use redis_testkit::{Fsync, Redis};

#[tokio::main]
async fn main() -> ExitCode {
    match load(&Flags::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn load(flags: &Flags) -> Result<bool> {
    let Some(url) = &flags.url else { return own_service(flags).await };
    let address = address(url)?;
    let (Some(tokens), Some(admin)) = (&flags.tokens, &flags.admin_token) else {
        bail!("--url needs --tokens and --admin-token");
    };
    let users = fs::read_to_string(tokens).with_context(|| format!("cannot read {}", tokens.display()))?;
    let client = Client::new(&[address], &users, admin)?;
    load_with(flags, &client, async { Ok(()) }).await
}

/// Starts a service in a temporary directory and loads it.
async fn own_service(flags: &Flags) -> Result<bool> {
    let directory = Directory::create()?;
    let program = match &flags.service {
        Some(program) => program.clone(),
        None => beside_us("flash-sale")?,
    };
    // All requests come from one address, and none is too fast.
    let limits = ["--user-rate", "0", "--address-rate", "0", "--no-console"];
    let mut start = Start {
        program,
        data: directory.0.join("node-0"),
        keys: Some(directory.0.join("keys.toml")),
        flags: limits.map(str::to_owned).to_vec(),
    };
    let redis = if flags.nodes > 1 { Some(redis()?) } else { None };
    if let Some(redis) = &redis {
        start.flags.extend(["--redis".to_owned(), redis.url()]);
    }
    let mut services = Vec::new();
    for node in 0..flags.nodes {
        let data = directory.0.join(format!("node-{node}"));
        let service = Start { data, ..start.clone() }.start()?;
        service.ready().await?;
        println!("a service listens on http://{}", service.address());
        services.push(service);
    }
    let (users, admin) = start.tokens(Sale::users(&flags.shape))?;
    let addresses: Vec<_> = services.iter().map(Service::address).collect();
    let client = Client::new(&addresses, &users, &admin)?;
    let faults = async {
        if !flags.kill {
            return Ok(());
        }
        println!("killing a service");
        services[0].kill()?;
        if let Some(redis) = &redis {
            let redis = Arc::clone(redis);
            return tokio::task::spawn_blocking(move || restart(&redis)).await.context("Redis is not back");
        }
        services[0].restart()?;
        services[0].ready().await?;
        println!("the service is back");
        Ok(())
    };
    load_with(flags, &client, faults).await
}

/// Starts Redis so that it forgets nothing it has acknowledged.
fn redis() -> Result<Arc<Redis>> {
    Ok(Arc::new(Redis::builder().append_only(Fsync::Always).try_start()?))
}

fn restart(redis: &Redis) {
    println!("killing Redis");
    redis.kill_9();
    redis.restart();
    println!("Redis is back");
}

async fn load_with(flags: &Flags, client: &Client, midway: impl Future<Output = Result<()>>) -> Result<bool> {
    let needed = Sale::users(&flags.shape);
    if client.users() < needed {
        bail!("there are tokens of {} users: {needed} are needed", client.users());
    }
    if !flags.bare.is_empty() {
        let sale = Sale::prepare(client, &flags.shape).await?;
        for path in &flags.bare {
            let rate = bare::run(client, &sale, path).await?;
            println!("{path:<12}{rate:>12.0} answers/s");
        }
        return Ok(true);
    }
    let outcome = run(client, &flags.shape, midway).await?;
    println!("\n{}", outcome.tally);
    println!("{:<22}{:>12.0}/s", "sent", outcome.rate());
    let mut problems = check::check(client, &outcome).await?;
    if outcome.errors() > 0 {
        problems.push(format!("{} requests were answered with an error, or not at all", outcome.errors()));
    }
    if problems.is_empty() {
        println!("the books are right: nothing lost, nothing sold twice, nobody over the limit");
        return Ok(true);
    }
    for problem in &problems {
        println!("WRONG: {problem}");
    }
    Ok(false)
}

fn address(url: &str) -> Result<SocketAddr> {
    let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let host = host.with_context(|| format!("invalid URL {url:?}: http://HOST:PORT is needed"))?;
    let found = host.to_socket_addrs().ok().and_then(|mut all| all.next());
    found.with_context(|| format!("invalid URL {url:?}: {host:?} is no host and port that can be reached"))
}

fn beside_us(name: &str) -> Result<PathBuf> {
    let us = env::current_exe().context("cannot find this program")?;
    let program = us.parent().unwrap_or(Path::new(".")).join(name);
    if !program.is_file() {
        bail!("there is no {}: build it, or name one with --service", program.display());
    }
    Ok(program)
}

/// A temporary directory that is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn create() -> Result<Self> {
        let path = env::temp_dir().join(format!("hotcache-load-{}", process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = fs::remove_dir_all(&self.0);
    }
}
