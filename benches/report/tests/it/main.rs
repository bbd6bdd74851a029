//! Tests of the report as its users see it, over runs that a seeded model of a noisy machine makes up.

mod claims;
mod compare;
mod fixture;
mod odd;
mod pages;
mod schema;
