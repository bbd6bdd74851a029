//! The admission of a request, on its way to the service.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cache_core::Backend;

use crate::Admission;

/// What the gate said to a request, among the extensions of the request. Clones share it, and one of them takes it.
///
/// If nobody takes a reservation, it is given back with the last clone: when the request is dropped, that is.
///
/// # Examples
///
/// ```
/// use cache_gate::tower::Admitted;
/// use cache_gate::{Admission, Gate, State};
/// use cache_rwlock::RwLockBackend;
///
/// fn buy(request: http::Request<()>) -> String {
///     let admitted = request.extensions().get::<Admitted<RwLockBackend>>();
///     match admitted.and_then(Admitted::take) {
///         Some(Admission::Held(reservation)) => match reservation.commit() {
///             Ok(ticket) => format!("yours: {ticket}"),
///             Err(_) => "too late".to_owned(),
///         },
///         Some(Admission::Repeated(ticket, state)) => format!("as before: {ticket} is {state}"),
///         None => "not admitted".to_owned(),
///     }
/// }
/// ```
pub struct Admitted<B: Backend> {
    admission: Arc<Mutex<Option<Admission<B>>>>,
}

impl<B: Backend> Admitted<B> {
    pub(super) fn new(admission: Admission<B>) -> Self {
        Self { admission: Arc::new(Mutex::new(Some(admission))) }
    }

    /// Takes the admission; `None` if somebody has taken it.
    ///
    /// # Examples
    ///
    /// See [`Admitted`].
    pub fn take(&self) -> Option<Admission<B>> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<B: Backend> Clone for Admitted<B> {
    fn clone(&self) -> Self {
        Self { admission: Arc::clone(&self.admission) }
    }
}

impl<B: Backend> fmt::Debug for Admitted<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted").finish_non_exhaustive()
    }
}
