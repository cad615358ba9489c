//! What all parts of a node use: who it is, who its users and children are, the way to those, and what was
//! refused. A part has its own state beside this.

use crate::down::Down;
use crate::down::ask::Ask;
use crate::down::child::Children;
use crate::down::step::Send;
use crate::ground::bounds::REFUSALS;
use crate::ground::deed::{Deed, Deeds};
use crate::ground::growing::Growing;
use crate::ground::id::SessionId;
use crate::ground::names::Names;
use crate::ground::pool::Pool;
use crate::users::Users;
use protocol::event::{Event, Events, Subject};
use protocol::limits::{NODE_NAME_MAX, USER_NAME_MAX};
use protocol::message::Fid;
use protocol::refusal::{self, PARTS, RefusalId, Refusals};
use protocol::server::{UserId, mode};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Text;
use protocol::time::Time;
use protocol::tuning::Tuning;

/// What does not change while an aggregator runs.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Its name in the partition.
    pub name: Text<NODE_NAME_MAX>,
    /// A number that no other run of an aggregator has.
    pub boot: u64,
    /// `linux`, …
    pub os: &'static str,
    /// `x86_64`, …
    pub arch: &'static str,
    /// The user it runs as, who may give an operator's commands as root may.
    pub operator: Text<USER_NAME_MAX>,
    /// It has a parent to join.
    pub has_parent: bool,
}

/// A refusal, with names of nodes below children.
pub(crate) type Refusal = refusal::Refusal<Text<200>, PARTS>;

/// A session, and as whom its files on children are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whose {
    pub(crate) session: SessionId,
    pub(crate) owner: UserId,
}

/// What all parts use.
pub(crate) struct Shared {
    pub(crate) facts: Facts,
    /// Its bounds that can be changed.
    pub(crate) tuning: Tuning,
    pub(crate) deeds: Deeds,
    pub(crate) users: Users,
    pub(crate) children: Children,
    pub(crate) down: Down,
    /// Answers of children that wait for their reader.
    pub(crate) pool: Pool,
    /// Names of nodes that have outcomes.
    pub(crate) names: Names,
    /// What happened, for `events`.
    pub(crate) events: Events,
    /// What was refused, for `error`.
    pub(crate) refusals: Refusals<Refusal, Growing<Option<Refusal>, REFUSALS>>,
}

impl Shared {
    /// A node that has just started, with nobody under it.
    pub(crate) fn new(facts: Facts) -> Self {
        Self {
            facts,
            tuning: Tuning::new(protocol::limits::MEMBERS_MAX),
            deeds: Deeds::default(),
            users: Users::new(facts.operator),
            children: Children::default(),
            down: Down::new(facts.boot),
            pool: Pool::default(),
            names: Names::default(),
            events: Events::default(),
            refusals: Refusals::default(),
        }
    }

    /// Takes the memory for all that there may be.
    pub(crate) fn reserve(&mut self) {
        self.deeds.reserve();
        self.children.reserve();
        self.down.reserve();
        self.pool.reserve();
        self.names.reserve();
        self.refusals.reserve();
    }

    /// The number of root, the user of nodes.
    pub(crate) fn root(&mut self) -> Option<UserId> {
        self.user("root")
    }

    /// The number of the user of that name.
    pub(crate) fn user(&mut self, uname: &str) -> Option<UserId> {
        self.users.number(uname, &mut self.down)
    }

    /// Attaches a user to children where they are not yet.
    pub(crate) fn attach(&mut self, user: UserId, set: ChildSet) {
        self.users.attach(user, set, &mut self.down);
    }

    /// A child is in another state than before.
    pub(crate) fn child_is(&mut self, rank: Rank) {
        let state = self.children.get(rank).state_name();
        self.deeds.push(Deed::ChildIs(rank, state));
    }

    /// Keeps what happened to a node or a session for `events`.
    pub(crate) fn report(&mut self, at: Time, what: Subject, name: &str, state: &'static str) {
        self.events.push(Event { at, what, name: Text::cut(name), state });
        self.deeds.is_stirred = true;
    }

    /// Keeps a refusal for `error`, of that session if it is of one.
    pub(crate) fn refuse(&mut self, session: Option<SessionId>, refusal: Refusal) -> RefusalId {
        self.deeds.push(Deed::Refused(session));
        self.refusals.push(refusal)
    }

    /// Walks a fid to a file of children's roots, as root, and opens it. Who refuses has nothing to read.
    pub(crate) fn open_root(&mut self, root: UserId, set: ChildSet, fid: Fid, (file, mode): (File, u8)) {
        let from = self.users.fid(root);
        self.down.fids.establish(fid, set);
        self.down.ask(set, Ask::Rest, Send::WalkRoot { from, fid, file: Some(file) });
        self.down.ask(set, Ask::Rest, Send::Open { fid, mode });
    }

    /// Walks a fid to one of a session's files on children, as its owner, and opens it; `ask` is what becomes
    /// of a refusal.
    pub(crate) fn open_session(
        &mut self,
        Whose { session, owner }: Whose,
        set: ChildSet,
        fid: Fid,
        ask: Ask,
        (file, mode): (File, u8),
    ) {
        let (from, serial) = (self.users.fid(owner), session.serial);
        self.down.fids.establish(fid, set);
        self.down.ask(set, ask, Send::WalkSession { from, fid, serial, file });
        self.down.ask(set, ask, Send::Open { fid, mode });
    }

    /// The same, as a step that a child may refuse.
    pub(crate) fn open_step(&mut self, whose: Whose, set: ChildSet, fid: Fid, file: (File, u8)) {
        self.open_session(whose, set, fid, Ask::Step(whose.session, fid), file);
    }

    /// Asks for a piece of a file, with a tag that is kept.
    pub(crate) fn read_again(
        &mut self,
        set: ChildSet,
        (fid, tag): (Fid, protocol::message::Tag),
        offset: u64,
        count: u32,
    ) {
        self.down.ask_again(set, tag, Send::Read { fid, offset, count });
    }

    /// Opens a root's file to read.
    pub(crate) const READ: u8 = mode::READ;
}
