//! ptrace(2) and wait(2) as they are needed here: threads are seized, so that our stops differ from signals.

use std::io;
use std::mem;
use std::ptr;
use std::time::Duration;

/// Why a thread stopped, or that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// It exited with this code.
    Exited(u8),
    /// This signal ended it.
    Killed(i32),
    /// This signal is about to be delivered to it.
    Signal(i32),
    /// It stopped as it was asked to, or is new; a signal if the whole process is stopped by that.
    Stopped(i32),
    /// One of `PTRACE_EVENT_*`.
    Special(i32),
}

fn request(request: libc::c_uint, tid: i32, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests made here take numbers, or pointers to what the callers below keep alive.
    let ret = unsafe { libc::ptrace(request, tid, address, data) };
    if ret == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Traces a thread without stopping it.
pub(crate) fn seize(tid: i32, options: i32) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, options as usize)
}

/// Asks a seized thread to stop; wait(2) reports when it has.
pub(crate) fn interrupt(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_INTERRUPT, tid, 0, 0)
}

/// Continues a stopped thread, with a signal or 0.
pub(crate) fn go_on(tid: i32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_CONT, tid, 0, signal as usize)
}

/// Lets a stopped thread execute one instruction.
pub(crate) fn step(tid: i32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_SINGLESTEP, tid, 0, signal as usize)
}

/// Continues a stopped thread untraced.
pub(crate) fn detach(tid: i32, signal: i32) -> io::Result<()> {
    request(libc::PTRACE_DETACH, tid, 0, signal as usize)
}

/// The number that came with the last special event of a stopped thread.
pub(crate) fn message(tid: i32) -> io::Result<i32> {
    let mut told: libc::c_ulong = 0;
    request(libc::PTRACE_GETEVENTMSG, tid, 0, (&raw mut told).addr())?;
    Ok(told as i32)
}

/// The `si_code` of the signal that a stopped thread is about to get.
pub(crate) fn signal_code(tid: i32) -> io::Result<i32> {
    // SAFETY: a siginfo is plain data.
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    request(libc::PTRACE_GETSIGINFO, tid, 0, (&raw mut info).addr())?;
    Ok(info.si_code)
}

/// A set of registers that the kernel reads and writes as a whole.
pub(crate) trait Registers: Copy {
    const KIND: usize;
}

impl Registers for libc::user_regs_struct {
    const KIND: usize = libc::NT_PRSTATUS as usize;
}

impl Registers for libc::user_fpregs_struct {
    const KIND: usize = libc::NT_PRFPREG as usize;
}

/// Registers of a stopped thread.
pub(crate) fn registers<R: Registers>(tid: i32) -> io::Result<R> {
    // SAFETY: both sets are plain data.
    let mut registers: R = unsafe { mem::zeroed() };
    let mut range = libc::iovec { iov_base: (&raw mut registers).cast(), iov_len: size_of::<R>() };
    request(libc::PTRACE_GETREGSET, tid, R::KIND, (&raw mut range).addr())?;
    Ok(registers)
}

/// Changes registers of a stopped thread.
pub(crate) fn set_registers<R: Registers>(tid: i32, registers: &R) -> io::Result<()> {
    let base = ptr::from_ref(registers).cast_mut().cast();
    let mut range = libc::iovec { iov_base: base, iov_len: size_of::<R>() };
    request(libc::PTRACE_SETREGSET, tid, R::KIND, (&raw mut range).addr())
}

/// The next event of a traced thread (-1: any); `None` if there is none, or nothing is traced.
pub(crate) fn wait(tid: i32) -> io::Result<Option<(i32, Event)>> {
    let mut status = 0;
    // SAFETY: the status outlives the call, which does not wait.
    let who = unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL | libc::WNOHANG) };
    match who {
        0 => Ok(None),
        -1 => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
            error => Err(error),
        },
        who => Ok(Some((who, event_of(status)))),
    }
}

fn event_of(status: i32) -> Event {
    if libc::WIFEXITED(status) {
        return Event::Exited(libc::WEXITSTATUS(status) as u8);
    }
    if libc::WIFSIGNALED(status) {
        return Event::Killed(libc::WTERMSIG(status));
    }
    match (status >> 16, libc::WSTOPSIG(status)) {
        (0, signal) => Event::Signal(signal),
        (libc::PTRACE_EVENT_STOP, libc::SIGTRAP) => Event::Stopped(0),
        (libc::PTRACE_EVENT_STOP, signal) => Event::Stopped(signal),
        (special, _) => Event::Special(special),
    }
}

/// From now on `pause` returns when a traced thread has an event.
pub(crate) fn block_child_signal() {
    let set = child_signal();
    // SAFETY: the set outlives the call.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
}

/// Waits until a traced thread has an event, at most so long.
pub(crate) fn pause(most: Duration) {
    let set = child_signal();
    let most = libc::timespec {
        tv_sec: most.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(most.subsec_nanos() as i32),
    };
    // SAFETY: both outlive the call; a null siginfo is not wanted.
    unsafe { libc::sigtimedwait(&raw const set, ptr::null_mut(), &raw const most) };
}

/// SIGCHLD alone.
pub(crate) fn child_signal() -> libc::sigset_t {
    // SAFETY: the set is plain data and outlives the calls.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        set
    }
}
