//! What the requests of a session's life were made for.

use client::Client;

/// A client that a session is followed over.
pub(crate) type Node = Client<Asked>;

/// What a request was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A step of a burst; only its refusal is of interest.
    Step,
    /// The ctl lines up to `exec`.
    Exec,
    /// A signal to members; that there is none left is no failure.
    Command,
    /// A read of outcomes.
    Wait,
    /// A write to the members' stdin.
    Stdin,
    /// A read of this output.
    Output(Which),
    /// A read of a session's `info`, to see whether anything runs after a refused `exec`.
    Info,
    /// A read of a session's `error`, which says why `exec` was refused.
    Why,
    /// A read of a session's `error`, which says whose output was cut.
    Cut,
}

/// One of the two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Stdout,
    Stderr,
}

impl Which {
    /// Both, in the order in which pairs of something are kept.
    pub(crate) const BOTH: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// Of the file in a session's directory.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// Ours, where it goes.
    pub(crate) fn fd(self) -> i32 {
        match self {
            Self::Stdout => libc::STDOUT_FILENO,
            Self::Stderr => libc::STDERR_FILENO,
        }
    }
}
