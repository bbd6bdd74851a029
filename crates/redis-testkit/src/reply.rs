use std::io::{self, BufRead};

/// What a server answers, in RESP2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A status, such as `OK`.
    Status(String),
    /// An error, with its code.
    Error(String),
    /// An integer.
    Int(i64),
    /// A string of bytes.
    Bytes(Vec<u8>),
    /// Nothing.
    Nil,
    /// A list of replies.
    Array(Vec<Reply>),
}

impl Reply {
    /// Reads one reply.
    pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end_matches(['\r', '\n']);
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, format!("malformed reply: {line:?}"));
        let (kind, rest) = line.split_at_checked(1).ok_or_else(malformed)?;
        let number = || rest.parse::<i64>().map_err(|_| malformed());
        Ok(match kind {
            "+" => Self::Status(rest.to_owned()),
            "-" => Self::Error(rest.to_owned()),
            ":" => Self::Int(number()?),
            "$" => match usize::try_from(number()?) {
                Err(_) => Self::Nil,
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    from.read_exact(&mut bytes)?;
                    bytes.truncate(length);
                    Self::Bytes(bytes)
                }
            },
            "*" => match usize::try_from(number()?) {
                Err(_) => Self::Nil,
                Ok(length) => Self::Array((0..length).map(|_| Self::read(from)).collect::<io::Result<_>>()?),
            },
            _ => return Err(malformed()),
        })
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// Whether it is nil.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The integer; also of a string that holds one.
    ///
    /// # Panics
    ///
    /// If it is anything else.
    #[must_use]
    #[track_caller]
    pub fn int(&self) -> i64 {
        let parsed = match self {
            Self::Int(value) => Some(*value),
            Self::Bytes(bytes) => str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()),
            _ => None,
        };
        parsed.unwrap_or_else(|| panic!("expected an integer, not {self:?}"))
    }

    /// The text of a string or a status.
    ///
    /// # Panics
    ///
    /// If it is anything else.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> &str {
        let text = match self {
            Self::Status(text) => Some(text.as_str()),
            Self::Bytes(bytes) => str::from_utf8(bytes).ok(),
            _ => None,
        };
        text.unwrap_or_else(|| panic!("expected text, not {self:?}"))
    }

    /// The elements of an array.
    ///
    /// # Panics
    ///
    /// If it is anything else.
    #[must_use]
    #[track_caller]
    pub fn array(&self) -> &[Self] {
        match self {
            Self::Array(replies) => replies,
            other => panic!("expected an array, not {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reply {
        Reply::read(&mut text.as_bytes()).unwrap()
    }

    #[test]
    fn each_kind_is_read() {
        assert_eq!(read("+OK\r\n").text(), "OK");
        assert_eq!(read("-ERR no\r\n"), Reply::Error("ERR no".to_owned()));
        assert_eq!(read(":-7\r\n").int(), -7);
        assert_eq!(read("$2\r\n\r\n\r\n").text(), "\r\n");
        assert_eq!(read("$1\r\n7\r\n").int(), 7);
        assert!(read("$-1\r\n").is_nil() && read("*-1\r\n").is_nil());
        assert_eq!(read("*2\r\n:1\r\n*0\r\n").array(), [Reply::Int(1), Reply::Array(Vec::new())]);
    }

    #[test]
    fn a_reply_that_ends_early_is_an_error() {
        for text in ["", "$5\r\nab", "*2\r\n:1\r\n", "?\r\n", "\r\n"] {
            assert!(Reply::read(&mut text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
