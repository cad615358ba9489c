//! The read-only face of a stub, for its driver and for checkers: states as plain enums, counts of what is
//! in use. Nothing outside this crate reads a core in another way.

use crate::bounds::Bounds;
use crate::host::{MemberSlot, SessionSlot};
use crate::member;
use crate::session::{self, Gang, Phase};
use crate::stub::Cnode;
use protocol::inspect::ParentState;
use protocol::limits::USER_NAME_MAX;
use protocol::message::Fid;
use protocol::qid::Path;
use protocol::server::LinkId;
use protocol::set::Rank;
use protocol::slots::Slots;
use protocol::text::Text;
use protocol::time::Time;
use protocol::worded;

worded! {
    /// Where a member is in its life; a slot that is nobody's has none.
    pub enum MemberState {
        Reserved = "reserved",
        Starting = "starting",
        Ready = "ready",
        Running = "running",
        Stopped = "stopped",
        Ended = "ended",
    }
}

worded! {
    /// Where a session is in its life here.
    pub enum SessionState {
        Open = "open",
        Reserved = "reserved",
        Poisoned = "poisoned",
        Starting = "starting",
        Ready = "ready",
        Running = "running",
        Partly = "told partly",
        Over = "over",
        Orphaned = "orphaned",
        Closing = "closing",
    }
}

/// A member.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    slot: MemberSlot,
    state: MemberState,
    member: &'a member::Member,
}

impl Member<'_> {
    /// Its place in the table.
    pub fn slot(self) -> MemberSlot {
        self.slot
    }

    /// Whose it is.
    pub fn session(self) -> SessionSlot {
        self.member.session
    }

    /// Its number in the session.
    pub fn number(self) -> u32 {
        self.member.number
    }

    /// Its process, 0 before it has one.
    pub fn pid(self) -> u32 {
        self.member.pid
    }

    /// It has a process.
    pub fn is_live(self) -> bool {
        self.member.state.is_live()
    }

    /// The word that `status` has for its state.
    pub fn state_name(self) -> &'static str {
        self.member.state.name()
    }

    /// Where it is in its life.
    pub fn state(self) -> MemberState {
        self.state
    }
}

/// A session.
pub struct Session<'a, B: Bounds> {
    slot: SessionSlot,
    session: &'a session::Session<B::SessionTags>,
}

impl<B: Bounds> Clone for Session<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Bounds> Copy for Session<'_, B> {}

impl<'a, B: Bounds> Session<'a, B> {
    /// Its place in the table.
    pub fn slot(self) -> SessionSlot {
        self.slot
    }

    /// Its directory.
    pub fn name(self) -> &'a str {
        self.session.name.as_str()
    }

    /// A parent made it.
    pub fn is_parents(self) -> bool {
        self.session.is_parents()
    }

    /// It is not being ended.
    pub fn is_open(self) -> bool {
        self.session.is_open()
    }

    /// `exec` was given.
    pub fn is_executed(self) -> bool {
        self.session.is_executed()
    }

    /// When it ends because its client vanished.
    pub fn linger(self) -> Option<Time> {
        self.session.linger
    }

    /// The word that `status` and `events` have for its state.
    pub fn state_name(self) -> &'static str {
        self.session.state().name()
    }

    /// Where it is in its life.
    pub fn state(self) -> SessionState {
        let session = self.session;
        match &session.phase {
            Phase::Closing { .. } => SessionState::Closing,
            _ if session.linger.is_some() => SessionState::Orphaned,
            Phase::Setup { is_poisoned: true } => SessionState::Poisoned,
            Phase::Free | Phase::Setup { .. } if session.count > 0 => SessionState::Reserved,
            Phase::Free | Phase::Setup { .. } => SessionState::Open,
            Phase::Run(run) if run.outcomes == session.count => SessionState::Over,
            Phase::Run(run) if run.gang == Gang::Waits(0) => SessionState::Ready,
            Phase::Run(run) if run.starting > 0 => SessionState::Starting,
            Phase::Run(run) if run.outcomes > 0 => SessionState::Partly,
            Phase::Run(_) => SessionState::Running,
        }
    }
}

fn state_of(member: &member::Member) -> Option<MemberState> {
    Some(match member.state {
        member::State::Free => return None,
        member::State::Reserved => MemberState::Reserved,
        member::State::Starting if member.ready => MemberState::Ready,
        member::State::Starting => MemberState::Starting,
        member::State::Running => MemberState::Running,
        member::State::Stopped => MemberState::Stopped,
        member::State::Ended => MemberState::Ended,
    })
}

impl<B: Bounds> Cnode<B> {
    /// The link to its parent.
    pub fn parent_state(&self) -> ParentState {
        self.node.parent.state.into()
    }

    /// When something is due on that link.
    pub fn parent_timeout(&self) -> Time {
        self.node.parent.timeout()
    }

    /// Its rank at a parent that it has joined.
    pub fn parent_rank(&self) -> Option<Rank> {
        self.node.parent.rank()
    }

    /// It takes no new members.
    pub fn is_drained(&self) -> bool {
        self.node.drained.is_some()
    }

    /// Sessions, by slot.
    pub fn sessions(&self) -> impl DoubleEndedIterator<Item = Session<'_, B>> {
        let slots = self.node.sessions.slots().iter().enumerate().filter(|(_, session)| session.is_used());
        slots.map(|(slot, session)| Session { slot: slot as SessionSlot, session })
    }

    /// The session in a slot, if the slot is somebody's.
    pub fn session(&self, slot: SessionSlot) -> Option<Session<'_, B>> {
        let session = self.node.sessions.slots().get(slot as usize).filter(|session| session.is_used())?;
        Some(Session { slot, session })
    }

    /// Sessions in use.
    pub fn session_count(&self) -> usize {
        self.sessions().count()
    }

    /// Members, by slot.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        let slots = self.node.members.slots().iter().enumerate();
        slots.filter_map(|(slot, member)| {
            Some(Member { slot: slot as MemberSlot, state: state_of(member)?, member })
        })
    }

    /// The member in a slot, if the slot is somebody's.
    pub fn member(&self, slot: MemberSlot) -> Option<Member<'_>> {
        let member = self.node.members.slots().get(slot as usize)?;
        Some(Member { slot, state: state_of(member)?, member })
    }

    /// The members of a session.
    pub fn members_of(&self, session: SessionSlot) -> impl Iterator<Item = Member<'_>> {
        self.members().filter(move |member| member.session() == session)
    }

    /// How many more members may be here.
    pub fn member_room(&self) -> u32 {
        let (places, most) = (self.node.members.slots().len() as u32, self.node.tuning.members);
        most.min(places).saturating_sub(self.members().count() as u32)
    }

    /// Slots of the session table.
    pub fn session_slots(&self) -> usize {
        self.node.sessions.slots().len()
    }

    /// Slots of members and, behind them, of the helpers of `debug`.
    pub fn member_slots(&self) -> usize {
        self.node.members.slots().len() + self.node.probes.slots().len()
    }

    /// Fids in use.
    pub fn fid_count(&self) -> usize {
        self.server.holds().count()
    }

    /// The file here that a fid of a link holds.
    pub fn path_of(&self, link: LinkId, fid: Fid) -> Option<Path> {
        self.server.path_of(link, fid)
    }

    /// The process of a member, 0 before it has one.
    pub fn member_pid(&self, slot: MemberSlot) -> u32 {
        self.node.members.slots()[slot as usize].pid
    }

    /// Whose a session is.
    pub fn session_owner(&self, slot: SessionSlot) -> Text<USER_NAME_MAX> {
        self.node.user_name(self.node.sessions.slots()[slot as usize].owner)
    }

    /// Records of a session's outputs begin with a prefix.
    pub fn has_prefix(&self, slot: SessionSlot) -> bool {
        self.node.sessions.slots()[slot as usize].options.prefix != protocol::verb::Prefix::Off
    }

    /// The name that a member sees its session by, and how many levels above this node it has that name.
    pub fn session_name(&self, slot: SessionSlot) -> (&str, u8) {
        let session = &self.node.sessions.slots()[slot as usize];
        let name = if session.is_parents() { &session.origin } else { &session.name };
        (name.as_str(), session.levels)
    }
}
