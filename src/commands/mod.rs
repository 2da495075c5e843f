//! commands

pub mod lab;
