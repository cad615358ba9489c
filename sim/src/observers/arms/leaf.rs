//! What is seen at a compute node: its members, its parts of sessions, and its link to above.

use super::counts::{Automaton, Counts};
use super::tables::{BelowEvent, MemberEvent, PartEvent};
use crate::host::{Note, Told};
use crate::nodes::feed::Feed;
use cnode::bounds::PARENT;
use cnode::host::{MemberSlot, SessionSlot};
use cnode::inspect::{MemberState as Member, Session, SessionState as Part};
use cnode::{Bounds, Cnode};
use protocol::inspect::ParentState;
use protocol::message::{Rmsg, Tmsg, is_request};
use protocol::qid::Path;
use protocol::table::File;
use protocol::time::Time;
use protocol::verb::{Command, NodeCommand};

/// What a node was before it was fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Before {
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

impl Counts {
    fn part(&mut self, state: Part, event: PartEvent) {
        self.count(Automaton::Part, state as usize, event as usize);
    }

    pub(super) fn member(&mut self, state: Member, event: MemberEvent) {
        self.count(Automaton::Member, state as usize, event as usize);
    }

    pub(super) fn below(&mut self, state: ParentState, event: BelowEvent) {
        self.count(Automaton::Below, state as usize, event as usize);
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
            let Ok(command) = protocol::verb::node(line).map(|line| line.command) else { continue };
            if let NodeCommand::Signal(signal) = command {
                before.parts.iter().for_each(|(.., part)| self.part(*part, PartEvent::Signal));
                self.signal(before, signal, |_, _| true);
            } else if matches!(command, NodeCommand::Fence) {
                let is_parents = |slot| core.session(slot).is_some_and(|session| session.is_parents());
                let parts = before.parts.iter().filter(|(slot, ..)| is_parents(*slot));
                parts.for_each(|(.., part)| self.part(*part, PartEvent::Fence));
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

impl Counts {
    /// A node is about to be fed.
    pub(super) fn leaf_is_fed<B: Bounds>(&mut self, core: &Cnode<B>, feed: Feed<'_>, now: Time) -> Before {
        let before = Before::of(core, matches!(feed, Feed::Due), now);
        match feed {
            Feed::Due => {
                if core.parent_timeout() <= now {
                    self.below(core.parent_state(), BelowEvent::Due);
                }
                for (slot, .., part) in &before.parts {
                    if core.session(*slot).and_then(Session::linger).is_some_and(|at| at <= now) {
                        self.part(*part, PartEvent::LingerOver);
                    }
                }
            }
            Feed::Hangup(_) => {
                self.below(core.parent_state(), BelowEvent::Hangup);
                before.parts.iter().for_each(|(.., part)| self.part(*part, PartEvent::Hangup));
                before.members.iter().for_each(|(.., state)| self.member(*state, MemberEvent::Hangup));
            }
            Feed::Connected => self.below(core.parent_state(), BelowEvent::Connected),
            Feed::Undialed => self.below(core.parent_state(), BelowEvent::Undialed),
            Feed::Bytes(_, message) => {
                self.below(core.parent_state(), message_below(message));
                if is_request(message) {
                    self.node_request(core, &before, message);
                }
            }
            Feed::Started { .. } | Feed::Step { .. } => {}
        }
        before
    }

    /// It was fed: what follows from that.
    pub(super) fn leaf_was_fed<B: Bounds>(&mut self, core: &Cnode<B>, before: &Before, notes: &[Note]) {
        for note in notes {
            let known = before.members.iter().find(|(slot, ..)| *slot == note.member);
            let Some(state) = note.state.or(known.map(|(.., state)| *state)) else { continue };
            let (event, of_part) = match note.told {
                Told::Ready => (MemberEvent::Ready, None),
                Told::Started => (MemberEvent::Started, Some(PartEvent::Started)),
                Told::Failed => (MemberEvent::Failed, Some(PartEvent::Failed)),
                Told::Exited => (MemberEvent::Exited, Some(PartEvent::Ended)),
                Told::Go => (MemberEvent::Go, None),
                Told::Cancel => (MemberEvent::Cancel, None),
            };
            self.member(state, event);
            let part = known.and_then(|(_, (slot, _), _)| before.parts.iter().find(|(own, ..)| own == slot));
            if let (Some((.., part)), Some(event)) = (part, of_part) {
                self.part(*part, event);
            }
        }
        for (slot, is_given_up, part) in &before.parts {
            if *part == Part::Closing || core.session(*slot).is_some_and(Session::is_open) {
                continue;
            }
            if *is_given_up {
                self.part(*part, PartEvent::GivenUp);
            }
            let own = before.members.iter().filter(|(_, (own, _), _)| own == slot);
            own.for_each(|(.., state)| self.member(*state, MemberEvent::Closed));
        }
    }
}
