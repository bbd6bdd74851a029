use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;

use crate::Flags;
use crate::specs::{EventSpec, ItemSpec, Moment};

/// What the service is to be: from a file in TOML, from flags, and from defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where keys, orders, events and items are kept.
    pub data: PathBuf,
    /// The file of the keys. Nodes that share Redis share its contents.
    pub keys: Option<PathBuf>,
    /// The Redis that several nodes share: orders, events and items are there.
    pub redis: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) lists: Lists,
    pub(crate) orders: Orders,
    /// Events that are added if they are not known yet.
    #[serde(rename = "event")]
    pub(crate) events: Vec<EventSpec>,
    /// Items that are added if they are not known yet.
    #[serde(rename = "item")]
    pub(crate) items: Vec<ItemSpec>,
}

/// What may be, at most.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Purchases a second of each user, and how many at once. 0 is no limit.
    pub(crate) user_rate: u32,
    pub(crate) user_burst: u32,
    /// Purchases a second of each address, and how many at once. 0 is no limit.
    pub(crate) address_rate: u32,
    pub(crate) address_burst: u32,
    /// Counts of users' purchases, and request ids, that are kept.
    pub(crate) users: usize,
    /// Users, and as many addresses, whose rates are kept.
    pub(crate) rates: usize,
    pub(crate) items: usize,
    /// Units of one purchase.
    pub(crate) units: u32,
    /// Purchases under way.
    pub(crate) in_flight: u32,
    /// Purchases under way of one item.
    pub(crate) in_flight_item: u32,
    /// Orders that wait for the journal.
    pub(crate) queue: usize,
    /// Bytes of a body of a buyer.
    pub(crate) body: usize,
    /// Bytes of a body of an administrator.
    pub(crate) admin_body: usize,
    /// Milliseconds until a request's head, and then its body, must have arrived.
    pub(crate) request_ms: u64,
    /// Connections. More wait to be accepted.
    pub(crate) connections: usize,
    /// Milliseconds for which open requests may go on after a stop.
    pub(crate) stop_ms: u64,
}

/// Files with a user in each line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Lists {
    pub(crate) blocked: Option<PathBuf>,
    pub(crate) early: Option<PathBuf>,
}

/// What becomes of orders.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Orders {
    /// Whether this process fulfils orders. It has no warehouse: it says that they are.
    pub(crate) fulfil: bool,
    /// Every so many-th order fails, to show what happens then. 0 is none.
    pub(crate) fail_each: u64,
    /// Seconds for which request ids are remembered.
    pub(crate) remember_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 3_000).into(),
            data: "flash-sale-data".into(),
            keys: None,
            redis: None,
            limits: Limits::default(),
            lists: Lists::default(),
            orders: Orders::default(),
            events: Vec::new(),
            items: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            user_rate: 5,
            user_burst: 10,
            address_rate: 100,
            address_burst: 200,
            users: 2_000_000,
            rates: 1_000_000,
            items: 10_000,
            units: 100,
            in_flight: 8_192,
            in_flight_item: 4_096,
            queue: 8_192,
            body: 4_096,
            admin_body: 4 << 20,
            request_ms: 10_000,
            connections: 20_000,
            stop_ms: 10_000,
        }
    }
}

impl Default for Orders {
    fn default() -> Self {
        Self { fulfil: false, fail_each: 0, remember_s: 600 }
    }
}

impl Config {
    /// Reads the file that the flags name, and puts the flags over it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or says something that is unknown or not allowed. The error names what and where.
    pub fn read(flags: &Flags) -> Result<Self> {
        let mut config = match &flags.config {
            Some(path) => {
                let text =
                    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
                let parsed = Self::parse(&text)
                    .with_context(|| format!("invalid configuration {}", path.display()))?;
                parsed.relative_to(path)
            }
            None => Self::default(),
        };
        if let Some(listen) = flags.listen {
            config.listen = listen;
        }
        if let Some(data) = &flags.data {
            config.data.clone_from(data);
        }
        if let Some(url) = &flags.redis {
            config.redis = Some(url.clone());
        }
        if let Some(keys) = &flags.keys {
            config.keys = Some(keys.clone());
        }
        if let Some(rate) = flags.user_rate {
            config.limits.user_rate = rate;
        }
        if let Some(rate) = flags.address_rate {
            config.limits.address_rate = rate;
        }
        if flags.console() && flags.config.is_none() {
            config.add_sample();
        }
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self> {
        let read =
            toml::Deserializer::parse(text).map_err(|error| anyhow!("{}", error.to_string().trim()))?;
        let config: Self = serde_path_to_error::deserialize(read).map_err(|error| {
            // The path says where; the message of the parser, what.
            let (path, error) = (error.path().to_string(), error.into_inner());
            anyhow!("{path}: {}", error.message())
        })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let limits = &self.limits;
        for (name, value) in [
            ("user_burst", u64::from(limits.user_burst)),
            ("address_burst", limits.address_burst.into()),
            ("users", limits.users as u64),
            ("rates", limits.rates as u64),
            ("items", limits.items as u64),
            ("units", limits.units.into()),
            ("in_flight", limits.in_flight.into()),
            ("in_flight_item", limits.in_flight_item.into()),
            ("queue", limits.queue as u64),
            ("body", limits.body as u64),
            ("admin_body", limits.admin_body as u64),
            ("request_ms", limits.request_ms),
            ("connections", limits.connections as u64),
        ] {
            // An hour in milliseconds, and more than there is memory for in everything else.
            let most = if name.ends_with("_ms") { 3_600_000 } else { 1_000_000_000 };
            if !(1..=most).contains(&value) {
                bail!("limits.{name}: {value} is not allowed: 1 to {most} is");
            }
        }
        for event in &self.events {
            event.check().map_err(|error| anyhow!("event: {error}"))?;
        }
        for item in &self.items {
            item.check().map_err(|error| anyhow!("item: {error}"))?;
            if !self.events.iter().any(|event| event.id == item.event) {
                bail!("item: {:?} is of event {:?}, which the file does not have", item.id, item.event);
            }
        }
        Ok(())
    }

    /// Makes paths relative to the directory of the file that names them.
    fn relative_to(mut self, file: &Path) -> Self {
        let directory = file.parent().unwrap_or(Path::new(""));
        for path in [&mut self.lists.blocked, &mut self.lists.early, &mut self.keys].into_iter().flatten() {
            *path = directory.join(&*path);
        }
        self.data = directory.join(&self.data);
        self
    }

    /// Something to look at for whoever starts the service without a configuration.
    fn add_sample(&mut self) {
        let now = Moment::now();
        self.events.push(EventSpec {
            id: "sample".to_owned(),
            title: "A sample sale".to_owned(),
            starts: now,
            ends: now.after(Duration::from_secs(7 * 86_400)),
            early: None,
        });
        for (id, title, stock, limit) in [
            ("poster", "Poster", 1_000, 2),
            ("record", "Signed record", 100, 1),
            ("ticket", "Front row", 10, 1),
        ] {
            self.items.push(ItemSpec {
                id: id.to_owned(),
                event: "sample".to_owned(),
                title: title.to_owned(),
                stock,
                limit,
                split: 1,
                in_flight: None,
            });
        }
    }
}

impl Limits {
    pub(crate) fn request(&self) -> Duration {
        Duration::from_millis(self.request_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        format!("{:#}", Config::parse(text).expect_err(text))
    }

    #[test]
    fn nothing_is_a_configuration() {
        Config::parse("").unwrap();
    }

    #[test]
    fn the_example_is_a_configuration() {
        let config = Config::parse(include_str!("../flash-sale.toml")).unwrap();
        assert_eq!((config.events.len(), config.items.len()), (1, 2));
    }

    #[test]
    fn each_mistake_is_named() {
        let event = "[[event]]\nid = 'e'\nstarts = 1\nends = 2\n";
        for (text, parts) in [
            ("listn = '127.0.0.1:1'", ["listn", "listen"]),
            ("listen = 'here'", ["listen", "socket address"]),
            ("[limits]\nuser_rate = -1", ["limits.user_rate", "-1"]),
            ("[limits]\nusers = 0", ["limits.users", "1 to"]),
            ("[limits]\nrequest_ms = 4000000", ["limits.request_ms", "3600000"]),
            ("[limits\n", ["line 1", ""]),
            ("[[event]]\nid = 'e'\nstarts = 'soon'\nends = 2", ["event[0].starts", "2026-11-27T10:00:00Z"]),
            ("[[event]]\nid = 'e'\nstarts = 2\nends = 2", ["event", "before it starts"]),
            ("[[event]]\nid = 'a b'\nstarts = 1\nends = 2", ["event", "allowed"]),
            ("[[item]]\nid = 'i'\nevent = 'e'\nstock = 1", ["item", "does not have"]),
            (&format!("{event}[[item]]\nid = 'i'\nevent = 'e'\nstock = -1"), ["item[0].stock", "-1"]),
            (&format!("{event}[[item]]\nid = 'i'\nevent = 'e'\nstock = 1\nlimit = 0"), ["limit", "1 to"]),
            (&format!("{event}[[item]]\nid = 'i'\nevent = 'e'"), ["item[0]", "stock"]),
        ] {
            let error = error(text);
            for part in parts {
                assert!(error.contains(part), "{part:?} is not in {error:?}");
            }
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = Config::parse("data = 'd'\n[lists]\nblocked = 'b.txt'").unwrap();
        let config = config.relative_to(Path::new("/etc/sale/sale.toml"));
        assert_eq!(config.data, Path::new("/etc/sale/d"));
        assert_eq!(config.lists.blocked.unwrap(), Path::new("/etc/sale/b.txt"));
    }
}
