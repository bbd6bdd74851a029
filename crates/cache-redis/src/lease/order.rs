//! What a buyer orders, and what he gets for it.

use std::sync::Arc;

/// An order that is to be committed: its name, and who buys.
///
/// The name should be unique, and within a batch must be: of two orders with one name, the second cannot be cancelled. It is what is looked for in the stream of orders when the answer to a commit stays
/// [unknown](crate::lease::CommitError::Unknown), and what [`Stock::cancel`](crate::lease::Stock::cancel) takes back.
///
/// # Examples
///
/// ```
/// use cache_redis::lease::Order;
///
/// let order = Order::new("order:4711").user("ann");
/// assert_eq!(order.id(), "order:4711");
/// assert_eq!(order.buyer(), Some("ann"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    id: String,
    user: String,
}

impl Order {
    /// An order of this name, by nobody in particular: no limit per user applies to it.
    ///
    /// # Examples
    ///
    /// See [`Order`].
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), user: String::new() }
    }

    /// Names the user who buys. The [limit](crate::lease::Stock::set_user_limit) counts what all nodes sell to this user.
    /// An empty name is nobody in particular.
    ///
    /// # Examples
    ///
    /// See [`Order`].
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// The name of the order.
    ///
    /// # Examples
    ///
    /// See [`Order`].
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The user who buys, if named.
    ///
    /// # Examples
    ///
    /// See [`Order`].
    pub fn buyer(&self) -> Option<&str> {
        (!self.user.is_empty()).then_some(&*self.user)
    }
}

/// Proof that an order was committed.
///
/// # Examples
///
/// See [`Taken::commit`](crate::lease::Taken::commit).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub(super) order: Order,
    pub(super) units: u32,
    pub(super) entry: Arc<str>,
}

impl Receipt {
    /// The order that was committed.
    ///
    /// # Examples
    ///
    /// See [`Lease`](crate::lease::Lease).
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The number of units that were sold.
    ///
    /// # Examples
    ///
    /// See [`Lease`](crate::lease::Lease).
    pub fn units(&self) -> u32 {
        self.units
    }

    /// The id of the entry in the stream of orders that holds this order, and others of its batch.
    ///
    /// # Examples
    ///
    /// See [`Lease`](crate::lease::Lease).
    pub fn entry(&self) -> &str {
        &self.entry
    }
}
