//! `cargo run --release -p flash-sale`, and `flash-sale --help`.

use std::fs;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use clap::Parser;
use flash_sale::{Command, Config, Flags, Keys, TokenFlags, serve};
use tokio::net::TcpListener;

/// How long the token of the address that is printed at the start is good for.
const CONSOLE_TOKEN: Duration = Duration::from_secs(12 * 3_600);

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &Flags) -> Result<()> {
    let config = Config::read(flags)?;
    fs::create_dir_all(&config.data)
        .with_context(|| format!("cannot create the data directory {}", config.data.display()))?;
    let keys = Keys::open(&config.keys.clone().unwrap_or_else(|| config.data.join("keys.toml")))?;
    if let Some(Command::Token(of)) = &flags.command {
        return tokens(&keys, of);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr()?;
        say(&format!("listening on http://{address}"));
        if flags.console() {
            let token = keys.administrator("console", SystemTime::now() + CONSOLE_TOKEN)?;
            say(&format!("admin page: http://{address}/admin#{token}"));
        }
        serve(config, keys, listener).await
    })
}

fn tokens(keys: &Keys, of: &TokenFlags) -> Result<()> {
    let until = SystemTime::now() + Duration::from_secs(of.hours * 3_600);
    let mut text = String::new();
    if of.admin {
        text = keys.administrator("administrator", until)?;
    } else if let Some(user) = &of.user {
        text = keys.user(user, until)?;
    } else if let Some(users) = of.users {
        for number in 0..users {
            let name = format!("user-{number}");
            text += &format!("{name} {}\n", keys.user(&name, until)?);
        }
    }
    say(text.trim_end());
    Ok(())
}

/// Prints a line. Whoever started the service may have closed its output.
fn say(line: &str) {
    let mut output = std::io::stdout();
    let _ = output.write_all(format!("{line}\n").as_bytes()).and_then(|()| output.flush());
}
