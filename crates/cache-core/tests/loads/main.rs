//! The order of loads and writes, with each of them stopped where it matters.

mod dropping;
mod gated;
mod late;
mod user_code;
