//! Time and identity of a daemon: a clock that never runs backwards, a boot number, signals that end it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970: the wall clock at the start, and from then on a monotonic clock.
pub struct Clock {
    start: Instant,
    epoch_us: u64,
}

impl Clock {
    /// Starts now.
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), epoch_us: since.as_micros() as u64 }
    }

    /// Now, in microseconds.
    pub fn now_us(&self) -> u64 {
        self.epoch_us + self.start.elapsed().as_micros() as u64
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// How long to wait from `now` to `at`, both in microseconds; for ever if `at` is the end of time.
pub fn until(now: u64, at: u64) -> Option<Duration> {
    (at != u64::MAX).then(|| Duration::from_micros(at.saturating_sub(now)))
}

/// A boot number: no other run of a node has it.
pub fn boot_id() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// The host's name, without its domain.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().split('.').next().unwrap_or("localhost").to_owned()
}

/// SIGTERM, SIGINT, SIGHUP, and others on request, as a descriptor that becomes readable.
pub struct TermSignal(OwnedFd);

impl TermSignal {
    /// Blocks the signals' default action for this process and its threads.
    pub fn new() -> io::Result<Self> {
        Self::and(&[])
    }

    /// The same, for these signals too.
    pub fn and(more: &[i32]) -> io::Result<Self> {
        // SAFETY: an all-zero signal set is what sigemptyset makes of it; the calls read and write only it.
        let fd = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP].iter().chain(more) {
                libc::sigaddset(&raw mut set, *signal);
            }
            libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made this descriptor for us alone.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The descriptor.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
