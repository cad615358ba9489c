//! Members that end without a word of their own: lost with their child, or never run.

use crate::gather::command::Commands;
use crate::ground::id::SessionId;
use crate::ground::names::NameId;
use crate::session::table::Sessions;
use crate::shared::Shared;
use protocol::ename::Ename;
use protocol::failure::Failure;
use protocol::record::{End, Outcome};
use protocol::set::Rank;

impl Sessions {
    /// The members of a child that have no outcome get one: they are lost with it.
    pub(crate) fn lose_members(&mut self, id: SessionId, rank: Rank, shared: &mut Shared) {
        let Some(session) = self.get(id) else { return };
        let is_told = session.run.owes(rank);
        self.end_members(id, rank, End::Lost, shared);
        let Some(session) = self.get(id) else { return };
        session.run.starting.cut(rank);
        session.outputs.iter_mut().for_each(|output| output.lose(rank, is_told));
    }

    /// The members of a child that have no outcome get this one.
    fn end_members(&mut self, id: SessionId, rank: Rank, end: End, shared: &mut Shared) {
        let Some(session) = self.get(id) else { return };
        let (owes, mut range, places) =
            (session.run.owes(rank), session.run.range, session.members.places(rank));
        if owes {
            for index in places {
                self.outcomes.set(&mut range, index, (NameId::default(), Outcome::without(end)));
            }
        }
        let Some(session) = self.get(id) else { return };
        session.run.range = range;
        session.run.owed[rank.index()] = 0;
        session.run.live.cut(rank);
        session.run.asked_why.cut(rank);
        shared.deeds.touch(id.slot);
        session.fail_fast(end, shared);
    }

    /// A child has no outcome for members that it was given: they never ran. Where it is being asked why,
    /// that is waited for.
    pub(crate) fn end_unrun(&mut self, id: SessionId, rank: Rank, commands: &Commands, shared: &mut Shared) {
        let Some(session) = self.get(id) else { return };
        if commands.asks_why(id, rank) {
            session.run.asked_why.add(rank);
            return;
        }
        let reason = session.run.reason(rank).unwrap_or(Ename::Io.into());
        self.end_members(id, rank, End::Never(reason), shared);
    }

    /// A child has been asked why members of a session never ran.
    pub(crate) fn explained(
        &mut self,
        (id, rank, failure): (SessionId, Rank, Option<Failure>),
        commands: &Commands,
        shared: &mut Shared,
    ) {
        let Some(session) = self.get(id) else { return };
        if let Some(failure) = failure {
            session.run.explain(rank, failure);
        }
        if session.run.asked_why.has(rank) {
            self.end_unrun(id, rank, commands, shared);
        }
    }

    /// Nobody is asked any more why members of a session never ran.
    pub(crate) fn end_all_unrun(&mut self, id: SessionId, commands: &Commands, shared: &mut Shared) {
        let Some(session) = self.get(id) else { return };
        for rank in session.run.asked_why {
            self.end_unrun(id, rank, commands, shared);
        }
    }
}
