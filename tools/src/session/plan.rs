//! What a job is before it starts: what runs, with what, and how its end is told.

use crate::exit::{OWN, SSH_OWN};
use std::time::Duration;

/// What to start.
pub(crate) struct Plan {
    /// Ctl lines before `exec`.
    pub(crate) lines: String,
    /// What goes to `args`.
    pub(crate) args: String,
    /// What goes to `env`.
    pub(crate) env: Vec<u8>,
    /// Our stdin goes to the members; otherwise theirs is at its end.
    pub(crate) input: bool,
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
    /// Said when it cannot be found.
    pub(crate) program: String,
    /// How its end is told.
    pub(crate) manner: Manner,
    /// Equal outputs are printed once, at the end.
    pub(crate) fold: bool,
}

/// How the end of a job is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    /// Who failed and how, by node set.
    Run,
    /// The one member's code, and words only where it is not the member's own.
    Ssh,
}

impl Manner {
    /// The exit code of what is not the members' doing.
    pub(crate) fn own(self) -> i32 {
        match self {
            Self::Run => OWN,
            Self::Ssh => SSH_OWN,
        }
    }
}
