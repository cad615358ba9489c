//! Why a line is refused, in the same words at every level.

use crate::ename::Ename;
use crate::failure::{Failure, Reason, Step};
use core::fmt;

/// Why a line was refused, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The system, or another node, says so.
    Ename(Ename),
    /// No such verb, of those that there are.
    Unknown(&'static [&'static str]),
    /// The right form of the line.
    Usage(&'static str),
    /// A sentence.
    Says(&'static str),
    /// A step of a member's start failed.
    Start(Failure),
    /// Fewer nodes than asked for.
    Few {
        /// How many there are.
        had: u32,
        /// How many were asked for.
        want: u32,
    },
}

impl Why {
    /// The text of the Rerror that goes with it.
    pub fn ename(self) -> Ename {
        match self {
            Self::Ename(ename) => ename,
            Self::Start(failure) => failure.ename(),
            Self::Few { .. } => Ename::Again,
            Self::Unknown(_) | Self::Usage(_) | Self::Says(_) => Ename::Invalid,
        }
    }
}

impl From<Ename> for Why {
    fn from(ename: Ename) -> Self {
        Self::Ename(ename)
    }
}

/// A failure of the program itself is told as any refusal is.
impl From<Failure> for Why {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure { step: Step::Exec, line: 0, reason: Reason::Ename(ename) } => Self::Ename(ename),
            failure => Self::Start(failure),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ename(ename) => f.write_str(ename.text()),
            Self::Unknown(names) => {
                f.write_str("unknown verb; there are")?;
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::Usage(usage) => write!(f, "usage: {usage}"),
            Self::Says(text) => f.write_str(text),
            Self::Start(failure) => write!(f, "{failure}"),
            Self::Few { had, want } => write!(f, "{had} of {want}"),
        }
    }
}

/// What a node says to a line that comes at the wrong time, or from one who may not give it.
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
