//! One connection to one node.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, Pipeline, PushInfo, PushKind, RedisError,
    ServerErrorKind, Value,
};

use crate::Error;

/// Requests that a connection can hold which it has not written yet. One more waits, and may then be overtaken by others.
pub(crate) const QUEUE: usize = 2_048;

/// One node, with everything that is needed to connect to it.
#[derive(Clone)]
pub(crate) struct Node {
    pub(super) info: ConnectionInfo,
    /// The host and port, or the path of the socket.
    pub(crate) name: String,
    pub(super) timeout: Duration,
}

impl Node {
    pub(super) fn new(info: ConnectionInfo, timeout: Duration) -> Self {
        let name = info.addr().to_string();
        Self { info, name, timeout }
    }

    /// Connects. Commands may take as long as the server's time-out allows.
    pub(crate) async fn connect(&self) -> Result<Link, Error> {
        self.connect_with(None, Some(self.timeout)).await
    }

    /// Connects, with a receiver of pushes.
    ///
    /// `timeout` is how long a command may take; `None` for as long as it likes, as for one that blocks.
    pub(crate) async fn connect_with(
        &self,
        pushes: Option<Arc<dyn Pushes>>,
        timeout: Option<Duration>,
    ) -> Result<Link, Error> {
        let alive = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&alive);
        let receive = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                seen.store(false, Ordering::Release);
            }
            if let Some(pushes) = &pushes {
                pushes.push(push);
            }
            Ok::<_, std::convert::Infallible>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(timeout)
            .set_pipeline_buffer_size(QUEUE)
            .set_push_sender(receive);
        let client = Client::open(self.info.clone()).map_err(|error| self.no_connection(&error))?;
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| self.no_connection(&error))?;
        Ok(Link { connection, alive })
    }

    fn no_connection(&self, error: &RedisError) -> Error {
        let (address, reason) = (self.name.clone(), text_of(error));
        // HELLO with a wrong password, or without one where one is needed.
        let refused_login = matches!(error.code(), Some("WRONGPASS" | "NOAUTH"));
        match error.kind() {
            ErrorKind::AuthenticationFailed => Error::WrongPassword { address, reason },
            ErrorKind::RESP3NotSupported => {
                Error::TooOld { address, version: "below 6.0".to_owned(), least: "6.0" }
            }
            _ if refused_login => Error::WrongPassword { address, reason },
            ErrorKind::Server(_) | ErrorKind::Extension => refusal(error),
            _ => Error::Unreachable { address, reason },
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.name).finish()
    }
}

/// A receiver of what the server sends unasked. It is called by the task that reads, in the order of the wire: a push
/// that precedes an answer is seen before the answer is.
pub(crate) trait Pushes: Send + Sync + 'static {
    /// Takes a push. It must not block.
    fn push(&self, push: PushInfo);
}

/// A connection, which clones share. It does not come back once it is lost.
#[derive(Clone)]
pub(crate) struct Link {
    connection: MultiplexedConnection,
    alive: Arc<AtomicBool>,
}

impl Link {
    /// Whether the connection has not been seen to end.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    /// Gives the connection up for new commands.
    pub(crate) fn abandon(&self) {
        self.alive.store(false, Ordering::Release);
    }

    /// Sends one command, and returns the answer.
    ///
    /// Commands go out in the order in which the futures are polled first, while there are no more than [`QUEUE`] and tokio's
    /// budget of the task is not used up.
    pub(crate) async fn send(&mut self, cmd: &Cmd) -> Result<Value, Error> {
        match self.connection.send_packed_command(cmd).await.and_then(Value::extract_error) {
            Ok(value) => Ok(value),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Sends several commands in one packet, and returns the answers. Those that are errors are among them.
    pub(crate) async fn send_all(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, Error> {
        let answers = self.connection.send_packed_commands(pipeline, 0, pipeline.len()).await;
        answers.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: RedisError) -> Error {
        match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => refusal(&error),
            _ => {
                self.abandon();
                Error::Unknown { reason: text_of(&error) }
            }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("alive", &self.is_alive()).finish_non_exhaustive()
    }
}

/// What an answer says that is an error.
pub(crate) fn refusal(error: &RedisError) -> Error {
    let code = error.code().unwrap_or("ERR").to_owned();
    let reason = error.detail().unwrap_or_default().to_owned();
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            // "… no permissions to run the 'client|tracking' command"
            let command = reason.split('\'').nth(1).unwrap_or("the command").to_owned();
            Error::NotPermitted { command, reason }
        }
        _ => Error::Refused { code, reason },
    }
}

fn text_of(error: &RedisError) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.category()),
        None => error.to_string(),
    }
}

/// The error that is among the answers to several commands.
pub(crate) fn refused(error: redis::ServerError) -> Error {
    match Value::ServerError(error).extract_error() {
        Err(error) => refusal(&error),
        Ok(_) => Error::UnexpectedReply { reason: "an error is none".to_owned() },
    }
}
