//! A core that has work, and a thread of it that waits for packets.

use crate::parameters::{INTERRUPT_NS, POLL_NS};
use crate::time::Ps;

/// A core, or what else does one thing after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Core {
    free: Ps,
    busy: Ps,
}

impl Core {
    /// Work that can begin now takes so long: when it is done, behind all that was given before.
    pub fn take(&mut self, now: Ps, work: Ps) -> Ps {
        self.free = self.free.max(now) + work;
        self.busy += work;
        self.free
    }

    /// When it has nothing more to do.
    pub fn free(&self) -> Ps {
        self.free
    }

    /// Time in which it had work.
    pub fn busy(&self) -> Ps {
        self.busy
    }
}

/// Where the threads of an I/O node run that an interrupt wakes, by way of core 0 (S11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affinity {
    /// None of them on core 0.
    Apart,
    /// The one that polls is there.
    Poller,
    /// The application's is there: as bad as it gets.
    Application,
}

impl Affinity {
    /// What an interrupt adds until a packet is seen.
    pub const fn wake_up(self) -> Ps {
        Ps::ns(INTERRUPT_NS[self as usize])
    }
}

/// The thread of an I/O node that waits for packets: it polls for 50 us, then it blocks until an interrupt
/// (S11).
#[derive(Clone, Copy, Debug)]
pub struct Poller {
    /// None polls for ever.
    interrupts: Option<Affinity>,
    since: Ps,
}

impl Poller {
    /// It polls from the start; without interrupts it never stops.
    pub fn new(interrupts: Option<Affinity>) -> Self {
        Self { interrupts, since: Ps::ZERO }
    }

    /// It begins to poll anew.
    pub fn polls(&mut self, now: Ps) {
        self.since = now;
    }

    /// How much later than now it sees a packet that comes now.
    pub fn delay(&self, now: Ps) -> Ps {
        match self.interrupts {
            Some(affinity) if now.since(self.since) > Ps::ns(POLL_NS) => affinity.wake_up(),
            _ => Ps::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_does_one_thing_after_the_other_and_rests_between() {
        let mut core = Core::default();
        assert_eq!(core.take(Ps(10), Ps(5)), Ps(15));
        assert_eq!(core.take(Ps(12), Ps(5)), Ps(20), "it was busy");
        assert_eq!(core.take(Ps(100), Ps(1)), Ps(101), "it was idle");
        assert_eq!((core.free(), core.busy()), (Ps(101), Ps(11)));
    }

    #[test]
    fn within_the_poll_window_a_packet_is_seen_at_once_and_later_by_an_interrupt() {
        let mut poller = Poller::new(Some(Affinity::Application));
        assert_eq!(poller.delay(Ps::us(50)), Ps::ZERO);
        assert_eq!(poller.delay(Ps::us(51)), Ps::us(26));
        poller.polls(Ps::us(40));
        assert_eq!(poller.delay(Ps::us(90)), Ps::ZERO);
        assert_eq!(Poller::new(None).delay(Ps::us(1000)), Ps::ZERO);
        let waits = [Affinity::Apart, Affinity::Poller].map(Affinity::wake_up);
        assert_eq!(waits, [Ps::us(8), Ps::us(5)]);
    }
}
