//! What kind of answer a request may have: every asker's check of what its peer sends.

use crate::message::{Fid, Qids, Rmsg, Tmsg};

/// What a request may be answered with, and which fid its answer makes or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The protocol's own words.
pub enum Kind {
    Auth,
    Attach(Fid),
    Walk {
        newfid: Option<Fid>,
        names: usize,
    },
    Open,
    Create,
    /// At most so many bytes.
    Read(u32),
    /// At most so many bytes.
    Write(u32),
    Clunk(Fid),
    Remove(Fid),
    Stat,
    Wstat,
}

impl Kind {
    /// That of a request; none for Tversion and Tflush, whose answers say nothing.
    pub fn of(request: &Tmsg<'_>) -> Option<Self> {
        Some(match *request {
            Tmsg::Version { .. } | Tmsg::Flush { .. } => return None,
            Tmsg::Auth { .. } => Self::Auth,
            Tmsg::Attach { fid, .. } => Self::Attach(fid),
            Tmsg::Walk { fid, newfid, names } => {
                Self::Walk { newfid: (fid != newfid).then_some(newfid), names: names.as_slice().len() }
            }
            Tmsg::Open { .. } => Self::Open,
            Tmsg::Create { .. } => Self::Create,
            Tmsg::Read { count, .. } => Self::Read(count),
            Tmsg::Write { data, .. } => Self::Write(data.len() as u32),
            Tmsg::Clunk { fid } => Self::Clunk(fid),
            Tmsg::Remove { fid } => Self::Remove(fid),
            Tmsg::Stat { .. } => Self::Stat,
            Tmsg::Wstat { .. } => Self::Wstat,
        })
    }

    /// The answer is of the request's type and not larger than what was asked for.
    pub fn admits(self, answer: &Rmsg<'_>) -> bool {
        match (self, answer) {
            (_, Rmsg::Error { .. })
            | (Self::Auth, Rmsg::Auth { .. })
            | (Self::Attach(_), Rmsg::Attach { .. })
            | (Self::Open, Rmsg::Open { .. })
            | (Self::Create, Rmsg::Create { .. })
            | (Self::Clunk(_), Rmsg::Clunk)
            | (Self::Remove(_), Rmsg::Remove)
            | (Self::Stat, Rmsg::Stat { .. })
            | (Self::Wstat, Rmsg::Wstat) => true,
            // A walk that fails at its first name is answered with an error.
            (Self::Walk { names, .. }, Rmsg::Walk { qids }) => {
                let walked = qids.as_slice().len();
                walked <= names && (walked > 0 || names == 0)
            }
            (Self::Read(most), Rmsg::Read { data }) => data.len() <= most as usize,
            (Self::Write(most), Rmsg::Write { count }) => *count <= most,
            _ => false,
        }
    }
    /// An answer to a walk that did not get to the end of its names.
    pub fn is_short(self, answer: &Rmsg<'_>) -> bool {
        let short = |names, qids: &Qids| qids.as_slice().len() < names;
        matches!((self, answer), (Self::Walk { names, .. }, Rmsg::Walk { qids }) if short(names, qids))
    }
}
