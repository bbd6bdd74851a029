//! Events and items as people write them: in the configuration, in requests, and in the catalogue.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The longest id of an event, an item or a user, in bytes.
const LONGEST_ID: usize = 64;

/// The longest title, in bytes.
const LONGEST_TITLE: usize = 200;

/// The most units of an item.
const MOST_UNITS: u64 = 1_000_000_000;

/// A point in time: milliseconds since 1970, or a text such as `2026-11-27T10:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub(crate) u64);

/// The latest moment: in the year 2255. Every system can say it.
const LATEST: u64 = 9_000_000_000_000;

impl Moment {
    pub(crate) fn now() -> Self {
        Self::from(SystemTime::now())
    }

    pub(crate) fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(LATEST)).min(LATEST))
    }

    pub(crate) fn time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.min(LATEST))
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self(u64::try_from(millis).unwrap_or(LATEST).min(LATEST))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Moment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds since 1970 or a time such as \"2026-11-27T10:00:00Z\"")
            }

            fn visit_u64<E: Error>(self, millis: u64) -> Result<Moment, E> {
                if millis > LATEST {
                    return Err(E::custom(format!("{millis} ms is too late: at most {LATEST} is allowed")));
                }
                Ok(Moment(millis))
            }

            fn visit_i64<E: Error>(self, millis: i64) -> Result<Moment, E> {
                let early = || E::custom(format!("{millis} ms is before 1970"));
                u64::try_from(millis).map_err(|_| early()).and_then(|millis| self.visit_u64(millis))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
                let time = humantime::parse_rfc3339(text)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))?;
                Ok(Moment::from(time))
            }
        }
        from.deserialize_any(Text)
    }
}

/// An event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSpec {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) title: String,
    pub(crate) starts: Moment,
    pub(crate) ends: Moment,
    /// When those on the white list may buy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) early: Option<Moment>,
}

/// An item of an event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ItemSpec {
    pub(crate) id: String,
    pub(crate) event: String,
    #[serde(default)]
    pub(crate) title: String,
    /// All units that there ever were: restocks are added.
    pub(crate) stock: u64,
    /// The most units that a user may have.
    #[serde(default = "one")]
    pub(crate) limit: u32,
    /// The number of counters that the stock is spread over.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) split: u32,
    /// The most purchases that may be under way at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) in_flight: Option<u32>,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

impl EventSpec {
    /// # Errors
    ///
    /// What is wrong, and what is allowed.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_id("event", &self.id)?;
        check_title(&self.title)?;
        if self.starts >= self.ends {
            return Err(format!("event {:?} ends before it starts", self.id));
        }
        if self.early.is_some_and(|early| early > self.starts) {
            return Err(format!("the early start of event {:?} is after its start", self.id));
        }
        Ok(())
    }
}

impl ItemSpec {
    /// # Errors
    ///
    /// What is wrong, and what is allowed.
    pub(crate) fn check(&self) -> Result<(), String> {
        check_id("item", &self.id)?;
        check_title(&self.title)?;
        let within = |what: &str, number: u64, most: u64| {
            if (1..=most).contains(&number) {
                return Ok(());
            }
            Err(format!("{what} of item {:?} is {number}: 1 to {most} is allowed", self.id))
        };
        check_units(self.stock)?;
        within("limit", self.limit.into(), 1_000)?;
        within("split", self.split.into(), 64)?;
        within("in_flight", self.in_flight.unwrap_or(1).into(), 1_000_000)
    }
}

pub(crate) fn check_units(units: u64) -> Result<(), String> {
    if units > MOST_UNITS {
        return Err(format!("{units} units are too many: at most {MOST_UNITS} are allowed"));
    }
    Ok(())
}

/// Ids are shown in pages, logs and labels.
pub(crate) fn check_id(of: &str, id: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
    if (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(allowed) {
        return Ok(());
    }
    // Not all of it, if it is long.
    let shown: String = id.chars().take(LONGEST_ID).collect();
    Err(format!("invalid {of} id {shown:?}: 1 to {LONGEST_ID} of `A-Z a-z 0-9 - _ . : @` are allowed"))
}

fn check_title(title: &str) -> Result<(), String> {
    match title.len() {
        ..=LONGEST_TITLE => Ok(()),
        len => Err(format!("a title of {len} bytes is too long: at most {LONGEST_TITLE} are allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(json: &str) -> Result<Moment, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn moments_are_numbers_or_text() {
        assert_eq!(moment("1000"), Ok(Moment(1_000)));
        assert_eq!(moment(r#""1970-01-01T00:00:01Z""#), Ok(Moment(1_000)));
        for wrong in [r#""tomorrow""#, "-1", "1e99", "true", "18446744073709551615"] {
            let error = moment(wrong).unwrap_err();
            assert!(error.contains("1970") || error.contains("too late"), "{error}");
        }
    }

    #[test]
    fn ids_are_plain() {
        assert!(check_id("item", "tea-1.x:y@z_").is_ok());
        for wrong in ["", "a b", "<b>", "é", &"x".repeat(65)] {
            assert!(check_id("item", wrong).unwrap_err().contains("allowed"), "{wrong}");
        }
    }
}
