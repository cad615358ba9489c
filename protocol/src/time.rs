//! Time as the cores see it: a number that the driver hands in. Nothing here reads a clock.

use core::ops::{Add, Sub};

/// A moment, in microseconds since an epoch that the driver chose; never runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// Later than every moment that will come.
    pub const NEVER: Self = Self(u64::MAX);

    /// Whole seconds.
    pub fn secs(self) -> u64 {
        self.0 / 1_000_000
    }
}

impl Add<u64> for Time {
    type Output = Self;
    fn add(self, us: u64) -> Self {
        Self(self.0.saturating_add(us))
    }
}

impl Sub for Time {
    type Output = u64;
    fn sub(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
