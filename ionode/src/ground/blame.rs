//! Why something cannot be had, and of which children that is so.

use protocol::ename::Ename;
use protocol::set::ChildSet;
use protocol::verb::Why;

/// A reason, and the children that it is about; none where it is about the request itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blame {
    pub(crate) why: Why,
    pub(crate) who: ChildSet,
}

impl<W: Into<Why>> From<W> for Blame {
    fn from(why: W) -> Self {
        Self { why: why.into(), who: ChildSet::EMPTY }
    }
}

/// For want of room, which there may be again.
pub(crate) const AGAIN: Why = Why::Ename(Ename::Again);
