//! What a node says to a line that comes at the wrong time, or from the wrong hand: the same words at every
//! level.

use super::Why;

#[allow(missing_docs)] // Each says what it is.
impl Why {
    pub const ALREADY_RUN: Self = Self::Says("already run: a member runs once");
    pub const EXCL_FIRST: Self = Self::Says("excl comes before res");
    pub const IDLE: Self = Self::Says("nothing runs yet");
    pub const LAYOUT_FIRST: Self = Self::Says("layout comes before res");
    pub const NO_PROGRAM: Self = Self::Says("no program: exec PROG ARGS..., or write args first");
    pub const PARENTS: Self = Self::Says("only a parent's session takes that");
    pub const SHARED_BY_PARENTS: Self = Self::Says("only a parent shares members out");
    pub const TOO_LATE: Self = Self::Says("too late: the session has run; make a new one");
}
