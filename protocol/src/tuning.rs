//! The bounds of a running node that `bound` changes, and how much it tells of itself.

use crate::limits::{LINGER_US, ORPHAN_US};
use core::fmt;

/// A bound that can be changed while a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The rows below say what each is.
pub enum Bound {
    Linger,
    Orphan,
    Members,
}

/// A change of what a node keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tune {
    /// Of a bound, to a value in its row's range.
    Bound(Bound, u32),
    /// Of how much it tells of what it does.
    Debug(u8),
}

/// One bound: its name in `bound` and `info`, and the values that it takes.
pub struct Row {
    /// What it is.
    pub bound: Bound,
    /// Its name.
    pub name: &'static str,
    /// The least value.
    pub least: u32,
    /// The largest value.
    pub most: u32,
}

/// `linger`: how long, in seconds, a session whose client vanished waits for its owner. `orphan`: how long,
/// in seconds, a node keeps what a parent runs on it when that is gone. `members`: members of all sessions at
/// once at a compute node.
pub const BOUNDS: &[Row] = &[
    Row { bound: Bound::Linger, name: "linger", least: 0, most: 3600 },
    Row { bound: Bound::Orphan, name: "orphan", least: 1, most: 7 * 24 * 3600 },
    Row { bound: Bound::Members, name: "members", least: 0, most: MEMBERS },
];

/// Members of a compute node at most, whatever its table holds.
const MEMBERS: u32 = 65_535;
const SECOND_US: u64 = 1_000_000;

/// The values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    linger: u32,
    orphan: u32,
    /// Members at once.
    pub members: u32,
    /// How much a daemon tells of what it does on its standard error: nothing, each message, or each message
    /// with what it says.
    pub debug: u8,
}

impl Tuning {
    /// What a node begins with; `members` is the size of its table.
    pub fn new(members: u32) -> Self {
        let secs = |us: u64| (us / SECOND_US) as u32;
        Self { linger: secs(LINGER_US), orphan: secs(ORPHAN_US), members, debug: 0 }
    }

    /// Changes one.
    pub fn set(&mut self, tune: Tune) {
        match tune {
            Tune::Bound(Bound::Linger, secs) => self.linger = secs,
            Tune::Bound(Bound::Orphan, secs) => self.orphan = secs,
            Tune::Bound(Bound::Members, count) => self.members = count,
            Tune::Debug(level) => self.debug = level,
        }
    }

    /// How long a session whose client vanished waits for its owner, in microseconds.
    pub fn linger_us(&self) -> u64 {
        u64::from(self.linger) * SECOND_US
    }

    /// How long what a parent that is gone runs is kept, in microseconds.
    pub fn orphan_us(&self) -> u64 {
        u64::from(self.orphan) * SECOND_US
    }
}

/// Lines of `info`.
impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in BOUNDS {
            let value = match row.bound {
                Bound::Linger => self.linger,
                Bound::Orphan => self.orphan,
                Bound::Members => self.members,
            };
            writeln!(f, "{}={value}", row.name)?;
        }
        writeln!(f, "debug={}", self.debug)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_bound_is_told_as_it_was_set() {
        let mut tuning = Tuning::new(256);
        assert_eq!(tuning.to_string(), "linger=10\norphan=3600\nmembers=256\ndebug=0\n");
        assert_eq!((tuning.linger_us(), tuning.orphan_us()), (LINGER_US, ORPHAN_US));
        for (row, value) in BOUNDS.iter().zip(7..) {
            tuning.set(Tune::Bound(row.bound, value));
        }
        assert_eq!(tuning.to_string(), "linger=7\norphan=8\nmembers=9\ndebug=0\n");
    }
}
