//! Why a session's members are being ended, and when to stop asking and kill, and to stop waiting.

use crate::exit::{INTERRUPTED, TIMEOUT, after_signal};
use std::time::{Duration, Instant};

/// Between asking members to end and killing them.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
/// Between killing them and not waiting any more for those that do not end.
const LAST: Duration = Duration::from_secs(10);

/// Why members are being ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// We got this signal.
    Signalled(i32),
    TimedOut,
    /// Nobody reads our output any more.
    Closed,
    /// Something failed on our side, and was printed.
    Broken,
}

impl Why {
    /// The exit code; `own` is that of a failure on our side.
    pub(crate) fn code(self, own: i32) -> i32 {
        match self {
            Self::Signalled(libc::SIGINT) => INTERRUPTED,
            Self::Signalled(signal) => after_signal(signal),
            Self::TimedOut => TIMEOUT,
            Self::Closed => after_signal(libc::SIGPIPE),
            Self::Broken => own,
        }
    }
}

/// What the clock says is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Time is over: the members are asked to end.
    TimeOut,
    /// They have had their time to end: they are killed.
    Kill,
    /// They are not waited for any more.
    GiveUp,
}

/// The end of a session on our initiative, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    why: Option<Why>,
    /// When the job's time is over.
    time_out: Option<Instant>,
    kill: Option<Instant>,
    give_up: Option<Instant>,
}

impl Ending {
    /// None yet; one comes by itself after a time.
    pub(crate) fn after(timeout: Option<Duration>) -> Self {
        Self { time_out: timeout.and_then(|timeout| Instant::now().checked_add(timeout)), ..Self::default() }
    }

    /// Why the members are being ended.
    pub(crate) fn why(&self) -> Option<Why> {
        self.why
    }

    /// The members were asked to end at `now`, for this reason.
    pub(crate) fn begin(&mut self, why: Why, now: Instant) {
        self.why = Some(why);
        self.time_out = None;
        self.kill = now.checked_add(GRACE);
    }

    /// Whoever leaves a terminal does not wait for what is silent.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.give_up = now.checked_add(2 * GRACE);
    }

    /// There is nothing to kill: it is our reason alone.
    pub(crate) fn note(&mut self, why: Why) {
        (self.why, self.time_out) = (Some(why), None);
    }

    /// When to look at the clock again.
    pub(crate) fn next(&self) -> Option<Instant> {
        [self.time_out, self.kill, self.give_up].into_iter().flatten().min()
    }

    /// What is due at `now`, once each; asked for until there is nothing.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.give_up) {
            return Some(Due::GiveUp);
        }
        if is_due(self.kill) {
            self.kill = None;
            self.give_up = self.give_up.or(now.checked_add(LAST));
            return Some(Due::Kill);
        }
        if is_due(self.time_out) {
            self.time_out = None;
            return Some(Due::TimeOut);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_whose_time_is_over_is_asked_then_killed_then_given_up() {
        let mut ending = Ending::after(Some(GRACE));
        let start = ending.next().expect("its time will be over");
        assert_eq!(ending.due(start), Some(Due::TimeOut));
        ending.begin(Why::TimedOut, start);
        assert_eq!((ending.due(start), ending.next()), (None, Some(start + GRACE)));
        assert_eq!(ending.due(start + GRACE), Some(Due::Kill));
        assert_eq!((ending.due(start + GRACE), ending.next()), (None, Some(start + GRACE + LAST)));
        assert_eq!(ending.due(start + GRACE + LAST), Some(Due::GiveUp));
    }

    #[test]
    fn an_ending_that_has_begun_has_no_time_out_and_one_who_leaves_waits_two_seconds() {
        let mut ending = Ending::after(Some(GRACE));
        let start = ending.next().expect("its time will be over");
        ending.begin(Why::Signalled(libc::SIGHUP), start);
        ending.leave(start);
        assert_eq!(ending.due(start), None);
        assert_eq!(ending.due(start + GRACE), Some(Due::Kill));
        assert_eq!(ending.due(start + 2 * GRACE), Some(Due::GiveUp));
    }
}
