//! Models of the table: every result of every execution must be one that some order of the operations explains.

mod growth;
mod history;
mod moving_epochs;
mod objects;
mod one_bucket;
mod overflow;
mod quick;
mod threads;
