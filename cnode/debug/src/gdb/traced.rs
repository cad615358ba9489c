//! A member under a debugger: its threads, and the breakpoints in its code.
//!
//! Either all its threads are stopped or all may run. Events are reported one at a time. It is released with
//! its code as it was.

use crate::mem::Memory;
use crate::process;
use crate::ptrace::{self, Event};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::{Duration, Instant};

/// How long threads may take to stop; a thread in an uninterruptible sleep never does.
const PATIENCE: Duration = Duration::from_secs(1);
/// The instruction that a breakpoint is on this machine.
const TRAP: u8 = 0xcc;
/// `si_code` of a trap by that instruction.
const BY_TRAP: i32 = 0x80;

const OPTIONS: i32 = libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACEVFORKDONE
    | libc::PTRACE_O_TRACEEXEC;

/// What happened to a member that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A thread has reached a breakpoint.
    Break(i32),
    /// A thread has executed its single instruction.
    Step(i32),
    /// A thread is about to get a signal.
    Signal(i32, i32),
    /// The process exited.
    Exited(u8),
    /// A signal ended the process.
    Killed(i32),
}

#[derive(Clone, Copy, Debug, Default)]
struct Thread {
    is_stopped: bool,
    is_stepping: bool,
    /// A signal that it was about to get, and gets when it is released.
    signal: i32,
}

/// How a thread continues.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) is_step: bool,
    pub(crate) signal: i32,
}

/// A process that is traced.
pub(crate) struct Traced {
    pub(crate) pid: i32,
    memory: Memory,
    threads: BTreeMap<i32, Thread>,
    /// Addresses of breakpoints, and what is there without them.
    breaks: BTreeMap<u64, u8>,
    /// What happened while threads were being stopped for something else.
    pending: VecDeque<Reason>,
    over: Option<Reason>,
    /// Forked processes: those that have stopped, and those to release when they stop, with whether they
    /// share the member's memory.
    strays: Vec<i32>,
    born: Vec<(i32, bool)>,
    is_running: bool,
    pub(crate) actions: BTreeMap<i32, Action>,
    /// Threads without an action stay stopped.
    pub(crate) is_locked: bool,
}

impl Traced {
    /// Stops a process.
    pub(crate) fn attach(pid: i32) -> io::Result<Self> {
        if process::tracer_of(pid) != 0 {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        let mut own = Self {
            pid,
            memory: Memory::open(pid)?,
            threads: BTreeMap::new(),
            breaks: BTreeMap::new(),
            pending: VecDeque::new(),
            over: None,
            strays: Vec::new(),
            born: Vec::new(),
            is_running: false,
            actions: BTreeMap::new(),
            is_locked: false,
        };
        ptrace::seize(pid, OPTIONS)?;
        own.threads.insert(pid, Thread::default());
        // New threads of those that are seized are seized from their birth.
        loop {
            let mut is_more = false;
            for tid in process::threads(pid)? {
                if !own.threads.contains_key(&tid) && ptrace::seize(tid, OPTIONS).is_ok() {
                    own.threads.insert(tid, Thread::default());
                    is_more = true;
                }
            }
            if !is_more {
                break;
            }
        }
        own.stop()?;
        Ok(own)
    }

    /// Its threads, the first one first.
    pub(crate) fn threads(&self) -> impl Iterator<Item = i32> {
        let others = self.threads.keys().copied().filter(|tid| *tid != self.pid);
        self.threads.contains_key(&self.pid).then_some(self.pid).into_iter().chain(others)
    }

    /// Stops all threads; what happens to them meanwhile is kept.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        self.is_running = false;
        for (tid, _) in self.threads.iter().filter(|(_, thread)| !thread.is_stopped) {
            // If it ends just now, wait(2) reports it.
            let _ = ptrace::interrupt(*tid);
        }
        let end = Instant::now() + PATIENCE;
        loop {
            while let Some((tid, event)) = ptrace::wait(-1)? {
                match self.note(tid, event)? {
                    // It stands at the breakpoint and will reach it again.
                    None | Some(Reason::Break(_) | Reason::Step(_)) => {}
                    Some(reason) => self.pending.push_back(reason),
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.threads.values().all(|thread| thread.is_stopped) {
                return Ok(());
            }
            ptrace::pause(left);
        }
    }

    /// Continues threads by their actions, the others too unless they are locked.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        let actions = std::mem::take(&mut self.actions);
        if self.over.is_some() || !self.pending.is_empty() {
            return Ok(());
        }
        self.is_running = true;
        for (tid, thread) in self.threads.iter_mut().filter(|(_, thread)| thread.is_stopped) {
            let action = match actions.get(tid) {
                Some(action) => *action,
                None if self.is_locked => continue,
                None => Action { is_step: false, signal: 0 },
            };
            *thread = Thread { is_stopped: false, is_stepping: action.is_step, signal: 0 };
            go_on(*tid, *thread, action.signal);
        }
        Ok(())
    }

    /// What happened since it was resumed; then all threads are stopped.
    pub(crate) fn next_reason(&mut self) -> io::Result<Option<Reason>> {
        if let Some(reason) = self.over.or_else(|| self.pending.pop_front()) {
            return Ok(Some(reason));
        }
        while let Some((tid, event)) = ptrace::wait(-1)? {
            if let Some(reason) = self.note(tid, event)? {
                self.stop()?;
                return Ok(Some(self.over.unwrap_or(reason)));
            }
        }
        Ok(None)
    }

    /// Takes events of a stopped process: it may have been killed.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        if !self.is_running {
            self.stop()?;
        }
        Ok(())
    }

    fn note(&mut self, tid: i32, event: Event) -> io::Result<Option<Reason>> {
        let over = match event {
            Event::Exited(code) => Some(Reason::Exited(code)),
            Event::Killed(signal) => Some(Reason::Killed(signal)),
            Event::Signal(_) | Event::Stopped(_) | Event::Special(_) => None,
        };
        if over.is_some() {
            self.threads.remove(&tid);
            self.over = if tid == self.pid { over } else { self.over };
            return Ok(self.over);
        }
        if !self.threads.contains_key(&tid) && !self.is_thread(tid) {
            self.strays.push(tid);
            self.part()?;
            return Ok(None);
        }
        self.threads.entry(tid).or_default().is_stopped = true;
        match event {
            Event::Signal(libc::SIGTRAP) => return self.trapped(tid).map(Some),
            // gdb puts a breakpoint where nothing can be executed, as a return address: a fault there means
            // it was reached.
            Event::Signal(libc::SIGSEGV | libc::SIGILL) if self.is_at_break(tid)? => {
                return Ok(Some(Reason::Break(tid)));
            }
            Event::Signal(signal) => {
                self.threads.entry(tid).or_default().signal = signal;
                return Ok(Some(Reason::Signal(tid, signal)));
            }
            Event::Stopped(signal) if signal != 0 => return Ok(Some(Reason::Signal(tid, signal))),
            Event::Special(special) => self.happened(tid, special)?,
            Event::Stopped(_) | Event::Exited(_) | Event::Killed(_) => {}
        }
        if self.is_running
            && let Some(thread) = self.threads.get_mut(&tid)
        {
            thread.is_stopped = false;
            go_on(tid, *thread, 0);
        }
        Ok(None)
    }

    fn is_at_break(&self, tid: i32) -> io::Result<bool> {
        let regs: libc::user_regs_struct = ptrace::registers(tid)?;
        Ok(self.breaks.contains_key(&regs.rip))
    }

    fn is_thread(&self, tid: i32) -> bool {
        process::threads(self.pid).is_ok_and(|tids| tids.contains(&tid))
    }

    /// A thread ran into a trap: a breakpoint, a single step, or a trap of its own.
    fn trapped(&mut self, tid: i32) -> io::Result<Reason> {
        let mut regs: libc::user_regs_struct = ptrace::registers(tid)?;
        let at = regs.rip.wrapping_sub(1);
        if ptrace::signal_code(tid)? == BY_TRAP && self.breaks.contains_key(&at) {
            regs.rip = at;
            ptrace::set_registers(tid, &regs)?;
            return Ok(Reason::Break(tid));
        }
        let thread = self.threads.entry(tid).or_default();
        if thread.is_stepping {
            return Ok(Reason::Step(tid));
        }
        thread.signal = libc::SIGTRAP;
        Ok(Reason::Signal(tid, libc::SIGTRAP))
    }

    fn happened(&mut self, tid: i32, special: i32) -> io::Result<()> {
        match special {
            libc::PTRACE_EVENT_CLONE => {
                self.threads.entry(ptrace::message(tid)?).or_default();
            }
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK => {
                let is_shared = special == libc::PTRACE_EVENT_VFORK;
                if is_shared {
                    // The child runs in the member's memory until it has its own program.
                    self.set_breaks(false)?;
                }
                self.born.push((ptrace::message(tid)?, is_shared));
                self.part()?;
            }
            libc::PTRACE_EVENT_VFORK_DONE => self.set_breaks(true)?,
            libc::PTRACE_EVENT_EXEC => {
                // Another program, without other threads and without breakpoints.
                self.breaks.clear();
                self.threads.retain(|other, _| *other == self.pid);
                self.memory = Memory::open(self.pid)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Releases forked processes, without the breakpoints that they have copies of.
    fn part(&mut self) -> io::Result<()> {
        while let Some(at) = self.born.iter().position(|(pid, _)| self.strays.contains(pid)) {
            let (pid, is_shared) = self.born.remove(at);
            self.strays.retain(|stray| *stray != pid);
            if !is_shared && !self.breaks.is_empty() {
                let mut memory = Memory::open(pid)?;
                for (address, byte) in &self.breaks {
                    memory.write(*address, &[*byte])?;
                }
            }
            // A process killed meanwhile is gone.
            let _ = ptrace::detach(pid, 0);
        }
        Ok(())
    }

    fn set_breaks(&mut self, is_set: bool) -> io::Result<()> {
        for (address, byte) in &self.breaks {
            self.memory.write(*address, &[if is_set { TRAP } else { *byte }])?;
        }
        Ok(())
    }

    /// Puts a breakpoint at an address.
    pub(crate) fn set_break(&mut self, address: u64) -> io::Result<()> {
        if self.breaks.contains_key(&address) {
            return Ok(());
        }
        let mut byte = [0];
        if self.memory.read(address, &mut byte)? == 0 || self.memory.write(address, &[TRAP])? == 0 {
            return Err(io::Error::from_raw_os_error(libc::EFAULT));
        }
        self.breaks.insert(address, byte[0]);
        Ok(())
    }

    /// Removes a breakpoint.
    pub(crate) fn clear_break(&mut self, address: u64) -> io::Result<()> {
        if let Some(byte) = self.breaks.get(&address) {
            self.memory.write(address, &[*byte])?;
            self.breaks.remove(&address);
        }
        Ok(())
    }

    /// Memory without the breakpoints in it.
    pub(crate) fn read(&mut self, address: u64, out: &mut [u8]) -> io::Result<usize> {
        let len = self.memory.read(address, out)?;
        for (at, byte) in self.breaks.range(address..address.saturating_add(len as u64)) {
            out[(at - address) as usize] = *byte;
        }
        Ok(len)
    }

    /// Writes memory under the breakpoints in it.
    pub(crate) fn write(&mut self, address: u64, data: &[u8]) -> io::Result<()> {
        let mut data = data.to_vec();
        let end = address.saturating_add(data.len() as u64);
        for (at, byte) in self.breaks.range_mut(address..end) {
            *byte = std::mem::replace(&mut data[(at - address) as usize], TRAP);
        }
        let mut done = 0;
        while done < data.len() {
            match self.memory.write(address + done as u64, &data[done..])? {
                0 => return Err(io::Error::from_raw_os_error(libc::EFAULT)),
                len => done += len,
            }
        }
        Ok(())
    }

    /// Releases the process, with its code as it was.
    pub(crate) fn detach(mut self) -> io::Result<()> {
        if self.over.is_some() {
            return Ok(());
        }
        self.stop()?;
        if self.over.is_some() {
            return Ok(());
        }
        self.set_breaks(false)?;
        for (tid, thread) in &self.threads {
            // The kernel releases a thread that does not stop when we end.
            let _ = ptrace::detach(*tid, thread.signal);
        }
        Ok(())
    }
}

fn go_on(tid: i32, thread: Thread, signal: i32) {
    let resumed = if thread.is_stepping { ptrace::step(tid, signal) } else { ptrace::go_on(tid, signal) };
    // If it was killed meanwhile, wait(2) reports it.
    let _ = resumed;
}
