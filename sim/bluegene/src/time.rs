//! Virtual time, in picoseconds: what a packet takes on a link is no whole number of nanoseconds.

use std::fmt::{self, Display};
use std::ops::{Add, AddAssign, Mul, Sub};

/// An instant since the start of a run, or a time between two; 213 days at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ps(pub u64);

impl Ps {
    /// The start of a run, and no time at all.
    pub const ZERO: Self = Self(0);

    /// So many nanoseconds.
    pub const fn ns(ns: u64) -> Self {
        Self(ns * 1_000)
    }

    /// So many microseconds.
    pub const fn us(us: u64) -> Self {
        Self(us * 1_000_000)
    }

    /// The time that so many bytes take at so many a second.
    pub const fn of_bytes(bytes: u64, bytes_a_second: u64) -> Self {
        Self((bytes as u128 * 1_000_000_000_000 / bytes_a_second as u128) as u64)
    }

    /// Whole microseconds in it.
    pub const fn to_us(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole nanoseconds in it.
    pub const fn to_ns(self) -> u64 {
        self.0 / 1_000
    }

    /// Seconds in it.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// From there to here; nothing if that is later.
    pub const fn since(self, then: Self) -> Self {
        Self(self.0.saturating_sub(then.0))
    }
}

impl Add for Ps {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Ps {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Ps {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul<u64> for Ps {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self(self.0 * times)
    }
}

impl Display for Ps {
    /// In seconds, to the nanosecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000_000, self.0 / 1_000 % 1_000_000_000)
    }
}
