//! The HTTP side.

mod admin;
mod buyer;
mod extract;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::App;
use crate::error::ApiError;
use crate::page;
use crate::prometheus::Exporter;

/// Who is at the other end of the connection. Behind a proxy, that is the proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

type Shared = axum::extract::State<Arc<App>>;
type Reply = Result<Response, ApiError>;

pub(crate) fn router(app: &Arc<App>) -> Router {
    let exporter = Arc::new(Exporter::new());
    Router::new()
        .route("/buy", post(buyer::buy))
        .route("/cancel", post(buyer::cancel))
        .route("/orders/{id}", get(buyer::order))
        .route("/events", get(buyer::events))
        .route("/health", get(async || "alive\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(async move |shared: Shared| metrics(&shared.0, &exporter)))
        // What a request costs that nothing is done for: the measure of a refusal.
        .route("/empty", post(async || StatusCode::NO_CONTENT))
        .route("/admin", get(page::html))
        .route("/admin/app.js", get(page::script))
        .route("/admin/style.css", get(page::style))
        .route("/admin/stats", get(admin::stats))
        .route("/admin/books", get(admin::books))
        .route("/admin/mend", post(admin::mend))
        .route("/admin/orders", get(admin::orders))
        .route("/admin/orders/{id}/reject", post(admin::reject))
        .route("/admin/orders/{id}/revive", post(admin::revive))
        .route("/admin/events", post(admin::add_event))
        .route("/admin/events/{id}/end", post(admin::end_event))
        .route("/admin/items", post(admin::add_item))
        .route("/admin/restock", post(admin::restock))
        .route("/admin/lists", post(admin::lists))
        .fallback(async || ApiError::not_found("there is no such page"))
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this page has no such method",
            )
        })
        .with_state(Arc::clone(app))
}

/// Whether requests should be sent here: not before everything is loaded, and not when it is about to stop.
async fn ready(axum::extract::State(app): Shared) -> Response {
    if app.gate.is_ready() && !app.is_stopping() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
}

fn metrics(app: &App, exporter: &Exporter) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], exporter.render(app))
}
