//! Request ids that hold over all nodes: a retry that reaches another node buys nothing twice.
//!
//! Before its commit, an order leaves its id and its lease under the request id of its user. Whoever finds them there looks for that
//! order in the stream. If it is there, the retry is a duplicate. If it is not and cannot come any more, the retry takes its place.

use std::sync::LazyLock;
use std::time::Duration;

use cache_redis::lease::StockError;
use cache_redis::redis::cmd;
use cache_redis::{Commands, Script};

/// Leaves a mark, unless there is another one than those that may be replaced.
///
/// KEYS: the request. ARGV: the mark, for how many milliseconds, the mark that it may replace or nothing. Answers the mark that is in
/// the way, or nothing.
static MARK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local old = redis.call('GET', KEYS[1])
        if old and old ~= ARGV[1] and old ~= ARGV[3] then
          return old
        end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return ''",
    )
});

/// Takes a mark away, if it is this one. KEYS: the request. ARGV: the mark.
static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then
          return redis.call('DEL', KEYS[1])
        end
        return 0",
    )
});

/// An order that was about to be committed for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) order: String,
    pub(super) lease: String,
}

impl Mark {
    fn text(&self) -> String {
        // Ids of leases have no line breaks of ours; those of orders may have anything.
        format!("{}\n{}", self.lease, self.order)
    }

    fn parse(text: &str) -> Option<Self> {
        let (lease, order) = text.split_once('\n')?;
        Some(Self { order: order.to_owned(), lease: lease.to_owned() })
    }
}

/// One request of a user for an item.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    commands: Commands,
    key: String,
}

impl Requests {
    pub(super) fn new(commands: &Commands, prefix: &str, item: &str, user: &str, request: &str) -> Self {
        // With the length of the user's name, no two pairs share a key.
        let key = format!("{prefix}{{{item}}}:request:{}:{user}:{request}", user.len());
        Self { commands: commands.clone(), key }
    }

    /// Leaves a mark. Returns the one that is in the way.
    pub(super) async fn mark(
        &self,
        mark: &Mark,
        instead: Option<&Mark>,
        remember: Duration,
    ) -> Result<Option<Mark>, StockError> {
        let millis = u64::try_from(remember.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64 / 2);
        let call =
            MARK.key(&self.key).arg(mark.text()).arg(millis).arg(instead.map_or(String::new(), Mark::text));
        let answer: String = self.commands.invoke(&call).await?;
        Ok(Mark::parse(&answer))
    }

    pub(super) async fn forget(&self, mark: &Mark) -> Result<(), StockError> {
        self.commands.invoke::<i64>(&FORGET.key(&self.key).arg(mark.text())).await?;
        Ok(())
    }

    pub(super) async fn get(&self) -> Result<Option<Mark>, StockError> {
        let text: Option<String> = self.commands.query(cmd("GET").arg(&self.key)).await?;
        Ok(text.and_then(|text| Mark::parse(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_any_order() {
        let mark = Mark { order: "a\nb".to_owned(), lease: "node-1".to_owned() };
        assert_eq!(Mark::parse(&mark.text()), Some(mark));
        assert_eq!(Mark::parse(""), None);
    }
}
