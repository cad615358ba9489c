//! What is seen at an aggregator: its sessions, its children, the commands that wait for them, and its link
//! to above.

use super::counts::{Automaton, Counts};
use super::leaf::{lines, message_below};
use super::tables::{AboveEvent, BelowEvent, GatherEvent, SessionEvent};
use crate::nodes::feed::Feed;
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

/// A session before its aggregator was fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    slot: SessionSlot,
    serial: u32,
    is_parents: bool,
    was_over: bool,
    /// Its client did not come back in time.
    is_expired: bool,
    state: SessionState,
}

/// What an aggregator was before it was fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Before {
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
    fn of(core: &Ionode, feed: Feed<'_>, now: Time) -> Self {
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
            is_due: matches!(feed, Feed::Due),
            is_flush: matches!(feed, Feed::Bytes(_, message) if message.get(4) == Some(&108)),
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

impl Counts {
    fn session(&mut self, state: SessionState, event: SessionEvent) {
        self.count(Automaton::Session, state as usize, event as usize);
    }

    fn above(&mut self, state: ChildState, event: AboveEvent) {
        self.count(Automaton::Above, state as usize, event as usize);
    }

    fn gather(&mut self, state: CommandState, event: GatherEvent) {
        self.count(Automaton::Gather, state as usize, event as usize);
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
        let answers = match question {
            Question::Fence => AboveEvent::Fenced,
            Question::Beat => AboveEvent::Beat,
            Question::Status
            | Question::Exec(..)
            | Question::Outcomes(_)
            | Question::Command(_)
            | Question::Late
            | Question::Other => AboveEvent::Answer,
        };
        self.above(state, if is_refused { AboveEvent::Refusal } else { answers });
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
            Question::Fence | Question::Beat | Question::Command(_) | Question::Late | Question::Other => {}
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
            let Ok(command) = verb::node(line).map(|line| line.command) else { continue };
            if matches!(command, NodeCommand::Signal(_)) {
                before.sessions.iter().for_each(|seen| self.session(seen.state, SessionEvent::Signal));
            } else if matches!(command, NodeCommand::Fence) {
                let parents = before.sessions.iter().filter(|seen| seen.is_parents);
                parents.for_each(|seen| self.session(seen.state, SessionEvent::Fence));
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

impl Counts {
    /// An aggregator is about to be fed.
    pub(super) fn io_is_fed(&mut self, core: &Ionode, feed: Feed<'_>, now: Time) -> Before {
        let before = Before::of(core, feed, now);
        match feed {
            Feed::Due => self.io_due(core, &before, now),
            Feed::Hangup(link) => self.io_hangup(core, &before, link),
            Feed::Connected => self.below(core.parent_state(), BelowEvent::Connected),
            Feed::Undialed => self.below(core.parent_state(), BelowEvent::Undialed),
            Feed::Bytes(link, message) => self.io_bytes(core, &before, (link, message)),
            Feed::Started { .. } | Feed::Step { .. } => {}
        }
        before
    }

    /// It was fed: what follows from that.
    pub(super) fn io_was_fed(&mut self, core: &Ionode, before: &Before) {
        let lost = before.linked.less(linked(core));
        for (command, owes) in before.owed.iter().filter(|(_, owes)| !owes.and(lost).is_empty()) {
            debug_assert!(!owes.is_empty(), "somebody owes it");
            self.gather(before.gather(*command), GatherEvent::Lost);
        }
        for (id, request, noting, state) in &before.gathers {
            if *state == CommandState::Noting && !noting.and(lost).is_empty() {
                self.gather(*state, GatherEvent::Lost);
            }
            let after = core.commands().find(|command| command.id() == *id);
            if after.is_some_and(|after| request.is_some() && after.request().is_none()) {
                let event = if before.is_flush { GatherEvent::Flush } else { GatherEvent::ClientGone };
                self.gather(*state, event);
            }
        }
        for &Seen { slot, serial, is_parents, was_over, is_expired, state } in &before.sessions {
            let Some(session) = core.session(slot).filter(|session| session.serial() == serial) else {
                if before.is_due && is_parents && !is_expired {
                    self.session(state, SessionEvent::GivenUp);
                }
                let about = before.gathers.iter().filter(|(id, ..)| {
                    core.commands().any(|command| command.id() == *id && command.serial() == serial)
                });
                about.for_each(|(.., state)| self.gather(*state, GatherEvent::Closed));
                continue;
            };
            if !session.children().and(lost).is_empty() {
                self.session(state, SessionEvent::ChildLost);
            }
            if session.is_over() && !was_over {
                self.session(state, SessionEvent::Last);
            }
        }
    }
}
