//! A process that goes on by itself once what it was started for is there.

use crate::exit::Told;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// What the child writes when all is well; anything else is what went wrong.
const DONE: &[u8] = b"\n";

/// Which of the two processes this is.
pub(crate) enum Side {
    /// The one that was started, with what the other has come to.
    Parent(Result<(), Told>),
    Child(Report),
}

/// The child's way to tell how it went; one that ends without a word has failed.
pub(crate) struct Report(File);

/// Parts: the parent returns when the child has told how it went. Nothing that the caller of this program
/// left open stays open in the child.
pub(crate) fn part() -> Result<Side, Told> {
    let told = |e: io::Error| format!("unable to go on in the background: {e}");
    let mut ends = [0; 2];
    // SAFETY: there is room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } < 0 {
        return Err(told(io::Error::last_os_error()));
    }
    // SAFETY: the kernel just made these descriptors for us alone.
    let [reads, writes] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    // SAFETY: this process has one thread, so that the child has all that it knows of.
    match unsafe { libc::fork() } {
        -1 => Err(told(io::Error::last_os_error())),
        0 => {
            let own = writes.as_raw_fd() as libc::c_uint;
            // SAFETY: neither call takes a pointer; all descriptors but the standard ones and the pipe are
            // others', and this process never uses their numbers. A kernel without close_range leaves them.
            unsafe {
                libc::setsid();
                libc::syscall(libc::SYS_close_range, 3, own - 1, 0);
                libc::syscall(libc::SYS_close_range, own + 1, libc::c_uint::MAX, 0);
            }
            // Its number was closed just now.
            std::mem::forget(reads);
            Ok(Side::Child(Report(writes.into())))
        }
        _ => {
            drop(writes);
            let mut said = Vec::new();
            File::from(reads).read_to_end(&mut said).map_err(told)?;
            Ok(Side::Parent(match said.as_slice() {
                DONE => Ok(()),
                [] => Err("the process that was to go on in the background has died".to_owned()),
                _ => Err(String::from_utf8_lossy(&said).into_owned()),
            }))
        }
    }
}

impl Report {
    /// All is well: from now on nobody sees what this process says, and no directory is held by it.
    pub(crate) fn done(mut self) {
        // The root is always there.
        let _ = std::env::set_current_dir("/");
        if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
            for standard in 0..3 {
                // SAFETY: the call takes no pointer; both descriptors are open.
                unsafe { libc::dup2(null.as_raw_fd(), standard) };
            }
        }
        // A parent that was killed hears of nothing.
        let _ = self.0.write_all(DONE);
    }

    /// It has failed.
    pub(crate) fn failed(mut self, told: &str) {
        let _ = self.0.write_all(told.as_bytes());
    }
}
