//! The integration tests: one binary, one module a subject.

mod architecture;
mod attack;
mod cli;
mod cluster;
mod execute;
mod facts;
mod failures;
mod fence;
mod inventory;
mod lab;
mod ledger;
mod nodes;
mod operator;
mod plan;
mod probe;
mod redaction;
mod render;
mod report;
mod rotate;
mod sample;
mod settings;
mod ssh;
mod switchover;
mod terminal;
mod turn_on;
mod verify;
