//! HTTP/1.1 over one connection, with no more than the generator needs: it shares the machine with what it measures.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The most headers of an answer.
const MOST_HEADERS: usize = 32;

/// The largest answer that is accepted.
const LARGEST: usize = 256 << 20;

/// How long an answer may take before the request counts as unanswered.
const LONGEST: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// A connection, which is opened when it is needed and after each failure. With several addresses, a failure leads to the next one.
#[derive(Debug)]
pub struct Link {
    addresses: Arc<[SocketAddr]>,
    at: usize,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Link {
    /// Returns a link to one address. It is not connected yet.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self::among([address].into(), 0)
    }

    /// Returns a link to one of several addresses. It is not connected yet.
    #[must_use]
    pub fn among(addresses: Arc<[SocketAddr]>, first: usize) -> Self {
        Self { at: first % addresses.len(), addresses, stream: None, buffer: Vec::with_capacity(1024) }
    }

    /// Which of its addresses it is connected to.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    ///
    /// If the connection fails or the answer is not HTTP. The connection is closed then.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.send(request).await?;
        let answered = tokio::time::timeout(LONGEST, self.receive()).await;
        let answered = answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if answered.is_err() {
            self.fail();
        }
        answered
    }

    /// Sends a request without waiting for its answer.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        if self.stream.is_none() {
            match TcpStream::connect(self.addresses[self.at]).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    self.stream = Some(stream);
                    self.buffer.clear();
                }
                Err(error) => {
                    self.fail();
                    return Err(error);
                }
            }
        }
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        let sent = stream.write_all(request).await;
        if sent.is_err() {
            self.fail();
        }
        sent
    }

    /// Closes the connection, whatever is on its way.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }

    fn fail(&mut self) {
        self.hang_up();
        self.at = (self.at + 1) % self.addresses.len();
    }

    async fn receive(&mut self) -> io::Result<Reply> {
        let Some(stream) = &mut self.stream else { return Err(io::ErrorKind::NotConnected.into()) };
        loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                let end = head.body + head.length;
                while self.buffer.len() < end {
                    read(stream, &mut self.buffer).await?;
                }
                let body = self.buffer[head.body..end].to_vec();
                self.buffer.drain(..end);
                if head.last {
                    self.stream = None;
                }
                return Ok(Reply { status: head.status, body });
            }
            read(stream, &mut self.buffer).await?;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

struct Head {
    status: u16,
    /// Where the body begins.
    body: usize,
    length: usize,
    /// Whether the server closes the connection after this answer.
    last: bool,
}

impl Head {
    /// Returns `None` if the headers have not arrived entirely.
    fn parse(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let body = match response.parse(bytes).map_err(invalid)? {
            httparse::Status::Complete(body) => body,
            httparse::Status::Partial => return Ok(None),
        };
        let mut head = Self { status: response.code.unwrap_or(0), body, length: 0, last: false };
        for header in response.headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                let text = std::str::from_utf8(header.value).map_err(invalid)?;
                head.length = text.trim().parse().map_err(invalid)?;
            } else if header.name.eq_ignore_ascii_case("connection") {
                head.last = header.value.eq_ignore_ascii_case(b"close");
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(invalid("the answer is chunked: a content-length is needed"));
            }
        }
        if head.length > LARGEST {
            return Err(invalid(format!("the answer has {} bytes: at most {LARGEST} are read", head.length)));
        }
        Ok(Some(head))
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_whole_or_not_at_all() {
        let text = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\nconnection: close\r\n\r\nhello";
        for cut in 0..text.len() - 5 {
            assert!(Head::parse(&text[..cut]).unwrap().is_none(), "{cut}");
        }
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!((head.status, head.length, head.last), (202, 5, true));
        assert_eq!(&text[head.body..], b"hello");
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        assert!(Head::parse(b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-length: minus one\r\n\r\n").is_err());
    }
}
