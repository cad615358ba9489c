//! A simulated compute node's machine: parameters in memory, scripted programs, pipes that are queues.

use cnode::host::{Host, Load, MemberSlot, Param, Pull, Push, SessionSlot, Stream};
use protocol::ename::Ename;
use protocol::quote::Words;
use protocol::record::End;
use std::collections::{BTreeMap, VecDeque};

/// Bytes a simulated pipe holds, as Linux's do.
const PIPE: usize = 65_536;

/// What a program is going to do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// End after so many microseconds.
    Exit(u64, End),
    /// Nothing until its input ends.
    Reads,
}

/// A running program.
#[derive(Debug)]
pub struct Program {
    output: [VecDeque<u8>; 2],
    /// It copies its input to its output.
    is_cat: bool,
    /// It has ended: its outputs end when they are read.
    pub ended: bool,
}

/// The machine of one compute node.
#[derive(Debug, Default)]
pub struct Machine {
    name: String,
    params: BTreeMap<(SessionSlot, u8), Vec<u8>>,
    spills: BTreeMap<SessionSlot, Vec<u8>>,
    /// Running and ended programs, by member.
    pub programs: BTreeMap<MemberSlot, Program>,
    /// Starts that are on their way, by member: the process, and what its program is going to do.
    pub starting: BTreeMap<MemberSlot, (u32, Result<Next, Ename>)>,
    /// Members that wait no longer for the others of their gang.
    pub going: Vec<MemberSlot>,
    /// Ends that the core has brought about: a signal, or the end of input.
    pub ending: Vec<(MemberSlot, End)>,
}

impl Machine {
    /// The machine of the node called `name`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Starts a member: `hostname`, `echo …`, `member`, `cat`, `true`, `false`, `exit N`, `sleep SECONDS`.
    pub fn start(&mut self, member: MemberSlot, slot: SessionSlot, number: u32) -> Result<Next, Ename> {
        let args = self.params.get(&(slot, 0)).cloned().unwrap_or_default();
        let text = String::from_utf8_lossy(&args).into_owned();
        let words: Vec<&str> = Words::new(&text).flatten().filter_map(|word| word.plain()).collect();
        let second = words.get(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        let exit = |code: u8| Next::Exit(100, End::Exit(code));
        let (said, next) = match words.first().copied() {
            Some("hostname") => (format!("{}\n", self.name), exit(0)),
            Some("member") => (format!("{number}\n"), exit(0)),
            Some("echo") => (format!("{}\n", words[1..].join(" ")), exit(0)),
            Some("true") => (String::new(), exit(0)),
            Some("false") => (String::new(), exit(1)),
            Some("exit") => (String::new(), exit(second as u8)),
            Some("sleep") => (String::new(), Next::Exit(second * 1_000_000, End::Exit(0))),
            Some("cat") => (String::new(), Next::Reads),
            _ => return Err(Ename::NotFound),
        };
        let output = [said.into_bytes().into(), VecDeque::new()];
        self.programs.insert(member, Program { output, is_cat: next == Next::Reads, ended: false });
        Ok(next)
    }

    /// Programs that have not ended.
    pub fn running(&self) -> usize {
        self.programs.values().filter(|program| !program.ended).count()
    }
}

impl Host for Machine {
    fn append(&mut self, session: SessionSlot, param: Param, data: &[u8]) -> Result<(), Ename> {
        self.params.entry((session, param as u8)).or_default().extend_from_slice(data);
        Ok(())
    }

    fn truncate(&mut self, session: SessionSlot, param: Param) {
        self.params.remove(&(session, param as u8));
    }

    fn param(&mut self, session: SessionSlot, param: Param, offset: u64, out: &mut [u8]) -> usize {
        let Some(bytes) = self.params.get(&(session, param as u8)) else { return 0 };
        let left = bytes.get(offset as usize..).unwrap_or(&[]);
        let len = left.len().min(out.len());
        out[..len].copy_from_slice(&left[..len]);
        len
    }

    fn spill(&mut self, session: SessionSlot, data: &[u8]) -> Result<(), Ename> {
        self.spills.insert(session, data.to_vec());
        Ok(())
    }

    fn spilled_record(&mut self, session: SessionSlot, offset: u32) -> (u32, bool) {
        let left = self.spills.get(&session).map_or(&[][..], |bytes| &bytes[offset as usize..]);
        match left.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at as u32 + 1, true),
            None => (left.len() as u32, false),
        }
    }

    fn feed(&mut self, session: SessionSlot, member: MemberSlot, offset: u32, len: u32) -> Push {
        let Some(bytes) = self.spills.get(&session) else { return Push::Closed };
        let piece = bytes[offset as usize..(offset + len) as usize].to_vec();
        self.write(member, &piece)
    }

    fn has_read_all(&mut self, member: MemberSlot) -> bool {
        // What is simulated passes its input on at once, as far as its output has room.
        self.programs.get(&member).is_none_or(|program| program.output[0].len() < PIPE)
    }

    fn write(&mut self, member: MemberSlot, data: &[u8]) -> Push {
        let Some(program) = self.programs.get_mut(&member).filter(|p| p.is_cat && !p.ended) else {
            return Push::Closed;
        };
        let room = PIPE - program.output[0].len();
        if room == 0 {
            return Push::Full;
        }
        let len = data.len().min(room);
        program.output[0].extend(&data[..len]);
        Push::Took(len)
    }

    fn close_stdin(&mut self, member: MemberSlot) {
        if self.programs.get(&member).is_some_and(|program| program.is_cat && !program.ended) {
            self.ending.push((member, End::Exit(0)));
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
        let Some(program) = self.programs.get(&member) else { return Pull::End };
        let queue = &program.output[stream as usize];
        let len = queue.len().min(out.len());
        for (to, from) in out.iter_mut().zip(queue) {
            *to = *from;
        }
        match (len, program.ended) {
            (0, true) => Pull::End,
            (0, false) => Pull::Empty,
            _ => Pull::Data(len),
        }
    }

    fn discard(&mut self, member: MemberSlot, stream: Stream, len: usize) {
        if let Some(program) = self.programs.get_mut(&member) {
            program.output[stream as usize].drain(..len);
        }
    }

    fn is_last(&mut self, member: MemberSlot, _: Stream) -> bool {
        self.programs.get(&member).is_none_or(|program| program.ended)
    }

    fn is_full(&mut self, member: MemberSlot, stream: Stream) -> bool {
        self.programs.get(&member).is_some_and(|program| program.output[stream as usize].len() == PIPE)
    }

    fn signal(&mut self, member: MemberSlot, signal: u8) -> Result<(), Ename> {
        let deadly = !matches!(signal, 0 | 17..=20 | 23 | 28);
        if deadly && self.programs.get(&member).is_some_and(|program| !program.ended) {
            self.ending.push((member, End::Signal(signal)));
        }
        Ok(())
    }

    fn resize(&mut self, _: MemberSlot, _: u16, _: u16) {}

    fn go(&mut self, member: MemberSlot) {
        self.going.push(member);
    }

    fn cancel(&mut self, member: MemberSlot) {
        self.starting.remove(&member);
        self.programs.remove(&member);
    }

    fn release_member(&mut self, member: MemberSlot) {
        self.programs.remove(&member);
    }

    fn release_session(&mut self, session: SessionSlot) {
        self.params.retain(|(slot, _), _| *slot != session);
        self.spills.remove(&session);
    }

    fn load(&mut self) -> Load {
        Load { load_centi: 0, memfree: 1 << 20, mem: 2 << 20 }
    }
}
