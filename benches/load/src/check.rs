//! Compares what clients were told with the books of the service.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::{Answer, Client, Outcome};

/// How long the service may take until the outcome of every order is known.
const LONGEST_SETTLING: Duration = Duration::from_secs(60);

/// The orders that are read at once.
const PAGE: usize = 10_000;

/// An order in the books.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    /// Its id.
    pub order: String,
    /// Who bought.
    pub user: String,
    /// What.
    pub item: String,
    /// How many units.
    pub quantity: u32,
    /// What became of it.
    pub state: String,
}

impl Order {
    /// Whether it holds units of the stock.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "accepted" | "fulfilled")
    }
}

/// Buys what is left of the items that somebody was told are sold out: what was cancelled or expired meanwhile. Then
/// compares everything. Returns what is wrong, in words.
///
/// # Errors
///
/// If the service does not answer.
pub async fn check(client: &Client, outcome: &Outcome) -> Result<Vec<String>> {
    let mut problems = outcome.seen.problems();
    settled(client).await?;
    // Units of a node that died are back when its lease is over.
    let begin = Instant::now();
    for round in 0.. {
        buy_the_rest(client, outcome, round).await?;
        settled(client).await?;
        let books = client.administrate("GET", "/admin/books", &Value::Null).await?;
        if stock_is_gone(outcome, &books) || client.nodes() == 1 || begin.elapsed() > LONGEST_SETTLING {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let orders = orders(client).await?;
    let books = client.administrate("GET", "/admin/books", &Value::Null).await?;
    problems.extend(accepted(client, outcome, &orders));
    problems.extend(limits(client, outcome, &orders));
    problems.extend(stock(outcome, &orders, &books)?);
    for difference in books["differences"].as_array().context("the books name no differences")? {
        problems.push(format!("the books: {difference}"));
    }
    Ok(problems)
}

/// Waits until nothing is in flight.
async fn settled(client: &Client) -> Result<()> {
    let begin = Instant::now();
    loop {
        let stats = client.ask_each("/admin/stats").await;
        ensure!(!stats.is_empty(), "no node answers");
        let in_flight: Option<u64> = stats.iter().map(|stats| stats["in_flight"].as_u64()).sum();
        let in_flight = in_flight.context("a node does not say what is in flight")?;
        if in_flight == 0 {
            return Ok(());
        }
        if begin.elapsed() > LONGEST_SETTLING {
            bail!("{in_flight} orders are in flight after {} s", LONGEST_SETTLING.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn sold_out(outcome: &Outcome) -> impl Iterator<Item = String> + '_ {
    let items = 0..outcome.sale.shape().items;
    items.filter(|&item| outcome.seen.is_sold_out(item)).map(|item| outcome.sale.item(item))
}

async fn buy_the_rest(client: &Client, outcome: &Outcome, round: usize) -> Result<()> {
    for item in sold_out(outcome) {
        // Sold out is what one node sees: another may have the last units.
        for node in 0..client.nodes() {
            buy_at(client, outcome, &item, node, round).await?;
        }
    }
    Ok(())
}

async fn buy_at(client: &Client, outcome: &Outcome, item: &str, node: usize, round: usize) -> Result<()> {
    let mut link = client.link(node);
    for (number, user) in outcome.sale.spare().enumerate() {
        let request = client.buy(user, item, 1, &format!("rest-{item}-{number}-{node}-{round}"));
        let mut failures = 0;
        let answer: Answer = loop {
            let answer: Answer = match link.ask(&request).await {
                Ok(reply) => reply.json()?,
                // That node died: the link goes on to the next one.
                Err(_) if failures < client.nodes() => {
                    failures += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match answer.error.as_deref() {
                Some("too_fast" | "overloaded") => {
                    let wait = Duration::from_millis(answer.retry_after_ms.unwrap_or(10).min(1_000));
                    tokio::time::sleep(wait).await;
                }
                _ => break answer,
            }
        };
        match answer {
            Answer { order: Some(_), .. } => {}
            // In an earlier round, on another node.
            Answer { error: Some(error), .. } if error == "limit_reached" => {}
            Answer { error: Some(error), .. } if error == "sold_out" => break,
            other => bail!("what is left of {item} cannot be bought: {other:?}"),
        }
    }
    Ok(())
}

/// Whether nothing is left of what somebody was told is sold out.
fn stock_is_gone(outcome: &Outcome, books: &Value) -> bool {
    let items = books["items"].as_array();
    let left = |item: &String| {
        items.and_then(|items| items.iter().find(|line| line["item"] == item.as_str())?["left"].as_u64())
    };
    sold_out(outcome).all(|item| left(&item) == Some(0))
}

/// All orders in the books.
///
/// # Errors
///
/// If the service does not answer.
pub async fn orders(client: &Client) -> Result<HashMap<String, Order>> {
    #[derive(Deserialize)]
    struct Page {
        orders: Vec<Order>,
        next: Option<String>,
    }
    let mut all = HashMap::new();
    let mut after = Some(String::new());
    while let Some(from) = after {
        let path = format!("/admin/orders?after={from}&limit={PAGE}");
        let page: Page = serde_json::from_value(client.administrate("GET", &path, &Value::Null).await?)?;
        all.extend(page.orders.into_iter().map(|order| (order.order.clone(), order)));
        after = page.next;
    }
    Ok(all)
}

/// Every order that a client was told of is in the books.
fn accepted<'a>(
    client: &'a Client,
    outcome: &Outcome,
    orders: &'a HashMap<String, Order>,
) -> impl Iterator<Item = String> + use<'a> {
    outcome.seen.orders().into_iter().filter_map(|(id, told)| {
        let Some(order) = orders.get(&id) else {
            return Some(format!("order {id} was accepted and is lost: {told:?}"));
        };
        let same = order.user == client.name(told.user)
            && (&order.item, order.quantity) == (&told.item, told.quantity);
        let right = match told.cancelled {
            None | Some(Some(false)) => order.is_live(),
            Some(Some(true)) => order.state == "cancelled",
            Some(None) => order.is_live() || order.state == "cancelled",
        };
        (!same || !right).then(|| format!("the client was told {told:?}, and the books say {order:?}"))
    })
}

/// Nobody has more than the limit, nor more than he was told or may have bought when he hung up.
fn limits(client: &Client, outcome: &Outcome, orders: &HashMap<String, Order>) -> Vec<String> {
    let shape = outcome.sale.shape();
    let mut problems = Vec::new();
    let mut units: HashMap<(&str, &str), u32> = HashMap::new();
    let mut untold: HashMap<(&str, &str), u32> = HashMap::new();
    let told = outcome.seen.orders();
    for order in orders.values() {
        let key = (order.user.as_str(), order.item.as_str());
        if order.is_live() {
            *units.entry(key).or_default() += order.quantity;
        }
        if !told.contains_key(&order.order) {
            *untold.entry(key).or_default() += 1;
        }
    }
    for ((user, item), units) in units {
        if outcome.sale.items().any(|ours| ours == item) && units > shape.limit {
            problems.push(format!("{user} has {units} of {item}: {} are allowed", shape.limit));
        }
    }
    for user in 0..shape.users {
        for item in outcome.sale.items() {
            let extra = untold.get(&(client.name(user), item.as_str())).copied().unwrap_or(0);
            let may = outcome.seen.may_have(user, &item);
            if extra > may {
                let user = client.name(user);
                problems.push(format!(
                    "{user} has {extra} orders of {item} that nobody was told of: {may} are possible"
                ));
            }
        }
    }
    problems
}

/// What was sold and what is left are what there was. What somebody was told is sold out has nothing left.
fn stock(outcome: &Outcome, orders: &HashMap<String, Order>, books: &Value) -> Result<Vec<String>> {
    let stock = outcome.sale.shape().stock;
    let items = books["items"].as_array().context("the books name no items")?;
    let mut problems = Vec::new();
    for item in outcome.sale.items() {
        let line = items.iter().find(|line| line["item"] == item.as_str());
        let left =
            line.and_then(|line| line["left"].as_u64()).with_context(|| format!("the books miss {item}"))?;
        let live = orders.values().filter(|order| order.item == item && order.is_live());
        let sold: u64 = live.map(|order| u64::from(order.quantity)).sum();
        if sold + left != stock {
            problems.push(format!("of {stock} {item}, {sold} are sold and {left} are left"));
        } else if left > 0 && sold_out(outcome).any(|gone| gone == item) {
            problems.push(format!("{left} of {item} are left after the sale was sold out"));
        }
    }
    Ok(problems)
}
