//! What users may ask.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::extract::{self, Caller};
use super::{Peer, Reply, Shared};
use crate::app::App;
use crate::error::ApiError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Purchase<'a> {
    #[serde(borrow)]
    item: Cow<'a, str>,
    #[serde(default = "one")]
    quantity: u32,
    #[serde(borrow, default)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    event: Option<Cow<'a, str>>,
}

fn one() -> u32 {
    1
}

/// Buys. 202 means that the order is in the books; with the state `unknown`, that it may be.
pub(super) async fn buy(State(app): Shared, request: Request) -> Response {
    let begin = Instant::now();
    let reply = purchase(&app, request).await;
    let response = reply.into_response();
    app.latency.record(begin.elapsed());
    response
}

async fn purchase(app: &Arc<App>, request: Request) -> Reply {
    let peer = request.extensions().get::<Peer>().copied();
    let user = extract::caller(request.headers(), app)?;
    let body = extract::body(request, app, app.config.limits.body).await?;
    let purchase: Purchase<'_> = extract::parse(&body)?;
    let mut request = cache_gate::Request::new(user.name(), &purchase.item, purchase.quantity);
    if let Some(Peer(address)) = peer {
        request = request.address(address);
    }
    if let Some(id) = &purchase.request_id {
        request = request.id(id);
    }
    if let Some(event) = &purchase.event {
        request = request.event(event);
    }
    let placed = app.buy(&request).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "order": placed.id, "state": placed.state }))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancellation<'a> {
    #[serde(borrow)]
    order: Cow<'a, str>,
}

/// Cancels an order. The same again changes nothing, and has the same answer.
pub(super) async fn cancel(State(app): Shared, Caller(user): Caller, request: Request) -> Reply {
    let body = extract::body(request, &app, app.config.limits.body).await?;
    let cancellation: Cancellation<'_> = extract::parse(&body)?;
    let order = app.cancel(user.name(), &cancellation.order).await?;
    Ok(Json(json!({ "order": order, "state": "cancelled" })).into_response())
}

/// What became of an order.
pub(super) async fn order(
    State(app): Shared,
    Caller(user): Caller,
    id: Result<Path<String>, PathRejection>,
) -> Reply {
    let Path(id) = id.map_err(|_| ApiError::not_found("you have no such order"))?;
    let sold = app.order(user.name(), &id).await?;
    Ok(Json(json!({
        "order": sold.id,
        "item": sold.item,
        "quantity": sold.units,
        "state": sold.state.as_str(),
    }))
    .into_response())
}

/// What is on sale. A second old at most.
pub(super) async fn events(State(app): Shared) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], app.public()).into_response()
}
