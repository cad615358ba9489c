//! Bytes between the members of a session and its clients: input dealt or copied to many, outputs merged by
//! records. What a flow needs of its session comes with each call.

pub(crate) mod input;
pub(crate) mod output;

use crate::down::Down;
use crate::ground::members::Members;
use crate::shared::Whose;
use protocol::message::Fid;
use protocol::set::ChildSet;
use protocol::verb::Deal;

/// What bytes flow to or from: a session's members as far as a flow needs to know them.
#[derive(Clone, Copy)]
pub(crate) struct MemberView<'a> {
    pub(crate) whose: Whose,
    pub(crate) members: &'a Members,
    /// Children that still owe outcomes.
    pub(crate) live: ChildSet,
    /// How input reaches the members.
    pub(crate) deal: Deal,
    /// The fid of the session's ctl on the children.
    pub(crate) ctl: Option<Fid>,
}

impl MemberView<'_> {
    /// Children that have the session's ctl, and that fid.
    pub(crate) fn reached(&self, down: &mut Down) -> Option<(ChildSet, Fid)> {
        let ctl = self.ctl?;
        Some((self.live.and(down.fids.holds(ctl)), ctl))
    }
}
