//! The signals that end what this program does.

use crate::exit::Told;
use protocol_host::TermSignal;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

/// Two signals within this time are one wish: timeout(1) signals its child, and then its child's group.
const ECHO: Duration = Duration::from_millis(100);

/// SIGINT and SIGTERM, as what is read.
pub(crate) struct Signals {
    signals: TermSignal,
    last: Option<Instant>,
}

impl Signals {
    /// From now on they end nothing by themselves.
    pub(crate) fn new() -> Result<Self, Told> {
        Self::and(&[])
    }

    /// The same of SIGQUIT, so that none leaves the terminal as it was for its member; and to hear of each
    /// change of its size.
    pub(crate) fn of_terminal() -> Result<Self, Told> {
        Self::and(&[libc::SIGWINCH, libc::SIGQUIT])
    }

    fn and(more: &[i32]) -> Result<Self, Told> {
        let signals = TermSignal::and(more).map_err(|e| format!("unable to watch for signals: {e}"))?;
        Ok(Self { signals, last: None })
    }

    /// Readable when there is one.
    pub(crate) fn fd(&self) -> RawFd {
        self.signals.fd()
    }

    /// The number of the one that came first, if one has.
    pub(crate) fn next(&mut self) -> Option<i32> {
        // SAFETY: all-zero is a valid signalfd_siginfo, and the call does not block and writes at most
        // its size.
        let (got, told) = unsafe {
            let mut told: libc::signalfd_siginfo = std::mem::zeroed();
            let size = size_of::<libc::signalfd_siginfo>();
            let got = libc::read(self.fd(), (&raw mut told).cast(), size);
            (got, told)
        };
        if got > 0 && told.ssi_signo as i32 == libc::SIGWINCH {
            return Some(libc::SIGWINCH);
        }
        let last = if got > 0 { self.last.replace(Instant::now()) } else { return None };
        last.is_none_or(|last| last.elapsed() >= ECHO).then_some(told.ssi_signo as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_comes_twice_at_once_is_one() {
        let mut signals = Signals::new().unwrap();
        let again = |signals: &mut Signals| {
            // SAFETY: the signal is blocked in this thread, which alone gets it.
            unsafe { libc::raise(libc::SIGINT) };
            signals.next()
        };
        assert_eq!((again(&mut signals), again(&mut signals)), (Some(libc::SIGINT), None));
        signals.last = signals.last.map(|last| last - ECHO);
        assert_eq!(again(&mut signals), Some(libc::SIGINT));
    }
}
