//! The Linux driver of an aggregator: sockets, memory files and a clock around `ionode`.
//!
//! It owns descriptors and time. All decisions are the core's.

mod args;
mod driver;
mod host;

pub use args::{Args, main};
