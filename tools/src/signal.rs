//! What a signal descriptor says.

use std::os::fd::RawFd;

/// The number of the signal that came first, if one has.
pub(crate) fn next_signal(signals: RawFd) -> Option<i32> {
    // SAFETY: all-zero is a valid signalfd_siginfo, and the call writes at most its size; it does not block.
    let (got, told) = unsafe {
        let mut told: libc::signalfd_siginfo = std::mem::zeroed();
        let got = libc::read(signals, (&raw mut told).cast(), size_of::<libc::signalfd_siginfo>());
        (got, told)
    };
    (got > 0).then_some(told.ssi_signo as i32)
}
