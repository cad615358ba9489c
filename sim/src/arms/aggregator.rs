//! What is seen at an aggregator: its sessions, its children, the commands that wait for them, and its link
//! to above.

use super::node::{lines, message_below};
use super::tables::{Above, AboveEvent, BelowEvent, Gather, GatherEvent, Session, SessionEvent};
use super::{Arms, Machine};
use crate::world::World;
use cnode::Bounds;
use ionode::Ionode;
use ionode::ask::{Ask, GatherId};
use ionode::bounds::PARENT;
use ionode::child::{Child, State};
use ionode::gather;
use ionode::host::SessionSlot;
use ionode::node::Node;
use ionode::session;
use protocol::limits::{DETECT_US, GRACE_US};
use protocol::message::{Rmsg, Tag, Tmsg, is_request};
use protocol::qid::Path;
use protocol::server::{LinkId, RequestId};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::time::Time;
use protocol::verb::{Command, NodeCommand};

/// A call that a driver makes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call<'a> {
    /// What is due may be.
    Due,
    /// A link is gone.
    Hangup(LinkId),
    /// The one to above is there.
    Connected,
    /// It could not be made.
    Undialed,
    /// A message has come on a link.
    Bytes(LinkId, &'a [u8]),
}

/// A session before a call.
#[derive(Clone, Copy, Debug)]
struct Seen {
    slot: SessionSlot,
    serial: u32,
    is_parents: bool,
    was_over: bool,
    /// Its client did not come back in time.
    is_expired: bool,
    state: Session,
}

/// What an aggregator was before a call.
#[derive(Debug)]
pub(crate) struct Before {
    is_due: bool,
    is_flush: bool,
    sessions: Vec<Seen>,
    linked: ChildSet,
    gathers: Vec<(GatherId, Option<RequestId>, ChildSet, Gather)>,
    /// Children that owe the answer of a command; none for one whose deadline has passed.
    owed: Vec<(Option<GatherId>, ChildSet)>,
}

fn session_of(session: &session::Session) -> Session {
    if session.linger.is_some() {
        Session::Orphaned
    } else if session.is_over() {
        Session::Over
    } else if session.executed && !session.starting.is_empty() {
        Session::Starting
    } else if session.executed && session.range.told > 0 {
        Session::Partly
    } else if session.executed {
        Session::Running
    } else if session.poisoned {
        Session::Poisoned
    } else if session.size() > 0 {
        Session::Reserved
    } else {
        Session::Open
    }
}

fn above_of(child: &Child) -> Above {
    match child.state {
        State::Empty => Above::Empty,
        State::Joining => Above::Joining,
        State::Greeted => Above::Greeted,
        State::CatchingUp => Above::CatchingUp,
        State::Up => Above::Up,
        State::Suspect => Above::Suspect,
        State::Lost(_) => Above::Lost,
        State::Hailed => Above::Hailed,
        State::Mounted => Above::Mounted,
    }
}

fn gather_of(node: &Node, id: GatherId, gather: &gather::Gather) -> Gather {
    let has_gone = || node.questions().any(|(_, ask, owes)| ask == Ask::Command(id) && !owes.is_empty());
    if !gather.asking.is_empty() {
        Gather::Asking
    } else if gather.owes == 0 && !gather.noting.is_empty() {
        Gather::Noting
    } else if gather.notes {
        Gather::Node
    } else if gather.launches && gather.waits {
        Gather::Gang
    } else if gather.launches && has_gone() {
        Gather::Going
    } else if gather.launches {
        Gather::Exec
    } else {
        Gather::Command
    }
}

/// The command that an answer is for; none if its deadline has passed.
fn command_of(ask: Ask) -> Option<Option<GatherId>> {
    match ask {
        Ask::Launch { gather, .. } | Ask::Command(gather) | Ask::Below(gather) => Some(Some(gather)),
        Ask::Late(_) => Some(None),
        _ => None,
    }
}

fn linked(node: &Node) -> ChildSet {
    node.children.those(Child::is_linked)
}

impl Before {
    fn of(core: &Ionode, call: Call<'_>, now: Time) -> Self {
        let node = core.node();
        let slots = (0..).zip(node.sessions.iter()).filter(|(_, session)| session.used);
        let seen = |(slot, session): (SessionSlot, &session::Session)| Seen {
            slot,
            serial: session.serial,
            is_parents: session.is_parents(),
            was_over: session.is_over(),
            is_expired: session.linger.is_some_and(|at| at <= now),
            state: session_of(session),
        };
        let gathers = node
            .gathers()
            .map(|(id, gather)| (id, gather.request, gather.noting, gather_of(node, id, gather)));
        let owed = node.questions().filter_map(|(_, ask, owes)| Some((command_of(ask)?, owes)));
        Self {
            is_due: matches!(call, Call::Due),
            is_flush: matches!(call, Call::Bytes(_, message) if message.get(4) == Some(&108)),
            sessions: slots.map(seen).collect(),
            linked: linked(node),
            gathers: gathers.collect(),
            owed: owed.collect(),
        }
    }

    fn session(&self, slot: Option<SessionSlot>) -> Option<Session> {
        self.sessions.iter().find(|seen| Some(seen.slot) == slot).map(|seen| seen.state)
    }

    fn gather(&self, id: Option<GatherId>) -> Gather {
        let Some(id) = id else { return Gather::Late };
        // One that was flushed by a refused line waits for nobody, as one that is late.
        self.gathers.iter().find(|(own, ..)| *own == id).map_or(Gather::Late, |(.., state)| *state)
    }
}

impl Arms {
    fn session(&mut self, state: Session, event: SessionEvent) {
        self.count(Machine::Session, state as usize, event as usize);
    }

    fn above(&mut self, state: Above, event: AboveEvent) {
        self.count(Machine::Above, state as usize, event as usize);
    }

    fn gather(&mut self, state: Gather, event: GatherEvent) {
        self.count(Machine::Gather, state as usize, event as usize);
    }

    fn io_due(&mut self, core: &Ionode, before: &Before, now: Time) {
        let node = core.node();
        if node.parent.timeout() <= now {
            self.below(node.parent.state, BelowEvent::Due);
        }
        for seen in &before.sessions {
            if node.sessions[seen.slot as usize].linger.is_some_and(|at| at <= now) {
                self.session(seen.state, SessionEvent::LingerOver);
            }
        }
        for (id, gather) in node.gathers().filter(|(_, gather)| gather.deadline <= now) {
            self.gather(gather_of(node, id, gather), GatherEvent::Deadline);
        }
        if !node.is_beat_due(now) {
            return;
        }
        for rank in linked(node) {
            let child = node.children.get(rank);
            match child.asked.map_or(0, |at| now - at) {
                silence if silence >= DETECT_US + GRACE_US => {
                    self.above(above_of(child), AboveEvent::GivenUp)
                }
                silence if silence >= DETECT_US => self.above(above_of(child), AboveEvent::Silent),
                _ => {}
            }
        }
    }

    fn io_hangup(&mut self, core: &Ionode, before: &Before, link: LinkId) {
        let node = core.node();
        if link == PARENT {
            self.below(node.parent.state, BelowEvent::Hangup);
        }
        if let Some(rank) = core.child_on(link) {
            self.above(above_of(node.children.get(rank)), AboveEvent::Hangup);
        }
        let event = if node.is_local(link) { SessionEvent::Near } else { SessionEvent::Far };
        let mut ctls: Vec<SessionSlot> = core.ctls_of(link).collect();
        ctls.dedup();
        for slot in ctls {
            if let Some(state) = before.session(Some(slot)) {
                self.session(state, event);
            }
        }
    }

    fn io_bytes(&mut self, core: &Ionode, before: &Before, (link, message): (LinkId, &[u8])) {
        let node = core.node();
        if link == PARENT {
            self.below(node.parent.state, message_below(message));
        }
        let child = core.child_on(link);
        if is_request(message) {
            match child {
                Some(rank) => self.above(above_of(node.children.get(rank)), AboveEvent::Request),
                None => self.io_joins(node, message),
            }
            self.io_request(core, before, (link, message));
        } else if let Some(rank) = child {
            self.io_answer(node, before, (rank, message));
        }
    }

    /// Somebody says that it is a child.
    fn io_joins(&mut self, node: &Node, message: &[u8]) {
        let Ok((_, Tmsg::Write { data, .. })) = Tmsg::decode(message) else { return };
        for line in lines(data) {
            let Ok(NodeCommand::Join { name, boot }) = protocol::verb::node(line).map(|line| line.command)
            else {
                continue;
            };
            let Some(rank) = node.children.find(name.as_str()) else {
                self.above(Above::Empty, AboveEvent::Joins);
                continue;
            };
            let child = node.children.get(rank);
            let event = match (child.is_linked(), child.boot == boot) {
                (false, _) => AboveEvent::Joins,
                (true, true) => AboveEvent::Again,
                (true, false) => AboveEvent::Taken,
            };
            self.above(above_of(child), event);
        }
    }

    fn io_answer(&mut self, node: &Node, before: &Before, (rank, message): (Rank, &[u8])) {
        let state = above_of(node.children.get(rank));
        let Ok((tag, msg)) = Rmsg::decode(message) else {
            return self.above(state, AboveEvent::Botch);
        };
        if tag == Tag::NONE {
            return self.above(state, AboveEvent::Version);
        }
        let found = node.questions().find(|(own, _, owes)| *own == tag && owes.has(rank));
        let Some((_, ask, _)) = found else { return self.above(state, AboveEvent::Botch) };
        let is_refused = matches!(msg, Rmsg::Error { .. });
        self.above(
            state,
            match ask {
                _ if is_refused => AboveEvent::Refusal,
                Ask::Fence => AboveEvent::Fenced,
                Ask::Beat => AboveEvent::Beat,
                _ => AboveEvent::Answer,
            },
        );
        if let Some(command) = command_of(ask) {
            let event = if is_refused { GatherEvent::Refused } else { GatherEvent::Ok };
            self.gather(before.gather(command), event);
        }
        match ask {
            Ask::Status => {
                for (id, gather) in node.gathers().filter(|(_, gather)| gather.noting.has(rank)) {
                    self.gather(gather_of(node, id, gather), GatherEvent::Noted);
                }
            }
            Ask::Launch { slot, serial, .. } if node.sessions[slot as usize].serial == serial => {
                if let Some(state) = before.session(Some(slot)) {
                    let event = if is_refused { SessionEvent::ExecRefused } else { SessionEvent::ExecTold };
                    self.session(state, event);
                }
            }
            Ask::Wait(slot) => {
                if let Some(state) = before.session(Some(slot)) {
                    self.session(state, SessionEvent::Outcomes);
                }
            }
            _ => {}
        }
    }

    fn io_request(&mut self, core: &Ionode, before: &Before, (link, message): (LinkId, &[u8])) {
        let Ok((_, msg)) = Tmsg::decode(message) else { return };
        if let Tmsg::Flush { oldtag } = msg {
            let slot = core.waits_on(link, oldtag).and_then(Path::slot);
            if let Some(state) = before.session(slot) {
                self.session(state, SessionEvent::Flush);
            }
            return;
        }
        let Some(path) = core.path_of(link, msg.fid()) else { return };
        let file = path.file();
        let Some(state) = before.session(path.slot()) else {
            if let Tmsg::Write { data, .. } = msg
                && path == Path::root(File::Ctl as u8)
            {
                self.io_lines(before, data);
            }
            return;
        };
        let is_ctl = file == File::Ctl as u8 && path.member_number().is_none();
        let is_param = [File::Args as u8, File::Env as u8, File::Ns as u8].contains(&file);
        let last = path.slot().map(|slot| core.node().sessions[slot as usize].ctls);
        match msg {
            Tmsg::Write { data, .. } if is_ctl => {
                lines(data).for_each(|line| self.session(state, line_event(line)));
            }
            Tmsg::Write { .. } if is_param => self.session(state, SessionEvent::Setup),
            Tmsg::Open { .. } if is_ctl => self.session(state, SessionEvent::Opened),
            Tmsg::Remove { .. } if file == File::Dir as u8 => self.session(state, SessionEvent::Removed),
            Tmsg::Clunk { .. } if is_ctl && last == Some(1) => self.session(state, SessionEvent::Left),
            _ => {}
        }
    }

    fn io_lines(&mut self, before: &Before, data: &[u8]) {
        for line in lines(data) {
            let event = match protocol::verb::node(line).map(|line| line.command) {
                Ok(NodeCommand::Fence) => SessionEvent::Fence,
                Ok(NodeCommand::Signal(_)) => SessionEvent::Signal,
                _ => continue,
            };
            for seen in &before.sessions {
                if event == SessionEvent::Signal || seen.is_parents {
                    self.session(seen.state, event);
                }
            }
        }
    }
}

fn line_event(line: &str) -> SessionEvent {
    match protocol::verb::session(line) {
        Ok(Command::Res(_) | Command::Shares(_)) => SessionEvent::Res,
        Ok(Command::Exec(_)) => SessionEvent::Exec,
        Ok(Command::Go(_)) => SessionEvent::Go,
        Ok(Command::Signal(_)) => SessionEvent::Signal,
        Ok(Command::CloseStdin) => SessionEvent::CloseStdin,
        Ok(Command::Wipe) => SessionEvent::Removed,
        Ok(_) => SessionEvent::Setup,
        Err(_) => SessionEvent::Bad,
    }
}

impl<B: Bounds> World<B> {
    /// An aggregator is about to be called.
    pub(crate) fn before_io(&mut self, io: u32, call: Call<'_>) -> Option<Before> {
        let mut arms = self.arms.take()?;
        let aggregator = &self.aggregators[io as usize];
        let (core, now) = (&aggregator.core, aggregator.run.clock.read(self.queue.now()));
        let before = Before::of(core, call, now);
        match call {
            Call::Due => arms.io_due(core, &before, now),
            Call::Hangup(link) => arms.io_hangup(core, &before, link),
            Call::Connected => arms.below(core.node().parent.state, BelowEvent::Connected),
            Call::Undialed => arms.below(core.node().parent.state, BelowEvent::Undialed),
            Call::Bytes(link, message) => arms.io_bytes(core, &before, (link, message)),
        }
        self.arms = Some(arms);
        Some(before)
    }

    /// It was called: what follows from that.
    pub(crate) fn after_io(&mut self, io: u32, before: Option<Before>) {
        let (Some(before), Some(mut arms)) = (before, self.arms.take()) else { return };
        let node = self.aggregators[io as usize].core.node();
        let lost = before.linked.less(linked(node));
        for (command, owes) in before.owed.iter().filter(|(_, owes)| !owes.and(lost).is_empty()) {
            debug_assert!(!owes.is_empty(), "somebody owes it");
            arms.gather(before.gather(*command), GatherEvent::Lost);
        }
        for (id, request, noting, state) in &before.gathers {
            if *state == Gather::Noting && !noting.and(lost).is_empty() {
                arms.gather(*state, GatherEvent::Lost);
            }
            let after = node.gathers().find(|(own, _)| own == id).map(|(_, gather)| gather);
            if after.is_some_and(|after| request.is_some() && after.request.is_none()) {
                let event = if before.is_flush { GatherEvent::Flush } else { GatherEvent::ClientGone };
                arms.gather(*state, event);
            }
        }
        for &Seen { slot, serial, is_parents, was_over, is_expired, state } in &before.sessions {
            let session = &node.sessions[slot as usize];
            if !session.used || session.serial != serial {
                if before.is_due && is_parents && !is_expired {
                    arms.session(state, SessionEvent::GivenUp);
                }
                let about = before.gathers.iter().filter(|(id, ..)| {
                    node.gathers().any(|(own, gather)| own == *id && gather.serial == serial)
                });
                about.for_each(|(.., state)| arms.gather(*state, GatherEvent::Closed));
                continue;
            }
            if !session.set().and(lost).is_empty() {
                arms.session(state, SessionEvent::ChildLost);
            }
            if session.is_over() && !was_over {
                arms.session(state, SessionEvent::Last);
            }
        }
        self.arms = Some(arms);
    }
}
