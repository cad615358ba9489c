//! A member: one process of a session, from its reservation to its outcome.

use crate::host::SessionSlot;
use protocol::record::Outcome;
use protocol::time::Time;

/// Where a member is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The slot is nobody's.
    #[default]
    Free,
    /// It has a number and no process.
    Reserved,
    /// Its start was asked for and not yet answered; a signal meanwhile is kept.
    Starting,
    /// It has a process.
    Running,
    /// It is stopped by a signal.
    Stopped,
    /// It has an outcome.
    Ended,
}

impl State {
    /// The word in `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Reserved => "reserved",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Ended => "done",
        }
    }

    /// It has a process.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Running | Self::Stopped)
    }
}

/// An entry of the member table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Member {
    /// Where it is in its life.
    pub state: State,
    /// Whose it is.
    pub session: SessionSlot,
    /// Its number in the session.
    pub number: u32,
    /// Its process, once it has one.
    pub pid: u32,
    /// When it started.
    pub since: Time,
    /// Of a gang: it could run its program, or it has ended.
    pub ready: bool,
    /// A signal that came while it was starting.
    pub kept: Option<u8>,
    /// Its outcome, once it has one.
    pub outcome: Option<Outcome>,
    /// The place of its outcome among those of the session, from 1.
    pub told: u16,
    /// Its outputs have ended.
    pub ended: [bool; 2],
    /// It still takes input.
    pub stdin: bool,
    /// How much of the parked stdin message it has.
    pub fed: u32,
    /// The effect that starts it was drained.
    pub asked: bool,
}

impl Member {
    /// It is of the session in `slot`.
    pub fn is_of(&self, slot: SessionSlot) -> bool {
        self.state != State::Free && self.session == slot
    }
}
