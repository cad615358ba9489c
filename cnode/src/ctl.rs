//! `ctl`: lines of commands, to the node, to a session, or to one member. Lines run in order and stop at
//! the first refused, which is kept for `error`.

use crate::Bounds;
use crate::host::{Host, MemberSlot, Param, SessionSlot};
use crate::node::Node;
use crate::session::{Gang, Session};
use protocol::ename::Ename;
use protocol::event::{Event, Subject};
use protocol::failure::{Failure, Fault, Step};
use protocol::quote::split_line;
use protocol::refusal::Refusal;
use protocol::server::{RequestId, UserId};
use protocol::set::ChildSet;
use protocol::slots::Slots;
use protocol::tag::TagSet;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{
    Command, Kind, NodeCommand, NodeLine, Res, Share, WHY_MAX, Why, node, session, word_of,
};
use protocol::wire;

/// Who writes, where, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    /// The user of the fid.
    pub user: UserId,
    /// It is on the parent's link.
    pub is_parent: bool,
    /// The peer is on this machine.
    pub is_local: bool,
    /// The request, which may park.
    pub request: RequestId,
    /// Now.
    pub now: Time,
}

impl<B: Bounds> Node<B> {
    /// Runs lines written to the node's ctl.
    pub fn write_node_ctl(
        &mut self,
        who: Writer,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        self.each_line(who, None, data, |this, _, line| {
            let NodeLine { command, on } = node(line)?;
            let is_meant = on.is_none_or(|set| set.contains(this.facts.name.as_str()));
            let want = on.map_or(1, |set| set.count() as u32);
            // Of a parent's line the others are meant too.
            if (!is_meant || want > 1) && !who.is_parent {
                return Err(Why::Few { had: u32::from(is_meant), want });
            }
            if is_meant { this.run_node(who, command, host) } else { Ok(()) }
        })?;
        Ok(Some(data.len() as u32))
    }

    /// Runs lines written to a session's ctl; an `exec` parks the write until the members have started.
    pub fn write_session_ctl(
        &mut self,
        slot: SessionSlot,
        who: Writer,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        let outcome = self.each_line(who, Some(slot), data, |this, number, line| {
            let command = session(line)?;
            // A `wipe` before this line has ended the session.
            if !this.sessions.slots()[slot as usize].is_open() {
                return Err(Why::Ename(Ename::NotFound));
            }
            this.run(slot, who, command, line, host)?;
            let session = &mut this.sessions.slots_mut()[slot as usize];
            if session.exec == Some(who.request) && session.exec_line == 0 {
                session.exec_line = number;
            }
            Ok(())
        });
        if !self.sessions.slots()[slot as usize].is_open() {
            outcome?;
            return Ok(Some(data.len() as u32));
        }
        let session = self.session(slot);
        if outcome.is_err() && session.exec == Some(who.request) {
            // What an `exec` before the refused line began goes on; the refusal is its write's answer.
            session.exec = None;
        }
        if outcome.is_err() && session.is_parents() && !session.executed {
            session.poisoned = true;
            self.touch(slot);
        }
        outcome?;
        let session = self.session(slot);
        let parked = session.exec == Some(who.request);
        if parked {
            session.exec_len = data.len() as u32;
        }
        Ok(if parked { None } else { Some(data.len() as u32) })
    }

    /// Runs lines written to a member's ctl: signals only.
    pub fn write_member_ctl(
        &mut self,
        slot: SessionSlot,
        index: MemberSlot,
        who: Writer,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        self.each_line(who, Some(slot), data, |this, _, line| match session(line)? {
            Command::Signal(_) if !this.session(slot).executed => Err(Why::IDLE),
            Command::Signal(signal) => {
                this.signal_member(index, signal, host);
                this.touch(slot);
                Ok(())
            }
            _ => Err(Why::Says("a member takes signal, kill, stop and start; the rest is its session's")),
        })?;
        Ok(Some(data.len() as u32))
    }

    fn each_line(
        &mut self,
        who: Writer,
        slot: Option<SessionSlot>,
        data: &[u8],
        mut run: impl FnMut(&mut Self, u16, &str) -> Result<(), Why>,
    ) -> Result<(), Ename> {
        let mut number = 0;
        let mut left = match core::str::from_utf8(data) {
            Ok(text) => text,
            Err(_) => {
                let why = Why::Says("not UTF-8");
                return Err(self.refuse(who, slot, Text::cut("ctl"), (1, why)));
            }
        };
        while !left.is_empty() {
            // The last line needs no newline.
            let (line, rest) = split_line(left).unwrap_or((left, ""));
            left = rest;
            number += 1;
            if line.trim().is_empty() {
                continue;
            }
            if let Err(why) = run(self, number, line) {
                return Err(self.refuse(who, slot, word_of(line), (number, why)));
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        who: Writer,
        slot: Option<SessionSlot>,
        verb: Text<16>,
        (line, why): (u16, Why),
    ) -> Ename {
        let mut refusal = Refusal::new(who.now, who.user, slot, verb, line);
        refusal.add(why, ChildSet::EMPTY);
        self.refusals.push(refusal);
        why.ename()
    }

    fn run_node(&mut self, who: Writer, command: NodeCommand<'_>, host: &mut impl Host) -> Result<(), Why> {
        let is_root = self.user_name(who.user).as_str() == "root";
        // What comes over the parent's link is what its clients say, wherever they are.
        let may = who.is_local && !who.is_parent || self.is_operator(who.user);
        match command {
            NodeCommand::Join { .. } => {
                return Err(Why::Says("a compute node has no children; join an ionode"));
            }
            // The parent itself is root.
            NodeCommand::Fence | NodeCommand::Above(_) if !who.is_parent || !is_root => {
                return Err(Why::Ename(Ename::NotOwner));
            }
            // Nobody is below it to make a cycle.
            NodeCommand::Above(_) => return Ok(()),
            NodeCommand::Fence => self.each_session(
                |_, session| session.is_parents(),
                |this, slot| {
                    this.close_session(slot, host);
                },
            ),
            NodeCommand::Signal(signal) => {
                let mine = |this: &Self, session: &Session<_>| this.is_owner(who.user, session.owner);
                self.each_session(mine, |this, slot| this.signal_session(slot, signal, host));
            }
            _ if !may => return Err(Why::Ename(Ename::NotOwner)),
            NodeCommand::Exit => self.exit = true,
            NodeCommand::Drain(why) => self.set_drained(Some(why), who.now),
            NodeCommand::Resume => self.set_drained(None, who.now),
            NodeCommand::Tag(tag) => {
                let full = Why::Says("all tags of a node have at most 255 bytes; untag some");
                self.tags.set(tag).map_err(|wire::Full| full)?;
            }
            NodeCommand::Untag(key) => {
                self.tags.unset(key);
            }
            NodeCommand::Bound(bound, value) => self.tuning.set(bound, value),
            NodeCommand::Debug(level) => self.tuning.debug = level,
            NodeCommand::Mount(..) | NodeCommand::Unmount(_) => {
                return Err(Why::Says("a compute node passes nothing on; mount at an ionode"));
            }
            NodeCommand::Parent(Some(_)) if self.parent.exists() => {
                return Err(Why::Says("it has a parent: tell it parent none first"));
            }
            NodeCommand::Parent(parent) => self.set_parent(who.now, parent),
        }
        self.changes = self.changes.wrapping_add(1);
        Ok(())
    }

    /// Another node is joined, or the one that is is left, and what it runs here with it.
    fn set_parent(&mut self, now: Time, parent: Option<&str>) {
        match parent {
            Some(dial) => {
                self.parent_dial = Text::cut(dial);
                self.parent.give(now);
            }
            None => {
                self.parent.leave();
                self.leaves = true;
            }
        }
    }

    fn set_drained(&mut self, why: Option<Text<WHY_MAX>>, now: Time) {
        if self.drained.is_some() != why.is_some() {
            let state = if why.is_some() { "draining" } else { "up" };
            self.events.push(Event { at: now, what: Subject::Node, name: self.facts.name, state });
            self.told_node = true;
        }
        self.drained = why;
    }

    fn each_session(
        &mut self,
        which: impl Fn(&Self, &Session<B::SessionTags>) -> bool,
        mut act: impl FnMut(&mut Self, SessionSlot),
    ) {
        for slot in 0..self.sessions.slots().len() {
            let session = self.sessions.slots()[slot];
            if session.used && !session.closing && which(self, &session) {
                act(self, slot as SessionSlot);
            }
        }
    }

    fn run(
        &mut self,
        slot: SessionSlot,
        who: Writer,
        command: Command<'_>,
        line: &str,
        host: &mut impl Host,
    ) -> Result<(), Why> {
        let session = self.session(slot);
        match command {
            Command::Shares(_)
            | Command::Nodes(_)
            | Command::From(..)
            | Command::Kind(_)
            | Command::Go(_)
                if !session.is_parents() =>
            {
                return Err(Why::PARENTS);
            }
            Command::Exec(words) => self.run_exec(slot, who, words, host)?,
            Command::Signal(_) if !session.executed => return Err(Why::IDLE),
            Command::Signal(signal) => self.signal_session(slot, signal, host),
            Command::CloseStdin => self.close_stdin(slot, host),
            Command::Failfast(on) => session.failfast = on,
            Command::Persistent(_) | Command::KillOnClose(_) => session.about.take(command)?,
            Command::Label(_) | Command::Tag(_) | Command::Untag(_) => session.about.take(command)?,
            Command::Go(on) => self.run_go(slot, who, on)?,
            Command::Winsize(rows, cols) if session.executed => {
                for index in 0..self.members.slots().len() as MemberSlot {
                    let member = self.member(index);
                    if member.session == slot && member.state.is_live() {
                        host.resize(index, rows, cols);
                    }
                }
            }
            Command::Wipe => self.close_session(slot, host),
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
            Command::Res(res) => {
                let (first, size) = (session.count, session.size);
                let count = self.own_count(res)?;
                let size = size.checked_add(count).ok_or(Ename::Again)?;
                self.reserve(slot, (first, 1, count), size)?;
            }
            Command::Excl(_) if session.count > 0 => return Err(Why::EXCL_FIRST),
            Command::Excl(on) => session.excl = on,
            Command::Layout(_) if session.count > 0 => return Err(Why::LAYOUT_FIRST),
            // How numbers lie on several nodes is nothing to one.
            Command::Layout(_) => {}
            Command::Deal(deal) => session.deal = deal,
            Command::Prefix(prefix) => session.prefix = prefix,
            Command::Gang(on) => session.gang = if on { Gang::Waits(0) } else { Gang::No },
            Command::Setup | Command::Winsize(..) => {
                host.append(slot, Param::Setup, line.as_bytes())?;
                host.append(slot, Param::Setup, b"\n")?;
            }
            Command::Clear => {
                session.poisoned = false;
                for param in [Param::Args, Param::Env, Param::Ns, Param::Setup] {
                    host.truncate(slot, param);
                }
            }
            _ => self.run_parents(slot, command)?,
        }
        Ok(())
    }

    /// Lines that only a parent writes, before `exec`.
    fn run_parents(&mut self, slot: SessionSlot, command: Command<'_>) -> Result<(), Why> {
        match command {
            Command::Shares(share) => self.take_share(slot, &share)?,
            Command::Kind(kind) if !self.is_of(kind) => {
                return Err(Failure::bad(Step::Res, 0, Fault::OtherKind).into());
            }
            Command::From(levels, name) => {
                let session = self.session(slot);
                session.levels = levels;
                session.origin = Text::new(name).ok_or(Why::Says("a session's name has at most 32 bytes"))?;
            }
            // Which nodes have members was decided above; the share says how many are here.
            _ => {}
        }
        Ok(())
    }

    fn is_of(&self, kind: Kind<'_>) -> bool {
        kind.admits(self.facts.os, self.facts.arch)
    }

    /// `res` at a leaf: all members are its own.
    fn own_count(&self, res: Res<'_>) -> Result<u32, Why> {
        match res {
            Res::Count(want, kind) => {
                if self.is_of(kind) {
                    Ok(want)
                } else {
                    Err(Why::Few { had: 0, want })
                }
            }
            Res::Nodes(text) => {
                let set = protocol::nodeset::NodeSet::parse(text)
                    .map_err(|_| Why::Says("not a node set; like node[001-064,100] or n[0-63/2]"))?;
                let want = set.count() as u32;
                let had = u32::from(set.contains(self.facts.name.as_str()));
                if had < want { Err(Why::Few { had, want }) } else { Ok(1) }
            }
        }
    }

    fn take_share(&mut self, slot: SessionSlot, share: &Share) -> Result<(), Why> {
        let rank = self.parent.rank().ok_or(Why::SHARED_BY_PARENTS)?;
        let (first, stride, count) = share.own(rank);
        if count == 0 {
            return Err(Why::Says("no member is for this node"));
        }
        self.reserve(slot, (first, stride, count), share.size)
    }

    fn run_exec(
        &mut self,
        slot: SessionSlot,
        who: Writer,
        words: &str,
        host: &mut impl Host,
    ) -> Result<(), Why> {
        let session = self.session(slot);
        if session.poisoned {
            return Err(Why::Says("earlier step refused"));
        }
        if session.executed {
            return Err(Why::ALREADY_RUN);
        }
        if !words.trim().is_empty() {
            host.truncate(slot, Param::Args);
            host.append(slot, Param::Args, words.as_bytes())?;
        }
        if host.param(slot, Param::Args, 0, &mut [0]) == 0 {
            return Err(Why::NO_PROGRAM);
        }
        if self.session(slot).count == 0 {
            self.reserve(slot, (0, 1, 1), 1)?;
        }
        self.execute(slot);
        let session = self.session(slot);
        session.exec = Some(who.request);
        session.exec_user = who.user;
        Ok(())
    }

    /// A parent's word to a gang that is ready: it may run, or not.
    fn run_go(&mut self, slot: SessionSlot, who: Writer, on: bool) -> Result<(), Why> {
        let session = self.session(slot);
        match session.gang {
            Gang::Waits(_) if session.executed => {}
            // Its own members have decided that.
            _ if !on => return Ok(()),
            _ => return Err(Why::Says("nothing waits to go on")),
        }
        session.gang = if on { Gang::Goes } else { Gang::Stays };
        if on {
            session.exec = Some(who.request);
        }
        self.touch(slot);
        Ok(())
    }

    /// `user` may do what `owner` may. A stub's own user, root, may everything.
    pub fn is_owner(&self, user: UserId, owner: UserId) -> bool {
        user == owner || self.user_name(user).as_str() == "root"
    }

    /// Tells a session's state to `events` when it is not what it was.
    pub fn tell_state(&mut self, slot: SessionSlot, now: Time) {
        let session = &mut self.sessions.slots_mut()[slot as usize];
        let phase = if session.used { session.phase() } else { return };
        if session.told.replace(phase) != Some(phase) {
            let state = phase.name();
            let name = Text::cut(session.name.as_str());
            self.events.push(Event { at: now, what: Subject::Session, name, state });
        }
    }
}
