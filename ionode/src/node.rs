//! What an aggregator is apart from its conversations: its children, its tables, what changed.

use crate::ask::{Ask, GatherId};
use crate::bounds::{ADMITTED, FanFids, FanTags, LAUNCH, MOUNTS, STEPS, USERS};
use crate::child::{Children, State};
use crate::forward::Forwards;
use crate::gather::{Gather, Refusal};
use crate::host::{Peer, SessionSlot};
use crate::look::Look;
use crate::mount::Mount;
use crate::names::Names;
use crate::outcome::Outcomes;
use crate::pool::Pool;
use crate::room::{Gathers, Growing, Looks, Sessions, Traces};
use crate::step::{Send, Step};
use crate::up::Up;
use protocol::event::{Event, Events, Subject};
use protocol::expect::Expected;
use protocol::join::{ABOVE, Parent};
use protocol::limits::{BEAT_US, MSIZE_LINK, NODE_NAME_MAX, USER_NAME_MAX};
use protocol::message::{Fid, TWRITE_HEADER, Tag, seal_twrite};
use protocol::refusal::Refusals;
use protocol::server::{LinkId, RequestId, Settled, UserId};
use protocol::set::{ChildSet, Rank};
use protocol::slots::{SlotSet, Slots};
use protocol::text::Text;
use protocol::time::Time;
use protocol::tuning::Tuning;
use protocol::verb::DIAL_MAX;
use std::collections::VecDeque;

/// Refusals kept for all users together.
pub const REFUSALS: usize = 256;

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

/// The fids that every child has from its catch-up burst on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeFids {
    pub(crate) ctl: Fid,
    pub(crate) beat: Fid,
    pub(crate) status: Fid,
    pub(crate) info: Fid,
    pub(crate) summary: Fid,
    pub(crate) events: Fid,
}

/// The aggregator without its conversations.
pub struct Node {
    /// What does not change.
    pub facts: Facts,
    /// When it started.
    pub started: Time,
    /// The conversation with the parent, as the child that dials.
    pub parent: Parent<ABOVE>,
    /// Where a parent is that was given while the node ran.
    pub(crate) parent_dial: Text<DIAL_MAX>,
    /// Addresses that others dial this node at.
    pub(crate) addresses: Vec<Text<DIAL_MAX>>,
    /// Trees that are mounted.
    pub(crate) mounts: [Option<Mount>; MOUNTS],
    /// The conversation with the parent, as its client.
    pub(crate) up: Box<Up>,
    /// When sessions of a parent that went away are given up.
    pub(crate) orphaned: Option<Time>,
    /// The children.
    pub children: Children,
    /// Nodes that outcomes were told of.
    pub(crate) names: Names,
    /// The session table.
    pub sessions: Sessions,
    /// The outcomes of all sessions' members.
    pub outcomes: Outcomes,
    /// Its bounds that can be changed.
    pub tuning: Tuning,
    /// Who has attached, by `UserId`.
    pub users: [Text<USER_NAME_MAX>; USERS],
    attach: [Option<Fid>; USERS],
    /// What was refused.
    pub refusals: Refusals<Refusal, Growing<Option<Refusal>, REFUSALS>>,
    /// What happened.
    pub events: Events,
    /// Children that the refusal is about that is just being made.
    pub(crate) blamed: ChildSet,
    pub(crate) fids: FanFids,
    pub(crate) tags: FanTags,
    pub(crate) node_fids: NodeFids,
    pub(crate) steps: VecDeque<Step>,
    pub(crate) scratch: Vec<u8>,
    pub(crate) pool: Pool,
    pub(crate) gathers: Gathers,
    pub(crate) looks: Looks,
    pub(crate) traces: Traces,
    pub(crate) next_trace: u32,
    pub(crate) forwards: Forwards,
    /// Moves whenever the node's status may have.
    pub(crate) changes: u32,
    /// The next session number that `clone` gives.
    pub(crate) next_id: u32,
    /// The next session's number on the children.
    pub(crate) next_serial: u32,
    pub(crate) next_gather: u32,
    pub(crate) next_look: u32,
    /// When the next beat is due.
    pub(crate) beat_at: Time,
    /// Children whose status has changed since it was read.
    pub(crate) stale: ChildSet,
    /// Sessions in which something changed: parked requests on them try again.
    pub(crate) touched: SlotSet,
    /// Sessions that are gone: fids on them are dead.
    pub(crate) gone: SlotSet,
    /// Sessions that a returning parent has done with.
    pub(crate) fenced: SlotSet,
    /// Something changed at the node.
    pub(crate) stirred: bool,
    /// Names of sessions that have just ended, for `events`.
    pub(crate) closed: Vec<Text<NODE_NAME_MAX>>,
    /// Where the records of a stdin message go: the rank, and where they begin and end.
    pub(crate) dealt: Vec<(u8, u32, u32)>,
    /// A piece of stdin on its way from its memory file.
    pub(crate) piece: Vec<u8>,
    /// Sessions whose stdin may go on.
    pub(crate) fed: SlotSet,
    /// Requests that have their answer.
    pub(crate) settled: Vec<(RequestId, Settled)>,
    /// Forwarded walks and opens that were refused.
    pub(crate) undone: Vec<RequestId>,
    /// Links to hang up on.
    pub(crate) drops: Vec<LinkId>,
    /// Sessions that wait for their owner.
    pub(crate) lingering: SlotSet,
    /// Who is on each link.
    pub(crate) peers: Vec<Option<Peer>>,
    /// The driver is to connect to the parent.
    pub(crate) dial: bool,
    /// Somebody asked the program to end.
    pub(crate) exit: bool,
}

impl Node {
    /// An aggregator that has just started, with nobody under it.
    pub fn new(facts: Facts, now: Time) -> Self {
        let mut fids = FanFids::default();
        let mut take = || {
            let fid = fids.take();
            assert!(fid.is_some(), "an empty table has room");
            fid.unwrap_or_default()
        };
        let node_fids = NodeFids {
            ctl: take(),
            beat: take(),
            status: take(),
            info: take(),
            summary: take(),
            events: take(),
        };
        Self {
            facts,
            started: now,
            parent: Parent::new(facts.has_parent, now),
            parent_dial: Text::EMPTY,
            addresses: Vec::new(),
            mounts: [None; MOUNTS],
            up: Box::default(),
            orphaned: None,
            children: Children::default(),
            names: Names::default(),
            sessions: Sessions::make(),
            outcomes: Outcomes::default(),
            tuning: Tuning::new(protocol::limits::MEMBERS_MAX),
            users: [Text::EMPTY; USERS],
            attach: [None; USERS],
            refusals: Refusals::default(),
            events: Events::default(),
            blamed: ChildSet::EMPTY,
            fids,
            tags: FanTags::default(),
            node_fids,
            steps: VecDeque::new(),
            scratch: Vec::new(),
            pool: Pool::default(),
            gathers: Gathers::make(),
            looks: Looks::make(),
            traces: Traces::make(),
            next_trace: 0,
            forwards: Forwards::default(),
            changes: 0,
            next_id: 0,
            next_serial: 0,
            next_gather: 0,
            next_look: 0,
            beat_at: now + BEAT_US,
            stale: ChildSet::EMPTY,
            touched: SlotSet::default(),
            gone: SlotSet::default(),
            fenced: SlotSet::default(),
            stirred: false,
            closed: Vec::new(),
            dealt: Vec::new(),
            piece: Vec::new(),
            fed: SlotSet::default(),
            settled: Vec::new(),
            undone: Vec::new(),
            drops: Vec::new(),
            lingering: SlotSet::default(),
            peers: vec![None; crate::bounds::LINKS],
            dial: false,
            exit: false,
        }
    }

    /// Something changed in a session.
    pub(crate) fn touch(&mut self, slot: SessionSlot) {
        self.touched.set(slot);
        self.changes = self.changes.wrapping_add(1);
    }

    /// Tells `events` what a child is now.
    pub(crate) fn tell_child(&mut self, now: Time, rank: Rank) {
        let child = self.children.get(rank);
        let (name, state) = (child.name, child.state_name());
        self.events.push(Event { at: now, what: Subject::Node, name, state });
        self.changes = self.changes.wrapping_add(1);
        self.stirred = true;
    }

    /// The number of the user named `uname`; a new one takes a free place.
    pub(crate) fn user(&mut self, uname: &str) -> Option<UserId> {
        let name = Text::new(uname)?;
        let known = |text: &Text<USER_NAME_MAX>| *text == name && !name.is_empty();
        let users = &self.users;
        let index = users.iter().position(known).or_else(|| users.iter().position(Text::is_empty))?;
        if self.attach[index].is_none() {
            self.attach[index] = Some(self.fids.take()?);
        }
        self.users[index] = name;
        Some(UserId(index as u8))
    }

    /// Nobody new can come in.
    pub(crate) fn is_crowded(&self) -> bool {
        self.users.iter().all(|user| !user.is_empty())
    }

    /// Gives back the places of users who have no fid, which `present` have, nor anything else here that is
    /// theirs. The first one stays: the root's files are theirs.
    pub(crate) fn forget_users(&mut self, present: u64) {
        let sessions = self.sessions.iter().filter(|session| session.used).map(|session| session.owner);
        let refused = self.gathers.iter().filter(|gather| gather.used).filter_map(|g| g.refusal.as_ref());
        let asked = self.tags.waiting().filter_map(|(_, ask, _)| match ask {
            Ask::Attach(user) => Some(user),
            _ => None,
        });
        let theirs = sessions.chain(refused.map(|refusal| refusal.user)).chain(asked);
        let stay = theirs.fold(present | 1, |all, user| all | 1 << user.0);
        for index in (0..USERS).filter(|index| stay & 1 << index == 0) {
            self.users[index] = Text::EMPTY;
            self.refusals.forget_user(UserId(index as u8));
            if let Some(fid) = self.attach[index].take() {
                self.clunk(fid);
            }
            self.leave_up(UserId(index as u8));
        }
    }

    /// A user's name.
    pub(crate) fn user_name(&self, user: UserId) -> Text<USER_NAME_MAX> {
        self.users.get(user.0 as usize).copied().unwrap_or(Text::EMPTY)
    }

    /// The peer of a link is on this machine.
    pub fn is_local(&self, link: LinkId) -> bool {
        self.peers[link.0 as usize].is_some_and(|peer| peer.is_local)
    }

    /// A user may say what concerns a whole node.
    pub(crate) fn is_operator(&self, user: UserId) -> bool {
        let name = self.user_name(user);
        name.as_str() == "root" || name == self.facts.operator && !name.is_empty()
    }

    /// `user` may do what `owner` may.
    pub(crate) fn is_owner(&self, user: UserId, owner: UserId) -> bool {
        user == owner || self.user_name(user).as_str() == "root"
    }

    /// The fid of a user's attach on every child.
    pub(crate) fn attach_fid(&self, user: UserId) -> Fid {
        let fid = self.attach[user.0 as usize];
        assert!(fid.is_some(), "who has a number has attached");
        fid.unwrap_or_default()
    }

    /// Attaches a user where they are not yet.
    pub(crate) fn attach(&mut self, user: UserId, set: ChildSet) {
        let fid = self.attach_fid(user);
        let need = set.less(self.fids.holds(fid));
        if need.is_empty() {
            return;
        }
        self.fids.establish(fid, need);
        self.ask(need, Ask::Attach(user), Send::Attach { fid, user });
    }

    /// Users who have attached here.
    pub(crate) fn known_users(&self) -> impl Iterator<Item = UserId> + use<> {
        let users = self.users;
        (0..USERS).filter(move |index| !users[*index].is_empty()).map(|index| UserId(index as u8))
    }

    /// So many more questions may be let in; what cannot be refused has room of its own.
    pub(crate) fn has_room(&self, questions: usize) -> bool {
        self.steps.len() + questions <= STEPS / 2 && self.tags.used() + questions <= ADMITTED
    }

    /// One more question may be let in that a client can ask in any number: a launch has room beside them,
    /// and beside what follows from them.
    pub(crate) fn has_room_beside(&self) -> bool {
        self.has_room(LAUNCH) && self.tags.used() + 2 * LAUNCH <= ADMITTED
    }

    /// Asks a set of children one question. The tag table has room for all that bounds elsewhere allow.
    pub(crate) fn ask(&mut self, set: ChildSet, ask: Ask, send: Send) -> Tag {
        if set.is_empty() {
            return Tag::NONE;
        }
        let tag = self.tags.take(ask, set, send.expected());
        assert!(tag.is_some(), "the tag table is the sum of what may be asked");
        let tag = tag.unwrap_or(Tag::NONE);
        self.send(set, tag, send);
        tag
    }

    /// Writes a line to a file of each child of a set.
    pub(crate) fn ask_line(&mut self, set: ChildSet, (ask, fid): (Ask, Fid), line: core::fmt::Arguments<'_>) {
        use std::io::Write;
        if set.is_empty() {
            return;
        }
        let expected = Expected::Write(MSIZE_LINK);
        let tag = self.tags.take(ask, set, expected);
        assert!(tag.is_some(), "the tag table is the sum of what may be asked");
        let tag = tag.unwrap_or(Tag::NONE);
        let at = self.scratch.len();
        self.scratch.extend_from_slice(&[0; TWRITE_HEADER]);
        let written = self.scratch.write_fmt(line);
        assert!(written.is_ok(), "a vector takes any text");
        let count = self.scratch.len() - at - TWRITE_HEADER;
        let len = seal_twrite(tag, fid, 0, count, &mut self.scratch[at..]);
        self.send(set, tag, Send::Scratch { at: at as u32, len: len as u32 });
    }

    /// Asks once more with a tag that is kept; nobody in the set owes an answer to it.
    pub(crate) fn ask_again(&mut self, set: ChildSet, tag: Tag, send: Send) {
        self.tags.again(tag, set, send.expected());
        self.send(set, tag, send);
    }

    /// A fid is not wanted any more on any child.
    pub(crate) fn clunk(&mut self, fid: Fid) {
        let set = self.fids.clunk(fid);
        self.ask(set, Ask::Clunk(fid), Send::Clunk { fid });
    }

    /// A question that is asked again and again is not of interest any more.
    pub(crate) fn flush(&mut self, old: Tag) {
        let owes = self.tags.flush(old, Ask::Rest);
        self.ask(owes, Ask::Flush(old), Send::Flush { old });
    }

    /// Children that serve.
    pub(crate) fn serving(&self) -> ChildSet {
        self.children.serving()
    }

    /// The gather `id`, if it still waits.
    pub(crate) fn gather(&mut self, id: GatherId) -> Option<&mut Gather> {
        let gather = &mut self.gathers[id.index as usize];
        if gather.used && gather.seq == id.seq { Some(gather) } else { None }
    }

    /// Nothing is out at any child, nobody waits: what a quiet node looks like.
    pub fn is_quiet(&self) -> bool {
        self.question_count() == 0
            && self.up_count() == 0
            && self.pool.used() == 0
            && self.gathers.iter().all(|gather| !gather.used)
            && self.looks.iter().all(Look::is_free)
    }

    /// What a quiet node has not, for checkers: questions to children, and how many of the rest.
    pub fn unquiet(&self) -> String {
        let asks: Vec<_> =
            self.own_questions().map(|(_, ask, owes)| format!("{ask:?} of {:x}", owes.0)).collect();
        let gathers = self.gathers.iter().filter(|gather| gather.used).count();
        let looks = self.looks.iter().filter(|look| !look.is_free()).count();
        let (up, held) = (self.up_count(), self.pool.used());
        format!("{asks:?}, {up} at its parent, {held} held, {gathers} gathers, {looks} looks")
    }

    fn own_questions(&self) -> impl Iterator<Item = (Tag, Ask, ChildSet)> {
        let beats = |ask: &Ask| matches!(ask, Ask::Beat | Ask::Pulse | Ask::Info | Ask::Status | Ask::Events);
        self.tags.waiting().filter(move |(_, ask, _)| !beats(ask))
    }

    /// Tags of questions to children, the beat's own apart, which come and go by themselves: for checkers.
    pub fn question_count(&self) -> usize {
        self.own_questions().count()
    }

    /// Fids on children in use, for checkers.
    pub fn fid_count(&self) -> usize {
        self.fids.used()
    }

    /// Fids that a child has as far as this node knows, for checkers.
    pub fn fids_on(&self, rank: Rank) -> usize {
        self.fids.on(rank)
    }

    /// Commands that wait for children, for checkers.
    pub fn gathers(&self) -> impl Iterator<Item = (GatherId, &Gather)> {
        let gathers = self.gathers.iter().enumerate().filter(|(_, gather)| gather.used);
        gathers.map(|(index, gather)| (GatherId { index: index as u8, seq: gather.seq }, gather))
    }

    /// What was asked of children, and who has not answered, for checkers.
    pub fn questions(&self) -> impl Iterator<Item = (Tag, Ask, ChildSet)> {
        self.tags.waiting()
    }

    /// The beat is due, for checkers.
    pub fn is_beat_due(&self, now: Time) -> bool {
        self.beat_at <= now
    }

    /// The state of a child by name.
    pub fn child_state(&self, name: &str) -> Option<State> {
        self.children.find(name).map(|rank| self.children.get(rank).state)
    }
}
