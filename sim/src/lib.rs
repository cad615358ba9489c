//! The simulator: the cores of a partition, unchanged, in virtual time.
//!
//! It is a second driver of `cnode` and `ionode`: it delivers their bytes with delays from a seed, answers
//! their effects with scripted programs, and breaks what a plan says. It reads no clock; a run is its seed.
//!
//! `world` is time and who there is; `aggregator` and `node` drive the two cores, `client` is a job; `link`
//! is what carries messages and `fault` what breaks, `check` what is claimed. `script` is a run as text;
//! `workload` makes one from a seed, and `shrink` makes one that fails as small as it can be.
//! `acts` is what clients do and when, `whim` what comes to their mind; `arms` tells which arms of the cores'
//! state machines seeds reach.
//! `queue` is what is to come in virtual `time`, `random` numbers from a seed.
//! `machine` is a Blue Gene/P: who is where in a partition; `parameters` has all its numbers.
//! `draw` makes pictures of it and of what came of a run, `progress` tells how far a long one is. `record` is
//! what each message of a run was sent for and where its time went, `fanout` tells that of a job, `states`
//! how nodes are.
//! `machine` is a Blue Gene/P: who is where in a partition; `net` is its networks; `parameters` has all their
//! numbers, and `validate` holds them against what was published.

#![forbid(unsafe_code)]

mod acts;
mod aggregator;
pub mod arms;
pub mod check;
pub mod client;
mod clock;
pub mod counts;
pub mod draw;
mod fabric;
pub mod fanout;
pub mod fault;
pub mod leaf;
mod ledger;
pub mod levels;
mod link;
pub mod machine;
mod medium;
pub mod memory;
mod message;
pub mod net;
mod node;
pub mod outside;
pub mod parameters;
mod program;
pub mod progress;
pub mod queue;
pub mod random;
pub mod record;
mod running;
pub mod scale;
pub mod script;
pub mod shrink;
pub mod site;
pub mod states;
pub mod time;
pub mod trace;
pub mod traffic;
pub mod validate;
pub mod whim;
pub mod workload;
pub mod world;
