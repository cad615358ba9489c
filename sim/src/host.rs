//! A simulated compute node's machine: parameters in memory, programs, pipes that are queues.

use crate::program::{PIPE, Program, STUCK, STUCK_US, broken};
use cnode::host::{Completion, Host, Load, MemberSlot, Param, Pull, Push, SessionSlot, Stream};
use cnode::inspect::{Member, MemberState};
use cnode::{Bounds, Cnode};
use protocol::ename::Ename;
use protocol::quote::Words;
use protocol::record::End;
use protocol::time::Time;
use protocol::verb::Adjust;
use std::collections::VecDeque;

pub use crate::program::{Went, Whose};

/// Bytes of each parameter that a node keeps for a session.
const PARAM_MAX: usize = 32_768;

/// A start that is on its way.
#[derive(Clone, Copy, Debug)]
struct Start {
    member: MemberSlot,
    pid: u32,
    begun: Result<(), Ename>,
}

/// The machine of one compute node. As a rule a node is idle: then it takes next to nothing.
#[derive(Debug, Default)]
pub struct SimHost {
    busy: Option<Box<Busy>>,
    /// What members were told and told of, where that is counted.
    notes: Option<Box<Notes>>,
}

/// Since it was looked at last.
#[derive(Debug, Default)]
struct Notes(Vec<Note>);

/// What a member was told by its core, or told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Ready,
    Started,
    Failed,
    Exited,
    Go,
    Cancel,
}

/// The same with the member, and the state in which it was where that was known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) member: MemberSlot,
    pub(crate) state: Option<MemberState>,
    pub(crate) told: Told,
}

impl Note {
    /// What a core is about to be told of a member.
    fn of<B: Bounds>(core: &Cnode<B>, done: Completion) -> Option<Self> {
        let told = match done {
            Completion::Ready { .. } => Told::Ready,
            Completion::Started { .. } => Told::Started,
            Completion::Failed { .. } => Told::Failed,
            Completion::Exited { .. } => Told::Exited,
            Completion::Readable { .. } | Completion::Writable { .. } | Completion::Undialed => return None,
        };
        let member = done.member()?;
        Some(Self { member, state: core.member(member).map(Member::state), told })
    }
}

/// What a node has that runs something, few of each.
#[derive(Debug, Default)]
struct Busy {
    params: Vec<(SessionSlot, u8, Vec<u8>)>,
    /// Stdin messages that not all members have yet.
    spills: Vec<(SessionSlot, Vec<u8>)>,
    /// Running and ended programs.
    programs: Vec<(MemberSlot, Program)>,
    starting: Vec<Start>,
    /// Members that wait no longer for the others of their gang.
    going: VecDeque<MemberSlot>,
    /// Members whose program is to go on: by a signal, or the end of input.
    ending: VecDeque<MemberSlot>,
}

impl SimHost {
    /// What members are told and tell of is noted from now on.
    pub(crate) fn note(&mut self) {
        self.notes = Some(Box::default());
    }

    /// What was noted.
    pub(crate) fn noted(&mut self) -> Vec<Note> {
        self.notes.as_mut().map_or_else(Vec::new, |notes| std::mem::take(&mut notes.0))
    }

    fn asked(&mut self, member: MemberSlot, told: Told) {
        if let Some(notes) = &mut self.notes {
            notes.0.push(Note { member, state: None, told });
        }
    }

    fn busy(&mut self) -> &mut Busy {
        self.busy.get_or_insert_default()
    }

    fn program(&mut self, member: MemberSlot) -> Option<&mut Program> {
        let programs = &mut self.busy.as_mut()?.programs;
        programs.iter_mut().find(|(own, _)| *own == member).map(|(_, program)| program)
    }

    /// Starts a member's program, whose process is going to be `pid`: its start takes so many microseconds
    /// more than usual.
    pub fn start(&mut self, member: MemberSlot, slot: SessionSlot, pid: u32, whose: &Whose<'_>) -> u64 {
        let busy = self.busy();
        let param = |param: Param| {
            let found = busy.params.iter().find(|(own, kind, _)| (*own, *kind) == (slot, param as u8));
            String::from_utf8_lossy(found.map_or(&[][..], |(_, _, bytes)| bytes))
        };
        let (args, env) = (param(Param::Args), param(Param::Env));
        let words: Vec<String> =
            Words::new(&args).flatten().map(|word| whose.expand(&word.to_string())).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let program = Program::new(&words, whose, &env);
        let begun = program.map(|program| busy.programs.push((member, program)));
        let begun = begun.and(broken(&words).map_or(Ok(()), Err));
        let longer = if words.first() == Some(&STUCK) { STUCK_US } else { 0 };
        busy.starting.push(Start { member, pid, begun });
        longer
    }

    /// What came of a start that is still on its way.
    fn starting(&self, member: MemberSlot, pid: u32) -> Option<Result<(), Ename>> {
        let starting = &self.busy.as_ref()?.starting;
        starting.iter().find(|start| (start.member, start.pid) == (member, pid)).map(|start| start.begun)
    }

    /// The process of a member whose start is still on its way.
    fn pid_of_starting(&self, member: MemberSlot) -> Option<u32> {
        let starting = &self.busy.as_ref()?.starting;
        starting.iter().find(|start| start.member == member).map(|start| start.pid)
    }

    /// A start is not on its way any more.
    fn begun(&mut self, member: MemberSlot) {
        self.busy().starting.retain(|start| start.member != member);
    }

    /// The next member that waits no longer for the others of its gang, its process, and after how many
    /// microseconds it has begun.
    pub fn going(&mut self) -> Option<(MemberSlot, u32, u64)> {
        loop {
            let member = self.busy.as_mut()?.going.pop_front()?;
            if let Some(pid) = self.pid_of_starting(member) {
                return Some((member, pid, self.program(member).map_or(1, |program| program.lag)));
            }
        }
    }

    /// The next member whose program is to go on, and its process; `pid` knows those that have started.
    pub fn ending(&mut self, pid: impl Fn(MemberSlot) -> u32) -> Option<(MemberSlot, u32)> {
        let member = self.busy.as_mut()?.ending.pop_front()?;
        Some((member, self.pid_of_starting(member).unwrap_or_else(|| pid(member))))
    }

    /// Programs that have not ended.
    pub(crate) fn running(&self) -> usize {
        let programs = self.busy.as_ref().map_or(&[][..], |busy| &busy.programs);
        programs.iter().filter(|(_, program)| !program.ended).count()
    }

    /// Bytes that it takes beside its own.
    pub(crate) fn memory(&self) -> usize {
        let Some(busy) = &self.busy else { return 0 };
        let params: usize = busy.params.iter().map(|(_, _, bytes)| bytes.capacity() + 32).sum();
        size_of::<Busy>() + params + busy.programs.capacity() * size_of::<(MemberSlot, Program)>()
    }

    /// It is idle again if nothing is left.
    fn rests(&mut self) {
        let is_empty = |busy: &Busy| {
            busy.params.is_empty()
                && busy.spills.is_empty()
                && busy.programs.is_empty()
                && busy.starting.is_empty()
                && busy.going.is_empty()
                && busy.ending.is_empty()
        };
        self.busy = self.busy.take().filter(|busy| !is_empty(busy));
    }
}

/// The start of a member has come about, if it is that process: its node is told, and its program begins
/// unless it waits for the others of its gang. What it comes to.
pub fn started<B: Bounds>(
    core: &mut Cnode<B>,
    host: &mut SimHost,
    now: Time,
    (member, pid): (MemberSlot, u32),
    waits: bool,
) -> Option<Went> {
    // It may have been cancelled, and its place may be another's.
    let begun = host.starting(member, pid)?;
    let waits = waits && (begun.is_ok() || host.program(member).is_some());
    if !waits {
        host.begun(member);
    }
    let done = match begun {
        _ if waits => Completion::Ready { member },
        Ok(()) => Completion::Started { member, pid },
        Err(ename) => Completion::Failed { member, failure: ename.into() },
    };
    complete(core, host, now, done);
    if begun.is_ok() && !waits { goes_on(core, host, now, (member, pid)) } else { None }
}

fn complete<B: Bounds>(core: &mut Cnode<B>, host: &mut SimHost, now: Time, done: Completion) {
    if let Some(notes) = &mut host.notes {
        notes.0.extend(Note::of(core, done));
    }
    core.handle_completion(now, done, host);
}

/// A program goes on, if it is that process's, until it waits for time or input, or ends; its node is told
/// what there is to read. What it came to.
pub fn goes_on<B: Bounds>(
    core: &mut Cnode<B>,
    host: &mut SimHost,
    now: Time,
    (member, pid): (MemberSlot, u32),
) -> Option<Went> {
    let starting = host.pid_of_starting(member);
    // It may have ended otherwise, and its place may be another's.
    if starting.unwrap_or(core.member_pid(member)) != pid {
        return None;
    }
    let went = host.program(member)?.goes_on()?;
    if let Went::Ended(end) = went {
        if starting.is_some() {
            // One that ends before its program is told as started first, as by a real driver.
            host.begun(member);
            complete(core, host, now, Completion::Started { member, pid });
        }
        complete(core, host, now, Completion::Exited { member, end, user: 0, sys: 0 });
    }
    for stream in [Stream::Stdout, Stream::Stderr] {
        core.handle_completion(now, Completion::Readable { member, stream }, host);
    }
    Some(went)
}

impl Host for SimHost {
    fn append(&mut self, session: SessionSlot, param: Param, data: &[u8]) -> Result<(), Ename> {
        let params = &mut self.busy().params;
        let own =
            |(slot, kind, _): &&mut (SessionSlot, u8, Vec<u8>)| (*slot, *kind) == (session, param as u8);
        match params.iter_mut().find(own) {
            Some((_, _, bytes)) if bytes.len() + data.len() > PARAM_MAX => return Err(Ename::NoSpace),
            Some((_, _, bytes)) => bytes.extend_from_slice(data),
            None => params.push((session, param as u8, data.to_vec())),
        }
        Ok(())
    }

    fn truncate(&mut self, session: SessionSlot, param: Param) {
        if let Some(busy) = &mut self.busy {
            busy.params.retain(|(slot, kind, _)| (*slot, *kind) != (session, param as u8));
        }
    }

    fn param(&mut self, session: SessionSlot, param: Param, offset: u64, out: &mut [u8]) -> usize {
        let params = self.busy.as_ref().map_or(&[][..], |busy| &busy.params);
        let own = params.iter().find(|(slot, kind, _)| (*slot, *kind) == (session, param as u8));
        let left = own.and_then(|(_, _, bytes)| bytes.get(offset as usize..)).unwrap_or(&[]);
        let len = left.len().min(out.len());
        out[..len].copy_from_slice(&left[..len]);
        len
    }

    fn spill(&mut self, session: SessionSlot, data: &[u8]) -> Result<(), Ename> {
        let spills = &mut self.busy().spills;
        spills.retain(|(slot, _)| *slot != session);
        spills.push((session, data.to_vec()));
        Ok(())
    }

    fn spilled_record(&mut self, session: SessionSlot, offset: u32) -> (u32, bool) {
        let left = self
            .busy
            .as_ref()
            .and_then(|busy| busy.spilled(session))
            .map_or(&[][..], |spill| &spill[offset as usize..]);
        match left.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at as u32 + 1, true),
            None => (left.len() as u32, false),
        }
    }

    fn feed(&mut self, session: SessionSlot, member: MemberSlot, offset: u32, len: u32) -> Push {
        let spill = self.busy.as_ref().and_then(|busy| busy.spilled(session));
        let Some(piece) = spill.and_then(|spill| spill.get(offset as usize..(offset + len) as usize)) else {
            return Push::Closed;
        };
        let piece = piece.to_vec();
        self.write(member, &piece)
    }

    fn has_read_all(&mut self, member: MemberSlot) -> bool {
        // What is simulated passes its input on at once, as far as its output has room.
        self.program(member).is_none_or(|program| program.output(Stream::Stdout).len() < PIPE)
    }

    fn write(&mut self, member: MemberSlot, data: &[u8]) -> Push {
        match self.program(member).and_then(|program| program.takes(data)) {
            None => Push::Closed,
            Some(0) => Push::Full,
            Some(len) => Push::Took(len),
        }
    }

    fn close_stdin(&mut self, member: MemberSlot) {
        if self.program(member).is_some_and(Program::input_ends) {
            self.busy().ending.push_back(member);
        }
    }

    fn read(&mut self, member: MemberSlot, stream: Stream, out: &mut [u8]) -> Pull {
        match self.peek(member, stream, out) {
            Pull::Data(len) => {
                self.discard(member, stream, len);
                Pull::Data(len)
            }
            other => other,
        }
    }

    fn peek(&mut self, member: MemberSlot, stream: Stream, out: &mut [u8]) -> Pull {
        let Some(program) = self.program(member) else { return Pull::End };
        let output = program.output(stream);
        let len = output.len().min(out.len());
        out[..len].copy_from_slice(&output[..len]);
        match (len, program.ended) {
            (0, true) => Pull::End,
            (0, false) => Pull::Empty,
            _ => Pull::Data(len),
        }
    }

    fn discard(&mut self, member: MemberSlot, stream: Stream, len: usize) {
        if let Some(program) = self.program(member) {
            program.taken(stream, len);
        }
    }

    fn is_last(&mut self, member: MemberSlot, _: Stream) -> bool {
        self.program(member).is_none_or(|program| program.ended)
    }

    fn is_full(&mut self, member: MemberSlot, stream: Stream) -> bool {
        self.program(member).is_some_and(|program| program.output(stream).len() >= PIPE)
    }

    fn signal(&mut self, member: MemberSlot, signal: u8) -> Result<(), Ename> {
        let deadly = !matches!(signal, 0 | 17..=20 | 23 | 28);
        if deadly && self.program(member).is_some_and(|program| program.dies(End::Signal(signal))) {
            self.busy().ending.push_back(member);
        }
        Ok(())
    }

    fn adjust(&mut self, _: MemberSlot, _: Adjust) -> Result<(), Ename> {
        Ok(())
    }

    fn go(&mut self, member: MemberSlot) {
        self.asked(member, Told::Go);
        self.busy().going.push_back(member);
    }

    fn cancel(&mut self, member: MemberSlot) {
        self.asked(member, Told::Cancel);
        self.begun(member);
        self.release_member(member);
    }

    fn release_member(&mut self, member: MemberSlot) {
        if let Some(busy) = &mut self.busy {
            busy.programs.retain(|(own, _)| *own != member);
        }
        self.rests();
    }

    fn release_session(&mut self, session: SessionSlot) {
        if let Some(busy) = &mut self.busy {
            busy.params.retain(|(slot, _, _)| *slot != session);
            busy.spills.retain(|(slot, _)| *slot != session);
        }
        self.rests();
    }

    fn load(&mut self) -> Load {
        Load { load_centi: 0, memfree: 1 << 20, mem: 2 << 20 }
    }
}

impl Busy {
    fn spilled(&self, session: SessionSlot) -> Option<&[u8]> {
        self.spills.iter().find(|(slot, _)| *slot == session).map(|(_, spill)| spill.as_slice())
    }
}
