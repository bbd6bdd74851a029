use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::Redis;

/// Stands between a client and a server, and can lose answers, stall, and cut connections.
///
/// # Examples
///
/// ```
/// use redis_testkit::{Connection, Proxy, Redis};
///
/// let redis = Redis::start();
/// let proxy = Proxy::to(&redis);
/// let mut client = Connection::open(proxy.port()).unwrap();
/// proxy.lose_next_answer();
/// assert!(client.command(&["INCR", "k"]).is_err());
/// assert_eq!(redis.command(&["GET", "k"]).int(), 1);
/// ```
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: u16,
    losing: AtomicBool,
    refusing: AtomicBool,
    ended: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stalled: bool,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// Listens on a free port, for connections to `redis`.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    #[must_use]
    #[track_caller]
    pub fn to(redis: &Redis) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = listener.local_addr().expect("the socket is bound").port();
        let shared = Arc::new(Shared {
            server: redis.port(),
            losing: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.ended.load(Ordering::Acquire) {
                    break;
                }
                // A client whose server is down sees its connection end.
                if let Ok(client) = client {
                    accepting.join(client);
                }
            }
        });
        Self { port, shared }
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the default user.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Cuts the connection on which the server answers next, before the client sees anything of that answer.
    pub fn lose_next_answer(&self) {
        self.shared.losing.store(true, Ordering::Release);
    }

    /// Whether the answer is still to be lost.
    #[must_use]
    pub fn is_losing(&self) -> bool {
        self.shared.losing.load(Ordering::Acquire)
    }

    /// Whether new connections are cut at once. Those that are open stay.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refusing.store(refuse, Ordering::Release);
    }

    /// Stops reading from the server, as a client that hangs would.
    pub fn stall(&self) {
        self.shared.lock().stalled = true;
    }

    /// Reads from the server again.
    pub fn resume(&self) {
        self.shared.lock().stalled = false;
        self.shared.changed.notify_all();
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        let streams = std::mem::take(&mut self.shared.lock().streams);
        for stream in streams {
            // It may have ended already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        self.resume();
        self.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)));
    }
}

impl Shared {
    /// Joins a client with the server, by a thread for each direction.
    fn join(self: &Arc<Self>, client: TcpStream) {
        if self.refusing.load(Ordering::Acquire) {
            return;
        }
        let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server)) else { return };
        let (Ok(client_reads), Ok(server_reads)) = (client.try_clone(), server.try_clone()) else { return };
        if let (Ok(client), Ok(server)) = (client.try_clone(), server.try_clone()) {
            self.lock().streams.extend([client, server]);
        }
        // Delays would be mistaken for the server's.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        thread::spawn(move || pass(client_reads, server, || true));
        let shared = Arc::clone(self);
        thread::spawn(move || pass(server_reads, client, || shared.may_answer()));
    }

    /// Waits while stalled, and tells whether an answer may reach the client.
    fn may_answer(&self) -> bool {
        let mut state = self.lock();
        while state.stalled {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !self.losing.swap(false, Ordering::AcqRel)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies until either side ends or `may_pass` refuses, and then cuts both.
fn pass(mut from: TcpStream, mut to: TcpStream, may_pass: impl Fn() -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 || !may_pass() || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // They may have ended already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
