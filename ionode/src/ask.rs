//! What was asked of children, and where each answer goes. The kinds of question are the rows of one match.

use crate::host::SessionSlot;
use crate::node::Node;
use crate::output::Stream;
use protocol::ename::Ename;
use protocol::message::{Fid, Rmsg, Tag};
use protocol::server::UserId;
use protocol::set::{ChildSet, Rank};
use protocol::time::Time;
use protocol::wire::Botch;

/// A question to children, kept with its tag until all have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
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
    /// A step before a session's `exec`, or the opening of one of its files; `fid` is lost with a refusal.
    Step {
        /// The session, and its serial number for when the slot is another's.
        slot: SessionSlot,
        /// See `slot`.
        serial: u32,
        /// The fid that it walks to or makes.
        fid: Fid,
    },
    /// A session's `exec`.
    Launch {
        /// The session, and its serial number for when the slot is another's.
        slot: SessionSlot,
        /// See `slot`.
        serial: u32,
        /// Who waits for it.
        gather: GatherId,
    },
    /// A session's outcomes.
    Wait(SessionSlot),
    /// A session's output.
    Output(SessionSlot, Stream),
    /// A session's input.
    Stdin(SessionSlot),
    /// A command to a session or to the nodes.
    Command(GatherId),
    /// A command whose deadline has passed: the refusal that was told, which a late answer corrects.
    Late(u16),
    /// Whom below it a child's refusal is about.
    Below(GatherId),
    /// A status text: the look it is for.
    Look(u8),
    /// Where members are: the trace it is for.
    Trace(u8),
    /// The root of a mounted tree was told to join here.
    Adopt,
    /// A fid's clunk, or its removal.
    Clunk(Fid),
    /// A flush of this tag.
    Flush(Tag),
    /// A forwarded request, by its place in that table.
    Forward(u16),
}

/// A gather's place in its table, and its number for when the place is another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatherId {
    /// The place.
    pub index: u8,
    /// The number.
    pub seq: u32,
}

/// An answer as the rows below see it: what it holds, or why not.
pub type Answer<'a> = Result<Rmsg<'a>, Ename>;

impl Node {
    /// Takes a child's answer.
    pub fn answer(&mut self, now: Time, rank: Rank, message: &[u8]) -> Result<(), Botch> {
        let (tag, msg) = Rmsg::decode(message)?;
        if tag == Tag::NONE {
            return self.greeted(rank, &msg);
        }
        let expected = self.tags.expected(tag);
        let ask = self.tags.answered(tag, rank, &msg).ok_or(Botch)?;
        let answer = match msg {
            Rmsg::Error { ename } => Err(Ename::from_text(ename)),
            // The fid was not made.
            msg if expected.is_short(&msg) && !matches!(ask, Ask::Forward(_)) => Err(Ename::NotFound),
            msg => Ok(msg),
        };
        if let (Ask::Forward(index), Ok(_)) = (ask, &answer) {
            return self.forwarded(index, message);
        }
        self.route(now, rank, ask, answer)
    }

    /// A child is gone, and will not answer what it owes.
    pub fn forgive(&mut self, now: Time, rank: Rank) {
        while let Some((_, ask)) = self.tags.lose_one(rank) {
            // A child that is gone cannot botch.
            let _gone = self.route(now, rank, ask, Err(Ename::HostDown));
        }
    }

    fn route(&mut self, now: Time, rank: Rank, ask: Ask, answer: Answer<'_>) -> Result<(), Botch> {
        match ask {
            Ask::Rest => {}
            Ask::Attach(user) => {
                if answer.is_err() {
                    let fid = self.attach_fid(user);
                    self.fids.refused(fid, rank);
                }
            }
            Ask::CatchUp => return answer.map(|_| ()).map_err(|_| Botch),
            Ask::Fence => {
                answer.map_err(|_| Botch)?;
                self.child_is_up(now, rank);
            }
            Ask::Beat => return self.beaten(now, rank, answer),
            Ask::Pulse => self.children.get_mut(rank).asked = None,
            Ask::Info => return self.take_info(rank, answer),
            Ask::Status => return self.take_status(now, rank, answer),
            Ask::Events => return self.take_events(now, rank, answer),
            Ask::Step { slot, serial, fid } => {
                if let Err(ename) = answer {
                    self.step_refused(rank, (slot, serial, fid), ename);
                }
            }
            Ask::Launch { slot, serial, gather } => {
                let outcome = answer.map(|_| ());
                self.launched(rank, (slot, serial), gather, outcome);
            }
            Ask::Wait(slot) => return self.take_outcomes(rank, slot, answer),
            Ask::Output(slot, stream) => return self.take_output(rank, slot, stream, answer),
            Ask::Stdin(slot) => self.delivered(rank, slot, answer),
            Ask::Command(gather) => self.gathered(rank, gather, answer.map(|_| ())),
            Ask::Late(refusal) => {
                if let (Ok(_), Some(told)) = (answer, self.refusals.get_mut(refusal as usize)) {
                    told.excuse(ChildSet::one(rank));
                }
            }
            Ask::Below(gather) => self.told_below(rank, gather, answer),
            Ask::Look(look) => return self.looked(rank, look, answer),
            Ask::Trace(trace) => self.traced(rank, trace, answer),
            Ask::Adopt => self.told_adopt(now, rank, answer),
            Ask::Clunk(fid) => self.fids.clunked(fid, rank),
            // After its Rflush the old tag is answered, whatever became of it.
            Ask::Flush(old) => self.tags.flushed(old, rank),
            Ask::Forward(index) => self.forward_failed(index, answer.err().unwrap_or(Ename::Io)),
        }
        Ok(())
    }
}
