//! The networks of the machine, as they carry packets: each a value that is fed events and drained.

pub mod torus;
