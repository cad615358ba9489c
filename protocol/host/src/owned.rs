//! Processes that do not outlive the process that started them, or the reader of their output.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Kills the command's process when the thread that starts it ends, for whatever reason.
pub fn ends_with_us(command: &mut Command) -> &mut Command {
    let owner = std::process::id();
    // SAFETY: the closure makes system calls that are safe between fork and exec, and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // If the owner died before the call above, no signal comes.
            if libc::getppid() as u32 != owner {
                libc::_exit(111);
            }
            Ok(())
        })
    }
}

/// Lets SIGPIPE end this process when nobody reads its output any more, as programs of a pipeline end. Rust
/// ignores that signal, and printing panics. Not for programs that write to sockets without MSG_NOSIGNAL.
pub fn ends_with_readers() {
    // SAFETY: the default action runs no code of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
