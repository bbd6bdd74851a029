//! Reading all keys of a primary, page by page.

use std::collections::VecDeque;
use std::time::Instant;

use redis::{Pipeline, Value, cmd};

use super::super::engine::RedisKey;
use super::super::packet::{Fetched, Form, pattern, scanned};
use super::super::{Context, Reason};
use super::session::report;
use crate::Error;
use crate::feed::has_tag;
use crate::server::{Identity, Link, Primary, read};

/// Bytes that a value is taken to have until some were seen.
const FIRST_GUESS: f64 = 256.0;

/// Bytes that a key and its answer cost besides the value.
const OVERHEAD: f64 = 64.0;

/// A scan of the keys under the prefix, which fetches their values.
pub(super) struct Loader {
    link: Link,
    form: Form,
    /// Bytes of values that may be asked for at a time.
    bytes: usize,
    bytes_per_value: f64,
    /// Where to scan on; `None` at the end.
    cursor: Option<u64>,
    /// Keys whose values were not asked for yet.
    keys: VecDeque<RedisKey>,
    /// The number of keys of the database.
    pub(super) expected: u64,
}

/// Some keys whose values are asked for, and perhaps the next page of the scan.
pub(super) struct Request {
    keys: Vec<RedisKey>,
    scans: bool,
    pub(super) pipeline: Pipeline,
    at: Instant,
}

/// Some keys with what the server had for them, and when it was asked.
#[derive(Default)]
pub(super) struct Page {
    pub(super) values: Vec<(RedisKey, Fetched)>,
    pub(super) at: Option<Instant>,
    /// The number of keys that the scan found.
    pub(super) found: usize,
}

impl Loader {
    pub(super) async fn connect(context: &Context, primary: &Primary) -> Result<Self, Error> {
        let mut link = primary.node.connect().await?;
        Identity::of(&mut link).await?.check(&primary.node, context.server.is_cluster())?;
        let expected = read(link.send(&cmd("DBSIZE")).await?)?;
        let settings = &context.settings;
        let form = Form {
            // Keys with a common tag are of one slot.
            each: context.server.is_cluster() && !has_tag(&context.prefix),
            lifetimes: context.target.expires(),
            pattern: pattern(&context.prefix),
            page: settings.page,
        };
        let (cursor, keys) = (Some(0), VecDeque::new());
        Ok(Self { link, form, bytes: settings.bytes, bytes_per_value: FIRST_GUESS, cursor, keys, expected })
    }

    pub(super) fn link(&self) -> Link {
        self.link.clone()
    }

    /// What to ask for next; `None` if nothing is left.
    pub(super) fn request(&mut self) -> Option<Request> {
        // A value that is larger than the limit travels alone.
        let most = (self.bytes as f64 / (self.bytes_per_value + OVERHEAD)) as usize;
        let most = most.clamp(1, self.form.page.max(1));
        let keys: Vec<_> = self.keys.drain(..most.min(self.keys.len())).collect();
        let mut pipeline = redis::pipe();
        self.form.fetch(&mut pipeline, &keys);
        // The server scans on while these values travel.
        let next = self.cursor.filter(|_| self.keys.is_empty());
        if let Some(cursor) = next {
            self.form.scan(&mut pipeline, cursor);
        }
        (!pipeline.is_empty()).then(|| Request { keys, scans: next.is_some(), pipeline, at: Instant::now() })
    }

    /// Takes the answers to a request.
    pub(super) fn read(&mut self, request: Request, answers: Vec<Value>) -> Result<Page, Error> {
        let mut answers = answers.into_iter();
        let values = self.form.fetched(&mut answers, request.keys.len())?;
        let mut found = 0;
        if request.scans {
            let missing = || Error::UnexpectedReply { reason: "an answer is missing".to_owned() };
            let next = scanned(answers.next().ok_or_else(missing)?)?;
            found = next.keys.len();
            self.cursor = (next.cursor != 0).then_some(next.cursor);
            self.keys.extend(next.keys);
        }
        let bytes: usize = values
            .iter()
            .map(|value| if let Fetched::Value(value, _) = value { value.len() } else { 0 })
            .sum();
        if !values.is_empty() {
            let mean = bytes as f64 / values.len() as f64;
            // Up at once, down slowly.
            self.bytes_per_value = mean.max(self.bytes_per_value * 0.9 + mean * 0.1);
        }
        Ok(Page { values: request.keys.into_iter().zip(values).collect(), at: Some(request.at), found })
    }

    /// Reports those of these keys that hold no string. The others are gone.
    pub(super) async fn report_types(&self, context: &Context, keys: &[RedisKey]) -> Result<(), Error> {
        let mut types = redis::pipe();
        keys.iter().for_each(|key| _ = types.cmd("TYPE").arg(&key[..]));
        for (key, answer) in keys.iter().zip(self.link().send_all(&types).await?) {
            match answer {
                Value::SimpleString(found) if found != "none" && found != "string" => {
                    report(context, key, Reason::WrongType { found });
                }
                _ => {}
            }
        }
        Ok(())
    }
}
