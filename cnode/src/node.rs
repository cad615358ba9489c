//! What a stub is apart from its conversations: its name, its tables, what changed.

use crate::bounds::Bounds;
use crate::host::{MemberSlot, SessionSlot};
use crate::member::Member;
use crate::session::{Phase, Session};
use protocol::event::Events;
use protocol::join::Parent;
use protocol::limits::{NODE_NAME_MAX, USER_NAME_MAX};
use protocol::personality::Place;
use protocol::refusal::{Refusal, Refusals};
use protocol::server::UserId;
use protocol::slots::{SlotBits, Slots};
use protocol::text::Text;
use protocol::time::Time;
use protocol::tuning::Tuning;
use protocol::verb::{DIAL_MAX, WHY_MAX};

/// What does not change while a stub runs.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Its name in the partition.
    pub name: Text<NODE_NAME_MAX>,
    /// A number that no other run of a stub has.
    pub boot: u64,
    /// `linux`, …
    pub os: &'static str,
    /// `x86_64`, …
    pub arch: &'static str,
    /// Processors.
    pub cores: u32,
    /// The user it runs as, who may give an operator's commands as root may.
    pub operator: Text<USER_NAME_MAX>,
    /// Where it is in a machine that tells its nodes.
    pub place: Option<Place>,
    /// It has a parent to join.
    pub has_parent: bool,
}

/// Sessions of a stub, by slot.
pub(crate) type Sessions = SlotBits<1>;

/// What has changed and is not carried to who waits for it.
#[derive(Default)]
pub(crate) struct Changed {
    /// Sessions in which something changed: parked requests on them try again.
    pub(crate) touched: Sessions,
    /// Sessions whose parked stdin message goes on.
    pub(crate) fed: Sessions,
    /// Sessions that are gone: fids on them are dead.
    pub(crate) gone: Sessions,
    /// Something happened to the node itself that `events` tells.
    pub(crate) told: bool,
}

/// Effects that are not drained.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Starts of members.
    pub(crate) starts: u32,
    /// Starts of helpers.
    pub(crate) probes: u32,
    /// To dial the parent.
    pub(crate) dial: bool,
    /// To hang up on it.
    pub(crate) leave: bool,
    /// To end the program.
    pub(crate) exit: bool,
}

/// The stub without its conversations.
pub(crate) struct Node<B: Bounds> {
    /// What does not change.
    pub(crate) facts: Facts,
    /// When it started.
    pub(crate) started: Time,
    /// When it was fed or drained last.
    pub(crate) now: Time,
    /// The conversation with the parent, as the child that dials.
    pub(crate) parent: Parent<0>,
    /// Where a parent is that was given while the node ran.
    pub(crate) parent_dial: Text<DIAL_MAX>,
    /// The session table.
    pub(crate) sessions: B::Sessions,
    /// The number of the next session without a name.
    pub(crate) next_id: u32,
    /// The member table.
    pub(crate) members: B::Members,
    /// Helpers that look at members.
    pub(crate) probes: B::Probes,
    /// The number of the last of them.
    pub(crate) last_probe: u32,
    /// Who has attached, by `UserId`.
    pub(crate) users: B::Users,
    /// Links whose peer is on this machine, by bit: its death is seen at once.
    pub(crate) local_links: u64,
    /// What its operators call it.
    pub(crate) tags: B::NodeTags,
    /// It takes no new members, and why.
    pub(crate) drained: Option<Text<WHY_MAX>>,
    /// Its bounds that can be changed.
    pub(crate) tuning: Tuning,
    /// What was refused.
    pub(crate) refusals: Refusals<Refusal, B::Refusals>,
    /// What happened.
    pub(crate) events: Events<B::Events>,
    /// Moves whenever the node's status may have.
    pub(crate) changes: u32,
    /// What has changed.
    pub(crate) changed: Changed,
    /// What is to be done.
    pub(crate) wanted: Wanted,
}

impl<B: Bounds> Node<B> {
    /// A stub that has just started.
    pub(crate) fn new(facts: Facts, now: Time) -> Self {
        assert!(B::Sessions::make().slots().len() <= Sessions::SIZE, "a set holds all sessions");
        let members = B::Members::make();
        let tuning = Tuning::new(members.slots().len() as u32);
        Self {
            facts,
            started: now,
            now,
            parent: Parent::new(facts.has_parent, now),
            parent_dial: Text::EMPTY,
            sessions: B::Sessions::make(),
            next_id: 0,
            members,
            probes: B::Probes::make(),
            last_probe: 0,
            users: B::Users::make(),
            local_links: 0,
            tags: B::NodeTags::default(),
            drained: None,
            tuning,
            refusals: Refusals::default(),
            events: Events::default(),
            changes: 0,
            changed: Changed::default(),
            wanted: Wanted::default(),
        }
    }

    /// Something changed in a session.
    pub(crate) fn touch(&mut self, slot: SessionSlot) {
        self.changed.touched.set(slot);
        self.changes = self.changes.wrapping_add(1);
    }

    /// The session in `slot`, which is used.
    pub(crate) fn session(&self, slot: SessionSlot) -> &Session<B::SessionTags> {
        let session = &self.sessions.slots()[slot as usize];
        assert!(session.is_used(), "a path leads to a session that is there");
        session
    }

    /// The same, to be changed.
    pub(crate) fn session_mut(&mut self, slot: SessionSlot) -> &mut Session<B::SessionTags> {
        let session = &mut self.sessions.slots_mut()[slot as usize];
        assert!(session.is_used(), "a path leads to a session that is there");
        session
    }

    /// All slots of sessions.
    pub(crate) fn slots(&self) -> core::ops::Range<SessionSlot> {
        0..self.sessions.slots().len() as SessionSlot
    }

    /// The session in `slot`, if it is there and is not being ended.
    pub(crate) fn open_session(&self, slot: SessionSlot) -> Option<&Session<B::SessionTags>> {
        self.sessions.slots().get(slot as usize).filter(|session| session.is_open())
    }

    /// Sessions that are there and are not being ended.
    pub(crate) fn open_sessions(&self) -> impl Iterator<Item = (SessionSlot, &Session<B::SessionTags>)> {
        self.slots().filter_map(|slot| Some((slot, self.open_session(slot)?)))
    }

    /// The slot of the session named `name`.
    pub(crate) fn find_session(&self, name: &str) -> Option<SessionSlot> {
        self.open_sessions().find(|(_, session)| session.name.as_str() == name).map(|(slot, _)| slot)
    }

    /// A slot that is nobody's.
    pub(crate) fn free_session(&self) -> Option<SessionSlot> {
        self.slots().find(|slot| matches!(self.sessions.slots()[*slot as usize].phase, Phase::Free))
    }

    /// The members of a session, by slot.
    pub(crate) fn members_of(&self, slot: SessionSlot) -> impl Iterator<Item = (MemberSlot, &Member)> {
        let members = self.members.slots().iter().enumerate();
        // No further than to the last of them.
        let count = self.sessions.slots()[slot as usize].count as usize;
        let its = members.filter(move |(_, member)| member.is_of(slot)).take(count);
        its.map(|(index, member)| (index as MemberSlot, member))
    }

    /// The same, for who changes them.
    pub(crate) fn member_slots(&self) -> core::ops::Range<MemberSlot> {
        0..self.members.slots().len() as MemberSlot
    }

    /// The member numbered `number` of a session.
    pub(crate) fn find_member(&self, slot: SessionSlot, number: u32) -> Option<MemberSlot> {
        self.members_of(slot).find(|(_, member)| member.number == number).map(|(index, _)| index)
    }

    /// The member in `slot`.
    pub(crate) fn member(&self, slot: MemberSlot) -> &Member {
        &self.members.slots()[slot as usize]
    }

    /// The same, to be changed.
    pub(crate) fn member_mut(&mut self, slot: MemberSlot) -> &mut Member {
        &mut self.members.slots_mut()[slot as usize]
    }

    /// The number of the user named `uname`; a new one takes a free place.
    pub(crate) fn user(&mut self, uname: &str) -> Option<UserId> {
        let name = Text::new(uname)?;
        let known = |text: &Text<USER_NAME_MAX>| *text == name && !name.is_empty();
        let users = self.users.slots_mut();
        let index = users.iter().position(known).or_else(|| users.iter().position(Text::is_empty))?;
        users[index] = name;
        Some(UserId(index as u8))
    }

    /// Nobody new can come in.
    pub(crate) fn is_crowded(&self) -> bool {
        self.users.slots().iter().all(|user| !user.is_empty())
    }

    /// Gives back the places of users who have neither a fid, which `present` have, nor a session. The first
    /// one stays: the root's files are theirs.
    pub(crate) fn forget_users(&mut self, present: u64) {
        let sessions = self.sessions.slots().iter().filter(|session| session.is_used());
        let stay = sessions.fold(present | 1, |all, session| all | 1 << session.owner.0);
        for (index, user) in self.users.slots_mut().iter_mut().enumerate() {
            if stay & 1 << index == 0 {
                *user = Text::EMPTY;
                self.refusals.forget_user(UserId(index as u8));
            }
        }
    }

    /// A user may say what concerns a whole node.
    pub(crate) fn is_operator(&self, user: UserId) -> bool {
        let name = self.user_name(user);
        name.as_str() == "root" || name == self.facts.operator && !name.is_empty()
    }

    /// A user's name.
    pub(crate) fn user_name(&self, user: UserId) -> Text<USER_NAME_MAX> {
        self.users.slots().get(user.0 as usize).copied().unwrap_or(Text::EMPTY)
    }
}
