use std::net::IpAddr;

/// The greatest length in bytes of a user's id, an item's, an event's and a request's.
///
/// Ids come from clients. The keys that are made of them lie on the stack, and what is kept of them is bounded by this.
pub const MAX_ID: usize = 128;

/// A request to buy, as the gate sees it. Nothing in it is copied until it is admitted.
///
/// # Examples
///
/// ```
/// use std::net::Ipv4Addr;
/// use cache_gate::Request;
///
/// let request = Request::new("ann", "sku:1", 2).address(Ipv4Addr::LOCALHOST.into()).id("4711");
/// assert_eq!(request.units, 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request<'a> {
    /// Who buys. The gate believes it: check a signature first.
    pub user: &'a str,
    /// What is bought.
    pub item: &'a str,
    /// How many units.
    pub units: u32,
    /// The event that the item must belong to. Without it, any will do.
    pub event: Option<&'a str>,
    /// Where the request came from. Without it, the rate for addresses is not looked at.
    pub address: Option<IpAddr>,
    /// The client's own id of this request. A second request of the user with this id buys nothing, and is told what became
    /// of the first: within the time of [`remember`](crate::Builder::remember), and while the first is held or unknown.
    pub id: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// A request of `user` for `units` of `item`.
    ///
    /// # Examples
    ///
    /// See [`Request`].
    #[must_use]
    pub const fn new(user: &'a str, item: &'a str, units: u32) -> Self {
        Self { user, item, units, event: None, address: None, id: None }
    }

    /// Refuses the item if it does not belong to this event.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::Request;
    /// assert_eq!(Request::new("ann", "sku:1", 1).event("sale").event, Some("sale"));
    /// ```
    #[must_use]
    pub const fn event(mut self, event: &'a str) -> Self {
        self.event = Some(event);
        self
    }

    /// Sets the address that the request came from. Of IPv6, the first 64 bits count: a client has all the others.
    ///
    /// # Examples
    ///
    /// See [`Request`].
    #[must_use]
    pub const fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// Sets the client's own id of this request, so that a repetition buys nothing twice.
    ///
    /// # Examples
    ///
    /// See [`Request`].
    #[must_use]
    pub const fn id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }
}
