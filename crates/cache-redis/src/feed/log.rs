use crate::Error;
use crate::server::{Identity, Link, Node, Server, slot_of};

/// The first version whose `XADD` takes an id such as `1-*`.
const LEAST: (u32, u32) = (7, 0);

/// Where a change log is in Redis, and whose changes it has: those of all keys under a prefix.
///
/// The log of the prefix `stock:` is the stream `log:stock:`. Next to it there is a hash, `log:stock::writers`, in which
/// write-behind keeps its sequence numbers.
///
/// # Clusters
///
/// The script that changes a value also appends to the log, and a script runs on one node. So all keys under the prefix
/// and the log must be of one slot, and the prefix needs a hash tag: `stock:{eu}:`. Its keys are then on one node. To
/// spread the load, use several logs: `stock:{0}:` to `stock:{7}:`, say, with a mirror for each.
///
/// # Examples
///
/// ```
/// use cache_redis::feed::Log;
///
/// let log = Log::of("stock:{eu}:")?;
/// assert_eq!(log.stream(), "log:stock:{eu}:");
/// # Ok::<_, cache_redis::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    prefix: String,
    stream: String,
}

impl Log {
    /// The log of the keys under a prefix, with its usual name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if the prefix is empty, or the name of the log or of the hash of writers would be under it.
    ///
    /// # Examples
    ///
    /// See [`Log`].
    pub fn of(prefix: &str) -> Result<Self, Error> {
        Self::named(prefix, &format!("log:{prefix}"))
    }

    /// The log of the keys under a prefix, in a stream of this name.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if the prefix or the name is empty, or the name of the log or of the hash of writers is under the
    /// prefix.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_redis::feed::Log;
    ///
    /// assert_eq!(Log::named("stock:", "changes")?.stream(), "changes");
    /// assert!(Log::named("stock:", "stock:changes").is_err());
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    pub fn named(prefix: &str, stream: &str) -> Result<Self, Error> {
        let invalid = |option, reason: String| Err(Error::InvalidOption { option, reason });
        if prefix.is_empty() {
            let reason =
                "it must not be empty: the log itself would be under it; name the keys `stock:…`, say";
            return invalid("prefix", reason.to_owned());
        }
        if stream.is_empty() || stream.starts_with(prefix) {
            let reason = format!("`{stream}` must be a name that is not under the prefix `{prefix}`");
            return invalid("name of the log", reason);
        }
        let log = Self { prefix: prefix.to_owned(), stream: stream.to_owned() };
        let writers = log.writers();
        if writers.starts_with(prefix) {
            let reason = format!(
                "the hash of writers, `{writers}`, would be under the prefix `{prefix}`; choose a name for `{stream}` that does \
                 not begin as the prefix does"
            );
            return invalid("name of the log", reason);
        }
        Ok(log)
    }

    /// What the names of the keys begin with.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::feed::Log;
    /// assert_eq!(Log::of("stock:")?.prefix(), "stock:");
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of the stream.
    ///
    /// # Examples
    ///
    /// See [`Log`].
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The name of the hash with the sequence numbers of writers.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_redis::feed::Log;
    /// assert_eq!(Log::of("stock:")?.writers(), "log:stock::writers");
    /// # Ok::<_, cache_redis::Error>(())
    /// ```
    #[must_use]
    pub fn writers(&self) -> String {
        format!("{}:writers", self.stream)
    }

    /// The name of a key in Redis.
    pub(crate) fn key(&self, key: &[u8]) -> Vec<u8> {
        [self.prefix.as_bytes(), key].concat()
    }

    /// Connects to the primary that has the log, and checks that it can be used.
    pub(crate) async fn connect(&self, server: &Server) -> Result<(Node, Link, Identity), Error> {
        self.check(server)?;
        let mut topology = server.topology().await?;
        let slot = slot_of(self.stream.as_bytes());
        let owner = topology
            .primaries
            .iter()
            .position(|primary| primary.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot)));
        let Some(owner) = owner else { return Err(Error::IncompleteCluster { missing: 1 }) };
        let node = topology.primaries.swap_remove(owner).node;
        let mut link = node.connect().await?;
        let identity = Identity::of(&mut link).await?;
        identity.check(&node, server.is_cluster())?;
        if identity.version < LEAST {
            let (address, version) = (node.name.clone(), identity.version_text.clone());
            return Err(Error::TooOld { address, version, least: "7.0, for change logs," });
        }
        Ok((node, link, identity))
    }

    /// Checks that one script can reach the log and all keys under the prefix.
    pub(crate) fn check(&self, server: &Server) -> Result<(), Error> {
        if !server.is_cluster() {
            return Ok(());
        }
        let Self { prefix, stream } = self;
        if !has_tag(prefix.as_bytes()) {
            let reason = format!(
                "on a cluster, the keys of a change log must be of one slot, but `{prefix}` has no hash tag; use one such \
                 as `{prefix}{{1}}:`"
            );
            return Err(Error::InvalidOption { option: "prefix", reason });
        }
        // The hash of writers begins with the name of the stream, so it has the same tag, if there is one.
        if !has_tag(stream.as_bytes()) || slot_of(stream.as_bytes()) != slot_of(prefix.as_bytes()) {
            let reason = format!("on a cluster, `{stream}` must have the hash tag of the prefix `{prefix}`");
            return Err(Error::InvalidOption { option: "name of the log", reason });
        }
        Ok(())
    }
}

/// Whether all keys that begin with this are of one slot, by a hash tag.
pub(crate) fn has_tag(prefix: &[u8]) -> bool {
    let after = |byte, text: &[u8]| text.iter().position(|other| *other == byte);
    let length = after(b'{', prefix).and_then(|open| after(b'}', &prefix[open + 1..]));
    length.is_some_and(|length| length > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_collide_are_refused() {
        assert!(Log::of("").is_err() && Log::of("log").is_err() && Log::of("lo").is_err());
        assert!(Log::named("s:", "").is_err());
        assert!(Log::of("s:").is_ok());
        // Its hash of writers is `log:writers`.
        for prefix in ["log:", "log:w", "log:writers"] {
            let error = Log::named(prefix, "log").unwrap_err().to_string();
            assert!(error.contains("`log:writers`, would be under the prefix"), "{error}");
        }
        assert!(Log::named("log:x", "log").is_ok());
    }

    #[test]
    fn a_cluster_needs_a_tag_that_prefix_and_log_share() {
        let cluster = Server::cluster(["redis://localhost"]).unwrap();
        let refused = |log: Log| log.check(&cluster).unwrap_err().to_string();
        assert!(refused(Log::of("s:").unwrap()).contains("`s:{1}:`"));
        assert!(refused(Log::of("s:{}:").unwrap()).contains("no hash tag"));
        assert!(refused(Log::of("s:{").unwrap()).contains("no hash tag"));
        assert!(refused(Log::named("s:{1}:", "log").unwrap()).contains("hash tag of the prefix"));
        assert!(refused(Log::named("s:{1}:", "log:{2}").unwrap()).contains("hash tag of the prefix"));
        assert_eq!(Log::of("s:{1}:").unwrap().check(&cluster), Ok(()));
        assert_eq!(Log::of("s:").unwrap().check(&Server::standalone("redis://localhost").unwrap()), Ok(()));
    }

    #[test]
    fn everything_under_a_tagged_prefix_is_of_one_slot() {
        let log = Log::of("s:{1}:").unwrap();
        let slot = slot_of(&log.key(b"a"));
        for key in [log.key(b"{b}"), log.key(b""), log.stream().into(), log.writers().into()] {
            assert_eq!(slot_of(&key), slot);
        }
    }
}
