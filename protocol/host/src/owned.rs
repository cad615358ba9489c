//! Processes that do not outlive who started them, or who reads what they print.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// What a command starts is killed when the thread that starts it is gone, however that comes about.
pub fn ends_with_us(command: &mut Command) -> &mut Command {
    let owner = std::process::id();
    // SAFETY: the closure makes system calls that are safe between fork and exec, and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // An owner that died before the call above sends nothing.
            if libc::getppid() as u32 != owner {
                libc::_exit(111);
            }
            Ok(())
        })
    }
}

/// Output that nobody reads any more ends this process by SIGPIPE, as programs of a pipeline end. Rust
/// ignores that signal, and printing panics. Not for who writes to sockets by other ways than ours.
pub fn ends_with_readers() {
    // SAFETY: the default action runs no code of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
