//! What became of the members of all sessions: one arena, of which each session that runs has a range, from
//! its exec until it goes.

use crate::bounds::OUTCOMES;
use protocol::record::Outcome;

/// A session's part of the arena: its outcomes by member, and the members in the order they were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub base: u32,
    /// Members.
    pub size: u32,
    /// Outcomes told so far.
    pub told: u32,
}

/// The arena.
#[derive(Debug)]
pub struct Outcomes {
    outcomes: Vec<Option<Outcome>>,
    order: Vec<u32>,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self { outcomes: vec![None; OUTCOMES], order: vec![0; OUTCOMES] }
    }
}

impl Outcomes {
    /// A range for `size` members beside those `taken`; none if there is no gap that large.
    pub fn place(&mut self, size: u32, taken: impl Iterator<Item = Range> + Clone) -> Option<Range> {
        let mut base = 0;
        loop {
            let clash = taken.clone().find(|r| base < r.base + r.size && r.base < base + size);
            match clash {
                Some(range) => base = range.base + range.size,
                None if (base + size) as usize <= OUTCOMES => break,
                None => return None,
            }
        }
        self.outcomes[base as usize..(base + size) as usize].fill(None);
        Some(Range { base, size, told: 0 })
    }

    /// A member's outcome, once told.
    pub fn get(&self, range: Range, member: u32) -> Option<Outcome> {
        assert!(member < range.size, "a member is of its session");
        self.outcomes[(range.base + member) as usize]
    }

    /// Tells a member's outcome; false if it has one: an outcome once told is final.
    pub fn tell(&mut self, range: &mut Range, member: u32, outcome: Outcome) -> bool {
        if self.get(*range, member).is_some() {
            return false;
        }
        self.outcomes[(range.base + member) as usize] = Some(outcome);
        self.order[(range.base + range.told) as usize] = member;
        range.told += 1;
        true
    }

    /// The `nth` outcome told, and whose it is.
    pub fn nth(&self, range: Range, nth: u32) -> Option<(u32, Outcome)> {
        if nth >= range.told {
            return None;
        }
        let member = self.order[(range.base + nth) as usize];
        self.get(range, member).map(|outcome| (member, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::record::End;

    #[test]
    fn ranges_fill_the_gaps_and_an_outcome_once_told_is_final() {
        let mut all = Outcomes::default();
        let mut a = all.place(10, [].into_iter()).expect("it is empty");
        let b = all.place(20, [a].into_iter()).expect("there is room");
        assert_eq!((a.base, b.base), (0, 10));
        let c = all.place(8, [b].into_iter()).expect("a went");
        assert_eq!(c.base, 0);
        assert_eq!(all.place(OUTCOMES as u32, [b].into_iter()), None);
        assert!(all.tell(&mut a, 3, Outcome::without(End::Exit(1))));
        assert!(!all.tell(&mut a, 3, Outcome::without(End::Lost)));
        assert_eq!(all.nth(a, 0), Some((3, Outcome::without(End::Exit(1)))));
        assert_eq!(all.nth(a, 1), None);
    }
}
