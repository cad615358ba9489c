//! Virtual time beside real time: how far the world is to be, and how far it is behind.

use std::time::{Duration, Instant};

/// What may be made up again, in microseconds of real time: a world that is further behind gives the rest up,
/// and never runs after it.
const BEHIND_MAX_US: u64 = 1_000_000;
/// Being behind by less is nobody's affair, in microseconds of real time.
const BEHIND_TOLD_US: u64 = 100_000;
/// How often it is told.
const TOLD: Duration = Duration::from_secs(1);
/// How far the world may be ahead while somebody waits for an answer, in microseconds of real time: so that
/// an answer need not wait for the next look at the clock.
const AHEAD_US: u64 = 1_000;

/// The clock by which a world runs.
pub(crate) struct Pace {
    start: Instant,
    /// Where the world was then, in virtual microseconds.
    begun: u64,
    speed: f64,
    /// Virtual time that was given up, in microseconds.
    given_up: u64,
    /// The world may be ahead until then, in virtual microseconds.
    ahead: u64,
    told: Option<Instant>,
}

impl Pace {
    /// Begins now, at `speed` virtual seconds a second.
    pub(crate) fn new(speed: f64) -> Self {
        Self { start: Instant::now(), begun: 0, speed, given_up: 0, ahead: 0, told: None }
    }

    /// Real microseconds in virtual ones.
    fn virtual_us(&self, us: u64) -> u64 {
        (us as f64 * self.speed) as u64
    }

    /// Where a world would be that kept up with real time, but for what was given up.
    fn due(&self) -> u64 {
        let passed = self.virtual_us(self.start.elapsed().as_micros() as u64);
        (self.begun + passed).saturating_sub(self.given_up)
    }

    /// What the world is behind now is how it is: from here on it is told what more is given up.
    pub(crate) fn forgive(&mut self, world: u64) {
        (self.start, self.given_up) = (Instant::now(), 0);
        self.begun = world;
    }

    /// Where the world is to be now, in virtual microseconds; `world` is where it is.
    pub(crate) fn goal(&mut self, world: u64) -> u64 {
        let due = self.due();
        let most = self.virtual_us(BEHIND_MAX_US);
        let behind = due.saturating_sub(world);
        if behind > most {
            self.given_up += behind - most;
            return world + most;
        }
        due.max(self.ahead)
    }

    /// Somebody outside has said something, and waits for an answer.
    pub(crate) fn hurry(&mut self, goal: u64) {
        self.ahead = self.due().min(goal) + self.virtual_us(AHEAD_US);
    }

    /// How long to wait until the world is to be at a virtual time.
    pub(crate) fn until(&self, at: u64) -> Duration {
        Duration::from_micros((at.saturating_sub(self.due()) as f64 / self.speed) as u64)
    }

    /// A line on how far the world is behind, once a second while it is.
    pub(crate) fn told(&mut self, world: u64) -> Option<String> {
        let behind = self.due().saturating_sub(world);
        if behind < self.virtual_us(BEHIND_TOLD_US) || self.told.is_some_and(|at| at.elapsed() < TOLD) {
            return None;
        }
        self.told = Some(Instant::now());
        let seconds = |us: u64| us as f64 / self.speed / 1e6;
        let given_up = match self.given_up {
            0 => String::new(),
            us => format!(", {:.1} s given up so far", seconds(us)),
        };
        Some(format!("{:.1} s behind{given_up}", seconds(behind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_that_stands_still_is_told_so_and_is_never_to_make_up_more_than_a_second() {
        let mut pace = Pace::new(1000.0);
        pace.start -= Duration::from_millis(5);
        assert!((5_000_000..1_000_000_000).contains(&pace.goal(0)));
        assert_eq!(pace.told(0), None, "a few milliseconds are nothing");
        pace.start -= Duration::from_secs(10);
        assert_eq!(pace.goal(0), 1_000_000_000);
        let told = pace.told(0).expect("it is far behind");
        assert!(told.starts_with("1.0 s behind, 9.0 s given up"), "{told}");
        assert_eq!(pace.told(0), None, "once a second");
    }

    #[test]
    fn who_waits_for_an_answer_lets_the_world_run_ahead_a_millisecond() {
        let mut pace = Pace::new(1.0);
        let goal = pace.goal(0);
        pace.hurry(goal);
        assert_eq!(pace.goal(goal), goal + AHEAD_US);
        for _ in 0..1000 {
            let goal = pace.goal(goal);
            pace.hurry(goal);
        }
        let due = pace.start.elapsed().as_micros() as u64;
        assert!(pace.goal(goal) <= due + AHEAD_US + 10_000, "however much is asked");
    }
}
