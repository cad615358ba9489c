//! What is asked of children: each kind of question is a row, and `answer` has one arm for each.

use crate::ground::id::{FoldId, GatherId, SessionId, TextId};
use crate::ground::stream::Stream;
use protocol::ename::Ename;
use protocol::message::{Fid, Rmsg, Tag};
use protocol::refusal::RefusalId;
use protocol::server::UserId;

/// A question to children, kept with its tag until all have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// The answer is of no interest any more.
    Rest,
    /// An attach for a user.
    Attach(UserId),
    /// A step of the catch-up burst; a refusal ends the link.
    CatchUp,
    /// The last step of the catch-up burst: the child serves.
    Fence,
    /// Its change count.
    Beat,
    /// Whether a mounted tree is there.
    Pulse,
    /// What it is; the first answer of a child that joins goes on with the catch-up.
    Info,
    /// Its status record, or the sum of those below it.
    Status,
    /// What happens below it.
    Events,
    /// A step before a session's `exec`, or the opening of one of its files: the fid that it walks to or
    /// makes is lost with a refusal.
    Step(SessionId, Fid),
    /// A session's `exec`, and who waits for it.
    Launch(SessionId, GatherId),
    /// A session's outcomes.
    Wait(SessionId),
    /// A session's output.
    Output(SessionId, Stream),
    /// A session's input.
    Input(SessionId),
    /// A command to a session or to the nodes.
    Command(GatherId),
    /// A command whose deadline has passed: the refusal that a late answer corrects.
    Late(RefusalId),
    /// Whom below it a child's refusal is about.
    Below(GatherId),
    /// A piece of a status text.
    Text(TextId),
    /// A piece of a trace.
    Fold(FoldId),
    /// The root of a mounted tree is told to join here.
    Adopt,
    /// A fid's clunk, or its removal.
    Clunk(Fid),
    /// A flush of this tag.
    Flush(Tag),
    /// A forwarded request, by its place in that table.
    Forward(u16),
}

impl Ask {
    /// It is asked by the beat, and comes and goes by itself.
    pub(crate) fn is_beats(self) -> bool {
        matches!(self, Self::Beat | Self::Pulse | Self::Info | Self::Status | Self::Events)
    }

    /// The user that it attaches, if it is that.
    pub(crate) fn attaches(self) -> Option<UserId> {
        if let Self::Attach(user) = self { Some(user) } else { None }
    }
}

/// What a child answered, or why not.
pub(crate) type Answer<'a> = Result<Rmsg<'a>, Ename>;
