//! The way to the parent, as a stub numbers its links.

use protocol::server::LinkId;

pub use protocol::join::{Due, Parent, State};

/// The link that the parent is on.
pub const PARENT: LinkId = LinkId(0);
