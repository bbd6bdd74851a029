//! What needs a server: one program, as each one more has to be linked.
//!
//! Beside it stand tests that look at their whole process: at its events, its metrics or its allocations.

mod common;

mod cluster;
mod commands;
mod doctor;
mod errors;
mod feed;
mod lease;
mod lease_scripts;
mod lease_users;
mod old_server;
mod other_feed;
mod resync;
mod sentinel;
mod stream;
mod target_faults;
mod targets;
mod tls;
mod tracking;
mod write_behind;
mod writer;
