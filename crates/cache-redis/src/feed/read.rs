//! Reading what the server says of a stream.

use std::time::{Duration, Instant};

use redis::Value;

use super::clock::Clock;
use super::{Change, Changed, FeedError, Position};

/// The id of an entry: the epoch of the log, and the position in it.
///
/// The epoch is the server's time when the log was created. A log that was deleted and begun again has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) epoch: u64,
    pub(crate) position: Position,
}

impl Id {
    /// Of a log that does not exist.
    pub(crate) const NONE: Self = Self { epoch: 0, position: Position::START };

    /// Parses `epoch-position`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, position) = text.split_once('-')?;
        Some(Self { epoch: epoch.parse().ok()?, position: Position::new(position.parse().ok()?) })
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.position)
    }
}

/// The last id that was given out, from the answer of `XINFO STREAM`.
pub(crate) fn last_id(info: &Value) -> Option<Id> {
    let found = match info {
        Value::Map(fields) => {
            fields.iter().find(|(name, _)| text(name) == Some("last-generated-id")).map(|(_, value)| value)
        }
        Value::Array(flat) => {
            flat.chunks_exact(2).find(|pair| text(&pair[0]) == Some("last-generated-id")).map(|pair| &pair[1])
        }
        _ => None,
    };
    Id::parse(text(found?)?)
}

/// The changes in the answer of `XREAD` of one stream after `after`, whose ids must follow each other.
pub(super) fn changes(
    answer: &Value,
    after: Id,
    clock: &Clock,
    now: Instant,
) -> Result<Vec<Change>, FeedError> {
    let entries = entries(answer).ok_or_else(|| FeedError::Malformed {
        id: "?".to_owned(),
        reason: "XREAD gave an answer of another form than in Redis 7".to_owned(),
    })?;
    let mut changes = Vec::with_capacity(entries.len());
    let mut last = after;
    for entry in entries {
        let change = change(entry, last, clock, now)?;
        last.position = change.position;
        changes.push(change);
    }
    Ok(changes)
}

/// The entries in the answer of `XREAD` of one stream; none if it is nil.
fn entries(answer: &Value) -> Option<&[Value]> {
    let entries = match answer {
        Value::Nil => return Some(&[]),
        Value::Map(streams) => &streams.first()?.1,
        Value::Array(streams) => match streams.first()? {
            Value::Array(stream) => stream.get(1)?,
            _ => return None,
        },
        _ => return None,
    };
    match entries {
        Value::Array(entries) => Some(entries),
        _ => None,
    }
}

fn change(entry: &Value, last: Id, clock: &Clock, now: Instant) -> Result<Change, FeedError> {
    let (id_text, fields) = match entry {
        Value::Array(parts) => match &parts[..] {
            [id, Value::Array(fields)] => (text(id).unwrap_or("?"), &fields[..]),
            [id, ..] => (text(id).unwrap_or("?"), &[][..]),
            [] => ("?", &[][..]),
        },
        _ => ("?", &[][..]),
    };
    let malformed = |reason: &str| FeedError::Malformed { id: id_text.to_owned(), reason: reason.to_owned() };
    let id = Id::parse(id_text).ok_or_else(|| malformed("its id is not epoch-number"))?;
    if id.epoch != last.epoch {
        let reason = format!("its epoch is {}, not {}: it was deleted and begun again", id.epoch, last.epoch);
        return Err(FeedError::NewHistory { reason });
    }
    if id.position != last.position.next() {
        return Err(FeedError::Gap { expected: last.position.next(), found: Some(id.position) });
    }
    let field = |name: &str| {
        let found = fields.chunks_exact(2).find(|pair| text(&pair[0]) == Some(name))?;
        bytes(&found[1])
    };
    let key = field("k").ok_or_else(|| malformed("it has no field `k`, the key"))?.to_vec();
    let changed = match field("o") {
        Some(b"d") => Changed::Deleted,
        Some(b"s") => {
            let value = field("v").ok_or_else(|| malformed("it has no field `v`, the value"))?.to_vec();
            let deadline =
                field("e").and_then(|millis| std::str::from_utf8(millis).ok()?.parse::<u64>().ok());
            match deadline {
                None => return Err(malformed("its field `e`, the time of expiry, is not an integer")),
                Some(0) => Changed::Set { value, time_to_live: None },
                Some(deadline) => match clock.until(Duration::from_millis(deadline), now) {
                    None => Changed::Deleted,
                    left => Changed::Set { value, time_to_live: left },
                },
            }
        }
        _ => return Err(malformed("its field `o`, the operation, is neither `s` nor `d`")),
    };
    Ok(Change { position: id.position, key, changed })
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

pub(super) fn text(value: &Value) -> Option<&str> {
    std::str::from_utf8(bytes(value)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn entry(id: &str, fields: &[&str]) -> Value {
        Value::Array(vec![bulk(id), Value::Array(fields.iter().map(|field| bulk(field)).collect())])
    }

    fn set(id: &str, expires: &str) -> Value {
        entry(id, &["k", "a", "o", "s", "v", "7", "e", expires])
    }

    fn read(entries: Vec<Value>) -> Result<Vec<Change>, FeedError> {
        let now = Instant::now();
        let clock = Clock::new(now, Duration::from_secs(1));
        let answer = Value::Map(vec![(bulk("log"), Value::Array(entries))]);
        changes(&answer, Id { epoch: 5, position: Position::new(2) }, &clock, now)
    }

    #[test]
    fn changes_are_read_in_both_protocols() {
        let clock = Clock::new(Instant::now(), Duration::ZERO);
        let after = Id { epoch: 5, position: Position::new(2) };
        let stream = Value::Array(vec![bulk("log"), Value::Array(vec![set("5-3", "0")])]);
        let resp2 = changes(&Value::Array(vec![stream]), after, &clock, Instant::now()).unwrap();
        assert_eq!(resp2, read(vec![set("5-3", "0")]).unwrap());
        assert_eq!(changes(&Value::Nil, after, &clock, Instant::now()), Ok(Vec::new()));
        assert_eq!(resp2[0].position, Position::new(3));
        assert_eq!(resp2[0].changed, Changed::Set { value: b"7".to_vec(), time_to_live: None });
    }

    #[test]
    fn what_has_expired_is_deleted() {
        let read = read(vec![set("5-3", "3000"), set("5-4", "1000")]).unwrap();
        let left = Some(Duration::from_secs(2));
        assert_eq!(read[0].changed, Changed::Set { value: b"7".to_vec(), time_to_live: left });
        assert_eq!(read[1].changed, Changed::Deleted);
    }

    #[test]
    fn gaps_and_other_logs_are_noticed() {
        let found = Some(Position::new(5));
        let gap = Err(FeedError::Gap { expected: Position::new(3), found });
        assert_eq!(read(vec![set("5-5", "0")]), gap);
        let gap = Err(FeedError::Gap { expected: Position::new(4), found });
        assert_eq!(read(vec![set("5-3", "0"), set("5-5", "0")]), gap);
        assert!(matches!(read(vec![set("6-1", "0")]), Err(FeedError::NewHistory { .. })));
        assert!(matches!(read(vec![set("5-3", "0"), set("6-4", "0")]), Err(FeedError::NewHistory { .. })));
    }

    #[test]
    fn foreign_entries_are_named() {
        let foreign: [&[&str]; 5] = [
            &["name", "value"],
            &["k", "a", "o", "x", "v", "7", "e", "0"],
            &["k", "a", "o", "s", "e", "0"],
            &["k", "a", "o", "s", "v", "7"],
            &["k", "a", "o", "s", "v", "7", "e", "soon"],
        ];
        for fields in foreign {
            let error = read(vec![entry("5-3", fields)]).unwrap_err();
            assert!(matches!(&error, FeedError::Malformed { id, .. } if id == "5-3"), "{error}");
        }
        assert!(matches!(read(vec![Value::Int(1)]), Err(FeedError::Malformed { .. })));
    }

    #[test]
    fn the_last_id_is_found() {
        let id = Some(Id { epoch: 5, position: Position::new(9) });
        let flat = [bulk("length"), Value::Int(1), bulk("last-generated-id"), bulk("5-9")];
        let [a, b, c, d] = flat.clone();
        assert_eq!(last_id(&Value::Array(flat.to_vec())), id);
        assert_eq!(last_id(&Value::Map(vec![(a, b), (c, d)])), id);
        assert_eq!(last_id(&Value::Nil), None);
    }
}
