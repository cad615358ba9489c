//! What a loop waits for: descriptors, sockets and a time, all at once, with poll(2).
//!
//! It is filled anew before each wait. A descriptor that is not wanted now is `None`, so that a loop names
//! everything it may ever wait for in one place.

use std::io;
use std::os::fd::RawFd;
use std::time::Instant;

/// A set of what is waited for.
#[derive(Debug, Default)]
pub struct Wait {
    polled: Vec<libc::pollfd>,
    until: Option<Instant>,
    is_late: bool,
}

/// One of what a [`Wait`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch(usize);

impl Wait {
    /// Nothing yet; ends at `until` at the latest, if that is a time.
    pub fn until(until: Option<Instant>) -> Self {
        Self { polled: Vec::new(), until, is_late: false }
    }

    /// Only looks: it ends at once.
    pub fn at_once(&mut self) {
        self.until = Some(Instant::now());
    }

    /// Waits for bytes to read, or for the end of them.
    pub fn readable(&mut self, fd: Option<RawFd>) -> Watch {
        self.watch(fd, libc::POLLIN)
    }

    /// Waits for room to write.
    pub fn writable(&mut self, fd: Option<RawFd>) -> Watch {
        self.watch(fd, libc::POLLOUT)
    }

    pub(crate) fn watch(&mut self, fd: Option<RawFd>, events: libc::c_short) -> Watch {
        // The kernel skips -1.
        self.polled.push(libc::pollfd { fd: fd.unwrap_or(-1), events, revents: 0 });
        Watch(self.polled.len() - 1)
    }

    /// Waits until something is ready or the time has come. A signal ends it too, with nothing ready.
    pub fn wait(&mut self) -> io::Result<()> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        // Rounded up, so that a loop does not spin through the last millisecond.
        let millis =
            left.map_or(-1, |left| i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
        // SAFETY: the pointer and length describe `polled`, which outlives the call.
        let ready =
            unsafe { libc::poll(self.polled.as_mut_ptr(), self.polled.len() as libc::nfds_t, millis) };
        self.is_late = ready == 0;
        if ready >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        self.polled.iter_mut().for_each(|polled| polled.revents = 0);
        if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
    }

    /// It is ready, at its end, or broken: a read or write of it tells which.
    pub fn is_ready(&self, watch: Watch) -> bool {
        self.revents(watch) != 0
    }

    /// The time has come with nothing ready.
    pub fn is_late(&self) -> bool {
        self.is_late
    }

    pub(crate) fn revents(&self, watch: Watch) -> libc::c_short {
        self.polled[watch.0].revents
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_wait_ends_by_what_is_ready_or_by_its_time_and_skips_what_is_not_wanted() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut wait = Wait::default();
        let input = wait.readable(Some(reader.as_raw_fd()));
        wait.at_once();
        wait.wait().unwrap();
        assert!(wait.is_late() && !wait.is_ready(input));
        writer.write_all(b"x").unwrap();
        let mut wait = Wait::until(None);
        let unwanted = wait.readable(None);
        let input = wait.readable(Some(reader.as_raw_fd()));
        let output = wait.writable(Some(writer.as_raw_fd()));
        wait.wait().unwrap();
        assert!(!wait.is_late() && !wait.is_ready(unwanted) && wait.is_ready(input) && wait.is_ready(output));
    }
}
