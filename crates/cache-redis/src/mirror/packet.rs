//! Requests as commands of Redis, and answers as values.

use std::time::Duration;

use redis::{Pipeline, ServerErrorKind, Value};

use super::engine::RedisKey;
use crate::Error;
use crate::server::{read, refused};

/// How values are asked for.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// One GET for each key, as a cluster refuses an MGET of keys of several slots. Otherwise one MGET.
    pub(super) each: bool,
    /// The time that each key has left is asked for too.
    pub(super) lifetimes: bool,
    /// The pattern of the keys.
    pub(super) pattern: Vec<u8>,
    /// The number of keys that a scan looks at for each page.
    pub(super) page: usize,
}

/// What the server has for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// Nothing; after an MGET, perhaps something that is no string.
    Absent,
    Value(Vec<u8>, Option<Duration>),
    WrongType,
    /// The slot is elsewhere, or on its way.
    Elsewhere,
}

/// A page of keys, as SCAN returns it.
pub(super) struct Scanned {
    pub(super) cursor: u64,
    pub(super) keys: Vec<RedisKey>,
}

impl Form {
    /// Asks for the values of these keys.
    pub(super) fn fetch(&self, pipeline: &mut Pipeline, keys: &[RedisKey]) {
        if self.each {
            for key in keys {
                pipeline.cmd("GET").arg(&key[..]);
            }
        } else if !keys.is_empty() {
            let mget = pipeline.cmd("MGET");
            for key in keys {
                mget.arg(&key[..]);
            }
        }
        if self.lifetimes {
            for key in keys {
                pipeline.cmd("PTTL").arg(&key[..]);
            }
        }
    }

    /// Asks for the next page of keys.
    pub(super) fn scan(&self, pipeline: &mut Pipeline, cursor: u64) {
        pipeline.cmd("SCAN").arg(cursor).arg("MATCH").arg(&self.pattern[..]).arg("COUNT").arg(self.page);
    }

    /// Reads the values of `count` keys from the answers to [`fetch`](Form::fetch), in the order of the keys.
    pub(super) fn fetched(
        &self,
        answers: &mut impl Iterator<Item = Value>,
        count: usize,
    ) -> Result<Vec<Fetched>, Error> {
        let mut missing = || Error::UnexpectedReply { reason: "an answer is missing".to_owned() };
        let mut values = Vec::with_capacity(count);
        if self.each {
            for _ in 0..count {
                values.push(value(answers.next().ok_or_else(&mut missing)?)?);
            }
        } else if count > 0 {
            let list = match answers.next().ok_or_else(&mut missing)? {
                Value::Array(list) if list.len() == count => list,
                Value::ServerError(error) => return Err(refused(error)),
                _ => return Err(Error::UnexpectedReply { reason: "MGET returned no list".to_owned() }),
            };
            for one in list {
                values.push(value(one)?);
            }
        }
        if self.lifetimes {
            for fetched in &mut values {
                let left = match answers.next().ok_or_else(&mut missing)? {
                    Value::Int(left) => left,
                    Value::ServerError(error) if is_elsewhere(&error) => {
                        *fetched = Fetched::Elsewhere;
                        continue;
                    }
                    Value::ServerError(error) => return Err(refused(error)),
                    _ => return Err(Error::UnexpectedReply { reason: "PTTL returned no number".to_owned() }),
                };
                if let Fetched::Value(_, lifetime) = fetched {
                    match u64::try_from(left) {
                        Ok(left) => *lifetime = Some(Duration::from_millis(left)),
                        // -1: it does not expire. -2: it is gone since its value was read, and a push will say so.
                        Err(_) if left == -1 => {}
                        Err(_) => *fetched = Fetched::Absent,
                    }
                }
            }
        }
        Ok(values)
    }
}

/// Reads the answer of a SCAN.
pub(super) fn scanned(answer: Value) -> Result<Scanned, Error> {
    let (cursor, keys) = match answer {
        Value::ServerError(error) => return Err(refused(error)),
        answer => read::<(Value, Value)>(answer)?,
    };
    let Value::Array(keys) = keys else {
        return Err(Error::UnexpectedReply { reason: "SCAN returned no list".to_owned() });
    };
    let bytes = |key| match key {
        Value::BulkString(key) => Ok(key),
        _ => Err(Error::UnexpectedReply { reason: "SCAN returned a key that is no string".to_owned() }),
    };
    Ok(Scanned { cursor: read(cursor)?, keys: keys.into_iter().map(bytes).collect::<Result<_, _>>()? })
}

fn value(answer: Value) -> Result<Fetched, Error> {
    match answer {
        Value::Nil => Ok(Fetched::Absent),
        Value::BulkString(value) => Ok(Fetched::Value(value, None)),
        Value::ServerError(error) if error.code() == "WRONGTYPE" => Ok(Fetched::WrongType),
        Value::ServerError(error) if is_elsewhere(&error) => Ok(Fetched::Elsewhere),
        Value::ServerError(error) => Err(refused(error)),
        _ => Err(Error::UnexpectedReply { reason: "a value is no string".to_owned() }),
    }
}

fn is_elsewhere(error: &redis::ServerError) -> bool {
    matches!(error.kind(), Some(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::TryAgain))
}

/// The pattern of all keys that begin with a prefix.
pub(super) fn pattern(prefix: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 1);
    for byte in prefix {
        if b"*?[]\\^".contains(byte) {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern.push(b'*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(each: bool, lifetimes: bool) -> Form {
        Form { each, lifetimes, pattern: b"*".to_vec(), page: 10 }
    }

    #[test]
    fn special_characters_of_patterns_are_escaped() {
        assert_eq!(pattern(b"a*[b]?\\"), b"a\\*\\[b\\]\\?\\\\*");
    }

    #[test]
    fn lifetimes_are_read_with_values() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let answers = [
            Value::Array(vec![bulk("a"), Value::Nil, bulk("c"), bulk("d")]),
            Value::Int(1500),
            Value::Int(-2),
            Value::Int(-1),
            Value::Int(-2),
        ];
        let fetched = form(false, true).fetched(&mut answers.into_iter(), 4).unwrap();
        let value = |text: &str, lifetime| Fetched::Value(text.as_bytes().to_vec(), lifetime);
        let expected = [
            value("a", Some(Duration::from_millis(1500))),
            Fetched::Absent,
            value("c", None),
            Fetched::Absent,
        ];
        assert_eq!(fetched, expected);
    }

    #[test]
    fn answers_of_another_form_are_errors() {
        let fetched = |each, answers: Vec<Value>| form(each, false).fetched(&mut answers.into_iter(), 1);
        assert!(fetched(false, vec![]).is_err());
        assert!(fetched(false, vec![Value::Array(vec![])]).is_err());
        assert!(fetched(true, vec![Value::Int(1)]).is_err());
        assert!(scanned(Value::Nil).is_err());
    }
}
