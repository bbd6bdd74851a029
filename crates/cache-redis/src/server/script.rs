//! Scripts and their calls.

use redis::{Cmd, ToRedisArgs};

/// A Lua script, which the server runs as one atomic step.
///
/// # Examples
///
/// ```
/// use cache_redis::Script;
///
/// let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
/// let call = script.key("stock").arg(2);
/// # let _ = call;
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    hash: String,
    code: String,
}

impl Script {
    /// A script with this code.
    ///
    /// # Examples
    ///
    /// See [`Script`].
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { hash: redis::Script::new(code).get_hash().to_owned(), code: code.to_owned() }
    }

    /// A call without keys and arguments, to add to.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::Script;
    /// let script = Script::new("return 1");
    /// let call = script.call();
    /// # let _ = call;
    /// ```
    pub fn call(&self) -> Call<'_> {
        Call { script: self, keys: Vec::new(), args: Vec::new() }
    }

    /// A call with a first key.
    ///
    /// # Examples
    ///
    /// See [`Script`].
    pub fn key(&self, key: impl ToRedisArgs) -> Call<'_> {
        self.call().key(key)
    }
}

/// A call of a [`Script`], with its keys and arguments.
///
/// In a cluster, all keys must be of one slot: give them one `{tag}`.
///
/// # Examples
///
/// See [`Script`].
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until `Commands::invoke` sends it"]
pub struct Call<'a> {
    script: &'a Script,
    keys: Vec<Vec<u8>>,
    args: Vec<Vec<u8>>,
}

impl Call<'_> {
    /// Adds a key, or several.
    ///
    /// # Examples
    ///
    /// See [`Script`].
    pub fn key(mut self, key: impl ToRedisArgs) -> Self {
        key.write_redis_args(&mut self.keys);
        self
    }

    /// Adds an argument, or several.
    ///
    /// # Examples
    ///
    /// See [`Script`].
    pub fn arg(mut self, arg: impl ToRedisArgs) -> Self {
        arg.write_redis_args(&mut self.args);
        self
    }

    /// The command that names the script by its hash. The server refuses it with `NOSCRIPT` if it does not know it.
    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// The command that carries the code, by which the server learns it.
    pub(super) fn by_code(&self) -> Cmd {
        self.command("EVAL", &self.script.code)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut cmd = redis::cmd(name);
        cmd.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.args);
        cmd
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_before_arguments() {
        let script = Script::new("return 1");
        let cmd = script.key("a").arg(7).key(&["b", "c"]).by_code();
        let text = String::from_utf8(cmd.get_packed_command()).unwrap();
        let words: Vec<_> = text.split("\r\n").filter(|word| !word.starts_with(['$', '*'])).collect();
        assert_eq!(words, ["EVAL", "return 1", "3", "a", "b", "c", "7", ""]);
    }
}
