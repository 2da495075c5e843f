//! The integration tests: one binary, one module a subject.

mod architecture;
mod inventory;
mod lab;
mod nodes;
mod probe;
mod report;
mod sample;
mod verify;
