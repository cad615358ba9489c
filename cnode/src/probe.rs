//! A helper of `debug` as a stub keeps it.

use crate::host::{MemberSlot, SessionSlot};
use protocol::debug::Kind;
use protocol::ename::Ename;
use protocol::server::RequestId;
use protocol::time::Time;

/// Where a helper is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The slot is nobody's.
    #[default]
    Free,
    /// The effect that starts it is not drained.
    Wanted,
    /// It has a process, or is about to have one.
    Running,
    /// Its process is gone.
    Over,
}

/// An access to memory that is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who waits for it; nobody after a flush.
    pub request: Option<RequestId>,
    /// It is a write.
    pub is_write: bool,
}

/// An entry of the table of helpers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probe {
    /// Where it is in its life.
    pub state: State,
    /// What it is for.
    pub kind: Kind,
    /// Whose member it looks at.
    pub session: SessionSlot,
    /// Which member; all of the session's for none.
    pub member: Option<MemberSlot>,
    /// Its number, for when the slot is another's.
    pub seq: u32,
    /// Bytes of its text that were read.
    pub given: u64,
    /// When it is killed.
    pub deadline: Time,
    /// Why there is no more of it than was read.
    pub verdict: Option<Ename>,
    /// What it was asked and has not answered.
    pub asked: Option<Access>,
    /// Nobody reads it any more: its slot is free when it has ended.
    pub left: bool,
}
