//! Where orders stand: the keys beside the stream of an item.

use std::sync::LazyLock;

use cache_redis::lease::StockError;
use cache_redis::redis::cmd;
use cache_redis::{Commands, Error, Script};

use crate::handoff::OrderState;

/// Sets the state of an order, unless it has one that does not give way. Done a second time, it changes nothing.
///
/// KEYS: states. ARGV: the order, the state, one that gives way to it or nothing. Answers the state that it has then.
static SET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local old = redis.call('HGET', KEYS[1], ARGV[1])
        if old and old ~= ARGV[3] then
          return old
        end
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
        return ARGV[2]",
    )
});

/// Moves an order to the dead letters, unless it has a state.
///
/// KEYS: states, dead, notes. ARGV: the order, its user, its units, its entry. Answers the state that it has then.
static DEAD_LETTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local old = redis.call('HGET', KEYS[1], ARGV[1])
        if old then
          return old
        end
        local note = redis.call('HGET', KEYS[3], ARGV[1]) or 'no worker said what became of it'
        redis.call('HSET', KEYS[1], ARGV[1], 'dead')
        redis.call('XADD', KEYS[2], '*', 'order', ARGV[1], 'user', ARGV[2], 'units', ARGV[3], 'entry', ARGV[4], 'note', note)
        return 'dead'",
    )
});

/// The states of the orders of one item.
#[derive(Clone, Debug)]
pub(super) struct States {
    commands: Commands,
    states: String,
    notes: String,
    dead: String,
    pub(super) orders: String,
}

impl States {
    pub(super) fn new(commands: &Commands, prefix: &str, item: &str) -> Self {
        let key = |name: &str| format!("{prefix}{{{item}}}:{name}");
        let (states, notes, dead) = (key("states"), key("notes"), key("dead"));
        Self { commands: commands.clone(), states, notes, dead, orders: key("orders") }
    }

    pub(super) async fn get(&self, id: &str) -> Result<Option<OrderState>, StockError> {
        let get = cmd("HGET").arg(&self.states).arg(id).to_owned();
        let text: Option<String> = self.commands.query(&get).await?;
        text.map(|text| parse(&text)).transpose()
    }

    /// The states of several orders; at least one must be given.
    pub(super) async fn get_all(&self, ids: &[&str]) -> Result<Vec<Option<OrderState>>, StockError> {
        let get = cmd("HMGET").arg(&self.states).arg(ids).to_owned();
        let texts: Vec<Option<String>> = self.commands.query(&get).await?;
        texts.into_iter().map(|text| text.map(|text| parse(&text)).transpose()).collect()
    }

    /// Sets a state if there is none yet, or `instead` of this one. Returns the one that it has then.
    pub(super) async fn set(
        &self,
        id: &str,
        state: OrderState,
        instead: Option<OrderState>,
    ) -> Result<OrderState, StockError> {
        let call = SET.key(&self.states).arg(id).arg(state.as_str());
        let call = call.arg(instead.map_or("", OrderState::as_str));
        parse(&self.commands.invoke::<String>(&call).await?)
    }

    /// Makes an order dead, and a dead letter of it.
    pub(super) async fn add_dead_letter(
        &self,
        id: &str,
        user: &str,
        units: u32,
        entry: &str,
    ) -> Result<OrderState, StockError> {
        let call = DEAD_LETTER.key(&self.states).key(&self.dead).key(&self.notes);
        let call = call.arg(id).arg(user).arg(units).arg(entry);
        parse(&self.commands.invoke::<String>(&call).await?)
    }

    pub(super) async fn note(&self, id: &str, reason: &str) -> Result<(), StockError> {
        let set = cmd("HSET").arg(&self.notes).arg(id).arg(reason).to_owned();
        self.commands.query::<i64>(&set).await?;
        Ok(())
    }

    pub(super) fn commands(&self) -> &Commands {
        &self.commands
    }
}

fn parse(text: &str) -> Result<OrderState, StockError> {
    text.parse().map_err(|error| {
        Error::UnexpectedReply { reason: format!("the state of an order is expected: {error}") }.into()
    })
}
