//! The arguments of the program.

use crate::profile::{PROFILES, Profile};

pub(crate) const USAGE: &str =
    "usage: preempt SECONDS SEED [PROFILE]; see `--preempt` in `cargo xtask soak --help`";

/// How long to run, with which operations, and on which caches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flags {
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    /// The profile to run; all in turn if `None`.
    pub(crate) profile: Option<&'static Profile>,
}

impl Flags {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Flags, String> {
        let mut number = |what: &str| {
            let word = words.next().ok_or_else(|| format!("{what} is missing"))?;
            word.parse::<u64>().map_err(|_| format!("invalid {what} `{word}`: expected an integer"))
        };
        let (seconds, seed) = (number("SECONDS")?, number("SEED")?);
        let profile = match words.next() {
            None => None,
            Some(name) => {
                let profile = PROFILES.iter().find(|profile| profile.name == name);
                let names = || PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", ");
                Some(
                    profile
                        .ok_or_else(|| format!("unknown profile `{name}`: expected one of {}", names()))?,
                )
            }
        };
        match words.next() {
            None => Ok(Flags { seconds, seed, profile }),
            Some(word) => Err(format!("unexpected argument `{word}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Flags, String> {
        Flags::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn two_numbers_and_a_name() {
        let flags = parse("60 18446744073709551615 growth").expect("a valid line");
        assert_eq!((flags.seconds, flags.seed), (60, u64::MAX));
        assert_eq!(flags.profile.map(|profile| profile.name), Some("growth"));
        assert!(parse("1 2").expect("a valid line").profile.is_none());
    }

    #[test]
    fn anything_else_is_refused() {
        for (line, why) in [
            ("", "SECONDS is missing"),
            ("1", "SEED is missing"),
            ("1 -2", "invalid SEED `-2`"),
            ("1 2 tide", "unknown profile `tide`"),
            ("1 2 growth 3", "unexpected argument `3`"),
        ] {
            assert!(parse(line).expect_err("an invalid line").starts_with(why), "{line}");
        }
    }
}
