//! The integration tests: one binary, one module a subject.

mod architecture;
mod cluster;
mod inventory;
mod lab;
mod nodes;
mod operator;
mod probe;
mod render;
mod report;
mod sample;
mod verify;
