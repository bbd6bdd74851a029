//! Changes to what is on sale. Each is stored first, and then the gate follows; on Redis, so do the other nodes.

use anyhow::Result;
use cache_gate::{Event, Window};
use tokio::sync::MutexGuard;

use crate::app::App;
use crate::catalogue::{Catalogue, Contents, StoredEvent};
use crate::error::ApiError;
use crate::specs::{EventSpec, ItemSpec};

impl App {
    /// Adds an event, or changes its window and title.
    pub(crate) async fn add_event(&self, spec: EventSpec) -> Result<(), ApiError> {
        spec.check().map_err(ApiError::malformed)?;
        self.change(|contents| {
            if contents.events.get(&spec.id).is_some_and(|event| event.ended) {
                return Err(ApiError::conflict("ended", format!("event {:?} was ended", spec.id)));
            }
            contents.events.insert(spec.id.clone(), StoredEvent { spec, ended: false });
            Ok(())
        })
        .await
    }

    /// Ends an event. To end it again changes nothing.
    pub(crate) async fn end_event(&self, id: &str) -> Result<(), ApiError> {
        self.change(|contents| {
            contents.events.get_mut(id).ok_or_else(|| no_event(id))?.ended = true;
            Ok(())
        })
        .await
    }

    pub(crate) async fn add_item(&self, spec: ItemSpec) -> Result<(), ApiError> {
        spec.check().map_err(ApiError::malformed)?;
        self.change(|contents| {
            let event = contents.events.get(&spec.event).ok_or_else(|| no_event(&spec.event))?;
            if event.ended {
                return Err(ApiError::conflict("ended", format!("event {:?} was ended", spec.event)));
            }
            if contents.items.contains_key(&spec.id) {
                let message = format!("there is an item {:?}: restock it, or choose another id", spec.id);
                return Err(ApiError::conflict("exists", message));
            }
            contents.items.insert(spec.id.clone(), spec);
            Ok(())
        })
        .await
    }

    /// Adds units. With an id, a second request of that id adds nothing. Returns what is left.
    pub(crate) async fn restock(
        &self,
        id: &str,
        units: u64,
        request_id: Option<String>,
    ) -> Result<u64, ApiError> {
        let left = || self.gate.item(id).map(|item| item.left).ok_or_else(|| no_item(id));
        left()?;
        if let Some(nodes) = &self.nodes {
            let name = request_id.ok_or_else(|| {
                ApiError::malformed(
                    "a restock on Redis needs a request_id, so that it can be repeated safely",
                )
            })?;
            return nodes.restock(id, &name, units).await;
        }
        self.change(|contents| {
            if let Some(request_id) = request_id
                && !contents.restocks.insert(request_id)
            {
                return Ok(());
            }
            let item = contents.items.get_mut(id).ok_or_else(|| no_item(id))?;
            item.stock = item.stock.saturating_add(units);
            item.check().map_err(ApiError::malformed)
        })
        .await?;
        left()
    }

    /// Changes the lists that requests make, besides those in files. Returns their lengths.
    pub(crate) async fn change_lists(
        &self,
        change: impl FnOnce(&mut Contents),
    ) -> Result<(usize, usize), ApiError> {
        let mut lengths = (0, 0);
        self.change(|contents| {
            change(contents);
            lengths = (contents.blocked.len(), contents.early.len());
            Ok(())
        })
        .await?;
        self.apply_lists().await;
        Ok(lengths)
    }

    /// Changes the contents of the catalogue, stores them, and lets the gate follow.
    async fn change(
        &self,
        change: impl FnOnce(&mut Contents) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        if self.nodes.is_some() {
            // What others have changed comes first. Who is between this and our change makes it fail.
            self.follow().await.map_err(|error| {
                eprintln!("{error:#}");
                ApiError::internal("the catalogue cannot be read")
            })?;
        }
        let mut catalogue = self.catalogue.lock().await;
        let before = catalogue.now.clone();
        let mut new = before.clone();
        change(&mut new)?;
        save(&mut catalogue, new).await?;
        let applied = self.apply(&before, &catalogue.now).await;
        if applied.is_err() {
            // The gate is full, above all. A restart would not come further.
            save(&mut catalogue, before).await?;
        }
        applied
    }

    /// Lets the gate follow everything that is stored.
    pub(crate) async fn follow_all(&self) -> Result<(), ApiError> {
        let catalogue = self.catalogue.lock().await;
        self.apply(&Contents::default(), &catalogue.now).await
    }

    /// Lets the gate follow what other nodes have changed.
    pub(crate) async fn follow(&self) -> Result<()> {
        let mut catalogue = self.catalogue.lock().await;
        let before = catalogue.now.clone();
        if !catalogue.refresh().await? {
            return Ok(());
        }
        let applied = self.apply(&before, &catalogue.now).await;
        drop(catalogue);
        self.apply_lists().await;
        applied.map_err(|error| anyhow::anyhow!("{error}"))
    }

    async fn apply(&self, before: &Contents, after: &Contents) -> Result<(), ApiError> {
        for (id, StoredEvent { spec, ended }) in &after.events {
            match before.events.get(id) {
                None if !ended => self.gate.add_event(Event::new(&**id).window(window_of(spec)))?,
                Some(old) if *ended && !old.ended => {
                    self.gate.end_event(id)?;
                    self.end_leases(id, after).await;
                }
                Some(old) if !ended && window_of(&old.spec) != window_of(spec) => {
                    self.gate.set_window(id, window_of(spec))?;
                }
                _ => {}
            }
        }
        for item in after.live_items() {
            match before.items.get(&item.id) {
                None => self.gate.add_item(self.item_of(item).await?)?,
                Some(old) if item.stock > old.stock => {
                    self.gate.restock(&item.id, item.stock - old.stock)?;
                }
                Some(_) => {}
            }
        }
        if let Ok(mut titles) = self.titles.write() {
            *titles = after.live_items().map(|item| (item.id.clone(), item.title.clone())).collect();
        }
        Ok(())
    }

    async fn end_leases(&self, event: &str, contents: &Contents) {
        let Some(nodes) = &self.nodes else { return };
        for item in contents.items.values().filter(|item| item.event == event) {
            nodes.end(&item.id).await;
        }
    }
}

async fn save(catalogue: &mut MutexGuard<'_, Catalogue>, contents: Contents) -> Result<(), ApiError> {
    match catalogue.save(contents).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(ApiError::conflict("changed", "another node has changed the catalogue: try again")),
        Err(error) => {
            eprintln!("{error:#}");
            Err(ApiError::internal("the catalogue cannot be stored"))
        }
    }
}

fn window_of(spec: &EventSpec) -> Window {
    let window = Window::new(spec.starts.time(), spec.ends.time());
    spec.early.map_or(window, |early| window.early(early.time()))
}

fn no_event(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no event {id:?}"))
}

fn no_item(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no item {id:?}"))
}
