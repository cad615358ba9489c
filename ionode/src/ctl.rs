//! `ctl`: lines of commands to the node or to a session. Lines run in order and stop at the first refused,
//! which is kept for `error`; what goes to many children is sent as one and answered when all of them have.

use crate::ask::{Ask, GatherId};
use crate::bounds::PARENT;
use crate::host::{Host, Param, SessionSlot};
use crate::node::Node;
use crate::step::{self, Send};
use protocol::ctl::{Line, Mark, Ran, Refused, Stage, walk};
use protocol::ename::Ename;
use protocol::nodeset::NodeSet;
use protocol::set::ChildSet;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{Choice, Command, Kind, NodeCommand, NodeLine, Res, Where, Why, word_of};

pub(crate) use protocol::ctl::Writer;

impl Node {
    /// Runs lines written to the node's ctl.
    pub(crate) fn write_node_ctl(&mut self, who: Writer, data: &[u8]) -> Result<Option<u32>, Ename> {
        self.each_line(who, None, data, |this, gather, line| {
            this.run_node(who, gather, (line.node(who.may)?, line.text))
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
            let session = this.same_session(slot, serial);
            let stage = session.map(|s| Stage { is_parents: s.is_parents(), executed: s.executed });
            this.run(slot, (who, gather), (line.session(stage)?.command, line.text), host)
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
        mut run: impl FnMut(&mut Self, &mut Option<GatherId>, Line<'_>) -> Result<(), Why>,
    ) -> Result<Option<u32>, Ename> {
        let mut gather = None;
        let walked = walk(data, Mark::default(), |line| {
            let asked = gather.is_some();
            let outcome = run(self, &mut gather, line);
            if !asked && let Some(refusal) = gather.and_then(|id| self.gather(id)?.refusal.as_mut()) {
                refusal.line = line.number;
            }
            outcome.map(|()| Ran::Done)
        });
        if let Err(refused) = walked {
            let ename = self.refuse(&who, slot, refused);
            // What was sent on before this line goes on; nobody waits for it.
            if let Some(gather) = gather.and_then(|id| self.gather(id)) {
                let left = core::mem::take(gather);
                self.left_gather(&left);
            }
            return Err(ename);
        }
        let Some(id) = gather else { return Ok(Some(data.len() as u32)) };
        if let Some(gather) = self.gather(id) {
            gather.len = data.len() as u32;
        }
        self.try_end(id);
        Ok(None)
    }

    fn refuse(&mut self, who: &Writer, slot: Option<SessionSlot>, refused: Refused) -> Ename {
        let blamed = core::mem::take(&mut self.blamed);
        self.refusals.push(refused.refusal(who, slot, blamed));
        refused.why.ename()
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
        (NodeLine { command, on, verb }, line): (NodeLine<'_>, &str),
    ) -> Result<(), Why> {
        if verb.goes != Where::Here {
            self.run_below((who, gather), on, line)?;
        }
        match command {
            // Of the compute nodes below.
            NodeCommand::Tag(_) | NodeCommand::Untag(_) | NodeCommand::Drain(_) | NodeCommand::Resume => {}
            NodeCommand::Tune(_) if on.is_some() => {}
            NodeCommand::Tune(tune) => self.tuning.set(tune),
            NodeCommand::Join { name, boot } => self.join(who.now, who.link, name, boot)?,
            NodeCommand::Above(boots) => self.set_above(boots)?,
            NodeCommand::Fence => self.fence(),
            NodeCommand::Signal(signal) => {
                for slot in 0..self.sessions.len() as SessionSlot {
                    let session = &self.sessions[slot as usize];
                    let mine = session.used && self.is_owner(who.user, session.owner);
                    if mine && session.executed && !session.is_over() {
                        self.signal(slot, (who, gather), (signal, line))?;
                    }
                }
            }
            NodeCommand::Mount(adopts, dial, name) => {
                self.mount((who, gather), (adopts, dial, name), line)?
            }
            NodeCommand::Unmount(name) => self.unmount(who.now, name)?,
            NodeCommand::Parent(parent) => self.set_parent(who.now, parent)?,
            NodeCommand::Exit => self.exit = true,
        }
        Ok(())
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
        on: Option<NodeSet<'_>>,
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
        let send = Send::Line { fid, line: step::Line::Signal(signal) };
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
            Command::Res(res) => self.reserve(slot, res, host)?,
            Command::Exec(words) => self.run_exec(slot, (who, gather), (words, line), host)?,
            Command::Signal(signal) => self.signal(slot, (who, gather), (signal, line))?,
            Command::CloseStdin => self.close_stdin(slot),
            Command::Choose(choice) => self.choose(slot, choice)?,
            Command::Note(note) => session.about.set(note)?,
            Command::Winsize(..) if session.executed => self.pass_line(slot, (who, gather), line)?,
            Command::Setup | Command::Winsize(..) => keep_line(host, slot, Param::Setup, line)?,
            Command::Clear => {
                session.poisoned = false;
                for param in [Param::Args, Param::Env, Param::Ns, Param::Setup] {
                    host.truncate(slot, param);
                }
            }
            Command::Wipe => self.close_session(slot, host),
            Command::Shares(share) => self.take_share(slot, &share, host)?,
            Command::Kind(Kind { os, arch }) => session.kind = (Text::cut(os), Text::cut(arch)),
            Command::Go(on) => self.run_go(slot, (who, gather), (on, line))?,
            Command::Nodes(_) => keep_line(host, slot, Param::Nodes, line)?,
            Command::From(levels, name) => {
                session.levels = levels;
                session.origin = Text::new(name).ok_or(Why::Says("a session's name has at most 32 bytes"))?;
            }
        }
        Ok(())
    }

    fn choose(&mut self, slot: SessionSlot, choice: Choice) -> Result<(), Why> {
        let session = self.session(slot);
        match choice {
            Choice::Layout(_) if session.size() > 0 => return Err(Why::LAYOUT_FIRST),
            Choice::Excl(_) if session.size() > 0 => return Err(Why::EXCL_FIRST),
            Choice::Layout(layout) => session.layout = layout,
            Choice::Excl(on) => session.excl = on,
            Choice::Deal(deal) => session.deal = deal,
            Choice::Prefix(prefix) => session.prefix = prefix,
            Choice::Failfast(on) => session.failfast = on,
            Choice::Gang(on) => session.gang = on,
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
