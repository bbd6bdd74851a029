use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cache_gate::handoff::Refusal;
use cache_gate::handoff::sqlite::JournalError;
use cache_gate::token::TokenError;
use cache_gate::{ConfigError, Rejection};
use cache_redis::lease::StockError;
use serde::Serialize;

/// Why a request was not served: a status and `{"error": …, "message": …}`, with what the client needs to know.
#[derive(Debug, Serialize)]
pub(crate) struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    /// One word for programs.
    error: &'static str,
    /// One sentence for people.
    message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_in_ms: Option<u64>,
    /// Units that the user may still have, or that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        error: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, error, message: message.into(), retry_after_ms: None, starts_in_ms: None, left: None }
    }

    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after_ms = Some(millis(wait));
        self
    }

    /// The request is not as it should be.
    pub(crate) fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", message)
    }

    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn conflict(error: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, error, message)
    }

    pub(crate) fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// The order's outcome, or whether it was cancelled, is not known yet.
    pub(crate) fn unsettled() -> Self {
        Self::conflict("unsettled", "the order is being written: try again")
            .retry_after(Duration::from_millis(100))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // A struct of words and numbers can always be written.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let json = HeaderValue::from_static("application/json");
        let mut response = (self.status, [(header::CONTENT_TYPE, json)], body).into_response();
        if let Some(wait) = self.retry_after_ms {
            // The header has whole seconds. Rounded down, a client would come back too early.
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.div_ceil(1_000)));
        }
        response
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let status = match rejection {
            Rejection::Malformed(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Rejection::Blocked => StatusCode::FORBIDDEN,
            Rejection::UnknownItem | Rejection::UnknownEvent => StatusCode::NOT_FOUND,
            Rejection::NotStarted { .. } => StatusCode::TOO_EARLY,
            Rejection::Ended => StatusCode::GONE,
            Rejection::TooFast { .. } => StatusCode::TOO_MANY_REQUESTS,
            Rejection::LimitReached { .. } | Rejection::SoldOut { .. } => StatusCode::CONFLICT,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let message = match rejection {
            // The two that come most often have no need of a new text.
            Rejection::Blocked => Cow::Borrowed("the user is blocked"),
            Rejection::SoldOut { left: 0 } => Cow::Borrowed("sold out"),
            other => other.to_string().into(),
        };
        let mut error = Self::new(status, rejection.reason().name(), message);
        match rejection {
            Rejection::NotStarted { starts_in } => error.starts_in_ms = Some(millis(starts_in)),
            Rejection::LimitReached { left, .. } => error.left = Some(left.into()),
            Rejection::SoldOut { left } => error.left = Some(left),
            _ => error.retry_after_ms = rejection.retry_after().map(millis),
        }
        error
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", error.to_string())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.message)
    }
}

impl From<ConfigError> for ApiError {
    fn from(error: ConfigError) -> Self {
        Self::conflict("conflict", error.to_string())
    }
}

impl From<StockError> for ApiError {
    fn from(error: StockError) -> Self {
        match error {
            StockError::TooLarge { .. } | StockError::Setting { .. } => Self::malformed(error.to_string()),
            StockError::UnknownOrder => Self::not_found("there is no such order"),
            error => unanswered(&error),
        }
    }
}

impl From<cache_redis::Error> for ApiError {
    fn from(error: cache_redis::Error) -> Self {
        unanswered(&error)
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        unanswered(&error)
    }
}

fn unanswered(error: &dyn fmt::Display) -> ApiError {
    // What went wrong is for the operator.
    eprintln!("the books: {error}");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "the books do not answer: try again")
        .retry_after(Duration::from_secs(1))
}

/// What the books said of an order that they refused, after the gate had admitted it.
pub(crate) fn refused(why: Refusal, retry_after: Option<Duration>) -> ApiError {
    let is_temporary = retry_after.is_some();
    let retry_after = retry_after.unwrap_or(Duration::from_millis(500));
    let (status, error) = match why {
        Refusal::OverLimit => (StatusCode::CONFLICT, "limit_reached"),
        Refusal::Closed => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
        Refusal::Full | Refusal::Unavailable | Refusal::Expired => {
            (StatusCode::SERVICE_UNAVAILABLE, "overloaded")
        }
        // Another node is at the same request, above all.
        _ if is_temporary => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        // Ids are tickets, and no stock is a lease: this is a mistake of ours.
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    };
    let error = ApiError::new(status, error, why.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE { error.retry_after(retry_after) } else { error }
}

fn millis(time: Duration) -> u64 {
    // Rounded up, for the reason above.
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let wait = Duration::from_micros(1_500);
        let response = ApiError::from(Rejection::NotReady { retry_after: wait }).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let error = ApiError::from(Rejection::NotStarted { starts_in: wait });
        assert_eq!((error.error, error.starts_in_ms, error.retry_after_ms), ("not_started", Some(2), None));
    }
}
