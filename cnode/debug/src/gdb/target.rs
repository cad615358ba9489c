//! gdb's requests about a member, and gdb's numbers for signals.

use super::traced::{Action, Reason, Traced};
use super::x86::{Registers, X86};
use gdbstub::common::{Pid, Signal, Tid};
use gdbstub::stub::MultiThreadStopReason;
use gdbstub::target::ext::auxv::{Auxv, AuxvOps};
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::multithread::{
    MultiThreadBase, MultiThreadResume, MultiThreadResumeOps, MultiThreadSchedulerLocking,
    MultiThreadSchedulerLockingOps, MultiThreadSingleStep, MultiThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{Breakpoints, BreakpointsOps, SwBreakpoint, SwBreakpointOps};
use gdbstub::target::ext::exec_file::{ExecFile, ExecFileOps};
use gdbstub::target::ext::thread_extra_info::{ThreadExtraInfo, ThreadExtraInfoOps};
use gdbstub::target::{Target, TargetError, TargetResult};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

/// gdb's numbers of signals that are not Linux's, Linux's first.
const SIGNALS: &[(i32, Signal)] = &[
    (libc::SIGBUS, Signal::SIGBUS),
    (libc::SIGUSR1, Signal::SIGUSR1),
    (libc::SIGUSR2, Signal::SIGUSR2),
    (libc::SIGCHLD, Signal::SIGCHLD),
    (libc::SIGCONT, Signal::SIGCONT),
    (libc::SIGSTOP, Signal::SIGSTOP),
    (libc::SIGTSTP, Signal::SIGTSTP),
    (libc::SIGTTIN, Signal::SIGTTIN),
    (libc::SIGTTOU, Signal::SIGTTOU),
    (libc::SIGURG, Signal::SIGURG),
    (libc::SIGXCPU, Signal::SIGXCPU),
    (libc::SIGXFSZ, Signal::SIGXFSZ),
    (libc::SIGVTALRM, Signal::SIGVTALRM),
    (libc::SIGPROF, Signal::SIGPROF),
    (libc::SIGWINCH, Signal::SIGWINCH),
    (libc::SIGIO, Signal::SIGIO),
    (libc::SIGPWR, Signal::SIGPWR),
    (libc::SIGSYS, Signal::SIGSYS),
    (32, Signal::SIG32),
];

/// Signals that have one number on both sides.
const SAME: &[i32] = &[
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGFPE,
    libc::SIGKILL,
    libc::SIGSEGV,
    libc::SIGPIPE,
    libc::SIGALRM,
    libc::SIGTERM,
];

/// gdb's SIG33, to which the other real-time signals up to 63 follow.
const REALTIME: u8 = 45;

fn to_gdb(signal: i32) -> Signal {
    match SIGNALS.iter().find(|row| row.0 == signal) {
        Some(row) => row.1,
        None if SAME.contains(&signal) => Signal(signal as u8),
        None if (33..64).contains(&signal) => Signal(REALTIME + (signal - 33) as u8),
        None => Signal::UNKNOWN,
    }
}

fn from_gdb(signal: Signal) -> i32 {
    match SIGNALS.iter().find(|row| row.1 == signal) {
        Some(row) => row.0,
        None if SAME.contains(&i32::from(signal.0)) => i32::from(signal.0),
        None if (REALTIME..REALTIME + 31).contains(&signal.0) => i32::from(signal.0 - REALTIME) + 33,
        None => 0,
    }
}

fn tid(number: i32) -> Tid {
    Tid::new(number as usize).unwrap_or(Tid::MIN)
}

/// The stop reply for an event.
pub(crate) fn told(reason: Reason) -> MultiThreadStopReason<u64> {
    match reason {
        Reason::Break(at) => MultiThreadStopReason::SwBreak(tid(at)),
        Reason::Step(at) => MultiThreadStopReason::SignalWithThread { tid: tid(at), signal: Signal::SIGTRAP },
        Reason::Signal(at, signal) => {
            MultiThreadStopReason::SignalWithThread { tid: tid(at), signal: to_gdb(signal) }
        }
        Reason::Exited(code) => MultiThreadStopReason::Exited(code),
        Reason::Killed(signal) => MultiThreadStopReason::Terminated(to_gdb(signal)),
    }
}

fn refused<E>(error: io::Error) -> TargetError<E> {
    TargetError::Errno(error.raw_os_error().unwrap_or(libc::EIO) as u8)
}

/// The requested part of a text.
fn part(text: &[u8], offset: u64, length: usize, buf: &mut [u8]) -> usize {
    let left = text.get(offset as usize..).unwrap_or(&[]);
    let len = left.len().min(length).min(buf.len());
    buf[..len].copy_from_slice(&left[..len]);
    len
}

impl Target for Traced {
    type Arch = X86;
    type Error = io::Error;

    fn base_ops(&mut self) -> BaseOps<'_, X86, io::Error> {
        BaseOps::MultiThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_exec_file(&mut self) -> Option<ExecFileOps<'_, Self>> {
        Some(self)
    }

    fn support_auxv(&mut self) -> Option<AuxvOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadBase for Traced {
    fn read_registers(&mut self, regs: &mut Registers, tid: Tid) -> TargetResult<(), Self> {
        *regs = Registers::read(tid.get() as i32).map_err(refused)?;
        Ok(())
    }

    fn write_registers(&mut self, regs: &Registers, tid: Tid) -> TargetResult<(), Self> {
        regs.write(tid.get() as i32).map_err(refused)
    }

    fn read_addrs(&mut self, start: u64, data: &mut [u8], _: Tid) -> TargetResult<usize, Self> {
        self.read(start, data).map_err(refused)
    }

    fn write_addrs(&mut self, start: u64, data: &[u8], _: Tid) -> TargetResult<(), Self> {
        self.write(start, data).map_err(refused)
    }

    fn list_active_threads(&mut self, active: &mut dyn FnMut(Tid)) -> Result<(), io::Error> {
        self.threads().for_each(|number| active(tid(number)));
        Ok(())
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }

    fn support_thread_extra_info(&mut self) -> Option<ThreadExtraInfoOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadResume for Traced {
    fn resume(&mut self) -> Result<(), io::Error> {
        Self::resume(self)
    }

    fn clear_resume_actions(&mut self) -> Result<(), io::Error> {
        self.actions.clear();
        self.is_locked = false;
        Ok(())
    }

    fn set_resume_action_continue(&mut self, tid: Tid, signal: Option<Signal>) -> Result<(), io::Error> {
        let signal = signal.map_or(0, from_gdb);
        self.actions.insert(tid.get() as i32, Action { is_step: false, signal });
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<MultiThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadSingleStep for Traced {
    fn set_resume_action_step(&mut self, tid: Tid, signal: Option<Signal>) -> Result<(), io::Error> {
        let signal = signal.map_or(0, from_gdb);
        self.actions.insert(tid.get() as i32, Action { is_step: true, signal });
        Ok(())
    }
}

impl MultiThreadSchedulerLocking for Traced {
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), io::Error> {
        self.is_locked = true;
        Ok(())
    }
}

impl ThreadExtraInfo for Traced {
    fn thread_extra_info(&self, tid: Tid, buf: &mut [u8]) -> Result<usize, io::Error> {
        let name = crate::process::about(self.pid, tid.get() as i32, "comm");
        Ok(part(name.as_bytes(), 0, buf.len(), buf))
    }
}

impl Breakpoints for Traced {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }
}

impl SwBreakpoint for Traced {
    fn add_sw_breakpoint(&mut self, addr: u64, _: usize) -> TargetResult<bool, Self> {
        self.set_break(addr).map(|()| true).map_err(refused)
    }

    fn remove_sw_breakpoint(&mut self, addr: u64, _: usize) -> TargetResult<bool, Self> {
        self.clear_break(addr).map(|()| true).map_err(refused)
    }
}

impl ExecFile for Traced {
    fn get_exec_file(
        &self,
        _: Option<Pid>,
        offset: u64,
        length: usize,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        let path = fs::read_link(format!("/proc/{}/exe", self.pid)).map_err(refused)?;
        Ok(part(path.as_os_str().as_bytes(), offset, length, buf))
    }
}

impl Auxv for Traced {
    fn get_auxv(&self, offset: u64, length: usize, buf: &mut [u8]) -> TargetResult<usize, Self> {
        let auxv = fs::read(format!("/proc/{}/auxv", self.pid)).map_err(refused)?;
        Ok(part(&auxv, offset, length, buf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_of_linux_goes_to_gdb_and_back() {
        // gdb does not know the signal for a stack fault.
        for signal in (1..64).filter(|signal| *signal != libc::SIGSTKFLT) {
            assert_eq!(from_gdb(to_gdb(signal)), signal, "{:?}", to_gdb(signal));
        }
        assert_eq!(from_gdb(Signal::SIGLOST), 0);
    }
}
