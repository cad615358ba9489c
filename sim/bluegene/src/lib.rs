//! A model of the Blue Gene/P: what a partition of it is, what its networks do with messages, and how near
//! both are to what was published. It knows no node's program: the simulator puts those on it.
//!
//! `partition` is arithmetic: who is where, and what each node is told at boot. `net` is the networks packet
//! by packet, in the virtual `time` of a `queue`; `traffic` loads the torus. `parameters` has every number
//! with its source, `validate` holds the models against what was published. `random` is numbers from a seed.

#![forbid(unsafe_code)]

pub mod net;
pub mod parameters;
pub mod partition;
pub mod queue;
pub mod random;
pub mod time;
pub mod traffic;
pub mod validate;
