//! Turns events, plans, facts and findings into words, pictures and JSON. The only place that
//! prints, with `main.rs`.

pub mod event;

pub use event::{Event, Events};
