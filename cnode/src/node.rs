//! What a stub is apart from its conversations: its name, its tables, what changed.

use crate::Bounds;
use crate::host::{Load, SessionSlot};
use crate::join::Parent;
use protocol::event::Events;
use protocol::limits::{NODE_NAME_MAX, USER_NAME_MAX};
use protocol::personality::Place;
use protocol::refusal::{Refusal, Refusals};
use protocol::server::UserId;
use protocol::slots::{SlotSet, Slots};
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

/// The stub without its conversations.
pub struct Node<B: Bounds> {
    /// What does not change.
    pub facts: Facts,
    /// When it started.
    pub started: Time,
    /// When it was fed last.
    pub now: Time,
    /// The conversation with the parent, as the child that dials.
    pub parent: Parent<0>,
    /// Where a parent is that was given while the node ran.
    pub parent_dial: Text<DIAL_MAX>,
    /// The link to the parent is to end.
    pub leaves: bool,
    /// The session table.
    pub sessions: B::Sessions,
    /// The member table.
    pub members: B::Members,
    /// Helpers that look at members.
    pub probes: B::Probes,
    /// The number of the last of them.
    pub next_probe: u32,
    /// Those whose start is not drained yet.
    pub probes_wanted: u32,
    /// Who has attached, by `UserId`.
    pub users: B::Users,
    /// What its operators call it.
    pub tags: B::NodeTags,
    /// It takes no new members, and why.
    pub drained: Option<Text<WHY_MAX>>,
    /// Its bounds that can be changed.
    pub tuning: Tuning,
    /// What was refused.
    pub refusals: Refusals<Refusal, B::Refusals>,
    /// What happened.
    pub events: Events<B::Events>,
    /// Moves whenever the node's status may have.
    pub changes: u32,
    /// The load that `status` last told.
    pub load: Load,
    /// The next session number.
    pub next_id: u32,
    /// Members whose start is not drained yet.
    pub starts: u32,
    /// Sessions in which something changed: parked requests on them try again.
    pub touched: SlotSet,
    /// Something happened to the node itself that `events` tells.
    pub told_node: bool,
    /// Sessions that are gone: fids on them are dead.
    pub gone: SlotSet,
    /// Links whose peer is on this machine, by bit: its death is seen at once.
    pub local_links: u64,
    /// Somebody asked the program to end.
    pub exit: bool,
}

impl<B: Bounds> Node<B> {
    /// A stub that has just started.
    pub fn new(facts: Facts, now: Time) -> Self {
        assert!(B::Sessions::make().slots().len() <= SlotSet::SIZE, "a slot set holds all sessions");
        let members = B::Members::make();
        let tuning = Tuning::new(members.slots().len() as u32);
        Self {
            facts,
            started: now,
            now,
            parent: Parent::new(facts.has_parent, now),
            parent_dial: Text::EMPTY,
            leaves: false,
            sessions: B::Sessions::make(),
            members,
            probes: B::Probes::make(),
            next_probe: 0,
            probes_wanted: 0,
            users: B::Users::make(),
            tags: B::NodeTags::default(),
            drained: None,
            tuning,
            refusals: Refusals::default(),
            events: Events::default(),
            changes: 0,
            load: Load::default(),
            next_id: 0,
            starts: 0,
            touched: SlotSet::default(),
            told_node: false,
            gone: SlotSet::default(),
            local_links: 0,
            exit: false,
        }
    }

    /// Something changed in a session.
    pub fn touch(&mut self, slot: SessionSlot) {
        self.touched.set(slot);
        self.changes = self.changes.wrapping_add(1);
    }

    /// The number of the user named `uname`; a new one takes a free place.
    pub fn user(&mut self, uname: &str) -> Option<UserId> {
        let name = Text::new(uname)?;
        let known = |text: &Text<USER_NAME_MAX>| *text == name && !name.is_empty();
        let users = self.users.slots_mut();
        let index = users.iter().position(known).or_else(|| users.iter().position(Text::is_empty))?;
        users[index] = name;
        Some(UserId(index as u8))
    }

    /// Nobody new can come in.
    pub fn is_crowded(&self) -> bool {
        self.users.slots().iter().all(|user| !user.is_empty())
    }

    /// Gives back the places of users who have neither a fid, which `present` have, nor a session. The first
    /// one stays: the root's files are theirs.
    pub fn forget_users(&mut self, present: u64) {
        let sessions = self.sessions.slots().iter().filter(|session| session.used);
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
    pub fn user_name(&self, user: UserId) -> Text<USER_NAME_MAX> {
        self.users.slots().get(user.0 as usize).copied().unwrap_or(Text::EMPTY)
    }
}
