//! The answers to one message of many, which are best taken in together: who wakes for each of 64 has them
//! wait for a processor that they could use.

use std::time::Duration;

/// How long after a message its answers are waited for in this way, in microseconds. What else comes
/// meanwhile is as late at most.
const PATIENCE_US: u64 = 500;
/// Fewer links than these have a wake-up each.
const FEW: usize = 8;

/// Links that were sent the same message and have not answered.
pub struct Burst {
    owes: Box<[bool]>,
    /// In the order of sending; those that have answered are in it too.
    links: Vec<usize>,
    end: u64,
}

impl Burst {
    /// Room for links numbered below `count`.
    pub fn new(count: usize) -> Self {
        Self { owes: vec![false; count].into(), links: Vec::with_capacity(count), end: 0 }
    }

    /// A message was sent to these at `now`, in microseconds; those of one before are forgotten.
    pub fn begin(&mut self, now: u64, links: impl Iterator<Item = usize>) {
        self.owes.fill(false);
        self.links.clear();
        for link in links {
            self.owes[link] = true;
            self.links.push(link);
        }
        if self.links.len() < FEW {
            self.links.clear();
        }
        self.end = now + PATIENCE_US;
    }

    /// Bytes have come on a link.
    pub fn answered(&mut self, link: usize) {
        self.owes[link] = false;
    }

    /// Whom to wait for now, and how long: the last that was sent to has its answer when most others have
    /// theirs.
    pub fn awaits(&mut self, now: u64) -> Option<(usize, Duration)> {
        while self.links.pop_if(|link| !self.owes[*link]).is_some() {}
        let left = self.end.checked_sub(now).filter(|left| *left > 0)?;
        self.links.last().map(|link| (*link, Duration::from_micros(left)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_has_not_answered_is_waited_for_until_the_time_is_over() {
        let mut burst = Burst::new(64);
        burst.begin(1_000, 10..30);
        let awaits = |burst: &mut Burst, now| burst.awaits(now).map(|(link, left)| (link, left.as_micros()));
        assert_eq!(awaits(&mut burst, 1_000), Some((29, 500)));
        (20..30).for_each(|link| burst.answered(link));
        assert_eq!(awaits(&mut burst, 1_400), Some((19, 100)));
        assert_eq!(burst.awaits(1_500), None);
        burst.begin(2_000, 0..20);
        (0..20).for_each(|link| burst.answered(link));
        assert_eq!(burst.awaits(2_001), None);
    }

    #[test]
    fn a_few_are_not_waited_for() {
        let mut burst = Burst::new(64);
        burst.begin(0, 0..7);
        assert_eq!(burst.awaits(0), None);
    }
}
