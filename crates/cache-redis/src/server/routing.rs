//! Which key of a command decides the node.

use redis::{Arg, Cmd};

/// Commands without keys, which any node answers.
const KEYLESS: [&str; 18] = [
    "ACL",
    "AUTH",
    "CLIENT",
    "CLUSTER",
    "COMMAND",
    "CONFIG",
    "DBSIZE",
    "ECHO",
    "FLUSHALL",
    "FLUSHDB",
    "INFO",
    "PING",
    "RANDOMKEY",
    "SCAN",
    "SCRIPT",
    "TIME",
    "WAIT",
    "WAITAOF",
];

/// Commands whose key comes after a subcommand.
const AFTER_SUBCOMMAND: [&str; 4] = ["OBJECT", "XGROUP", "XINFO", "MEMORY"];

/// Commands with a number of keys in the third place, and then the keys.
const AFTER_COUNT: [&str; 7] = ["EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO", "BLMPOP"];

/// Returns the first key of a command; `None` for one without keys.
pub(super) fn first_key(cmd: &Cmd) -> Option<&[u8]> {
    let word = |index: usize| match cmd.args_iter().nth(index)? {
        Arg::Simple(bytes) => Some(bytes),
        _ => None,
    };
    let name = word(0)?;
    let is_one_of = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()));
    if is_one_of(&KEYLESS) {
        None
    } else if is_one_of(&AFTER_SUBCOMMAND) {
        word(2)
    } else if is_one_of(&AFTER_COUNT) {
        if word(2)? == b"0" { None } else { word(3) }
    } else if is_one_of(&["XREAD", "XREADGROUP"]) {
        let words = cmd.args_iter();
        let streams = words.enumerate().find_map(|(index, word)| match word {
            Arg::Simple(bytes) if bytes.eq_ignore_ascii_case(b"STREAMS") => Some(index),
            _ => None,
        })?;
        word(streams + 1)
    } else {
        word(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_is_found() {
        let key = |words: &[&str]| {
            let mut cmd = redis::cmd(words[0]);
            cmd.arg(&words[1..]);
            first_key(&cmd).map(|key| String::from_utf8(key.to_vec()).unwrap())
        };
        assert_eq!(key(&["get", "a"]).as_deref(), Some("a"));
        assert_eq!(key(&["EVALSHA", "hash", "2", "a", "b"]).as_deref(), Some("a"));
        assert_eq!(key(&["EVAL", "code", "0", "a"]), None);
        assert_eq!(key(&["XREAD", "COUNT", "2", "streams", "a", "b", "0", "0"]).as_deref(), Some("a"));
        assert_eq!(key(&["XINFO", "STREAM", "a"]).as_deref(), Some("a"));
        assert_eq!(key(&["PING"]), None);
    }
}
