//! What nodes are fed with, and what they want then.

use crate::host::Went;
use bluegene::time::Ps;
use cnode::host::{MemberSlot, SessionSlot};
use ionode::Target;
use protocol::server::LinkId;
use protocol::set::ChildSet;

/// A member that is to be started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) member: MemberSlot,
    pub(crate) session: SessionSlot,
    pub(crate) number: u32,
    pub(crate) size: u32,
    /// It waits for the others of its gang.
    pub(crate) waits: bool,
}

/// What a node is fed with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Feed<'a> {
    /// Something may be due.
    Due,
    /// The link to above is there.
    Connected,
    /// It could not be made.
    Undialed,
    /// A link is gone.
    Hangup(LinkId),
    /// A message has come on a link.
    Bytes(LinkId, &'a [u8]),
    /// A member's start has come about; it may wait for the others of its gang.
    Started { member: MemberSlot, pid: u32, waits: bool },
    /// A program goes on.
    Step { member: MemberSlot, pid: u32 },
}

/// What comes of feeding a node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fed {
    /// It has taken that.
    Taken,
    /// It has taken less of a message than all.
    Short,
    /// The message was nonsense: its link is to be hung up on.
    Botched,
    /// The message goes on as it is, in so many bytes.
    Passed(Target, usize),
    /// The program has gone so far.
    Went(Went),
}

/// What a node wants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    /// To hang up on a link.
    HangUp(LinkId),
    /// To connect with its parent.
    Dial,
    /// To start a member.
    Start(Start),
    /// To send so many bytes on a link.
    Send(LinkId, usize),
    /// To send so many bytes to each of these children.
    FanOut(ChildSet, usize),
    /// A member that waited for the others of its gang begins after so many microseconds.
    Go { member: MemberSlot, pid: u32, after: u64 },
    /// A program is to go on.
    Step { member: MemberSlot, pid: u32 },
    /// To be woken then.
    Wake(Ps),
}

/// How far a node has been polled: each stage is over before the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Effects,
    Messages,
    Programs,
    Over,
}
