use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{Client, Link, Shape};

/// How long a service may take to be ready.
const LONGEST_START: Duration = Duration::from_secs(60);

/// How a service is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// The program.
    pub program: PathBuf,
    /// Its data directory.
    pub data: PathBuf,
    /// The file of its keys, if it is not there.
    pub keys: Option<PathBuf>,
    /// More flags.
    pub flags: Vec<String>,
}

/// A service that runs as a process of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Service {
    start: Start,
    child: Child,
    address: SocketAddr,
}

impl Start {
    /// Starts the service on a free port and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it ends instead.
    pub fn start(self) -> Result<Service> {
        self.at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    fn at(self, listen: SocketAddr) -> Result<Service> {
        let mut command = Command::new(&self.program);
        command.args(self.places()).arg("--listen").arg(listen.to_string()).args(&self.flags);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", self.program.display()))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).context("cannot read what the service prints")?;
        }
        let address = line.trim().strip_prefix("listening on http://").and_then(|text| text.parse().ok());
        match address {
            Some(address) => Ok(Service { start: self, child, address }),
            None => {
                let _ = child.kill();
                let status = child.wait()?;
                bail!("the service did not start: it printed {line:?} and ended with {status}")
            }
        }
    }

    fn places(&self) -> Vec<OsString> {
        let mut args = vec!["--data".into(), self.data.clone().into_os_string()];
        if let Some(keys) = &self.keys {
            args.extend(["--keys".into(), keys.clone().into_os_string()]);
        }
        args
    }

    /// The tokens of users, a line each, and that of an administrator.
    ///
    /// # Errors
    ///
    /// If the program fails.
    pub fn tokens(&self, users: u32) -> Result<(String, String)> {
        Ok((self.token(&["--users", &users.to_string()])?, self.token(&["--admin"])?))
    }

    fn token(&self, of: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        let output = command.args(self.places()).arg("token").args(of).output()?;
        if !output.status.success() {
            bail!("no tokens: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Service {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.start.data
    }

    /// Returns a client with the tokens that a shape needs.
    ///
    /// # Errors
    ///
    /// If there are no tokens.
    pub fn client(&self, shape: &Shape) -> Result<Client> {
        let (users, admin) = self.start.tokens(crate::Sale::users(shape))?;
        Client::new(&[self.address], &users, &admin)
    }

    /// Kills it with SIGKILL.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill the service")?;
        self.child.wait().context("cannot wait for the service")?;
        Ok(())
    }

    /// Waits until it has ended, and returns whether it ended well.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn wait(&mut self) -> Result<bool> {
        Ok(self.child.wait().context("cannot wait for the service")?.success())
    }

    /// Starts it again, at the same address and with the same data.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn restart(&mut self) -> Result<()> {
        let again = self.start.clone().at(self.address)?;
        // The old process has ended by then, and is dropped here.
        *self = again;
        Ok(())
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it is not for a minute.
    pub async fn ready(&self) -> Result<()> {
        let request = format!("GET /ready HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        let begin = Instant::now();
        loop {
            match Link::new(self.address).ask(request.as_bytes()).await {
                Ok(reply) if reply.status == 200 => return Ok(()),
                last if begin.elapsed() > LONGEST_START => bail!("the service is not ready: {last:?}"),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
