//! The core's `Host`: calls that cannot sleep, on memory files and pipes.

use crate::load::Gauge;
use crate::params::{AppendError, Kind, Params};
use crate::pipe::{self, Scratch};
use crate::process::{self, Process};
use crate::spawn::{self, Child, Spawner};
use cnode::host::{Host, Load, MemberSlot, Param, Pull, Push, SessionSlot, Stream};
use protocol::ename::Ename;
use protocol::verb::Adjust;
use protocol_host::Watcher;
use protocol_host::params::Message;
use std::io;
use std::time::Duration;

/// What is kept for one session.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) params: Params,
    spill: Option<Message>,
}

/// The descriptors of a stub.
pub(crate) struct Machine {
    pub(crate) sessions: Vec<Kept>,
    pub(crate) processes: Vec<Option<Process>>,
    pub(crate) spawner: Spawner,
    pub(crate) watcher: Watcher,
    /// Processes that never ran a program and must be reaped.
    pub(crate) zombies: Vec<Child>,
    /// The session that the spawner is prepared for.
    pub(crate) prepared: Option<SessionSlot>,
    /// When to look again at outputs that end with an incomplete record: if a writer was blocked in the
    /// middle of a write and something is left in the pipe, no event announces that it has written more.
    pause: Option<Duration>,
    scratch: Scratch,
    gauge: Gauge,
}

/// How soon to check again whether a process that never ran a program can be reaped.
const ZOMBIES: Duration = Duration::from_millis(5);
/// The first such pause: usually the writer continues at once. Each pause is twice the one before.
const PAUSE: Duration = Duration::from_millis(1);
/// The longest pause: a prompt may stay incomplete for ever.
const PAUSE_MAX: Duration = Duration::from_millis(256);

impl Machine {
    pub(crate) fn new(sessions: usize, members: usize, watcher: Watcher) -> io::Result<Self> {
        Ok(Self {
            sessions: (0..sessions).map(|_| Kept::default()).collect(),
            processes: (0..members).map(|_| None).collect(),
            spawner: Spawner::new()?,
            watcher,
            zombies: Vec::with_capacity(members),
            prepared: None,
            pause: None,
            scratch: Scratch::new()?,
            gauge: Gauge::new()?,
        })
    }

    /// How long to wait for events, if nothing else is due before `due`.
    pub(crate) fn patience(&self, due: Option<Duration>) -> Option<Duration> {
        let zombies = (!self.zombies.is_empty()).then_some(ZOMBIES);
        [due, zombies, self.pause].into_iter().flatten().min()
    }

    /// An output with new content that no event announced, if there is one.
    pub(crate) fn moved(&mut self) -> Option<(MemberSlot, Stream)> {
        self.pause?;
        let mut some_wait = false;
        for process in self.processes.iter_mut().flatten() {
            for stream in [Stream::Stdout, Stream::Stderr] {
                let (has_moved, waits) = process.has_moved(stream);
                if has_moved {
                    self.pause = Some(PAUSE);
                    return Some((process.member, stream));
                }
                some_wait |= waits;
            }
        }
        self.pause = self.pause.filter(|_| some_wait).map(|pause| (2 * pause).min(PAUSE_MAX));
        None
    }

    fn process(&mut self, member: MemberSlot) -> Option<&mut Process> {
        self.processes[member as usize].as_mut()
    }

    fn pushed(&mut self, member: MemberSlot, pushed: io::Result<pipe::Push>) -> Push {
        match pushed {
            Ok(pipe::Push::Took(len)) => Push::Took(len),
            Ok(pipe::Push::Full) => {
                if let Some(process) = self.processes[member as usize].as_mut() {
                    process.watch_stdin(&self.watcher);
                }
                Push::Full
            }
            Ok(pipe::Push::Closed) | Err(_) => Push::Closed,
        }
    }

    fn pulled(&mut self, member: MemberSlot, stream: Stream, pulled: io::Result<pipe::Pull>) -> Pull {
        match pulled {
            Ok(pipe::Pull::Data(len)) => Pull::Data(len),
            Ok(pipe::Pull::Empty) => {
                if let Some(process) = self.processes[member as usize].as_mut() {
                    process.watch_output(stream, &self.watcher);
                }
                Pull::Empty
            }
            Ok(pipe::Pull::End) | Err(_) => Pull::End,
        }
    }
}

fn kind(param: Param) -> Kind {
    match param {
        Param::Args => Kind::Args,
        Param::Env => Kind::Env,
        Param::Ns => Kind::Ns,
        Param::Setup => Kind::Setup,
    }
}

fn ename(error: &io::Error) -> Ename {
    Ename::from_errno(error.raw_os_error().unwrap_or(0))
}

impl Host for Machine {
    fn append(&mut self, session: SessionSlot, param: Param, data: &[u8]) -> Result<(), Ename> {
        // What the spawner has read of it is not all any more.
        self.prepared = self.prepared.filter(|prepared| *prepared != session);
        let params = &mut self.sessions[session as usize].params;
        params.append(kind(param), data).map_err(|error| match error {
            AppendError::Full => Ename::NoSpace,
            AppendError::Host(error) => ename(&error),
        })
    }

    fn truncate(&mut self, session: SessionSlot, param: Param) {
        // A file that cannot be made is empty already.
        let _ = self.sessions[session as usize].params.truncate(kind(param));
    }

    fn param(&mut self, session: SessionSlot, param: Param, offset: u64, out: &mut [u8]) -> usize {
        self.sessions[session as usize].params.read(kind(param), offset, out).unwrap_or(0)
    }

    fn spill(&mut self, session: SessionSlot, data: &[u8]) -> Result<(), Ename> {
        // Pipes hold the pages of the last one: a new message is a new file.
        let message = Message::new(data).map_err(|error| ename(&error))?;
        self.sessions[session as usize].spill = Some(message);
        Ok(())
    }

    fn spilled_record(&mut self, session: SessionSlot, offset: u32) -> (u32, bool) {
        let Some(message) = &self.sessions[session as usize].spill else { return (0, false) };
        let left = &message.bytes()[offset as usize..];
        match left.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at as u32 + 1, true),
            None => (left.len() as u32, false),
        }
    }

    fn feed(&mut self, session: SessionSlot, member: MemberSlot, offset: u32, len: u32) -> Push {
        let Some(message) = &self.sessions[session as usize].spill else { return Push::Closed };
        let process = self.processes[member as usize].as_ref();
        let Some(stdin) = process.and_then(Process::stdin) else { return Push::Closed };
        let fed = if process.is_some_and(|process| process.child.is_terminal) {
            // If it is not a pipe, it cannot take pages.
            pipe::write(stdin, &message.bytes()[offset as usize..(offset + len) as usize])
        } else {
            pipe::feed(stdin, message.memfd(), u64::from(offset), len as usize)
        };
        self.pushed(member, fed)
    }

    fn has_read_all(&mut self, member: MemberSlot) -> bool {
        let Some(process) = self.processes[member as usize].as_mut() else { return true };
        let read_all = process.stdin().is_none_or(|fd| pipe::is_read(fd));
        if !read_all {
            process.watch_stdin(&self.watcher);
        }
        read_all
    }

    fn write(&mut self, member: MemberSlot, data: &[u8]) -> Push {
        let process = self.processes[member as usize].as_ref();
        let Some(stdin) = process.and_then(Process::stdin) else { return Push::Closed };
        let written = pipe::write(stdin, data);
        self.pushed(member, written)
    }

    fn close_stdin(&mut self, member: MemberSlot) {
        if let Some(process) = self.processes[member as usize].as_mut() {
            process.close_stdin(&self.watcher);
        }
    }

    fn read(&mut self, member: MemberSlot, stream: Stream, out: &mut [u8]) -> Pull {
        let process = self.processes[member as usize].as_ref();
        let Some(fd) = process.and_then(|p| p.output(stream)) else { return Pull::End };
        let pulled = pipe::read(fd, out);
        self.pulled(member, stream, pulled)
    }

    fn peek(&mut self, member: MemberSlot, stream: Stream, out: &mut [u8]) -> Pull {
        let process = self.processes[member as usize].as_ref();
        let Some(fd) = process.and_then(|p| p.output(stream)) else { return Pull::End };
        let pulled = pipe::peek(fd, &self.scratch, out);
        self.pulled(member, stream, pulled)
    }

    fn discard(&mut self, member: MemberSlot, stream: Stream, len: usize) {
        let process = self.processes[member as usize].as_ref();
        let Some(fd) = process.and_then(|p| p.output(stream)) else { return };
        let discarded = pipe::discard(fd, len, &self.scratch);
        assert!(discarded.is_ok(), "what was looked at is there to be taken");
    }

    fn is_last(&mut self, member: MemberSlot, stream: Stream) -> bool {
        let fd = self.process(member).and_then(|p| p.output(stream).map(process::is_hung_up));
        fd.unwrap_or(true)
    }

    fn is_full(&mut self, member: MemberSlot, stream: Stream) -> bool {
        let Some(process) = self.processes[member as usize].as_mut() else { return false };
        let waits = process.awaits_end(stream, &self.watcher);
        if waits {
            self.pause = Some(PAUSE);
        }
        !waits
    }

    fn signal(&mut self, member: MemberSlot, signal: u8) -> Result<(), Ename> {
        let Some(process) = self.process(member) else { return Ok(()) };
        spawn::signal(&process.child, i32::from(signal)).map(|_| ()).map_err(|error| ename(&error))
    }

    fn adjust(&mut self, member: MemberSlot, adjust: Adjust) -> Result<(), Ename> {
        let Some(process) = self.processes[member as usize].as_ref() else { return Ok(()) };
        match adjust {
            Adjust::Winsize(rows, cols) => process.child.resize([rows, cols]),
            Adjust::Nice(nice) => renice(&process.child, nice).map_err(|error| ename(&error))?,
        }
        Ok(())
    }

    fn go(&mut self, member: MemberSlot) {
        if let Some(process) = self.process(member) {
            Spawner::go(&process.child);
        }
    }

    fn cancel(&mut self, member: MemberSlot) {
        if let Some(process) = self.processes[member as usize].take() {
            // A process that has ended by itself is reaped all the same.
            let _gone = spawn::signal(&process.child, libc::SIGKILL);
            self.zombies.push(process.detach(&self.watcher));
        }
    }

    fn release_member(&mut self, member: MemberSlot) {
        if let Some(process) = self.processes[member as usize].take() {
            process.close(&self.watcher);
        }
    }

    fn release_session(&mut self, session: SessionSlot) {
        self.sessions[session as usize] = Kept::default();
        if self.prepared == Some(session) {
            self.prepared = None;
        }
    }

    fn load(&mut self) -> Load {
        self.gauge.read()
    }
}

/// Changes how much a member, and what it has started in its group, gives way to others.
fn renice(child: &Child, nice: u8) -> io::Result<()> {
    // Of one that is reaped the number may be another's.
    if !spawn::signal(child, 0)? {
        return Ok(());
    }
    // One that is starting may not have made its group.
    for which in [libc::PRIO_PGRP, libc::PRIO_PROCESS] {
        // SAFETY: no pointers.
        if unsafe { libc::setpriority(which, child.pid as libc::id_t, i32::from(nice)) } == 0 {
            return Ok(());
        }
    }
    Err(io::Error::last_os_error())
}
