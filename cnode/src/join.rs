//! The way to the parent.

pub use protocol::join::{Due, Parent, State};
