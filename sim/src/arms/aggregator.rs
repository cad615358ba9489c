//! What is seen at an aggregator: its sessions, its children, the commands that wait for them, and its link
//! to above.

use super::node::{lines, message_below};
use super::tables::{AboveEvent, BelowEvent, GatherEvent, SessionEvent};
use super::{Arms, Machine};
use crate::world::World;
use cnode::Bounds;
use ionode::Ionode;
use ionode::bounds::PARENT;
use ionode::host::SessionSlot;
use ionode::inspect::{ChildState, CommandId, CommandState, Question, Session, SessionState};
use protocol::limits::{DETECT_US, GRACE_US};
use protocol::message::{Rmsg, Tag, Tmsg, is_request};
use protocol::qid::Path;
use protocol::server::{LinkId, RequestId};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::time::Time;
use protocol::verb::{self, NodeCommand};

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
    state: SessionState,
}

/// What an aggregator was before a call.
#[derive(Debug)]
pub(crate) struct Before {
    is_due: bool,
    is_flush: bool,
    sessions: Vec<Seen>,
    linked: ChildSet,
    gathers: Vec<(CommandId, Option<RequestId>, ChildSet, CommandState)>,
    /// Children that owe the answer of a command; none for one whose deadline has passed.
    owed: Vec<(Option<CommandId>, ChildSet)>,
}

fn linked(core: &Ionode) -> ChildSet {
    let mut set = ChildSet::EMPTY;
    core.children().filter(|child| child.is_linked()).for_each(|child| set.add(child.rank()));
    set
}

impl Before {
    fn of(core: &Ionode, call: Call<'_>, now: Time) -> Self {
        let seen = |session: Session<'_>| Seen {
            slot: session.slot(),
            serial: session.serial(),
            is_parents: session.is_parents(),
            was_over: session.is_over(),
            is_expired: session.linger().is_some_and(|at| at <= now),
            state: session.state(),
        };
        let gathers = core.commands();
        let gathers =
            gathers.map(|command| (command.id(), command.request(), command.noting(), command.state()));
        let owed = core.questions().filter_map(|(_, question, owes)| Some((question.command()?, owes)));
        Self {
            is_due: matches!(call, Call::Due),
            is_flush: matches!(call, Call::Bytes(_, message) if message.get(4) == Some(&108)),
            sessions: core.sessions().map(seen).collect(),
            linked: linked(core),
            gathers: gathers.collect(),
            owed: owed.collect(),
        }
    }

    fn session(&self, slot: Option<SessionSlot>) -> Option<SessionState> {
        self.sessions.iter().find(|seen| Some(seen.slot) == slot).map(|seen| seen.state)
    }

    fn gather(&self, id: Option<CommandId>) -> CommandState {
        let Some(id) = id else { return CommandState::Late };
        // One that was flushed by a refused line waits for nobody, as one that is late.
        self.gathers.iter().find(|(own, ..)| *own == id).map_or(CommandState::Late, |(.., state)| *state)
    }
}

impl Arms {
    fn session(&mut self, state: SessionState, event: SessionEvent) {
        self.count(Machine::Session, state as usize, event as usize);
    }

    fn above(&mut self, state: ChildState, event: AboveEvent) {
        self.count(Machine::Above, state as usize, event as usize);
    }

    fn gather(&mut self, state: CommandState, event: GatherEvent) {
        self.count(Machine::Gather, state as usize, event as usize);
    }

    fn io_due(&mut self, core: &Ionode, before: &Before, now: Time) {
        if core.parent_timeout() <= now {
            self.below(core.parent_state(), BelowEvent::Due);
        }
        for seen in before.sessions.iter().filter(|seen| seen.is_expired) {
            self.session(seen.state, SessionEvent::LingerOver);
        }
        for command in core.commands().filter(|command| command.deadline() <= now) {
            self.gather(command.state(), GatherEvent::Deadline);
        }
        if !core.is_beat_due(now) {
            return;
        }
        for child in core.children().filter(|child| child.is_linked()) {
            match child.asked().map_or(0, |at| now - at) {
                silence if silence >= DETECT_US + GRACE_US => self.above(child.state(), AboveEvent::GivenUp),
                silence if silence >= DETECT_US => self.above(child.state(), AboveEvent::Silent),
                _ => {}
            }
        }
    }

    fn io_hangup(&mut self, core: &Ionode, before: &Before, link: LinkId) {
        if link == PARENT {
            self.below(core.parent_state(), BelowEvent::Hangup);
        }
        if let Some(rank) = core.child_on(link) {
            self.above(core.child(rank).state(), AboveEvent::Hangup);
        }
        let event = if core.is_local(link) { SessionEvent::Near } else { SessionEvent::Far };
        let mut ctls: Vec<SessionSlot> = core.ctls_of(link).collect();
        ctls.dedup();
        for slot in ctls {
            if let Some(state) = before.session(Some(slot)) {
                self.session(state, event);
            }
        }
    }

    fn io_bytes(&mut self, core: &Ionode, before: &Before, (link, message): (LinkId, &[u8])) {
        if link == PARENT {
            self.below(core.parent_state(), message_below(message));
        }
        let child = core.child_on(link);
        if is_request(message) {
            match child {
                Some(rank) => self.above(core.child(rank).state(), AboveEvent::Request),
                None => self.io_joins(core, message),
            }
            self.io_request(core, before, (link, message));
        } else if let Some(rank) = child {
            self.io_answer(core, before, (rank, message));
        }
    }

    /// Somebody says that it is a child.
    fn io_joins(&mut self, core: &Ionode, message: &[u8]) {
        let Ok((_, Tmsg::Write { data, .. })) = Tmsg::decode(message) else { return };
        for line in lines(data) {
            let Ok(NodeCommand::Join { name, boot }) = verb::node(line).map(|line| line.command) else {
                continue;
            };
            let Some(child) = core.child_named(name.as_str()) else {
                self.above(ChildState::Empty, AboveEvent::Joins);
                continue;
            };
            let event = match (child.is_linked(), child.boot() == boot) {
                (false, _) => AboveEvent::Joins,
                (true, true) => AboveEvent::Again,
                (true, false) => AboveEvent::Taken,
            };
            self.above(child.state(), event);
        }
    }

    fn io_answer(&mut self, core: &Ionode, before: &Before, (rank, message): (Rank, &[u8])) {
        let state = core.child(rank).state();
        let Ok((tag, msg)) = Rmsg::decode(message) else {
            return self.above(state, AboveEvent::Botch);
        };
        if tag == Tag::NONE {
            return self.above(state, AboveEvent::Version);
        }
        let found = core.questions().find(|(own, _, owes)| *own == tag && owes.has(rank));
        let Some((_, question, _)) = found else { return self.above(state, AboveEvent::Botch) };
        let is_refused = matches!(msg, Rmsg::Error { .. });
        self.above(
            state,
            match question {
                _ if is_refused => AboveEvent::Refusal,
                Question::Fence => AboveEvent::Fenced,
                Question::Beat => AboveEvent::Beat,
                _ => AboveEvent::Answer,
            },
        );
        if let Some(command) = question.command() {
            let event = if is_refused { GatherEvent::Refused } else { GatherEvent::Ok };
            self.gather(before.gather(command), event);
        }
        match question {
            Question::Status => {
                for command in core.commands().filter(|command| command.noting().has(rank)) {
                    self.gather(command.state(), GatherEvent::Noted);
                }
            }
            Question::Exec(slot, _) => {
                if let Some(state) = before.session(slot) {
                    let event = if is_refused { SessionEvent::ExecRefused } else { SessionEvent::ExecTold };
                    self.session(state, event);
                }
            }
            Question::Outcomes(slot) => {
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
        let last = path.slot().and_then(|slot| core.session(slot)).map(Session::ctls);
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
            let event = match verb::node(line).map(|line| line.command) {
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
    match verb::session(line) {
        Ok(verb::Command::Res(_) | verb::Command::Shares(_)) => SessionEvent::Res,
        Ok(verb::Command::Exec(_)) => SessionEvent::Exec,
        Ok(verb::Command::Go(_)) => SessionEvent::Go,
        Ok(verb::Command::Signal(_)) => SessionEvent::Signal,
        Ok(verb::Command::CloseStdin) => SessionEvent::CloseStdin,
        Ok(verb::Command::Wipe) => SessionEvent::Removed,
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
            Call::Connected => arms.below(core.parent_state(), BelowEvent::Connected),
            Call::Undialed => arms.below(core.parent_state(), BelowEvent::Undialed),
            Call::Bytes(link, message) => arms.io_bytes(core, &before, (link, message)),
        }
        self.arms = Some(arms);
        Some(before)
    }

    /// It was called: what follows from that.
    pub(crate) fn after_io(&mut self, io: u32, before: Option<Before>) {
        let (Some(before), Some(mut arms)) = (before, self.arms.take()) else { return };
        let core = &self.aggregators[io as usize].core;
        let lost = before.linked.less(linked(core));
        for (command, owes) in before.owed.iter().filter(|(_, owes)| !owes.and(lost).is_empty()) {
            debug_assert!(!owes.is_empty(), "somebody owes it");
            arms.gather(before.gather(*command), GatherEvent::Lost);
        }
        for (id, request, noting, state) in &before.gathers {
            if *state == CommandState::Noting && !noting.and(lost).is_empty() {
                arms.gather(*state, GatherEvent::Lost);
            }
            let after = core.commands().find(|command| command.id() == *id);
            if after.is_some_and(|after| request.is_some() && after.request().is_none()) {
                let event = if before.is_flush { GatherEvent::Flush } else { GatherEvent::ClientGone };
                arms.gather(*state, event);
            }
        }
        for &Seen { slot, serial, is_parents, was_over, is_expired, state } in &before.sessions {
            let Some(session) = core.session(slot).filter(|session| session.serial() == serial) else {
                if before.is_due && is_parents && !is_expired {
                    arms.session(state, SessionEvent::GivenUp);
                }
                let about = before.gathers.iter().filter(|(id, ..)| {
                    core.commands().any(|command| command.id() == *id && command.serial() == serial)
                });
                about.for_each(|(.., state)| arms.gather(*state, GatherEvent::Closed));
                continue;
            };
            if !session.children().and(lost).is_empty() {
                arms.session(state, SessionEvent::ChildLost);
            }
            if session.is_over() && !was_over {
                arms.session(state, SessionEvent::Last);
            }
        }
        self.arms = Some(arms);
    }
}
