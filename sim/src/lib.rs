//! The simulator: the cores of a partition, unchanged, in virtual time.
//!
//! It is a second driver of `cnode` and `ionode`: it delivers their bytes with delays from a seed, answers
//! their effects with scripted programs, and breaks what a plan says. It reads no clock; a run is its seed.

#![forbid(unsafe_code)]

pub mod client;
pub mod leaf;
mod memory;
pub mod trace;
pub mod workload;
pub mod world;
