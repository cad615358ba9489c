//! Processes that do not outlive the one that started them.

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
