//! A proxy that delivers an answer to PING a while before what follows it, as the network may.
//!
//! Redis writes the pushes of a turn of its event loop at its end. So an answer to PING can precede the push of an earlier
//! write. Mostly both arrive in one packet; here the window between them is milliseconds.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

const PONG: &[u8] = b"+PONG\r\n";
const DELAY: Duration = Duration::from_millis(5);

pub(crate) struct Splitter {
    port: u16,
    ended: Arc<AtomicBool>,
}

impl Splitter {
    pub(crate) fn to(server: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let ended = Arc::new(AtomicBool::new(false));
        let has_ended = Arc::clone(&ended);
        thread::spawn(move || {
            for client in listener.incoming() {
                if has_ended.load(Ordering::Acquire) {
                    break;
                }
                // A client whose server is down sees its connection end.
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect((Ipv4Addr::LOCALHOST, server)))
                {
                    join(client, server);
                }
            }
        });
        Ok(Self { port, ended })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Splitter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn join(client: TcpStream, server: TcpStream) {
    let (Ok(client_reads), Ok(server_reads)) = (client.try_clone(), server.try_clone()) else { return };
    // Delays would be mistaken for the server's.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    thread::spawn(move || pass(client_reads, server, None));
    thread::spawn(move || pass(server_reads, client, Some(DELAY)));
}

/// Copies until either side ends. With a delay, waits after each answer to PING that something follows.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Option<Duration>) {
    let mut buffer = vec![0; 64 << 10];
    'copying: while let Ok(length) = from.read(&mut buffer) {
        let mut rest = &buffer[..length];
        if rest.is_empty() {
            break;
        }
        while let Some(delay) = delay
            && let Some(at) = rest.windows(PONG.len()).position(|part| part == PONG)
            && at + PONG.len() < rest.len()
        {
            let (first, later) = rest.split_at(at + PONG.len());
            if to.write_all(first).is_err() {
                break 'copying;
            }
            thread::sleep(delay);
            rest = later;
        }
        if to.write_all(rest).is_err() {
            break;
        }
    }
    // They may have ended already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
