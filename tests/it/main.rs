//! One binary for all integration tests.

mod architecture;
mod probe;
mod report;
mod sample;
mod verify;
