//! The layer under axum, with real requests.
#![cfg(feature = "tower")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State as Shared};
use axum::http::{Request as HttpRequest, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use cache_gate::tower::{Admitted, GateLayer, Refused, extract_fn};
use cache_gate::{Admission, Challenge, Event, Gate, Item, Reason, Request, State, Window};
use cache_rwlock::RwLockBackend;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

type TheGate = Gate<RwLockBackend>;

/// Users whose challenge is solved.
#[derive(Clone, Default)]
struct Solved(Arc<Mutex<HashSet<String>>>);

impl Challenge for Solved {
    fn passed(&self, request: &Request<'_>) -> bool {
        self.0.lock().unwrap().contains(request.user)
    }
}

/// What the handler does, and how often it was called.
#[derive(Clone)]
struct Handler {
    calls: Arc<AtomicUsize>,
    /// A request needs a permit.
    open: Arc<Semaphore>,
}

async fn buy(
    Shared(handler): Shared<Handler>,
    Extension(admitted): Extension<Admitted<RwLockBackend>>,
) -> Response {
    handler.calls.fetch_add(1, Relaxed);
    match admitted.take() {
        Some(Admission::Held(reservation)) => {
            if reservation.user() == "forgetful" {
                return (StatusCode::IM_A_TEAPOT, "given back").into_response();
            }
            handler.open.acquire().await.unwrap().forget();
            let ticket = reservation.commit().unwrap();
            (StatusCode::ACCEPTED, ticket.to_string()).into_response()
        }
        Some(Admission::Repeated(ticket, state)) => {
            (StatusCode::OK, format!("{ticket} {state}")).into_response()
        }
        None => unreachable!("nobody has taken it"),
    }
}

/// Takes nothing out of the request.
async fn ignore() -> &'static str {
    "ignored"
}

fn respond(refused: Refused<&'static str>) -> Response {
    match refused {
        Refused::Unidentified(why) => (StatusCode::UNAUTHORIZED, why).into_response(),
        Refused::Challenge => (StatusCode::FORBIDDEN, "solve this first").into_response(),
        Refused::Rejected(rejection) => {
            let status = match rejection.reason() {
                Reason::SoldOut => StatusCode::GONE,
                Reason::Malformed => StatusCode::BAD_REQUEST,
                Reason::UnknownItem => StatusCode::NOT_FOUND,
                Reason::Blocked => StatusCode::FORBIDDEN,
                Reason::LimitReached => StatusCode::CONFLICT,
                _ => StatusCode::TOO_MANY_REQUESTS,
            };
            (status, rejection.to_string()).into_response()
        }
    }
}

struct Server {
    address: SocketAddr,
    gate: TheGate,
    handler: Handler,
    solved: Option<Solved>,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Server {
    async fn start(units: u64, solved: Option<Solved>) -> Self {
        let gate: TheGate = Gate::builder().build();
        gate.add_event(Event::new("sale").window(Window::always())).unwrap();
        gate.add_item(Item::new("sku", "sale", units).limit(1)).unwrap();
        gate.set_ready(true);
        let extract = extract_fn(|request: &HttpRequest<Body>| {
            let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
            let user = header("x-user").ok_or("who are you?")?;
            let item = request.uri().path().rsplit('/').next().unwrap_or_default();
            let units = header("x-units").map_or(Ok(1), str::parse).map_err(|_| "how many?")?;
            let asked = Request::new(user, item, units);
            Ok::<_, &str>(match header("x-request-id") {
                Some(id) => asked.id(id),
                None => asked,
            })
        });
        let handler =
            Handler { calls: Arc::default(), open: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) };
        let routes = Router::new().route("/buy/{item}", post(buy)).route("/ignore/{item}", post(ignore));
        let layer = GateLayer::new(gate.clone(), extract, respond);
        assert!(format!("{layer:?}").starts_with("GateLayer"));
        let app = match solved.clone() {
            Some(solved) => routes.layer(layer.challenge(solved)),
            None => routes.layer(layer),
        };
        let app = app.with_state(handler.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the test's runtime.
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, gate, handler, solved, client }
    }

    fn send(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> impl Future<Output = (u16, String)> + Send + use<> {
        let mut request = HttpRequest::post(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.request(request.body(Empty::new()).unwrap());
        async move {
            let response = timeout(PATIENCE, response).await.unwrap().unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, String::from_utf8(body.to_vec()).unwrap())
        }
    }

    async fn buy(&self, user: &str) -> (u16, String) {
        self.send("/buy/sku", &[("x-user", user)]).await
    }

    fn left(&self) -> u64 {
        self.gate.item("sku").unwrap().left
    }

    fn calls(&self) -> usize {
        self.handler.calls.load(Relaxed)
    }
}

#[tokio::test]
async fn each_refusal_has_its_response_and_the_service_is_not_called() {
    let server = Server::start(1, None).await;
    server.gate.block("bot");
    let answers = [
        (server.send("/buy/sku", &[]).await, 401, "who are you?"),
        (server.send("/buy/sku", &[("x-user", "ann"), ("x-units", "-1")]).await, 401, "how many?"),
        (
            server.send("/buy/sku", &[("x-user", "ann"), ("x-units", "0")]).await,
            400,
            "the quantity is invalid",
        ),
        (server.send("/buy/other", &[("x-user", "ann")]).await, 404, "there is no such item"),
        (server.buy("bot").await, 403, "the user is blocked"),
    ];
    for ((status, text), expected, start) in answers {
        assert!(status == expected && text.starts_with(start), "{status} {text}, not {expected} {start}");
    }
    assert_eq!((server.calls(), server.left()), (0, 1));

    let (status, ticket) = server.buy("ann").await;
    assert_eq!((status, server.calls(), server.left()), (202, 1, 0));
    assert_eq!(server.gate.state(ticket.parse().unwrap()), Some(State::Committed));
    assert_eq!(server.buy("bob").await, (410, "sold out".to_owned()));
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn a_reservation_that_the_service_does_not_use_is_given_back() {
    let server = Server::start(1, None).await;
    assert_eq!(server.send("/ignore/sku", &[("x-user", "ann")]).await, (200, "ignored".to_owned()));
    assert_eq!(server.left(), 1);
    assert_eq!(server.buy("forgetful").await.0, 418);
    assert_eq!(server.left(), 1);
    // No such route: the layer is before it, and gives back as well.
    assert_eq!(server.send("/nowhere/sku", &[("x-user", "ann")]).await.0, 404);
    assert_eq!(server.left(), 1);
    assert_eq!(server.buy("ann").await.0, 202);
}

#[tokio::test]
async fn a_client_that_hangs_up_gives_back() {
    let server = Server::start(1, None).await;
    server.handler.open.forget_permits(Semaphore::MAX_PERMITS);
    let waiting = tokio::spawn(server.send("/buy/sku", &[("x-user", "ann")]));
    let until = async |left: u64| {
        let wait = async {
            while server.left() != left {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap();
    };
    until(0).await;
    waiting.abort();
    until(1).await;
}

#[tokio::test]
async fn a_retry_reaches_the_service_as_a_retry() {
    let server = Server::start(2, None).await;
    let request = [("x-user", "ann"), ("x-request-id", "r1")];
    let (status, ticket) = server.send("/buy/sku", &request).await;
    assert_eq!(status, 202);
    assert_eq!(server.send("/buy/sku", &request).await, (200, format!("{ticket} committed")));
    assert_eq!(server.left(), 1);
}

#[tokio::test]
async fn a_challenge_is_asked_for_after_the_checks_and_before_a_reservation() {
    let server = Server::start(1, Some(Solved::default())).await;
    assert_eq!(server.buy("ann").await, (403, "solve this first".to_owned()));
    assert_eq!((server.left(), server.calls()), (1, 0));
    server.solved.as_ref().unwrap().0.lock().unwrap().insert("ann".to_owned());
    assert_eq!(server.buy("ann").await.0, 202);
    // The first who finds nothing has solved it in vain. After that, nobody solves a puzzle for what is sold out.
    server.solved.as_ref().unwrap().0.lock().unwrap().insert("eve".to_owned());
    assert_eq!(server.buy("eve").await, (410, "sold out".to_owned()));
    assert_eq!(server.buy("bob").await, (410, "sold out".to_owned()));
}

#[tokio::test]
async fn a_retry_needs_no_challenge_and_is_told_its_order() {
    let server = Server::start(1, Some(Solved::default())).await;
    let solved = |user: &str| server.solved.as_ref().unwrap().0.lock().unwrap().insert(user.to_owned());
    solved("ann");
    let request = [("x-user", "ann"), ("x-request-id", "r1")];
    let (status, ticket) = server.send("/buy/sku", &request).await;
    assert_eq!(status, 202);
    solved("eve");
    assert_eq!(server.buy("eve").await, (410, "sold out".to_owned()));
    // Everybody else is refused, and what was solved counts once.
    server.solved.as_ref().unwrap().0.lock().unwrap().clear();
    assert_eq!(server.send("/buy/sku", &request).await, (200, format!("{ticket} committed")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_buys_all_and_not_one_more() {
    const UNITS: u64 = 50;
    let server = Server::start(UNITS, None).await;
    let mut crowd = JoinSet::new();
    for number in 0..600 {
        // Everybody twice.
        let user = format!("user {}", number % 300);
        crowd.spawn(server.send("/buy/sku", &[("x-user", &user)]));
    }
    let answers = crowd.join_all().await;
    let sold: HashSet<&String> =
        answers.iter().filter(|answer| answer.0 == 202).map(|answer| &answer.1).collect();
    assert_eq!(sold.len() as u64, UNITS);
    assert!(answers.iter().all(|answer| [202, 409, 410].contains(&answer.0)), "{answers:?}");
    assert_eq!((server.left(), server.calls() as u64), (0, UNITS));
}
