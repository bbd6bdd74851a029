//! The events, items and lists that were configured: in a file that survives a crash, or on Redis for all nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use anyhow::{Context as _, Result, bail};
use cache_redis::Script;
use cache_redis::redis::cmd;
use serde::{Deserialize, Serialize};

use crate::Config;
use crate::nodes::{Nodes, PREFIX};
use crate::specs::{EventSpec, ItemSpec};

const FILE: &str = "catalogue.json";

/// Replaces the text if nobody else has.
///
/// KEYS: a hash of `version` and `text`. ARGV: the version that was read, the text. Answers the new version, or 0.
static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
        if version ~= tonumber(ARGV[1]) then
          return 0
        end
        redis.call('HSET', KEYS[1], 'version', version + 1, 'text', ARGV[2])
        return version + 1",
    )
});

/// What is on sale, and who may not or may early buy. A change is stored before it has an effect, so that no order is of an item
/// that a restart does not know.
#[derive(Debug)]
pub(crate) struct Catalogue {
    place: Place,
    /// Of the contents on Redis. 0 if there are none.
    version: u64,
    pub(crate) now: Contents,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Redis(Arc<Nodes>),
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Contents {
    pub(crate) events: BTreeMap<String, StoredEvent>,
    pub(crate) items: BTreeMap<String, ItemSpec>,
    /// Users that requests black-listed, besides those in the file of the configuration.
    pub(crate) blocked: BTreeSet<String>,
    pub(crate) early: BTreeSet<String>,
    /// Ids of restocks, so that none is done twice.
    pub(crate) restocks: BTreeSet<String>,
}

/// An event, and whether it was ended before its time.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct StoredEvent {
    pub(crate) spec: EventSpec,
    #[serde(default)]
    pub(crate) ended: bool,
}

impl Catalogue {
    /// Reads the catalogue, and adds what the configuration has and it has not.
    pub(crate) async fn open(config: &Config, nodes: Option<&Arc<Nodes>>) -> Result<Self> {
        let place = match nodes {
            Some(nodes) => Place::Redis(Arc::clone(nodes)),
            None => Place::File(config.data.join(FILE)),
        };
        let mut catalogue = Self { place, version: 0, now: Contents::default() };
        // Nodes that start together add the same.
        for _ in 0..100 {
            catalogue.refresh().await?;
            let mut now = catalogue.now.clone();
            let known = (now.events.len(), now.items.len());
            for event in &config.events {
                let stored = StoredEvent { spec: event.clone(), ended: false };
                now.events.entry(event.id.clone()).or_insert(stored);
            }
            for item in &config.items {
                now.items.entry(item.id.clone()).or_insert_with(|| item.clone());
            }
            let is_known = known == (now.events.len(), now.items.len());
            if is_known || catalogue.save(now).await? {
                return Ok(catalogue);
            }
        }
        bail!("the catalogue changes all the time")
    }

    /// Reads what others have stored. Returns whether it is new.
    pub(crate) async fn refresh(&mut self) -> Result<bool> {
        match &self.place {
            Place::File(path) => {
                self.now = match fs::read(path) {
                    Ok(text) => serde_json::from_slice(&text)
                        .with_context(|| format!("invalid catalogue {}", path.display()))?,
                    Err(error) if error.kind() == ErrorKind::NotFound => Contents::default(),
                    Err(error) => {
                        return Err(error).with_context(|| format!("cannot read {}", path.display()));
                    }
                };
                Ok(true)
            }
            Place::Redis(nodes) => {
                let get = cmd("HMGET").arg(key()).arg("version").arg("text").to_owned();
                let (version, text): (Option<u64>, Option<String>) = nodes.commands().query(&get).await?;
                let (Some(version), Some(text)) = (version, text) else { return Ok(false) };
                if version == self.version {
                    return Ok(false);
                }
                self.now = serde_json::from_str(&text).context("invalid catalogue on Redis")?;
                self.version = version;
                Ok(true)
            }
        }
    }

    /// Replaces the contents where they are stored, and here. `false` if another node was faster: nothing was changed.
    pub(crate) async fn save(&mut self, contents: Contents) -> Result<bool> {
        match &self.place {
            Place::File(path) => {
                // Some kilobytes, when an administrator changes something.
                let written = tokio::task::block_in_place(|| write(path, &contents));
                written.with_context(|| format!("cannot write {}", path.display()))?;
            }
            Place::Redis(nodes) => {
                let text = serde_json::to_string(&contents)?;
                let call = REPLACE.key(key()).arg(self.version).arg(text);
                let version = nodes
                    .commands()
                    .invoke(&call)
                    .await
                    .context("the catalogue cannot be stored on Redis")?;
                if version == 0 {
                    return Ok(false);
                }
                self.version = version;
            }
        }
        self.now = contents;
        Ok(true)
    }
}

fn key() -> String {
    format!("{PREFIX}catalogue")
}

fn write(path: &Path, contents: &Contents) -> Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec_pretty(contents)?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // The name is durable when its directory is.
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

impl Contents {
    /// The items of events that were not ended.
    pub(crate) fn live_items(&self) -> impl Iterator<Item = &ItemSpec> {
        self.items.values().filter(|item| self.events.get(&item.event).is_some_and(|event| !event.ended))
    }
}
