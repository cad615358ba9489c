//! `ctl`: lines of commands, to the node, to a session, or to one member. What is refused is kept for
//! `error`.

use crate::bounds::Bounds;
use crate::host::{Host, MemberSlot, Param, SessionSlot};
use crate::member::State;
use crate::node::Node;
use crate::session::{Exec, Gang, Phase};
use protocol::ctl::{Line, Mark, Ran, Refused, Stage, Writer, walk};
use protocol::ename::Ename;
use protocol::event::{Event, Subject};
use protocol::failure::{Failure, Fault, Step};
use protocol::server::UserId;
use protocol::set::ChildSet;
use protocol::slots::Slots;
use protocol::tag::TagSet;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{self, Adjust, Command, Kind, NodeCommand, NodeLine, Res, Share, WHY_MAX, Why};
use protocol::wire;

impl<B: Bounds> Node<B> {
    /// Runs lines written to the node's ctl.
    pub(crate) fn write_node_ctl(
        &mut self,
        who: Writer,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        let walked = walk(data, Mark::default(), |line| {
            let NodeLine { command, on, .. } = line.node(who.may)?;
            let is_meant = on.is_none_or(|set| set.contains(self.facts.name.as_str()));
            let want = on.map_or(1, |set| set.count() as u32);
            // Of a parent's line the others are meant too.
            if (!is_meant || want > 1) && !who.is_parent {
                return Err(Why::Few { had: u32::from(is_meant), want });
            }
            if is_meant {
                self.run_node(who, command, host)?;
            }
            Ok(Ran::Done)
        });
        walked.map_err(|refused| self.refuse(who, None, refused))?;
        Ok(Some(data.len() as u32))
    }

    /// Runs lines written to a session's ctl; an `exec` parks the write until the members have started.
    pub(crate) fn write_session_ctl(
        &mut self,
        slot: SessionSlot,
        who: Writer,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        let walked = walk(data, Mark::default(), |line| {
            let stage = self.stage(slot);
            self.run(slot, who, line.session(stage)?.command, line, host)
        });
        let outcome = walked.map_err(|refused| self.refuse(who, Some(slot), refused));
        let session = &mut self.sessions.slots_mut()[slot as usize];
        let len = data.len() as u32;
        let exec =
            session.run_mut().map(|run| &mut run.exec).filter(|exec| exec.request == Some(who.request));
        match (outcome, exec) {
            (Ok(_), None) => Ok(Some(len)),
            (Ok(_), Some(exec)) => {
                exec.len = len;
                Ok(None)
            }
            (Err(ename), exec) => {
                // What an `exec` before the refused line began goes on; the refusal is its write's answer.
                if let Some(exec) = exec {
                    exec.request = None;
                }
                session.poison();
                if session.is_poisoned() {
                    self.touch(slot);
                }
                Err(ename)
            }
        }
    }

    /// Runs lines written to a member's ctl: signals only.
    pub(crate) fn write_member_ctl(
        &mut self,
        slot: SessionSlot,
        index: MemberSlot,
        who: Writer,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        let walked = walk(data, Mark::default(), |line| {
            let Command::Signal(signal) = verb::session(line.text)? else {
                let takes = "a member takes signal, kill, stop and start; the rest is its session's";
                return Err(Why::Says(takes));
            };
            if !self.session(slot).is_executed() {
                return Err(Why::IDLE);
            }
            self.signal_member(index, signal, host);
            self.touch(slot);
            Ok(Ran::Done)
        });
        walked.map_err(|refused| self.refuse(who, Some(slot), refused))?;
        Ok(Some(data.len() as u32))
    }

    fn refuse(&mut self, who: Writer, slot: Option<SessionSlot>, refused: Refused) -> Ename {
        self.refusals.push(refused.refusal(&who, slot, ChildSet::EMPTY));
        refused.why.ename()
    }

    /// How far a session is; none that is gone, as behind a `wipe`.
    fn stage(&self, slot: SessionSlot) -> Option<Stage> {
        let session = self.open_session(slot)?;
        Some(Stage { is_parents: session.is_parents(), executed: session.is_executed() })
    }

    fn run_node(&mut self, who: Writer, command: NodeCommand<'_>, host: &mut impl Host) -> Result<(), Why> {
        match command {
            NodeCommand::Join { .. } => {
                return Err(Why::Says("a compute node has no children; join an ionode"));
            }
            // Nobody is below it to make a cycle.
            NodeCommand::Above(_) => return Ok(()),
            NodeCommand::Fence => self.close_sessions(|session| session.is_parents(), host),
            NodeCommand::Signal(signal) => {
                for slot in self.slots() {
                    let owner = self.open_session(slot).map(|session| session.owner);
                    if owner.is_some_and(|owner| self.is_owner(who.user, owner)) {
                        self.signal_session(slot, signal, host);
                    }
                }
            }
            NodeCommand::Exit => self.wanted.exit = true,
            NodeCommand::Drain(why) => self.set_drained(Some(why), who.now),
            NodeCommand::Resume => self.set_drained(None, who.now),
            NodeCommand::Tag(tag) => {
                let full = Why::Says("all tags of a node have at most 255 bytes; untag some");
                self.tags.set(tag).map_err(|wire::Full| full)?;
            }
            NodeCommand::Untag(key) => {
                self.tags.unset(key);
            }
            NodeCommand::Tune(tune) => self.tuning.set(tune),
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
                self.wanted.leave = true;
            }
        }
    }

    fn set_drained(&mut self, why: Option<Text<WHY_MAX>>, now: Time) {
        if self.drained.is_some() != why.is_some() {
            let state = if why.is_some() { "draining" } else { "up" };
            self.events.push(Event { at: now, what: Subject::Node, name: self.facts.name, state });
            self.changed.told = true;
        }
        self.drained = why;
    }

    fn run(
        &mut self,
        slot: SessionSlot,
        who: Writer,
        command: Command<'_>,
        line: Line<'_>,
        host: &mut impl Host,
    ) -> Result<Ran, Why> {
        let session = self.session_mut(slot);
        match command {
            Command::Res(res) => {
                let (first, size) = (session.count, session.size);
                let count = self.own_count(res)?;
                let size = size.checked_add(count).ok_or(Ename::Again)?;
                self.reserve(slot, (first, 1, count), size)?;
            }
            Command::Exec(words) => self.run_exec(slot, who, words, line, host)?,
            Command::Signal(signal) => self.signal_session(slot, signal, host),
            Command::CloseStdin => self.close_stdin(slot, host),
            Command::Choose(choice) => session.options.choose(choice, session.count > 0)?,
            Command::Note(note) => session.about.set(note)?,
            Command::Adjust(adjust) if session.is_executed() => self.adjust(slot, adjust, line, host)?,
            Command::Setup | Command::Adjust(_) => keep_setup(slot, line, host)?,
            Command::Clear => {
                session.phase = Phase::Setup { is_poisoned: false };
                for param in [Param::Args, Param::Env, Param::Ns, Param::Setup] {
                    host.truncate(slot, param);
                }
            }
            Command::Wipe => self.close_session(slot, host),
            Command::Shares(share) => self.take_share(slot, &share)?,
            Command::Kind(kind) => {
                let other = Failure::bad(Step::Res, 0, Fault::OtherKind);
                self.is_of(kind).then_some(()).ok_or(other)?;
            }
            Command::Go(on) => self.run_go(slot, who, on)?,
            // Which nodes have members was decided above; the share says how many are here.
            Command::Nodes(_) => {}
            Command::From(levels, name) => {
                session.levels = levels;
                session.origin = Text::new(name).ok_or(Why::Says("a session's name has at most 32 bytes"))?;
            }
        }
        Ok(Ran::Done)
    }

    /// Changes the members that have a process; those whose start is still to be carried out find the line in
    /// it.
    fn adjust(
        &mut self,
        slot: SessionSlot,
        adjust: Adjust,
        line: Line<'_>,
        host: &mut impl Host,
    ) -> Result<(), Ename> {
        if self.members_of(slot).any(|(_, member)| member.state == State::Starting) {
            keep_setup(slot, line, host)?;
        }
        let has_any = |state: State| state == State::Starting || state.is_live();
        let those = self.members_of(slot).filter(|(_, member)| has_any(member.state));
        those.map(|(index, _)| host.adjust(index, adjust)).fold(Ok(()), Result::and)
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
                let had = set.times(self.facts.name.as_str());
                if had < want { Err(Why::Few { had, want }) } else { Ok(had) }
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
        line: Line<'_>,
        host: &mut impl Host,
    ) -> Result<(), Why> {
        if self.session(slot).is_poisoned() {
            return Err(Why::Says("earlier step refused"));
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
        let exec = Exec { request: Some(who.request), user: who.user, line: line.number, len: 0 };
        self.execute(slot, exec);
        Ok(())
    }

    /// A parent's word to a gang that is ready: it may run, or not.
    fn run_go(&mut self, slot: SessionSlot, who: Writer, on: bool) -> Result<(), Why> {
        let run = self.session_mut(slot).run_mut();
        match run.filter(|run| matches!(run.gang, Gang::Waits(_))) {
            Some(run) if on => {
                run.gang = Gang::Goes;
                run.exec.request = Some(who.request);
            }
            Some(run) => run.gang = Gang::Stays,
            None if on => return Err(Why::Says("nothing waits to go on")),
            // Its own members have decided that.
            None => return Ok(()),
        }
        self.touch(slot);
        Ok(())
    }

    /// `user` may do what `owner` may. A stub's own user, root, may everything.
    pub(crate) fn is_owner(&self, user: UserId, owner: UserId) -> bool {
        user == owner || self.user_name(user).as_str() == "root"
    }
}

fn keep_setup(slot: SessionSlot, line: Line<'_>, host: &mut impl Host) -> Result<(), Ename> {
    host.append(slot, Param::Setup, line.text.as_bytes())?;
    host.append(slot, Param::Setup, b"\n")
}
