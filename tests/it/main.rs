//! Integration tests, in one binary.

mod render;
