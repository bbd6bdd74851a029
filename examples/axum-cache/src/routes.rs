//! The HTTP side.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use hotcache::policy::Clock;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Config;
use crate::database::ItemId;
use crate::error::ApiError;
use crate::metrics;
use crate::service::{Service, unknown};

/// The most bytes of a request's body.
const LARGEST_BODY: usize = 1024;

/// The most pieces in one purchase.
const MOST_PIECES: i64 = 10;

type Shared = State<Arc<Service>>;
type Reply = Result<Json<Value>, ApiError>;

/// The service as a router. It asks for the address of each client: serve it with
/// [`into_make_service_with_connect_info`](Router::into_make_service_with_connect_info).
///
/// # Errors
///
/// If the database cannot be opened, or has no table `items` with the columns that are needed.
pub fn app(config: &Config, clock: impl Clock + Clone) -> Result<Router, rusqlite::Error> {
    let service = Arc::new(Service::new(config, clock)?);
    Ok(Router::new()
        .route("/events/{event}/items/{item}", get(item))
        .route("/events/{event}/items/{item}/buy", post(buy))
        .route("/events/{event}/items/{item}/price", put(set_price))
        .route("/events/{event}/cache", delete(invalidate))
        // Only what is above is limited.
        .route_layer(from_fn_with_state(Arc::clone(&service), limit))
        .route("/metrics", get(metrics))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "no such page"))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this page has no such method")
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(service))
}

async fn limit(
    State(service): Shared,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    service.admit(peer.ip())?;
    Ok(next.run(request).await)
}

async fn item(State(service): Shared, path: Result<Path<ItemId>, PathRejection>) -> Reply {
    let Path(id) = path?;
    let found = service.item(id).await?;
    let item = found.as_ref().ok_or_else(|| unknown(id))?;
    Ok(Json(json!({
        "event": id.event,
        "item": id.item,
        "title": item.title,
        "price_cents": item.price_cents,
        "left": service.left(id, item),
        "version": item.version,
    })))
}

#[derive(Deserialize)]
struct Purchase {
    pieces: i64,
}

async fn buy(
    State(service): Shared,
    path: Result<Path<ItemId>, PathRejection>,
    body: Result<Json<Purchase>, JsonRejection>,
) -> Reply {
    let (Path(id), Json(Purchase { pieces })) = (path?, body?);
    if !(1..=MOST_PIECES).contains(&pieces) {
        return Err(bad(format!("pieces is {pieces}: 1 to {MOST_PIECES} are allowed")));
    }
    let left = to_the_end(async move { service.buy(id, pieces).await }).await?;
    Ok(Json(json!({ "bought": pieces, "left": left })))
}

#[derive(Deserialize)]
struct Price {
    price_cents: i64,
    version: i64,
}

async fn set_price(
    State(service): Shared,
    path: Result<Path<ItemId>, PathRejection>,
    body: Result<Json<Price>, JsonRejection>,
) -> Reply {
    let (Path(id), Json(Price { price_cents, version })) = (path?, body?);
    if price_cents < 0 {
        return Err(bad(format!("price_cents is {price_cents}: at least 0 is needed")));
    }
    let version = to_the_end(async move { service.set_price(id, price_cents, version).await }).await?;
    Ok(Json(json!({ "price_cents": price_cents, "version": version })))
}

async fn invalidate(
    State(service): Shared,
    event: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(event) = event?;
    service.invalidate(event);
    Ok(StatusCode::NO_CONTENT)
}

async fn metrics(State(service): Shared) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics::render(&service))
}

/// Does a change to its end even if the client hangs up, which drops the handler's future: half a change would take pieces
/// out of the count that nobody bought.
async fn to_the_end<T: Send + 'static>(change: impl Future<Output = T> + Send + 'static) -> T {
    tokio::spawn(change).await.expect("a change does not panic, and nobody aborts it")
}

fn bad(message: String) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message)
}
