//! A node: its parts, and who acts on what a part has done. Nothing else knows all of them.

mod answer;
pub(crate) mod record;

use crate::above::Above;
use crate::children::beat::{self, Beat};
use crate::children::mount::Mounts;
use crate::down::child::State;
use crate::far::forward::Forwards;
use crate::far::up::Passed;
use crate::gather::command::Commands;
use crate::gather::fold::Folds;
use crate::gather::text::Texts;
use crate::ground::bounds::{LINKS, PRESSED, USERS};
use crate::ground::deed::Deed;
use crate::ground::id::SessionId;
use crate::host::{Effect, Host, Peer};
use crate::part::Part;
use crate::session::table::Sessions;
use crate::shared::{Facts, Shared};
use protocol::event::Subject;
use protocol::join;
use protocol::server::{LinkId, RequestId, UserId};
use protocol::set::{ChildSet, Rank};
use protocol::slots::SlotSet;
use protocol::time::Time;

/// Parts of a node.
const PARTS: usize = 8;

/// The one list of them, beside what all of them use. Sessions come last: the others forget one before it
/// goes.
macro_rules! parts {
    ($node:expr) => {{
        let Self { shared, above, beat, mounts, forwards, commands, texts, folds, sessions, .. } = $node;
        ([above, mounts, beat, commands, texts, folds, forwards, sessions], shared)
    }};
}

/// The aggregator without its conversations.
pub(crate) struct Node {
    pub(crate) shared: Shared,
    pub(crate) above: Above,
    pub(crate) beat: Beat,
    pub(crate) mounts: Mounts,
    pub(crate) forwards: Forwards,
    pub(crate) commands: Commands,
    pub(crate) texts: Texts,
    pub(crate) folds: Folds,
    pub(crate) sessions: Sessions,
    /// Who is on each link.
    pub(crate) peers: Vec<Option<Peer>>,
    /// Sessions that are gone: fids on them are dead.
    pub(crate) gone: SlotSet,
    /// Somebody asked the program to end.
    pub(crate) exits: bool,
}

impl Node {
    /// An aggregator that has just started, with nobody under it.
    pub(crate) fn new(facts: Facts, now: Time) -> Self {
        Self {
            shared: Shared::new(facts),
            above: Above::new(&facts, now),
            beat: Beat::new(now),
            mounts: Mounts::default(),
            forwards: Forwards::default(),
            commands: Commands::default(),
            texts: Texts::default(),
            folds: Folds::default(),
            sessions: Sessions::default(),
            peers: vec![None; LINKS],
            gone: SlotSet::default(),
            exits: false,
        }
    }

    /// The parts, and what all of them use.
    fn parts(&mut self) -> ([&mut dyn Part; PARTS], &mut Shared) {
        parts!(self)
    }

    fn parts_seen(&self) -> [&dyn Part; PARTS] {
        let (parts, _): ([&dyn Part; PARTS], _) = parts!(self);
        parts
    }

    /// Nothing has happened that is to be followed, or carried to requests that wait.
    pub(crate) fn is_settled(&self) -> bool {
        self.shared.deeds.is_empty() && self.gone.is_empty() && !self.sessions.has_fenced()
    }

    /// Takes the memory for all that the parts may hold.
    pub(crate) fn reserve(&mut self) {
        let (parts, shared) = self.parts();
        shared.reserve();
        parts.into_iter().for_each(|part| part.reserve());
    }

    /// When the first part has something to do.
    pub(crate) fn due(&self) -> Time {
        self.parts_seen().into_iter().map(Part::due).min().unwrap_or(Time::NEVER)
    }

    /// Does all that is due; of sessions one, so that what follows from its end is drained before the next.
    pub(crate) fn expire(&mut self, now: Time, host: &mut impl Host) {
        let count = self.parts().0.len();
        for index in 0..count {
            loop {
                let (parts, shared) = self.parts();
                let is_done = parts[index].expire(now, shared);
                self.follow_all(now, host);
                if !is_done || index + 1 == count {
                    break;
                }
            }
        }
    }

    /// Nobody waits for a request any more.
    pub(crate) fn cancel(&mut self, request: RequestId) {
        let (parts, shared) = self.parts();
        parts.into_iter().for_each(|part| part.cancel(request, shared));
    }

    /// Nothing is out at any child, nobody waits: what a quiet node looks like.
    pub(crate) fn is_quiet(&self) -> bool {
        let is_idle = self.shared.down.own_questions().next().is_none() && self.shared.pool.used() == 0;
        is_idle && self.parts_seen().into_iter().all(Part::is_quiet)
    }

    /// Follows all deeds, and those that come of that.
    pub(crate) fn follow_all(&mut self, now: Time, host: &mut impl Host) {
        while let Some(deed) = self.shared.deeds.next() {
            self.follow(now, deed, host);
        }
    }

    /// Who acts on what a part has done.
    fn follow(&mut self, now: Time, deed: Deed, host: &mut impl Host) {
        let Self { shared, above, mounts, commands, sessions, .. } = self;
        match deed {
            Deed::ChildIs(rank, state) => {
                let name = shared.children.get(rank).name;
                shared.report(now, Subject::Node, name.as_str(), state);
                shared.deeds.stir();
            }
            Deed::ChildUp(rank) => {
                mounts.joined(rank, shared);
                // They may have changed since it got its rank.
                above.tell(ChildSet::one(rank).and(shared.children.inner()), shared);
            }
            Deed::ChildLost(rank) => self.child_lost(now, rank, host),
            Deed::ChildReported(rank) => commands.noted(rank, shared),
            Deed::AboveChanged => {
                self.forwards.up.set_joined(above.rank().is_some());
                above.tell(shared.children.inner(), shared);
            }
            Deed::Mounted(gather, outcome) => commands.mounted(gather, outcome, shared),
            Deed::GangAnswered(gather, session, is_ready) => {
                if let Some(session) = sessions.get(session) {
                    if !is_ready {
                        session.tell_gang(None, commands, shared);
                    } else if !session.is_parents() {
                        session.tell_gang(Some(gather), commands, shared);
                    }
                }
                commands.try_end(gather, shared);
            }
            Deed::Explained(session, rank, failure) => {
                sessions.explained((session, rank, failure), commands, shared);
            }
            Deed::LaunchLate(session, late) => sessions.launch_late(session, late, shared),
            Deed::GatherOver(gather, session) => {
                mounts.give_up(now, gather, shared);
                if let Some(session) = session {
                    sessions.end_all_unrun(session, commands, shared);
                }
            }
            Deed::Refused(Some(session)) => sessions.poison(session, shared),
            // Nothing of the node's own hangs on one.
            Deed::Refused(None) => {}
            Deed::Ended(session) => self.close(now, session, host),
            Deed::Fenced => sessions.fence(),
        }
    }

    /// A child is gone: what each part had of it, and then all answers that it owes.
    fn child_lost(&mut self, now: Time, rank: Rank, host: &mut impl Host) {
        let (parts, shared) = self.parts();
        parts.into_iter().for_each(|part| part.lose(rank, shared));
        while let Some((_, ask)) = self.shared.down.tags.lose_one(rank) {
            // A child that is gone cannot botch.
            let _gone = self.route(now, rank, ask, Err(protocol::ename::Ename::HostDown));
            self.follow_all(now, host);
        }
        self.shared.down.fids.lose(rank);
        let child = self.shared.children.get_mut(rank);
        if child.is_mount {
            self.mounts.lost(now, rank, &mut self.shared);
        } else if core::mem::take(&mut child.is_leaving) {
            self.has_left(now, rank);
        }
    }

    /// A child that was told to leave is gone: its place is free, unless a session has members there.
    pub(crate) fn has_left(&mut self, now: Time, rank: Rank) {
        let child = self.shared.children.get_mut(rank);
        let name = child.name;
        if !self.sessions.has_members_on(rank) {
            child.state = State::Empty;
        }
        self.shared.report(now, Subject::Node, name.as_str(), "down");
        self.shared.deeds.stir();
    }

    /// Ends a session: it is removed on every child, which kills its members; its files are gone.
    fn close(&mut self, now: Time, id: SessionId, host: &mut impl Host) {
        let Some(session) = self.sessions.close(id, &mut self.shared) else { return };
        let (parts, shared) = self.parts();
        parts.into_iter().for_each(|part| part.end(id, shared));
        host.release_session(id.slot);
        self.gone.set(id.slot);
        self.shared.report(now, Subject::Session, session.name.as_str(), "closed");
    }

    /// A child is gone, and all that follows from it is done.
    pub(crate) fn lose(&mut self, now: Time, rank: Rank, host: &mut impl Host) {
        beat::lose(now, rank, &mut self.shared);
        self.follow_all(now, host);
    }

    /// Input that may go on does, and one session that a parent has done with ends.
    pub(crate) fn settle(&mut self, now: Time, host: &mut impl Host) {
        self.follow_all(now, host);
        if let Some(id) = self.sessions.next_fenced() {
            self.close(now, id, host);
        }
        let fed = core::mem::take(&mut self.shared.deeds.fed);
        for slot in fed.iter() {
            self.sessions.feed(slot, host, &mut self.shared);
        }
        self.follow_all(now, host);
    }

    /// Keeps for `events` which sessions are in another state than before.
    pub(crate) fn report_states(&mut self, now: Time, touched: SlotSet) {
        for slot in touched.iter() {
            let Ok(session) = self.sessions.at(slot) else { continue };
            let (state, name) = (session.state_name(), session.name);
            if core::mem::replace(&mut session.reported, state) != state {
                self.shared.report(now, Subject::Session, name.as_str(), state);
            }
        }
    }

    /// Gives back the places of users who have no fid, which `present` have, nor anything else here that is
    /// theirs. The first one stays: the root's files are theirs.
    pub(crate) fn forget_users(&mut self, present: u64) {
        let asked = self.shared.down.tags.waiting().filter_map(|(_, ask, _)| ask.attaches());
        let owners = self.sessions.iter().map(|session| session.owner);
        let theirs = owners.chain(self.commands.users()).chain(asked);
        let stay = theirs.fold(present | 1, |all, user| all | 1 << user.0);
        for user in (0..USERS).filter(|index| stay & 1 << index == 0).map(|index| UserId(index as u8)) {
            self.shared.users.forget(user, &mut self.shared.down);
            self.shared.refusals.forget_user(user);
            self.forwards.up.forget(user);
        }
    }

    /// The peer of a link is on this machine.
    pub(crate) fn is_local(&self, link: LinkId) -> bool {
        self.peers[link.0 as usize].is_some_and(|peer| peer.is_local)
    }

    /// The link to the parent is gone, or new: what was asked on the one before is not answered.
    pub(crate) fn renew_up(&mut self) {
        self.forwards.lose_up(&mut self.shared);
        self.forwards.up.renew();
    }

    /// So much is to be sent that it is to be drained before another answer of a child is given.
    pub(crate) fn is_pressed(&self) -> bool {
        self.shared.down.step_count() >= PRESSED
    }

    /// What the driver is to do next.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        if core::mem::take(&mut self.exits) {
            return Some(Effect::Exit);
        }
        if self.above.poll_dial() {
            return Some(Effect::Dial);
        }
        if let Some(index) = self.mounts.poll_dial() {
            return Some(Effect::Mount(index));
        }
        self.shared.deeds.next_drop().map(Effect::Drop)
    }

    /// Takes what the parent says: an answer to joining, or to what was passed on to it.
    pub(crate) fn answer_of_parent(&mut self, message: &[u8]) -> Result<(), protocol::wire::Botch> {
        let (tag, _) = protocol::message::Rmsg::decode(message)?;
        if join::is_joining(tag) {
            return self.above.answer(message, &mut self.shared);
        }
        match self.forwards.up.answer(message)? {
            Some(Passed { index, outcome: Ok(()) }) => {
                self.forwards.forwarded(index, message, &mut self.shared)
            }
            Some(Passed { index, outcome: Err(ename) }) => {
                self.forwards.failed(index, ename, &mut self.shared);
                Ok(())
            }
            None => Ok(()),
        }
    }
}
