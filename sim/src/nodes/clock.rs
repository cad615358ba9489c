//! A node's own clock: it started at the node's own instant, and may run fast or slow.

use bluegene::time::Ps;
use protocol::time::Time;

/// What a node takes for the time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// It said `base` then.
    since: Ps,
    base: u64,
    /// It runs so many millionths fast.
    ppm: i32,
}

impl Clock {
    /// One that says `base` (microseconds) now.
    pub(crate) fn new(now: Ps, base: u64) -> Self {
        Self { since: now, base, ppm: 0 }
    }

    /// What it says.
    pub(crate) fn read(&self, now: Ps) -> Time {
        let passed = now.since(self.since).to_us();
        let skew = i128::from(passed) * i128::from(self.ppm) / 1_000_000;
        Time(self.base + (i128::from(passed) + skew) as u64)
    }

    /// From now on it runs so many millionths fast, or slow; less than a million.
    pub(crate) fn drift(&mut self, now: Ps, ppm: i32) {
        let Time(base) = self.read(now);
        *self = Self { since: now, base, ppm: ppm.clamp(-900_000, 900_000) };
    }

    /// It is set forward by so many microseconds, or stands so long.
    pub(crate) fn jump(&mut self, now: Ps, us: i64) {
        let Time(base) = self.read(now);
        let (ahead, stands) = (us.max(0) as u64, us.min(0).unsigned_abs());
        *self = Self { since: now + Ps::us(stands), base: base + ahead, ppm: self.ppm };
    }

    /// The first instant at which it says so, at the earliest now; never for `Time::NEVER`.
    pub(crate) fn when(&self, time: Time) -> Option<Ps> {
        if time == Time::NEVER {
            return None;
        }
        let ahead = u128::from(time.0.saturating_sub(self.base));
        let rate = (1_000_000 + i128::from(self.ppm)) as u128;
        // One more than it takes where that is not whole: it says so then, and not just before.
        let passed = (ahead * 1_000_000).div_ceil(rate) as u64;
        let at = Ps(self.since.0.saturating_add(Ps::us(passed.min(1 << 43)).0));
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_says_a_time_at_the_instant_that_it_was_asked_for() {
        for ppm in [0, 1, -1, 500, -500, 100_000, -100_000] {
            let mut clock = Clock::new(Ps::us(3), 1_000);
            clock.drift(Ps::us(1_003), ppm);
            for time in [2_000, 2_001, 2_017, 1_000_000, 77_777_777] {
                let at = clock.when(Time(time)).expect("it comes");
                let says = clock.read(at).0;
                assert!((time..=time + 1).contains(&says), "{ppm} ppm: {says} at {at} for {time}");
            }
        }
    }

    #[test]
    fn a_clock_never_runs_backwards() {
        let mut clock = Clock::new(Ps::ZERO, 0);
        let mut last = 0;
        for step in 1..1000 {
            clock.drift(Ps::us(step), if step % 2 == 0 { 900_000 } else { -900_000 });
            clock.jump(Ps::us(step), if step % 3 == 0 { 7 } else { -3 });
            let Time(says) = clock.read(Ps::us(step));
            assert!(says >= last);
            last = says;
        }
    }
}
