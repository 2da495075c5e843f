//! One binary for all integration tests.

mod architecture;
mod report;
mod sample;
mod verify;
