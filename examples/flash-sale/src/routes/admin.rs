//! What administrators may ask.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use cache_gate::Mend;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{AdminBody, Administrator, parse};
use super::{Reply, Shared};
use crate::app::App;
use crate::error::ApiError;
use crate::specs::{EventSpec, ItemSpec, check_id, check_units};

/// The most orders in one answer.
const MOST_ORDERS: usize = 10_000;

pub(super) async fn stats(State(app): Shared, _: Administrator) -> Reply {
    Ok(Json(app.stats.report(&app)).into_response())
}

/// Compares stock, counts and reservations with the orders. Exact while nothing is under way.
pub(super) async fn books(State(app): Shared, _: Administrator) -> Reply {
    reconcile(&app, Mend::Report).await
}

/// Compares, and lets the gate follow the orders.
pub(super) async fn mend(State(app): Shared, _: Administrator) -> Reply {
    reconcile(&app, Mend::Mend).await
}

async fn reconcile(app: &App, mend: Mend) -> Reply {
    let (orders, differences, mended) = app.books(mend).await?;
    let items = app.gate.items();
    let items = items.iter().map(|item| {
        let shared = app.nodes.as_ref().and_then(|nodes| nodes.seen(&item.id));
        let (total, left, sold) = shared.unwrap_or((item.total, item.left, item.sold));
        json!({ "item": item.id, "total": total, "left": left, "held": item.held, "sold": sold })
    });
    Ok(Json(json!({
        "orders": orders,
        "mended": mended,
        "differences": differences,
        "items": items.collect::<Vec<_>>(),
    }))
    .into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(default)]
    after: String,
    #[serde(default = "many")]
    limit: usize,
}

fn many() -> usize {
    1_000
}

/// The orders that follow a cursor. The answer has the next one, unless these are the last.
pub(super) async fn orders(
    State(app): Shared,
    _: Administrator,
    page: Result<Query<Page>, QueryRejection>,
) -> Reply {
    let Query(page) = page.map_err(|error| ApiError::malformed(error.body_text()))?;
    if !(1..=MOST_ORDERS).contains(&page.limit) {
        let message = format!("a limit of {} is not allowed: 1 to {MOST_ORDERS} is", page.limit);
        return Err(ApiError::malformed(message));
    }
    let (orders, next) = app.desk.books().page(&page.after, page.limit).await?;
    let orders = orders.iter().map(|sold| {
        json!({
            "order": sold.id,
            "user": sold.user,
            "item": sold.item,
            "quantity": sold.units,
            "state": sold.state.as_str(),
            "request_id": sold.request_id,
        })
    });
    Ok(Json(json!({ "orders": orders.collect::<Vec<_>>(), "next": next })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rejection {
    reason: String,
}

/// Ends an order for good that cannot be fulfilled, a dead letter above all. Its units come back.
pub(super) async fn reject(
    State(app): Shared,
    _: Administrator,
    id: Result<Path<String>, PathRejection>,
    AdminBody(body): AdminBody,
) -> Reply {
    let Path(id) = id.map_err(|error| ApiError::malformed(error.body_text()))?;
    let Rejection { reason } = parse(&body)?;
    app.reject(&id, &reason).await?;
    Ok(Json(json!({ "order": id, "state": "failed" })).into_response())
}

/// Lets workers try a dead letter again.
pub(super) async fn revive(
    State(app): Shared,
    _: Administrator,
    id: Result<Path<String>, PathRejection>,
) -> Reply {
    let Path(id) = id.map_err(|error| ApiError::malformed(error.body_text()))?;
    app.revive(&id).await?;
    Ok(Json(json!({ "order": id, "state": "accepted" })).into_response())
}

/// Adds an event, or changes its window and title.
pub(super) async fn add_event(State(app): Shared, _: Administrator, AdminBody(body): AdminBody) -> Reply {
    let spec: EventSpec = parse(&body)?;
    let answer = json!({ "event": spec.id });
    app.add_event(spec).await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Ends an event: its items, counts and request ids are gone at once. Its orders stay.
pub(super) async fn end_event(
    State(app): Shared,
    _: Administrator,
    id: Result<Path<String>, PathRejection>,
) -> Reply {
    let Path(id) = id.map_err(|error| ApiError::malformed(error.body_text()))?;
    app.end_event(&id).await?;
    Ok(Json(json!({ "event": id, "ended": true })).into_response())
}

pub(super) async fn add_item(State(app): Shared, _: Administrator, AdminBody(body): AdminBody) -> Reply {
    let spec: ItemSpec = parse(&body)?;
    let answer = json!({ "item": spec.id });
    app.add_item(spec).await?;
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restock {
    item: String,
    units: u64,
    #[serde(default)]
    request_id: Option<String>,
}

/// Adds units to an item.
pub(super) async fn restock(State(app): Shared, _: Administrator, AdminBody(body): AdminBody) -> Reply {
    let Restock { item, units, request_id } = parse(&body)?;
    check_units(units).map_err(ApiError::malformed)?;
    if let Some(id) = &request_id {
        check_id("request", id).map_err(ApiError::malformed)?;
    }
    let left = app.restock(&item, units, request_id).await?;
    Ok(Json(json!({ "item": item, "left": left })).into_response())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lists {
    block: Vec<String>,
    unblock: Vec<String>,
    allow_early: Vec<String>,
    disallow_early: Vec<String>,
}

/// Changes the lists. Users that a file lists stay there.
pub(super) async fn lists(State(app): Shared, _: Administrator, AdminBody(body): AdminBody) -> Reply {
    let lists: Lists = parse(&body)?;
    let all = [&lists.block, &lists.unblock, &lists.allow_early, &lists.disallow_early];
    for user in all.into_iter().flatten() {
        check_id("user", user).map_err(ApiError::malformed)?;
    }
    let (blocked, early) = app
        .change_lists(|contents| {
            contents.blocked.extend(lists.block);
            contents.early.extend(lists.allow_early);
            lists.unblock.iter().for_each(|user| _ = contents.blocked.remove(user));
            lists.disallow_early.iter().for_each(|user| _ = contents.early.remove(user));
        })
        .await?;
    let answer: Value = json!({ "blocked": blocked, "early": early });
    Ok(Json(answer).into_response())
}
