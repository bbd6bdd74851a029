use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::{PATIENCE, Reply};

/// A blocking connection, for commands that need one of their own (`BLPOP`, `CLIENT ID`, `MULTI`) or for many commands.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to a port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    pub fn open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command without waiting for its reply.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        let mut packet = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            let arg = arg.as_ref();
            packet.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
            packet.extend_from_slice(arg);
            packet.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&packet)
    }

    /// Reads the next reply.
    ///
    /// # Errors
    ///
    /// If the connection is lost, or there is no reply within [`PATIENCE`].
    pub fn receive(&mut self) -> io::Result<Reply> {
        Reply::read(&mut self.stream)
    }

    /// Sends a command and returns its reply, which may be an error of the server.
    ///
    /// # Errors
    ///
    /// As [`send`](Connection::send) and [`receive`](Connection::receive).
    pub fn command<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Reply> {
        self.send(args)?;
        self.receive()
    }
}
