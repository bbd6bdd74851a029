//! Models of the table: in every execution, some sequential order of the operations explains the results.

mod fast;
mod growth;
mod history;
mod moving_epochs;
mod objects;
mod one_bucket;
mod overflow;
mod removal;
mod threads;
