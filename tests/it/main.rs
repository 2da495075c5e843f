//! The integration tests: one binary.

mod lab;
mod nodes;
