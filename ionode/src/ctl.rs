//! `ctl`: lines of commands to the node or to a session. Lines run in order and stop at the first refused,
//! which is kept for `error`; what goes to many children is sent as one and answered when all of them have.

use crate::ask::{Ask, GatherId};
use crate::bounds::PARENT;
use crate::gather::Refusal;
use crate::host::{Host, Param, SessionSlot};
use crate::node::Node;
use crate::step::{Line, Send};
use protocol::ename::Ename;
use protocol::nodeset::NodeSet;
use protocol::quote::split_line;
use protocol::server::{LinkId, RequestId, UserId};
use protocol::set::ChildSet;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{Command, Kind, NodeCommand, NodeLine, Res, Why, node, session, word_of};

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    pub(crate) user: UserId,
    pub(crate) link: LinkId,
    pub(crate) request: RequestId,
    pub(crate) now: Time,
}

impl Node {
    /// Runs lines written to the node's ctl.
    pub(crate) fn write_node_ctl(&mut self, who: Writer, data: &[u8]) -> Result<Option<u32>, Ename> {
        self.each_line(who, None, data, |this, gather, line| {
            let command = node(line)?;
            this.run_node(who, gather, (command, line))
        })
    }

    /// Runs lines written to a session's ctl.
    pub(crate) fn write_session_ctl(
        &mut self,
        slot: SessionSlot,
        who: Writer,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        let serial = self.session(slot).serial;
        let outcome = self.each_line(who, Some(slot), data, |this, gather, line| {
            let command = session(line)?;
            if this.same_session(slot, serial).is_none() {
                return Err(Why::Ename(Ename::NotFound));
            }
            this.run(slot, (who, gather), (command, line), host)
        });
        if outcome.is_err() {
            self.poison(slot, serial);
        }
        outcome
    }

    /// A step of a parent's session was refused: it will never run.
    pub(crate) fn poison(&mut self, slot: SessionSlot, serial: u32) {
        if let Some(session) = self.same_session(slot, serial)
            && session.is_parents()
            && !session.executed
        {
            session.poisoned = true;
            self.touch(slot);
        }
    }

    fn each_line(
        &mut self,
        who: Writer,
        slot: Option<SessionSlot>,
        data: &[u8],
        mut run: impl FnMut(&mut Self, &mut Option<GatherId>, &str) -> Result<(), Why>,
    ) -> Result<Option<u32>, Ename> {
        let Ok(mut left) = core::str::from_utf8(data) else {
            let refusal = Refusal::new(who.now, who.user, slot, Text::cut("ctl"), 1);
            return Err(self.refuse(refusal, Why::Says("not UTF-8")));
        };
        let mut number = 0;
        let mut gather = None;
        while !left.is_empty() {
            // The last line needs no newline.
            let (line, rest) = split_line(left).unwrap_or((left, ""));
            left = rest;
            number += 1;
            if line.trim().is_empty() {
                continue;
            }
            let asked = gather.is_some();
            let outcome = run(self, &mut gather, line);
            if !asked && let Some(refusal) = gather.and_then(|id| self.gather(id)?.refusal.as_mut()) {
                refusal.line = number;
            }
            if let Err(why) = outcome {
                let refusal = Refusal::new(who.now, who.user, slot, word_of(line), number);
                let ename = self.refuse(refusal, why);
                // What was sent on before this line goes on; nobody waits for it.
                if let Some(gather) = gather.and_then(|id| self.gather(id)) {
                    let left = core::mem::take(gather);
                    self.left_gather(&left);
                }
                return Err(ename);
            }
        }
        let Some(id) = gather else { return Ok(Some(data.len() as u32)) };
        if let Some(gather) = self.gather(id) {
            gather.len = data.len() as u32;
        }
        self.try_end(id);
        Ok(None)
    }

    fn refuse(&mut self, mut refusal: Refusal, why: Why) -> Ename {
        refusal.add(why, core::mem::take(&mut self.blamed));
        self.refusals.push(refusal);
        why.ename()
    }

    /// Sends a command's line to a set; the write's gather waits for their answers.
    fn multiplex(
        &mut self,
        who: (Writer, &mut Option<GatherId>),
        what: (Option<SessionSlot>, &str),
        set: ChildSet,
        send: Send,
    ) -> Result<(), Why> {
        let id = self.owe(who, what, set)?;
        self.ask(set, Ask::Command(id), send);
        Ok(())
    }

    /// The gather of a write, which a set of children is to answer.
    pub(crate) fn owe(
        &mut self,
        (who, gather): (Writer, &mut Option<GatherId>),
        (slot, line): (Option<SessionSlot>, &str),
        set: ChildSet,
    ) -> Result<GatherId, Why> {
        if !self.has_room_beside() {
            return Err(Why::Says("too many commands wait for their nodes; try again"));
        }
        let id = self.join_gather((who, gather), (slot, line))?;
        let deadline = who.now + self.patience(set);
        if let Some(gather) = self.gather(id) {
            gather.owes += set.count();
            gather.deadline = gather.deadline.max(deadline);
        }
        Ok(id)
    }

    fn join_gather(
        &mut self,
        (who, gather): (Writer, &mut Option<GatherId>),
        (slot, line): (Option<SessionSlot>, &str),
    ) -> Result<GatherId, Why> {
        if let Some(id) = *gather {
            return Ok(id);
        }
        let about = (who.user, slot, word_of(line));
        let id = self.begin_gather(who.now, who.request, about);
        let id = id.ok_or(Why::Says("too many commands wait for their nodes; try again"))?;
        *gather = Some(id);
        Ok(id)
    }

    fn run_node(
        &mut self,
        who: Writer,
        gather: &mut Option<GatherId>,
        (NodeLine { command, on }, line): (NodeLine<'_>, &str),
    ) -> Result<(), Why> {
        let is_root = self.user_name(who.user).as_str() == "root";
        // What comes over the parent's link is what its clients say, wherever they are.
        let is_local = self.is_local(who.link) && who.link != PARENT;
        let may = is_local || self.is_operator(who.user);
        match command {
            _ if command.is_operators() && !may => Err(Why::Ename(Ename::NotOwner)),
            _ if command.goes_down() => self.run_below((who, gather), (command, on), line),
            NodeCommand::Join { name, boot } => self.join(who.now, who.link, name, boot),
            // The parent itself is root.
            NodeCommand::Fence | NodeCommand::Above(_) if who.link != PARENT || !is_root => {
                Err(Why::Ename(Ename::NotOwner))
            }
            NodeCommand::Above(boots) => self.set_above(boots),
            NodeCommand::Fence => {
                self.fence();
                Ok(())
            }
            NodeCommand::Signal(signal) => {
                for slot in 0..self.sessions.len() as SessionSlot {
                    let session = &self.sessions[slot as usize];
                    let mine = session.used && self.is_owner(who.user, session.owner);
                    if mine && session.executed && !session.is_over() {
                        self.signal(slot, (who, gather), (signal, line))?;
                    }
                }
                Ok(())
            }
            NodeCommand::Mount(adopts, dial, name) => self.mount((who, gather), (adopts, dial, name), line),
            NodeCommand::Unmount(name) => self.unmount(who.now, name),
            NodeCommand::Parent(parent) => self.set_parent(who.now, parent),
            // All others go down.
            _ => {
                self.exit = true;
                Ok(())
            }
        }
    }

    /// `parent`: another node is joined, or the one that is is left.
    fn set_parent(&mut self, now: Time, parent: Option<&str>) -> Result<(), Why> {
        match parent {
            Some(_) if self.parent.exists() => {
                return Err(Why::Says("it has a parent: tell it parent none first"));
            }
            Some(dial) => {
                self.parent_dial = Text::cut(dial);
                self.parent.give(now);
            }
            None => {
                self.parent.leave();
                self.tell_above(self.children.inner());
                self.drops.push(PARENT);
                self.fence();
            }
        }
        Ok(())
    }

    /// A line for all nodes below, or for those of a set: it goes to the children as it was written.
    fn run_below(
        &mut self,
        (who, gather): (Writer, &mut Option<GatherId>),
        (command, on): (NodeCommand<'_>, Option<NodeSet<'_>>),
        line: &str,
    ) -> Result<(), Why> {
        let mut set = self.serving();
        if let Some(nodes) = on {
            let (mut had, want) = (0, nodes.count() as u32);
            for rank in self.serving() {
                let named = self.children.get(rank).named(nodes);
                had += named;
                if named == 0 {
                    set.cut(rank);
                }
            }
            // Of a parent's line the others are meant too.
            if had < want && who.link != PARENT {
                return Err(Why::Few { had, want });
            }
        } else {
            match command {
                NodeCommand::Bound(bound, value) => self.tuning.set(bound, value),
                NodeCommand::Debug(level) => self.tuning.debug = level,
                _ => {}
            }
        }
        self.changes = self.changes.wrapping_add(1);
        if set.is_empty() {
            return Ok(());
        }
        let id = self.owe((who, gather), (None, line), set)?;
        if let Some(gather) = self.gather(id) {
            gather.notes = true;
        }
        let fid = self.node_fids.ctl;
        self.ask_line(set, (Ask::Command(id), fid), format_args!("{line}\n"));
        Ok(())
    }

    fn signal(
        &mut self,
        slot: SessionSlot,
        (who, gather): (Writer, &mut Option<GatherId>),
        (signal, line): (u8, &str),
    ) -> Result<(), Why> {
        let session = self.session(slot);
        let (live, Some(fid)) = (session.live, session.ctl) else {
            return Err(Why::IDLE);
        };
        let set = live.and(self.fids.holds(fid));
        let send = Send::Line { fid, line: Line::Signal(signal) };
        self.multiplex((who, gather), (Some(slot), line), set, send)
    }

    /// A line to a session that runs goes to its members' nodes as it was written.
    fn pass_line(
        &mut self,
        slot: SessionSlot,
        who: (Writer, &mut Option<GatherId>),
        line: &str,
    ) -> Result<(), Why> {
        let session = self.session(slot);
        let (live, Some(fid)) = (session.live, session.ctl) else { return Ok(()) };
        let set = live.and(self.fids.holds(fid));
        if !set.is_empty() {
            let id = self.owe(who, (Some(slot), line), set)?;
            self.ask_line(set, (Ask::Command(id), fid), format_args!("{line}\n"));
        }
        Ok(())
    }

    fn run(
        &mut self,
        slot: SessionSlot,
        (who, gather): (Writer, &mut Option<GatherId>),
        (command, line): (Command<'_>, &str),
        host: &mut impl Host,
    ) -> Result<(), Why> {
        let session = self.session(slot);
        match command {
            Command::Signal(signal) => self.signal(slot, (who, gather), (signal, line))?,
            Command::CloseStdin => self.close_stdin(slot),
            Command::Failfast(on) => session.failfast = on,
            Command::Persistent(_) | Command::KillOnClose(_) => session.about.take(command)?,
            Command::Label(_) | Command::Tag(_) | Command::Untag(_) => session.about.take(command)?,
            Command::Go(on) if session.is_parents() => self.run_go(slot, (who, gather), (on, line))?,
            Command::Go(_) => return Err(Why::PARENTS),
            Command::Wipe => self.close_session(slot, host),
            Command::Exec(words) => self.run_exec(slot, (who, gather), (words, line), host)?,
            Command::Winsize(..) if session.executed => self.pass_line(slot, (who, gather), line)?,
            _ if session.executed => {
                return Err(Why::TOO_LATE);
            }
            _ => self.prepare(slot, (command, line), host)?,
        }
        Ok(())
    }

    /// What can be said until `exec`.
    fn prepare(
        &mut self,
        slot: SessionSlot,
        (command, line): (Command<'_>, &str),
        host: &mut impl Host,
    ) -> Result<(), Why> {
        let session = self.session(slot);
        match command {
            Command::Gang(on) => session.gang = on,
            Command::Deal(deal) => session.deal = deal,
            Command::Prefix(prefix) => session.prefix = prefix,
            Command::Res(res) => self.reserve(slot, res, host)?,
            Command::Excl(_) if session.size() > 0 => return Err(Why::EXCL_FIRST),
            Command::Excl(on) => session.excl = on,
            Command::Layout(_) if session.size() > 0 => {
                return Err(Why::LAYOUT_FIRST);
            }
            Command::Layout(layout) => session.layout = layout,
            Command::Clear => {
                session.poisoned = false;
                for param in [Param::Args, Param::Env, Param::Ns, Param::Setup] {
                    host.truncate(slot, param);
                }
            }
            Command::Setup | Command::Winsize(..) => keep_line(host, slot, Param::Setup, line)?,
            _ => self.run_parents(slot, (command, line), host)?,
        }
        Ok(())
    }

    /// A parent's word to a gang that is ready: it may run, or not.
    fn run_go(
        &mut self,
        slot: SessionSlot,
        (who, gather): (Writer, &mut Option<GatherId>),
        (on, line): (bool, &str),
    ) -> Result<(), Why> {
        if !on {
            self.tell_gang(slot, None);
            return Ok(());
        }
        let id = self.join_gather((who, gather), (Some(slot), line))?;
        self.tell_gang(slot, Some(id));
        Ok(())
    }

    /// Lines that only a parent writes.
    fn run_parents(
        &mut self,
        slot: SessionSlot,
        (command, line): (Command<'_>, &str),
        host: &mut impl Host,
    ) -> Result<(), Why> {
        let session = self.session(slot);
        match command {
            _ if !session.is_parents() => return Err(Why::PARENTS),
            Command::Shares(share) => self.take_share(slot, &share, host)?,
            Command::Kind(Kind { os, arch }) => session.kind = (Text::cut(os), Text::cut(arch)),
            Command::From(levels, name) => {
                session.levels = levels;
                session.origin = Text::new(name).ok_or(Why::Says("a session's name has at most 32 bytes"))?;
            }
            _ => keep_line(host, slot, Param::Nodes, line)?,
        }
        Ok(())
    }

    fn run_exec(
        &mut self,
        slot: SessionSlot,
        (who, gather): (Writer, &mut Option<GatherId>),
        (words, line): (&str, &str),
        host: &mut impl Host,
    ) -> Result<(), Why> {
        if self.session(slot).poisoned {
            return Err(Why::Says("earlier step refused"));
        }
        if self.session(slot).executed {
            return Err(Why::ALREADY_RUN);
        }
        if !words.trim().is_empty() {
            host.truncate(slot, Param::Args);
            host.append(slot, Param::Args, words.as_bytes())?;
        }
        if host.len(slot, Param::Args) == 0 {
            return Err(Why::NO_PROGRAM);
        }
        if self.session(slot).size() == 0 {
            self.reserve(slot, Res::Count(1, Kind::ANY), host)?;
        }
        let id = self.join_gather((who, gather), (Some(slot), line))?;
        self.launch(slot, (id, who.now), host)
    }
}

fn keep_line(host: &mut impl Host, slot: SessionSlot, param: Param, line: &str) -> Result<(), Ename> {
    host.append(slot, param, line.as_bytes())?;
    host.append(slot, param, b"\n")
}
