//! Files of other nodes, reached through `net/<child>`, `net/parent` and a session's members: requests are
//! passed on one by one, with a fid and a tag of this node's, and their answers come back as its own.

pub(crate) mod away;
pub(crate) mod forward;
pub(crate) mod relay;
pub(crate) mod up;
