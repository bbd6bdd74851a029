//! What is read from a request: who sent it, and what it says.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use cache_gate::token::User;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;

use crate::app::App;
use crate::error::ApiError;

/// A user whose token is right.
pub(super) struct Caller(pub(super) User);

/// An administrator whose token is right.
pub(super) struct Administrator;

/// The body of an administrator's request. It is read after the token was found right.
pub(super) struct AdminBody(pub(super) Bytes);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        caller(&parts.headers, app).map(Self)
    }
}

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        app.keys.verify_administrator(token(&parts.headers)?)?;
        Ok(Self)
    }
}

impl FromRequest<Arc<App>> for AdminBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        body(request, app, app.config.limits.admin_body).await.map(Self)
    }
}

pub(super) fn caller(headers: &HeaderMap, app: &App) -> Result<User, ApiError> {
    Ok(app.keys.verify_user(token(headers)?)?)
}

fn token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(|| {
        let message = "a token is needed, in a header such as `authorization: Bearer TOKEN`";
        ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    })
}

/// Reads a body of JSON, up to so many bytes and for so long.
pub(super) async fn body(request: Request, app: &App, most: usize) -> Result<Bytes, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    if !kind.is_some_and(|kind| kind.starts_with(b"application/json")) {
        let message = "the content-type must be application/json";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "malformed", message));
    }
    let too_large = || {
        let message = format!("the body is too large: at most {most} bytes are allowed");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "malformed", message)
    };
    let reading = Limited::new(request.into_body(), most).collect();
    match tokio::time::timeout(app.config.limits.request(), reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error))
            if error.is::<LengthLimitError>()
                || error.source().is_some_and(|source| source.is::<LengthLimitError>()) =>
        {
            Err(too_large())
        }
        Ok(Err(_)) => Err(ApiError::new(StatusCode::BAD_REQUEST, "malformed", "the body cannot be read")),
        Err(_) => {
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not arrive in time"))
        }
    }
}

/// Reads JSON. Its strings stay where they are.
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let status = if error.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        ApiError::new(status, "malformed", error.to_string())
    })
}
