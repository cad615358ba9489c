//! The stub's core: sessions and their members on one node, served as a file tree.
//!
//! It performs no input or output, reads no clock and allocates nothing. A driver feeds it (`handle_*`) and
//! after each call drains it: `poll_effect`, then `poll_transmit`, until neither has anything.
//! Every call does a bounded amount of work; `now` never runs backwards.
//!
//! From the top down: `stub` is what is fed and drained; `tree` says which path is which; `ctl`, `output`,
//! `stdin`, `wait`, `status` and `debug` serve the files of those names; `life` and `start` are what becomes
//! of sessions and members; `node` has the tables, and `session`, `member` and `probe` what is in them.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod bounds;
mod ctl;
mod debug;
pub mod host;
pub mod inspect;
mod life;
pub mod member;
mod node;
mod output;
pub mod probe;
pub mod session;
mod start;
mod status;
mod stdin;
mod stub;
mod tree;
mod wait;

pub use bounds::{Bounds, Full, Small};
pub use node::Facts;
pub use stub::Cnode;
