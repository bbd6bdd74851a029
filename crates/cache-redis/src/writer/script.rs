//! The call of the script, and its answer.

use std::sync::LazyLock;
use std::time::Duration;

use super::Write;
use super::write::Operation;
use crate::Error;
use crate::feed::{Id, Log};
use crate::server::{Call, Script};

/// For how long an idle writer is remembered. Its sequence numbers mean nothing after that.
pub(super) const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// The longest time to live. Redis refuses what is past its last date, in the middle of a script, and the script computes with
/// doubles.
const LONGEST_LIFE: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("write.lua")));

/// Who calls, where each call has a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence<'a> {
    pub(super) name: &'a str,
    /// From 1.
    pub(super) number: u64,
    /// Whether the call was sent before, and its answer was lost.
    pub(super) again: bool,
}

/// The call of the script for some changes.
pub(super) fn call(
    log: &Log,
    keep: u64,
    epoch: u64,
    sequence: Option<Sequence<'_>>,
    writes: &[Write],
) -> Call<'static> {
    let sequence = sequence.unwrap_or(Sequence { name: "", number: 0, again: false });
    let mut call = SCRIPT.key(log.stream()).key(log.writers());
    for write in writes {
        call = call.key(log.key(&write.key));
    }
    call = call.arg(log.prefix().len()).arg(keep).arg(epoch);
    call = call.arg(sequence.name).arg(sequence.number).arg(u8::from(sequence.again));
    call = call.arg(millis(REMEMBERED));
    for write in writes {
        call = match &write.operation {
            Operation::Set { value, time_to_live } => {
                call.arg("set").arg(&value[..]).arg(life(*time_to_live))
            }
            Operation::Insert { value, time_to_live } => {
                call.arg("new").arg(&value[..]).arg(life(*time_to_live))
            }
            Operation::Add(delta) => call.arg("add").arg(*delta).arg(0),
            Operation::Del => call.arg("del").arg("").arg(0),
        };
    }
    call
}

/// Milliseconds, where 0 is for ever. A part of a millisecond counts as a whole one.
fn life(time_to_live: Option<Duration>) -> u64 {
    time_to_live.map_or(0, |life| millis(life.min(LONGEST_LIFE) + Duration::from_nanos(999_999)).max(1))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the script answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The changes were made now.
    Done {
        /// The last sequence number before this one.
        before: u64,
        results: Vec<Result>,
    },
    /// The changes were made by an earlier call with this sequence number.
    Repeated {
        /// The changes that were refused, counted from 0, with the reason.
        refused: Vec<(usize, String)>,
    },
    /// The call was begun by an earlier one with this sequence number, and stopped in the middle by an error.
    Begun,
    /// The server knows nothing of this writer, so whether the changes were made cannot be told.
    Forgotten,
    /// A call with a higher sequence number was made.
    Overtaken,
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Result {
    Written { id: Id, sum: Option<i64> },
    Unchanged,
    Refused(String),
}

impl Answer {
    pub(super) fn parse(answer: &[Vec<u8>]) -> std::result::Result<Self, Error> {
        Self::read(answer).ok_or_else(|| {
            let shown: Vec<_> = answer.iter().take(4).map(|part| String::from_utf8_lossy(part)).collect();
            Error::UnexpectedReply { reason: format!("the script of the writer answered {shown:?}") }
        })
    }

    fn read(answer: &[Vec<u8>]) -> Option<Self> {
        let [status, before, rest @ ..] = answer else { return None };
        let pairs = rest.chunks_exact(2).map(|pair| (&pair[0][..], &pair[1][..]));
        Some(match &status[..] {
            b"DONE" => {
                let results = pairs.map(|(mark, text)| Result::read(mark, text)).collect::<Option<_>>()?;
                Self::Done { before: number(before)?, results }
            }
            b"REPEATED" => {
                let refused = pairs.map(|(index, reason)| {
                    let index = usize::try_from(number(index)?.checked_sub(1)?).ok()?;
                    Some((index, String::from_utf8_lossy(reason).into_owned()))
                });
                Self::Repeated { refused: refused.collect::<Option<_>>()? }
            }
            b"BEGUN" => Self::Begun,
            b"FORGOTTEN" => Self::Forgotten,
            b"OVERTAKEN" => Self::Overtaken,
            _ => return None,
        })
    }
}

impl Result {
    fn read(mark: &[u8], text: &[u8]) -> Option<Self> {
        Some(match mark {
            b"-" => Self::Unchanged,
            b"!" => Self::Refused(String::from_utf8_lossy(text).into_owned()),
            id => {
                let text = std::str::from_utf8(text).ok()?;
                let sum = if text.is_empty() { None } else { Some(text.parse().ok()?) };
                Self::Written { id: Id::parse(std::str::from_utf8(id).ok()?)?, sum }
            }
        })
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Position;

    fn parse(parts: &[&str]) -> std::result::Result<Answer, Error> {
        let parts: Vec<_> = parts.iter().map(|part| part.as_bytes().to_vec()).collect();
        Answer::parse(&parts)
    }

    #[test]
    fn answers_are_read() {
        let id = Id { epoch: 5, position: Position::new(2) };
        let results = vec![
            Result::Written { id, sum: Some(-7) },
            Result::Written { id, sum: None },
            Result::Unchanged,
            Result::Refused("ERR no".to_owned()),
        ];
        let done = ["DONE", "3", "5-2", "-7", "5-2", "", "-", "", "!", "ERR no"];
        assert_eq!(parse(&done), Ok(Answer::Done { before: 3, results }));
        let refused = vec![(1, "ERR no".to_owned())];
        assert_eq!(parse(&["REPEATED", "3", "2", "ERR no"]), Ok(Answer::Repeated { refused }));
        assert_eq!(parse(&["BEGUN", "3"]), Ok(Answer::Begun));
        assert_eq!(parse(&["FORGOTTEN", "0"]), Ok(Answer::Forgotten));
        assert_eq!(parse(&["OVERTAKEN", "9"]), Ok(Answer::Overtaken));
    }

    #[test]
    fn other_answers_are_errors() {
        for parts in [
            &[][..],
            &["DONE"],
            &["DONE", "x"],
            &["SO", "1"],
            &["DONE", "1", "5", "7"],
            &["REPEATED", "1", "0", ""],
        ] {
            assert!(matches!(parse(parts), Err(Error::UnexpectedReply { .. })), "{parts:?}");
        }
    }

    #[test]
    fn a_part_of_a_millisecond_is_a_whole_one() {
        assert_eq!(life(None), 0);
        assert_eq!(life(Some(Duration::ZERO)), 1);
        assert_eq!(life(Some(Duration::from_micros(1))), 1);
        assert_eq!(life(Some(Duration::from_millis(5))), 5);
        assert_eq!(life(Some(Duration::from_micros(5001))), 6);
        assert_eq!(life(Some(Duration::MAX)), 3_153_600_000_000);
    }
}
