//! What a request may be answered with: the check of an answer against its question, for whoever asks.

use crate::message::{Fid, Qids, Rmsg, Tmsg};

/// The answers that a request admits, and the fid that they make or end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Any: the asker looks for itself.
    #[default]
    Any,
    /// An Rversion.
    Version,
    /// An Rauth.
    Auth,
    /// An Rattach of this fid.
    Attach(Fid),
    /// An Rflush, and nothing else.
    Flush,
    /// An Rwalk of so many names at most; none of them walked is an Rerror.
    Walk {
        /// The fid that a whole walk makes; none if it moves its own.
        newfid: Option<Fid>,
        /// Names asked for.
        names: usize,
    },
    /// An Ropen.
    Open,
    /// An Rcreate.
    Create,
    /// An Rread of at most so many bytes.
    Read(u32),
    /// An Rwrite of at most so many bytes.
    Write(u32),
    /// An Rclunk of this fid.
    Clunk(Fid),
    /// An Rremove of this fid.
    Remove(Fid),
    /// An Rstat.
    Stat,
    /// An Rwstat.
    Wstat,
}

impl Expected {
    /// What `request` may be answered with.
    pub fn of(request: &Tmsg<'_>) -> Self {
        match *request {
            Tmsg::Version { .. } => Self::Version,
            Tmsg::Flush { .. } => Self::Flush,
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
        }
    }

    /// The answer is of the request's type and not larger than what was asked for.
    pub fn admits(self, answer: &Rmsg<'_>) -> bool {
        match (self, answer) {
            (Self::Any, _) => true,
            // A flush cannot be refused.
            (Self::Flush, answer) => matches!(answer, Rmsg::Flush),
            (_, Rmsg::Error { .. })
            | (Self::Version, Rmsg::Version { .. })
            | (Self::Auth, Rmsg::Auth { .. })
            | (Self::Attach(_), Rmsg::Attach { .. })
            | (Self::Open, Rmsg::Open { .. })
            | (Self::Create, Rmsg::Create { .. })
            | (Self::Clunk(_), Rmsg::Clunk)
            | (Self::Remove(_), Rmsg::Remove)
            | (Self::Stat, Rmsg::Stat { .. })
            | (Self::Wstat, Rmsg::Wstat) => true,
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

    /// As much as either of two questions of one tag admits.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Read(a), Self::Read(b)) => Self::Read(a.max(b)),
            (Self::Write(a), Self::Write(b)) => Self::Write(a.max(b)),
            (_, other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Names;
    use crate::qid::Qid;

    #[test]
    fn an_answer_is_of_its_requests_type_and_not_larger_than_asked() {
        let fid = Fid(1);
        let mut one = Qids::default();
        assert!(one.push(Qid::default()).is_ok());
        let none = Qids::default();
        let names = |names: &[&'static str]| Names::new(names).unwrap_or(Names::NONE);
        let walk = |names| Tmsg::Walk { fid, newfid: Fid(2), names };
        let read = Tmsg::Read { fid, offset: 0, count: 2 };
        let error = Rmsg::Error { ename: "no" };
        for (request, answer, is_admitted) in [
            (Tmsg::Clunk { fid }, Rmsg::Clunk, true),
            (Tmsg::Clunk { fid }, error, true),
            (Tmsg::Clunk { fid }, Rmsg::Remove, false),
            (Tmsg::Flush { oldtag: crate::message::Tag(1) }, error, false),
            (read, Rmsg::Read { data: b"ab" }, true),
            (read, Rmsg::Read { data: b"abc" }, false),
            (Tmsg::Write { fid, offset: 0, data: b"ab" }, Rmsg::Write { count: 3 }, false),
            (walk(names(&["a", "b"])), Rmsg::Walk { qids: one }, true),
            (walk(names(&["a"])), Rmsg::Walk { qids: none }, false),
            (walk(Names::NONE), Rmsg::Walk { qids: one }, false),
            (walk(Names::NONE), Rmsg::Walk { qids: none }, true),
        ] {
            assert_eq!(Expected::of(&request).admits(&answer), is_admitted, "{request:?}: {answer:?}");
        }
    }
}
