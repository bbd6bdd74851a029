//! Events of the `tracing` facade, as the crate's page lists them. Without the feature `tracing`, nothing is compiled in.

#[cfg(not(feature = "tracing"))]
pub(crate) use self::off::*;
#[cfg(feature = "tracing")]
pub(crate) use self::on::*;

#[cfg(feature = "tracing")]
mod on {
    use tracing::{Level, event};

    pub(crate) fn sold_out(item: &str) {
        event!(target: "hotcache", Level::INFO, item, "sold out");
    }

    pub(crate) fn back(item: &str) {
        event!(target: "hotcache", Level::INFO, item, "units came back");
    }

    pub(crate) fn ended(gate_event: &str, items: usize) {
        event!(target: "hotcache", Level::INFO, event = gate_event, items, "event ended");
    }

    pub(crate) fn expired(reservations: usize) {
        event!(target: "hotcache", Level::DEBUG, reservations, "reservations expired");
    }

    pub(crate) fn breaker_opened(failures: u32) {
        event!(target: "hotcache", Level::WARN, failures, "breaker opened");
    }

    pub(crate) fn breaker_closed() {
        event!(target: "hotcache", Level::INFO, "breaker closed");
    }

    pub(crate) fn books(differences: usize, mended: usize) {
        event!(target: "hotcache", Level::WARN, differences, mended, "the books differ");
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    pub(crate) fn sold_out(_item: &str) {}

    pub(crate) fn back(_item: &str) {}

    pub(crate) fn ended(_gate_event: &str, _items: usize) {}

    pub(crate) fn expired(_reservations: usize) {}

    pub(crate) fn breaker_opened(_failures: u32) {}

    pub(crate) fn breaker_closed() {}

    pub(crate) fn books(_differences: usize, _mended: usize) {}
}
