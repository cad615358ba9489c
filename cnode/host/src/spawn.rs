//! Members as processes: starting, signalling and reaping one; the core decides which and when.
//!
//! Nothing here waits for a child: a directory on a hung mount hangs only the member that asked for it.

use std::fmt;
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::ptr;

use crate::params::Params;
use crate::pipe::{self, Pull};
use protocol::failure::{Failure, Step};

mod child;
mod cpus;
mod enter;
mod ns;
mod recipe;
mod stack;
mod strings;
mod terminal;
mod users;

use child::Recipe;
use recipe::{Scratch, Template};
use stack::Stack;

/// Starts in progress that share the stub's memory; further ones get a copy, which takes longer.
const SLOTS_MAX: usize = 16;

/// Which member to start, as its program will see it.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// UEM_SESSION.
    pub session: &'a str,
    /// UEM_MEMBER and `$m`.
    pub member: u32,
    /// UEM_SIZE and `$n`.
    pub size: u32,
    /// UEM_NODE and `$node`.
    pub node: &'a str,
    /// UEM_AT: the dial string of this node's socket.
    pub at: &'a str,
    /// UEM_ROOT: the path from there to where the session was made.
    pub root: &'a str,
    /// The member waits before its program until [`Spawner::go`].
    pub waits: bool,
}

/// Why a session cannot be started at all.
#[derive(Debug)]
pub enum Unready {
    /// A line of its parameters is wrong.
    Bad(Failure),
    /// The parameters cannot be read.
    Host(io::Error),
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(bad) => bad.fmt(f),
            Self::Host(e) => write!(f, "parameters: {e}"),
        }
    }
}

impl std::error::Error for Unready {}

/// Whether a child's program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not known yet: the status descriptor will be readable.
    Starting,
    /// It could run its program, and waits for [`Spawner::go`].
    Ready,
    /// Its program runs, or it was killed before that: the pidfd shows which.
    Running,
    /// Its program never ran, and it is ending; reap it.
    Failed(Failure),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Code(u8),
    /// By this signal.
    Signal(u8),
}

/// A reaped process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// How it ended.
    pub end: End,
    /// CPU time in user mode, including its own reaped children, in ms.
    pub user_ms: u32,
    /// CPU time in the kernel, likewise.
    pub sys_ms: u32,
}

/// A started process and this side of its descriptors, all close-on-exec and non-blocking.
///
/// The descriptors' numbers may be known to a `mio::Registry`: deregister before dropping them.
#[derive(Debug)]
pub struct Child {
    /// Its process id, which is also its group's.
    pub pid: i32,
    /// Readable when it has ended.
    pub pidfd: OwnedFd,
    /// Readable when [`Spawner::outcome`] has a result; `None` from then on.
    pub status: Option<OwnedFd>,
    /// End to write; `None` when redirected.
    pub stdin: Option<OwnedFd>,
    /// End to read; `None` when redirected.
    pub stdout: Option<OwnedFd>,
    /// End to read; `None` when redirected.
    pub stderr: Option<OwnedFd>,
    /// `stdin` and `stdout` are a terminal's, which also shows stderr.
    pub is_terminal: bool,
    slot: Option<usize>,
}

impl Child {
    /// Changes the size of its terminal, if it has one.
    pub fn resize(&self, size: [u16; 2]) {
        let ours = self.stdout.as_ref().or(self.stdin.as_ref()).filter(|_| self.is_terminal);
        if let Some(ours) = ours {
            // A terminal whose programs have all ended has no size.
            let _ = terminal::resize(ours.as_fd(), size);
        }
    }
}

struct Slot {
    stack: Stack,
    scratch: Box<Scratch>,
    is_busy: bool,
}

/// Starts the members of one session after another, in memory that it keeps.
///
/// Children die with the thread that started them, so that they cannot outlive their stub.
pub struct Spawner {
    own_env: Vec<Vec<u8>>,
    template: Template,
    slots: Vec<Slot>,
    copied: Box<Scratch>,
    is_sharing: bool,
    handled: u64,
    /// Holds descriptors 0 to 2 open: otherwise a pipe's end could get such a number.
    _stdio: Vec<File>,
}

impl Spawner {
    /// Keeps this process's environment as it is now, for sessions without an env file.
    pub fn new() -> io::Result<Self> {
        let entry = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            [name.into_vec(), value.into_vec()].join(&b'=')
        };
        let mut stdio = Vec::new();
        loop {
            let file = File::options().read(true).write(true).open("/dev/null")?;
            if file.as_raw_fd() > 2 {
                break;
            }
            stdio.push(file);
        }
        let slot =
            || Stack::new().map(|stack| Slot { stack, scratch: Box::new(Scratch::new()), is_busy: false });
        Ok(Self {
            own_env: std::env::vars_os().map(entry).collect(),
            template: Template::default(),
            slots: (0..SLOTS_MAX).map(|_| slot()).collect::<io::Result<_>>()?,
            copied: Box::new(Scratch::new()),
            is_sharing: child::CAN_SHARE,
            handled: 0,
            _stdio: stdio,
        })
    }

    /// Switches between children that share memory until their program runs (the default where possible) and
    /// copies as fork makes them.
    pub fn set_sharing(&mut self, is_sharing: bool) {
        self.is_sharing = is_sharing && child::CAN_SHARE;
    }

    /// Parses the parameters of `owner`'s session: members started from now on are of this session.
    pub fn prepare(&mut self, params: &Params, owner: &str) -> Result<(), Unready> {
        self.handled = handled_signals();
        self.template.parse((params, owner), &self.own_env)?;
        // In all slots at once: how many are in use together depends on timing.
        let idle = self.slots.iter_mut().filter(|slot| !slot.is_busy).map(|slot| &mut slot.scratch);
        idle.chain([&mut self.copied]).for_each(|scratch| scratch.reserve(&self.template));
        Ok(())
    }

    /// Starts one member of the prepared session; does not wait until its program runs, see
    /// [`Spawner::outcome`].
    pub fn start(&mut self, plan: &Plan<'_>) -> io::Result<Child> {
        let is_terminal = self.template.terminal.is_some();
        let (ours, theirs) = self.stdio()?;
        let (status, their_status) = if plan.waits { pipe::both()? } else { pipe::pair()? };
        pipe::set_nonblocking(status.as_fd())?;
        // A process of another user never shares our memory, which has data of other users.
        let slot = if self.template.changes_user() { None } else { self.take_slot() };
        let (scratch, stack) = match slot.map(|s| &mut self.slots[s]) {
            Some(slot) => (&mut slot.scratch, slot.stack.top()),
            None => (&mut self.copied, ptr::null_mut()),
        };
        scratch.fill(&self.template, plan, self.handled);
        let number = |fd: &Option<OwnedFd>| fd.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        scratch.set_pipes([0, 1, 2].map(|fd| number(&theirs[fd])), their_status.as_raw_fd());
        scratch.set_cpus(self.template.cpus.give());
        let recipe = scratch.recipe();
        // SAFETY: the recipe was just filled; a slot's stays untouched until `release`.
        let born = unsafe { bear(recipe, stack) };
        let (pid, pidfd) = match born {
            Ok(born) => born,
            Err(e) => {
                self.release(slot);
                return Err(e);
            }
        };
        let [stdin, stdout, stderr] = ours;
        Ok(Child { pid, pidfd, status: Some(status), stdin, stdout, stderr, is_terminal, slot })
    }

    /// Members of the prepared session have a terminal.
    pub fn has_terminal(&self) -> bool {
        self.template.terminal.is_some()
    }

    /// This side's and the member's ends of stdin, stdout and stderr, if they are not files.
    #[allow(clippy::type_complexity)] // Two of the same.
    fn stdio(&self) -> io::Result<([Option<OwnedFd>; 3], [Option<OwnedFd>; 3])> {
        let mut ours = [const { None }; 3];
        let mut theirs = [const { None }; 3];
        let free = (0..3).filter(|fd| !self.template.has_file(*fd));
        if let Some(size) = self.template.terminal {
            let (our, their) = terminal::open(size)?;
            pipe::set_nonblocking(our.as_fd())?;
            for fd in free {
                theirs[fd] = Some(their.try_clone()?);
                ours[fd] = (fd < 2).then(|| our.try_clone()).transpose()?;
            }
            return Ok((ours, theirs));
        }
        for fd in free {
            let (reader, writer) = pipe::pair()?;
            let (our, their) = if fd == 0 { (writer, reader) } else { (reader, writer) };
            pipe::set_nonblocking(our.as_fd())?;
            (ours[fd], theirs[fd]) = (Some(our), Some(their));
        }
        Ok((ours, theirs))
    }

    /// The result of a start; call this when the status descriptor is readable.
    pub fn outcome(&mut self, child: &mut Child) -> io::Result<Outcome> {
        let Some(status) = &child.status else {
            return Ok(Outcome::Running);
        };
        let mut report = [0; 8];
        let got = match pipe::read(status.as_fd(), &mut report) {
            // It was told to go but had ended already.
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Pull::End,
            got => got?,
        };
        match got {
            Pull::Empty => return Ok(Outcome::Starting),
            Pull::Data(1) => return Ok(Outcome::Ready),
            Pull::Data(_) | Pull::End => {}
        }
        child.status = None;
        match got {
            Pull::Data(8) => {
                let [a, b, c, d, step, _, e, f] = report;
                let errno = i32::from_le_bytes([a, b, c, d]);
                let step = Step::of(step).ok_or(io::ErrorKind::InvalidData)?;
                // It still uses its stack: the slot is free when it is reaped.
                Ok(Outcome::Failed(Failure::of(step, u16::from_le_bytes([e, f]), errno)))
            }
            Pull::Data(n) => panic!("a start's report of {n} bytes: a pipe keeps 8 together"),
            Pull::Empty | Pull::End => {
                // The kernel closes the pipe after it has left our memory, in an exec and in an exit alike.
                self.release(child.slot.take());
                Ok(Outcome::Running)
            }
        }
    }

    /// Lets a child that is ready run its program.
    pub fn go(child: &Child) {
        if let Some(status) = &child.status {
            // A child that has ended meanwhile is noticed when it is reaped.
            let _gone = pipe::write(status.as_fd(), &[0]);
        }
    }

    /// Reaps a child that has ended; `None` while it runs.
    pub fn reap(&mut self, child: &mut Child) -> io::Result<Option<Exit>> {
        let exit = reap(&child.pidfd)?;
        if exit.is_some() {
            self.release(child.slot.take());
        }
        Ok(exit)
    }

    fn take_slot(&mut self) -> Option<usize> {
        if !self.is_sharing {
            return None;
        }
        let slot = self.slots.iter().position(|s| !s.is_busy)?;
        self.slots[slot].is_busy = true;
        Some(slot)
    }

    fn release(&mut self, slot: Option<usize>) {
        if let Some(slot) = slot {
            assert!(self.slots[slot].is_busy, "a start's memory was given back twice");
            self.slots[slot].is_busy = false;
        }
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        // Children may still use these stacks.
        let busy = mem::take(&mut self.slots).into_iter().filter(|s| s.is_busy);
        busy.for_each(mem::forget);
    }
}

/// Clones with all signals blocked: a handler of ours must not run in the child.
///
/// # Safety As for `child::clone`, except for the signals.
unsafe fn bear(recipe: *const Recipe, stack: *mut u8) -> io::Result<(i32, OwnedFd)> {
    let mut pidfd = -1;
    // SAFETY: the sets are plain values that outlive the calls; the rest is the caller's promise.
    let pid = unsafe {
        let (mut all, mut before) = (mem::zeroed(), mem::zeroed());
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let pid = child::clone(recipe, stack, &raw mut pidfd);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        pid
    };
    if pid < 0 {
        return Err(io::Error::from_raw_os_error(-pid as i32));
    }
    // SAFETY: the kernel just made this descriptor for us alone.
    Ok((pid as i32, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// Signals that are handled or ignored in this process: bit n - 1 for signal n.
fn handled_signals() -> u64 {
    let is_handled = |signal: &i32| {
        // SAFETY: a null action only asks, and `old` outlives the call.
        unsafe {
            let mut old: libc::sigaction = mem::zeroed();
            // The C library hides signals that it reserves for itself; we may nevertheless have inherited
            // them ignored.
            libc::sigaction(*signal, ptr::null(), &raw mut old) != 0 || old.sa_sigaction != libc::SIG_DFL
        }
    };
    (1..=64).filter(is_handled).fold(0, |set, signal| set | 1 << (signal - 1))
}

fn send(pidfd: &OwnedFd, signo: i32, flags: libc::c_uint) -> io::Result<bool> {
    let (fd, none) = (pidfd.as_raw_fd(), ptr::null::<libc::siginfo_t>());
    // SAFETY: a null siginfo means what kill(2) would send.
    let ret = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signo, none, flags) };
    gone(ret as i32)
}

/// Whether a signal reached a process.
fn gone(ret: i32) -> io::Result<bool> {
    if ret == 0 {
        return Ok(true);
    }
    let e = io::Error::last_os_error();
    if e.raw_os_error() == Some(libc::ESRCH) { Ok(false) } else { Err(e) }
}

/// Sends a signal to a member and all of its group; false if it is reaped already.
///
/// The group of a member that has ended but is not reaped can still be reached: its pid is not reused until
/// then.
pub fn signal(child: &Child, signo: i32) -> io::Result<bool> {
    if !send(&child.pidfd, 0, 0)? {
        return Ok(false);
    }
    // SAFETY: no pointers.
    if gone(unsafe { libc::kill(-child.pid, signo) })? {
        return Ok(true);
    }
    // It has not yet made its group.
    send(&child.pidfd, signo, 0)
}

/// Signals the group that the process led; from `linux/pidfd.h`, because the C library may be older.
const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;

/// Signals what is left of a group whose leader may be reaped (0: only checks); false if nobody is left.
pub fn signal_group(child: &Child, signo: i32) -> io::Result<bool> {
    // When the whole group is gone, its number may be reused; a pidfd is not.
    match send(&child.pidfd, signo, PIDFD_SIGNAL_PROCESS_GROUP) {
        // BUG: before Linux 6.9 the group can be reached only by its number.
        // SAFETY: no pointers.
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => gone(unsafe { libc::kill(-child.pid, signo) }),
        told => told,
    }
}

/// Reaps a process; `None` while it runs.
fn reap(pidfd: &OwnedFd) -> io::Result<Option<Exit>> {
    let fd = pidfd.as_raw_fd();
    // SAFETY: both structures are plain and outlive the call; the kernel writes them. The wrapper in libc
    // has no argument for the usage, the system call has.
    let (info, usage) = unsafe {
        let (mut info, mut usage): (libc::siginfo_t, libc::rusage) = (mem::zeroed(), mem::zeroed());
        let flags = libc::WEXITED | libc::WNOHANG;
        let at = (&raw mut info, &raw mut usage);
        if libc::syscall(libc::SYS_waitid, libc::P_PIDFD, fd, at.0, flags, at.1) != 0 {
            return Err(io::Error::last_os_error());
        }
        (info, usage)
    };
    // SAFETY: a zeroed or filled siginfo of a wait has these fields.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return Ok(None);
    }
    let end = match info.si_code {
        libc::CLD_EXITED => End::Code(status as u8),
        _ => End::Signal(status as u8),
    };
    let millis = |t: libc::timeval| {
        u32::try_from(t.tv_sec as u64 * 1000 + t.tv_usec as u64 / 1000).unwrap_or(u32::MAX)
    };
    Ok(Some(Exit { end, user_ms: millis(usage.ru_utime), sys_ms: millis(usage.ru_stime) }))
}

#[cfg(test)]
#[path = "spawn_tests.rs"]
mod tests;
