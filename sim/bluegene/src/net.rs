//! The networks of the machine, each a value that is fed and drained in virtual time.

pub mod barrier;
pub mod cpu;
pub mod ethernet;
pub mod frame;
pub mod torus;
pub mod tree;
