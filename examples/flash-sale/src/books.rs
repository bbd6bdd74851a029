//! The books: a file of this process, or what several nodes share on Redis.

use std::sync::Arc;

use cache_gate::handoff::sqlite::{CancelAnswer, Journal, JournalError, Record};
use cache_gate::handoff::{HandOff, Order, OrderState, Submitted, Unanswered};
use cache_gate::{Goods, Ticket};

use crate::error::ApiError;
use crate::nodes::Nodes;

/// Where orders are.
#[derive(Clone, Debug)]
pub(crate) enum Books {
    /// In a file beside this process.
    Journal(Journal),
    /// On Redis, for several nodes.
    Nodes(Arc<Nodes>),
}

/// An order, wherever it is.
#[derive(Clone, Debug)]
pub(crate) struct Sold {
    /// What clients call it.
    pub(crate) id: String,
    /// Its reservation, if that is in this process.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) user: String,
    pub(crate) item: String,
    pub(crate) units: u32,
    pub(crate) state: OrderState,
    pub(crate) request_id: Option<String>,
}

impl From<Record> for Sold {
    fn from(Record { order, state, .. }: Record) -> Self {
        Self {
            id: order.id,
            ticket: Some(order.ticket),
            user: order.user,
            item: order.item,
            units: order.units,
            state,
            request_id: order.request_id,
        }
    }
}

impl Books {
    /// What the books call the order of a reservation.
    pub(crate) fn key(&self, ticket: Ticket) -> String {
        match self {
            Self::Journal(_) => ticket.to_string(),
            Self::Nodes(nodes) => nodes.key(ticket),
        }
    }

    /// What clients call it.
    pub(crate) fn id(&self, item: &str, ticket: Ticket) -> String {
        match self {
            Self::Journal(_) => ticket.to_string(),
            Self::Nodes(nodes) => nodes.id(item, &nodes.key(ticket)),
        }
    }

    /// The reservation that an order of this id would be of, if it were of this process.
    pub(crate) fn ticket(&self, id: &str) -> Option<Ticket> {
        match self {
            Self::Journal(_) => id.parse().ok(),
            Self::Nodes(nodes) => nodes.ticket(id),
        }
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Option<Sold>, ApiError> {
        match self {
            // Ids that are written in another way are no ids.
            Self::Journal(journal) if id.parse::<Ticket>().is_ok_and(|ticket| ticket.to_string() == id) => {
                Ok(journal.get(id).await?.map(Sold::from))
            }
            Self::Journal(_) => Ok(None),
            Self::Nodes(nodes) => nodes.get(id).await,
        }
    }

    /// Cancels an order. What it holds in the gate is not touched.
    pub(crate) async fn cancel(&self, id: &str) -> Result<(), ApiError> {
        let journal = match self {
            Self::Journal(journal) => journal,
            Self::Nodes(nodes) => return nodes.cancel(id).await,
        };
        match journal.cancel(id).await? {
            CancelAnswer::Cancelled(_) | CancelAnswer::Before(_) => Ok(()),
            CancelAnswer::InProgress => Err(ApiError::unsettled()),
            CancelAnswer::TooLate(state) => Err(too_late(state)),
            CancelAnswer::Absent => Err(no_order()),
        }
    }

    /// Ends an order that cannot be fulfilled. What it holds in the gate is not touched.
    pub(crate) async fn reject(&self, id: &str, reason: &str) -> Result<(), ApiError> {
        match self {
            Self::Journal(journal) => journal.reject(id, reason).await?.map(drop).ok_or_else(no_order),
            Self::Nodes(nodes) => nodes.reject(id).await,
        }
    }

    /// Up to `limit` orders that follow a cursor, which is empty at first, and the cursor after them unless they are the last.
    pub(crate) async fn page(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<Sold>, Option<String>), ApiError> {
        let journal = match self {
            Self::Journal(journal) => journal,
            Self::Nodes(nodes) => return nodes.page(after, limit).await,
        };
        let seq = if after.is_empty() { Ok(0) } else { after.parse() };
        let seq = seq.map_err(|_| {
            ApiError::malformed(format!("invalid cursor {after:?}: pass on the one that came last"))
        })?;
        let records = journal.orders(seq, limit).await?;
        let next = records.last().filter(|_| records.len() == limit).map(|record| record.seq.to_string());
        Ok((records.into_iter().map(Sold::from).collect(), next))
    }

    /// Writes what waits, and closes the books.
    pub(crate) async fn close(&self) -> Result<(), JournalError> {
        match self {
            Self::Journal(journal) => journal.close().await,
            Self::Nodes(nodes) => {
                nodes.close().await;
                Ok(())
            }
        }
    }
}

impl HandOff for Books {
    async fn submit(&self, order: &Order, goods: Goods) -> Submitted {
        match self {
            Self::Journal(journal) => journal.submit(order, goods).await,
            Self::Nodes(nodes) => nodes.orders().submit(order, goods).await,
        }
    }

    async fn find(&self, order: &Order) -> Result<Option<OrderState>, Unanswered> {
        match self {
            Self::Journal(journal) => journal.find(order).await,
            Self::Nodes(nodes) => nodes.orders().find(order).await,
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Journal(journal) => journal.depth(),
            Self::Nodes(nodes) => nodes.orders().depth(),
        }
    }
}

pub(crate) fn too_late(state: OrderState) -> ApiError {
    ApiError::conflict("too_late", format!("the order is {state}: it cannot be cancelled any more"))
}

pub(crate) fn no_order() -> ApiError {
    ApiError::not_found("there is no such order")
}
