//! The simulator: the cores of a partition, unchanged, in virtual time.
//!
//! It is a second driver of `cnode` and `ionode`: it delivers their bytes with delays from a seed, answers
//! their effects with scripted programs, and breaks what a plan says. It reads no clock; a run is its seed.
//!
//! `world` is time and who there is; `aggregator` and `node` drive the two cores, `client` is a job; `link`
//! is what carries messages and `fault` what breaks; `workload` is what a seed does, `check` what it claims.
//! `queue` is what is to come in virtual `time`, `random` numbers from a seed.
//! `machine` is a Blue Gene/P: who is where in a partition; `parameters` has all its numbers.

#![forbid(unsafe_code)]

mod aggregator;
pub mod check;
pub mod client;
pub mod fault;
pub mod leaf;
mod link;
pub mod machine;
mod memory;
pub mod net;
mod node;
pub mod parameters;
pub mod queue;
pub mod random;
pub mod time;
pub mod trace;
pub mod traffic;
pub mod workload;
pub mod world;
