//! `gdb`: the remote protocol of gdb over standard input and output, until gdb leaves.

mod target;
mod traced;
mod x86;

use crate::process;
use crate::ptrace;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, MultiThreadStopReason};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use target::told;
use traced::{Reason, Traced};

/// Output to gdb, sent when a packet is complete.
struct Replies {
    output: File,
    bytes: Vec<u8>,
}

impl Connection for Replies {
    type Error = io::Error;

    fn write(&mut self, byte: u8) -> io::Result<()> {
        self.bytes.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}

/// Input from gdb, and events of the member.
struct Inbox {
    input: File,
    children: File,
    bytes: Vec<u8>,
}

impl Inbox {
    fn new() -> io::Result<Self> {
        ptrace::block_child_signal();
        let set = ptrace::child_signal();
        // SAFETY: the set outlives the call.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made this descriptor for us alone.
        let children = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self { input, children, bytes: Vec::new() })
    }

    /// The next byte from gdb; `None` if something may have happened to the member.
    fn next(&mut self) -> io::Result<Option<u8>> {
        if let Some(byte) = self.bytes.pop() {
            return Ok(Some(byte));
        }
        let poll = |file: &File| libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let mut fds = [poll(&self.children), poll(&self.input)];
        // SAFETY: the pointer and length describe `fds`, which outlives the call.
        unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, -1) };
        if fds[0].revents != 0 {
            let mut told = [0; size_of::<libc::signalfd_siginfo>()];
            self.children.read_exact(&mut told)?;
            return Ok(None);
        }
        let mut bytes = [0; 4096];
        let len = match self.input.read(&mut bytes) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(error),
        };
        self.bytes.extend(bytes[..len].iter().rev());
        Ok(self.bytes.pop())
    }
}

/// Holds a member until gdb leaves or the file is closed; then the member continues.
pub(crate) fn serve(pid: i32) -> io::Result<()> {
    let mut inbox = Inbox::new()?;
    let mut traced = Traced::attach(pid)?;
    let talked = talk(&mut traced, &mut inbox);
    if let Ok(DisconnectReason::Kill) = talked {
        // SAFETY: no pointers; it is traced, so that the number is still its own.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
    traced.detach()?;
    match talked {
        // gdb may also leave by closing the file.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(()),
    }
}

fn talk(traced: &mut Traced, inbox: &mut Inbox) -> io::Result<DisconnectReason> {
    let wrong = |error| io::Error::other(format!("{error}"));
    let replies = Replies { output: process::output()?, bytes: Vec::new() };
    let mut machine = GdbStub::new(replies).run_state_machine(traced).map_err(wrong)?;
    loop {
        machine = match machine {
            GdbStubStateMachine::Idle(idle) => match inbox.next()? {
                Some(byte) => idle.incoming_data(traced, byte).map_err(wrong)?,
                None => {
                    traced.look()?;
                    idle.into()
                }
            },
            GdbStubStateMachine::Running(running) => match traced.next_reason()? {
                Some(reason) => running.report_stop(traced, told(reason)).map_err(wrong)?,
                None => match inbox.next()? {
                    Some(byte) => running.incoming_data(traced, byte).map_err(wrong)?,
                    None => running.into(),
                },
            },
            GdbStubStateMachine::CtrlCInterrupt(interrupted) => {
                traced.stop()?;
                let reason: Option<MultiThreadStopReason<u64>> =
                    Some(told(Reason::Signal(traced.pid, libc::SIGINT)));
                interrupted.interrupt_handled(traced, reason).map_err(wrong)?
            }
            GdbStubStateMachine::Disconnected(ended) => return Ok(ended.get_reason()),
        };
    }
}
