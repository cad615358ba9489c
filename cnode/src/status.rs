//! `status`, `summary`, `info` and `error`: texts made anew by each read.

use crate::bounds::Bounds;
use crate::host::{Host, MemberSlot, Param, SessionSlot, Stream};
use crate::member::State;
use crate::node::Node;
use core::fmt::{self, Write};
use protocol::memberset;
use protocol::quote::Quoted;
use protocol::record::End;
use protocol::server::UserId;
use protocol::slots::Slots;
use protocol::tag::TagSet;

/// Bytes of a command line that `status` shows.
const CMD_MAX: usize = 96;

impl<B: Bounds> Node<B> {
    /// The node's record: `node01 up uptime=38100 users=4 …`.
    pub(crate) fn write_status(&self, host: &mut impl Host, out: &mut impl Write) -> fmt::Result {
        let mut owners = 0_u64;
        let mut count = 0;
        for (_, session) in self.open_sessions() {
            count += 1;
            owners |= 1 << session.owner.0;
        }
        let members = self.members.slots().iter().filter(|m| m.state.is_live()).count();
        let users = owners.count_ones();
        let load = host.load();
        write!(
            out,
            "{} {} uptime={} users={users} sessions={count} members={members} \
             load={}.{:02} memfree={} mem={}",
            self.facts.name,
            self.state_name(),
            (self.now - self.started) / 1_000_000,
            load.load_centi / 100,
            load.load_centi % 100,
            load.memfree,
            load.mem,
        )?;
        match &self.drained {
            Some(why) if !why.is_empty() => writeln!(out, " why={}", Quoted(why.as_str())),
            _ => out.write_char('\n'),
        }
    }

    /// The state of the node itself.
    fn state_name(&self) -> &'static str {
        if self.drained.is_some() { "draining" } else { "up" }
    }

    /// `<nodeset> <state>`: of one node.
    pub(crate) fn write_summary(&self, out: &mut impl Write) -> fmt::Result {
        writeln!(out, "{} {}", self.facts.name, self.state_name())
    }

    /// What the node is.
    pub(crate) fn write_info(&self, host: &mut impl Host, out: &mut impl Write) -> fmt::Result {
        let load = host.load();
        let facts = &self.facts;
        writeln!(out, "ns=1\nname={}\npath=/\nos={}\narch={}", facts.name, facts.os, facts.arch)?;
        writeln!(out, "cores={}\nmem={}\nleaves=1\nheight=0", facts.cores, load.mem)?;
        match (facts.place, self.parent.rank()) {
            (Some(place), _) => write!(out, "{place}")?,
            (None, Some(rank)) => writeln!(out, "rank={}", rank.index())?,
            (None, None) => out.write_str("rank=\n")?,
        }
        writeln!(out, "version={}", env!("CARGO_PKG_VERSION"))?;
        write!(out, "{}", self.tuning)?;
        self.tags.iter().try_for_each(|tag| writeln!(out, "tag {tag}"))
    }

    /// A session's records, or one member's.
    pub(crate) fn write_session_status(
        &self,
        slot: SessionSlot,
        number: Option<u32>,
        host: &mut impl Host,
        out: &mut impl Write,
    ) -> fmt::Result {
        let mut its = self.members_of(slot).filter(|(_, m)| number.is_none_or(|n| n == m.number));
        its.try_for_each(|(index, _)| self.write_member(slot, index, host, out))
    }

    fn write_member(
        &self,
        slot: SessionSlot,
        index: MemberSlot,
        host: &mut impl Host,
        out: &mut impl Write,
    ) -> fmt::Result {
        let member = *self.member(index);
        let mut raw = [0; CMD_MAX];
        let len = host.param(slot, Param::Args, 0, &mut raw);
        let valid = match core::str::from_utf8(&raw[..len]) {
            Ok(text) => text,
            Err(cut) => core::str::from_utf8(&raw[..cut.valid_up_to()]).unwrap_or(""),
        };
        let (node, state) = (self.facts.name, member.state.name());
        write!(out, "{} {node} {state} pid={} cmd={}", member.number, member.pid, OneLine(valid.trim_end()))?;
        if let Some(outcome) = member.outcome.filter(|outcome| outcome.end != End::Exit(0)) {
            out.write_str(" end=")?;
            outcome.end.write(self.facts.name.as_str(), out)?;
        }
        for (stream, name) in [(Stream::Stdout, "stdout"), (Stream::Stderr, "stderr")] {
            if member.state.is_live() && host.is_full(index, stream) {
                write!(out, " blocked={name}")?;
            }
        }
        if self.waits_for(slot, index) {
            out.write_str(" waiting=stdin")?;
        }
        out.write_char('\n')
    }

    /// `<memberset> <state>` lines, of all members or of one.
    pub(crate) fn write_session_summary(
        &self,
        slot: SessionSlot,
        number: Option<u32>,
        out: &mut impl Write,
    ) -> fmt::Result {
        let states = [State::Reserved, State::Starting, State::Running, State::Stopped, State::Ended];
        for state in states {
            let its = self.members_of(slot).map(|(_, m)| m);
            let its = its.filter(|m| m.state == state && number.is_none_or(|n| n == m.number));
            let mut numbers = its.map(|m| m.number).peekable();
            if numbers.peek().is_some() {
                memberset::fold(numbers, out)?;
                writeln!(out, " {}", state.name())?;
            }
        }
        Ok(())
    }

    /// What a session is, or, as one of its members has it, its part on this node.
    pub(crate) fn write_session_info(
        &self,
        slot: SessionSlot,
        number: Option<u32>,
        out: &mut impl Write,
    ) -> fmt::Result {
        let user = self.session(slot).owner;
        let owner = self.user_name(user);
        let session = self.session(slot);
        writeln!(out, "id={}\nowner={owner}\nstate={}", session.id(number), session.state().name())?;
        writeln!(
            out,
            "size={}\nhere={}\nlabel={}",
            session.size,
            session.count,
            Quoted(session.about.label.as_str())
        )?;
        let kind = if session.about.persistent { "persistent" } else { "normal" };
        writeln!(out, "type={kind}\nexits={}", session.outcomes())?;
        let on = [("excl", session.options.excl), ("killonclose", session.about.kill_on_close)];
        on.iter().filter(|(_, is_on)| *is_on).try_for_each(|(name, _)| writeln!(out, "{name}=on"))?;
        session.about.tags.iter().try_for_each(|tag| writeln!(out, "tag {tag}"))
    }

    /// The refusals of a user at the node, or of a session.
    pub(crate) fn write_errors(
        &self,
        user: UserId,
        slot: Option<SessionSlot>,
        out: &mut impl Write,
    ) -> fmt::Result {
        for refusal in self.refusals.newest() {
            let told = match slot {
                Some(slot) => refusal.slot == Some(slot),
                None => refusal.user == user,
            };
            if told {
                refusal.write(out, |_, _| Ok(()))?;
            }
        }
        Ok(())
    }
}

/// A command line as one quoted word on one line: what would break the line is shown as a blank, and a dollar
/// as it was meant.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        let mut chars = self.0.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '$' => {
                    let _second = chars.next_if_eq(&'$');
                    f.write_char('$')?;
                }
                '\'' => f.write_str("''")?,
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('\'')
    }
}
