//! What was asked of children, and which part each answer goes to.

use crate::children::{beat, join, report};
use crate::down::ask::{Answer, Ask};
use crate::down::child::State;
use crate::node::Node;
use protocol::ename::Ename;
use protocol::message::{Rmsg, Tag};
use protocol::set::{ChildSet, Rank};
use protocol::time::Time;
use protocol::wire::Botch;

impl Node {
    /// Takes a child's answer.
    pub(crate) fn answer(&mut self, now: Time, rank: Rank, message: &[u8]) -> Result<(), Botch> {
        let (tag, msg) = Rmsg::decode(message)?;
        let shared = &mut self.shared;
        if tag == Tag::NONE {
            return match shared.children.get(rank).is_mount {
                true => self.mounts.greeted(rank, &msg, shared),
                false => join::greeted(rank, &msg, shared),
            };
        }
        let expected = shared.down.tags.expected(tag);
        let ask = shared.down.tags.answered(tag, rank, &msg).ok_or(Botch)?;
        let answer = match msg {
            Rmsg::Error { ename } => Err(Ename::from_text(ename)),
            // The fid was not made.
            msg if expected.is_short(&msg) && !matches!(ask, Ask::Forward(_)) => Err(Ename::NotFound),
            msg => Ok(msg),
        };
        if let (Ask::Forward(index), Ok(_)) = (ask, &answer) {
            return self.forwards.forwarded(index, message, shared);
        }
        self.route(now, rank, ask, answer)
    }

    /// The answer to each kind of question goes to its part.
    pub(super) fn route(&mut self, now: Time, rank: Rank, ask: Ask, answer: Answer<'_>) -> Result<(), Botch> {
        let Self { shared, mounts, forwards, commands, texts, folds, sessions, .. } = self;
        match ask {
            Ask::Rest => {}
            Ask::Attach(user) => shared.users.attached(user, rank, answer.is_ok(), &mut shared.down),
            Ask::CatchUp => return answer.map(|_| ()).map_err(|_| Botch),
            Ask::Fence => return join::caught_up(rank, answer, shared),
            Ask::Beat => return beat::beaten(rank, answer, shared),
            Ask::Pulse => shared.children.get_mut(rank).asked = None,
            Ask::Info => {
                report::take_info(rank, answer, shared)?;
                if shared.children.get(rank).state == State::CatchingUp {
                    join::catch_up(rank, shared);
                }
            }
            Ask::Status => return report::take_status(rank, answer, shared),
            Ask::Events => return report::take_events(now, rank, answer, shared),
            Ask::Step(session, fid) => {
                if let Err(ename) = answer {
                    sessions.step_refused(rank, (session, fid), ename, shared);
                }
            }
            Ask::Launch(session, gather) => {
                let answer = sessions.launched(rank, session, answer.map(|_| ()), shared);
                commands.answered(rank, gather, answer, shared);
            }
            Ask::Wait(session) => return sessions.take_outcomes(rank, session, answer, commands, shared),
            Ask::Output(session, stream) => {
                return sessions.take_output(rank, (session, stream), answer, shared);
            }
            Ask::Input(session) => sessions.delivered(rank, session, answer, shared),
            Ask::Command(gather) => commands.answered(rank, gather, answer.map(|_| ()), shared),
            Ask::Late(refusal) => {
                if let (Ok(_), Some(refusal)) = (answer, shared.refusals.get_mut(refusal)) {
                    refusal.excuse(ChildSet::one(rank));
                }
            }
            Ask::Below(gather) => commands.explained(rank, gather, answer, shared),
            Ask::Text(text) => return texts.answered(rank, text, answer, shared),
            Ask::Fold(trace) => folds.answered(rank, trace, answer, shared),
            Ask::Adopt => mounts.answered(now, rank, answer, shared),
            Ask::Clunk(fid) => shared.down.fids.clunked(fid, rank),
            // After its Rflush the old tag is answered, whatever became of it.
            Ask::Flush(old) => shared.down.tags.flushed(old, rank),
            Ask::Forward(index) => forwards.failed(index, answer.err().unwrap_or(Ename::Io), shared),
        }
        Ok(())
    }
}
