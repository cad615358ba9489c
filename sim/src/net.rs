//! The networks of the machine, each a value that is fed and drained in virtual time.

pub mod tree;
