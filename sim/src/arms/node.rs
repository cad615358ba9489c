//! What is seen at a compute node: its members, its parts of sessions, and its link to above.

use super::tables::{BelowEvent, MemberEvent, PartEvent};
use super::{Arms, Machine};
use crate::world::{Place, World};
use cnode::bounds::PARENT;
use cnode::host::{Completion, MemberSlot, SessionSlot};
use cnode::inspect::{MemberState as Member, Session, SessionState as Part};
use cnode::{Bounds, Cnode};
use protocol::inspect::ParentState;
use protocol::message::{Rmsg, Tmsg, is_request};
use protocol::qid::Path;
use protocol::table::File;
use protocol::time::Time;
use protocol::verb::{Command, NodeCommand};

/// A call that a driver makes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call<'a> {
    /// What is due may be.
    Due,
    /// The link to above is gone.
    Hangup,
    /// It is there.
    Connected,
    /// It could not be made.
    Undialed,
    /// A message has come on it.
    Bytes(&'a [u8]),
    /// A member's start or program has come to something.
    Completion,
}

/// What a node's machine was told or told of a member; in which state it was, where that was known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    member: MemberSlot,
    state: Option<Member>,
    event: MemberEvent,
}

impl Note {
    /// The core has its member do that.
    pub(crate) fn asked(member: MemberSlot, event: MemberEvent) -> Self {
        Self { member, state: None, event }
    }

    /// The core is to be told that.
    pub(crate) fn told<B: Bounds>(core: &Cnode<B>, done: Completion) -> Option<Self> {
        let event = match done {
            Completion::Ready { .. } => MemberEvent::Ready,
            Completion::Started { .. } => MemberEvent::Started,
            Completion::Failed { .. } => MemberEvent::Failed,
            Completion::Exited { .. } => MemberEvent::Exited,
            Completion::Readable { .. } | Completion::Writable { .. } | Completion::Undialed => return None,
        };
        let member = done.member()?;
        Some(Self { member, state: core.member(member).map(|member| member.state()), event })
    }
}

/// What a node was before a call.
#[derive(Debug)]
pub(crate) struct Before {
    /// By slot: whether its parent's absence can end it now, and the state.
    parts: Vec<(SessionSlot, bool, Part)>,
    /// By slot: the session, the number in it, and the state.
    members: Vec<(MemberSlot, (SessionSlot, u32), Member)>,
}

/// What a message from above is to the link to it.
pub(super) fn message_below(message: &[u8]) -> BelowEvent {
    if is_request(message) {
        return BelowEvent::Request;
    }
    match Rmsg::decode(message) {
        Ok((_, Rmsg::Read { .. })) => BelowEvent::Rank,
        Ok((_, Rmsg::Error { .. })) => BelowEvent::Refused,
        Ok(_) => BelowEvent::Answer,
        Err(_) => BelowEvent::Botch,
    }
}

/// The lines of a write.
pub(super) fn lines(data: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(data).unwrap_or("\u{fffd}").lines().filter(|line| !line.trim().is_empty())
}

impl Arms {
    fn part(&mut self, state: Part, event: PartEvent) {
        self.count(Machine::Part, state as usize, event as usize);
    }

    fn member(&mut self, state: Member, event: MemberEvent) {
        self.count(Machine::Member, state as usize, event as usize);
    }

    pub(super) fn below(&mut self, state: ParentState, event: BelowEvent) {
        self.count(Machine::Below, state as usize, event as usize);
    }

    /// A request to a node.
    fn node_request<B: Bounds>(&mut self, core: &Cnode<B>, before: &Before, message: &[u8]) {
        let Ok((_, msg)) = Tmsg::decode(message) else { return };
        let Some(path) = core.path_of(PARENT, msg.fid()) else { return };
        let Some(slot) = path.slot() else {
            return if let Tmsg::Write { data, .. } = msg
                && path.file() == File::Ctl as u8
            {
                self.node_lines(core, before, data);
            };
        };
        let Some(part) = before.parts.iter().find(|(own, ..)| *own == slot).map(|(.., part)| *part) else {
            return;
        };
        let file = path.file();
        let is_ctl = file == File::Ctl as u8 && path.member_number().is_none();
        match msg {
            Tmsg::Write { data, .. } if file == File::Ctl as u8 => {
                self.part_lines(before, (path, part), data);
            }
            Tmsg::Write { .. } if [File::Args as u8, File::Env as u8, File::Ns as u8].contains(&file) => {
                self.part(part, PartEvent::Setup);
            }
            Tmsg::Remove { .. } if file == File::Dir as u8 && path.member_number().is_none() => {
                self.part(part, PartEvent::Removed);
            }
            Tmsg::Open { .. } if is_ctl => self.part(part, PartEvent::Opened),
            Tmsg::Clunk { .. } | Tmsg::Remove { .. } if is_ctl => {
                self.part(part, PartEvent::Left);
            }
            _ => {}
        }
    }

    fn node_lines<B: Bounds>(&mut self, core: &Cnode<B>, before: &Before, data: &[u8]) {
        for line in lines(data) {
            match protocol::verb::node(line).map(|line| line.command) {
                Ok(NodeCommand::Fence) => {
                    let is_parents = |slot| core.session(slot).is_some_and(|session| session.is_parents());
                    let parts = before.parts.iter().filter(|(slot, ..)| is_parents(*slot));
                    parts.for_each(|(.., part)| self.part(*part, PartEvent::Fence));
                }
                Ok(NodeCommand::Signal(signal)) => {
                    for (.., part) in &before.parts {
                        self.part(*part, PartEvent::Signal);
                    }
                    self.signal(before, signal, |_, _| true);
                }
                _ => {}
            }
        }
    }

    fn part_lines(&mut self, before: &Before, (path, part): (Path, Part), data: &[u8]) {
        for line in lines(data) {
            let event = match protocol::verb::session(line) {
                Ok(Command::Exec(_)) => PartEvent::Exec,
                Ok(Command::Go(true)) => PartEvent::GoOn,
                Ok(Command::Go(false)) => PartEvent::GoOff,
                Ok(Command::Signal(signal)) => {
                    let own = |slot, number| {
                        path.slot() == Some(slot) && path.member_number().is_none_or(|one| one == number)
                    };
                    self.signal(before, signal, own);
                    PartEvent::Signal
                }
                Ok(Command::CloseStdin) => PartEvent::CloseStdin,
                Ok(Command::Wipe) => PartEvent::Removed,
                Ok(_) => PartEvent::Setup,
                Err(_) => PartEvent::Bad,
            };
            self.part(part, event);
            if event == PartEvent::Exec {
                let own = before.members.iter().filter(|(_, (slot, _), _)| path.slot() == Some(*slot));
                own.for_each(|(.., state)| self.member(*state, MemberEvent::Exec));
            }
        }
    }

    fn signal(&mut self, before: &Before, signal: u8, is: impl Fn(SessionSlot, u32) -> bool) {
        let event = match signal {
            9 => MemberEvent::Kill,
            18 => MemberEvent::Cont,
            19 => MemberEvent::Stop,
            _ => MemberEvent::Signal,
        };
        for (_, (slot, number), state) in &before.members {
            if is(*slot, *number) {
                self.member(*state, event);
            }
        }
    }
}

impl Before {
    fn of<B: Bounds>(core: &Cnode<B>, is_due: bool, now: Time) -> Self {
        let parts = core.sessions().map(|session| {
            let is_over = session.linger().is_some_and(|at| at <= now);
            (session.slot(), is_due && session.is_parents() && !is_over, session.state())
        });
        let parts: Vec<_> = parts.collect();
        let members = core.members().filter(|_| !parts.is_empty());
        let members = members
            .map(|member| (member.slot(), (member.session(), member.number()), member.state()))
            .collect();
        Self { parts, members }
    }
}

impl<B: Bounds> World<B> {
    /// A node is about to be called.
    pub(crate) fn before_leaf(&mut self, leaf: u32, call: Call<'_>) -> Option<Before> {
        let mut arms = self.arms.take()?;
        let now = self.queue.now();
        let leaf = &self.leaves[leaf as usize];
        let (core, now) = (&leaf.core, leaf.run.clock.read(now));
        let before = Before::of(core, matches!(call, Call::Due), now);
        match call {
            Call::Due => {
                if core.parent_timeout() <= now {
                    arms.below(core.parent_state(), BelowEvent::Due);
                }
                for (slot, .., part) in &before.parts {
                    if core.session(*slot).and_then(Session::linger).is_some_and(|at| at <= now) {
                        arms.part(*part, PartEvent::LingerOver);
                    }
                }
            }
            Call::Hangup => {
                arms.below(core.parent_state(), BelowEvent::Hangup);
                before.parts.iter().for_each(|(.., part)| arms.part(*part, PartEvent::Hangup));
                before.members.iter().for_each(|(.., state)| arms.member(*state, MemberEvent::Hangup));
            }
            Call::Connected => arms.below(core.parent_state(), BelowEvent::Connected),
            Call::Undialed => arms.below(core.parent_state(), BelowEvent::Undialed),
            Call::Bytes(message) => {
                arms.below(core.parent_state(), message_below(message));
                if is_request(message) {
                    arms.node_request(core, &before, message);
                }
            }
            Call::Completion => {}
        }
        self.arms = Some(arms);
        Some(before)
    }

    /// It was called: what follows from that.
    pub(crate) fn after_leaf(&mut self, leaf: u32, before: Option<Before>) {
        let (Some(before), Some(mut arms)) = (before, self.arms.take()) else { return };
        let leaf = &mut self.leaves[leaf as usize];
        for note in leaf.machine.noted() {
            let known = before.members.iter().find(|(slot, ..)| *slot == note.member);
            let Some(state) = note.state.or(known.map(|(.., state)| *state)) else { continue };
            arms.member(state, note.event);
            let part = known.and_then(|(_, (slot, _), _)| before.parts.iter().find(|(own, ..)| own == slot));
            if let Some((.., part)) = part {
                match note.event {
                    MemberEvent::Started => arms.part(*part, PartEvent::Started),
                    MemberEvent::Failed => arms.part(*part, PartEvent::Failed),
                    MemberEvent::Exited => arms.part(*part, PartEvent::Ended),
                    _ => {}
                }
            }
        }
        for (slot, is_given_up, part) in &before.parts {
            if *part == Part::Closing || leaf.core.session(*slot).is_some_and(Session::is_open) {
                continue;
            }
            if *is_given_up {
                arms.part(*part, PartEvent::GivenUp);
            }
            let own = before.members.iter().filter(|(_, (own, _), _)| own == slot);
            own.for_each(|(.., state)| arms.member(*state, MemberEvent::Closed));
        }
        self.arms = Some(arms);
    }

    /// It hangs up on its parent.
    pub(crate) fn notes_silence(&mut self, place: Place) {
        let Some(arms) = &mut self.arms else { return };
        let state = match place {
            Place::Io(io) => self.aggregators[io as usize].core.parent_state(),
            Place::Leaf(leaf) => self.leaves[leaf as usize].core.parent_state(),
            Place::Client(_) => return,
        };
        arms.below(state, BelowEvent::Silent);
    }

    /// A member's start was drained.
    pub(crate) fn notes_start(&mut self, leaf: u32, member: MemberSlot) {
        let Some(arms) = &mut self.arms else { return };
        if let Some(member) = self.leaves[leaf as usize].core.member(member) {
            arms.member(member.state(), MemberEvent::Start);
        }
    }
}
