//! What became of the members of all sessions: one arena, of which each session that runs has a range, from
//! its exec until it goes.

use crate::ground::bounds::OUTCOMES;
use crate::ground::growing::Growing;
use crate::ground::names::NameId;
use protocol::record::Outcome;
use protocol::slots::Slots;

/// A session's part of the arena: its outcomes by the places of its members, and those places in the order
/// in which they became known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// Where it begins.
    pub base: u32,
    /// Members.
    pub size: u32,
    /// Outcomes known so far.
    pub known: u32,
}

/// The arena.
#[derive(Debug)]
pub(crate) struct Outcomes {
    outcomes: Growing<Option<Outcome>, OUTCOMES>,
    /// The node that each is of, where that is not the child itself.
    nodes: Growing<NameId, OUTCOMES>,
    order: Growing<u32, OUTCOMES>,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self { outcomes: Growing::make(), nodes: Growing::make(), order: Growing::make() }
    }
}

impl Outcomes {
    /// Takes the memory for all of them.
    pub(crate) fn reserve(&mut self) {
        self.outcomes.reserve();
        self.nodes.reserve();
        self.order.reserve();
    }

    /// A range for `size` members beside those `taken`; none if there is no gap that large.
    pub(crate) fn place(&mut self, size: u32, taken: impl Iterator<Item = Range> + Clone) -> Option<Range> {
        let mut base = 0;
        loop {
            let clash = taken.clone().find(|r| base < r.base + r.size && r.base < base + size);
            match clash {
                Some(range) => base = range.base + range.size,
                None if (base + size) as usize <= OUTCOMES => break,
                None => return None,
            }
        }
        let end = (base + size) as usize;
        self.outcomes.hold(end);
        self.nodes.hold(end);
        self.order.hold(end);
        self.outcomes[base as usize..end].fill(None);
        Some(Range { base, size, known: 0 })
    }

    /// The outcome of the member in that place, once known.
    pub(crate) fn get(&self, range: Range, index: u32) -> Option<Outcome> {
        assert!(index < range.size, "a member is of its session");
        self.outcomes[(range.base + index) as usize]
    }

    /// Sets a member's outcome; false if it has one: an outcome once set is final.
    pub(crate) fn set(&mut self, range: &mut Range, index: u32, (node, outcome): (NameId, Outcome)) -> bool {
        if self.get(*range, index).is_some() {
            return false;
        }
        self.outcomes[(range.base + index) as usize] = Some(outcome);
        self.nodes[(range.base + index) as usize] = node;
        self.order[(range.base + range.known) as usize] = index;
        range.known += 1;
        true
    }

    /// The `nth` outcome that became known: the place of its member, the node and what became of it.
    pub(crate) fn nth(&self, range: Range, nth: u32) -> Option<(u32, NameId, Outcome)> {
        if nth >= range.known {
            return None;
        }
        let index = self.order[(range.base + nth) as usize];
        let node = self.nodes[(range.base + index) as usize];
        self.get(range, index).map(|outcome| (index, node, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::record::End;

    #[test]
    fn ranges_fill_the_gaps_and_an_outcome_once_set_is_final() {
        let mut all = Outcomes::default();
        let mut a = all.place(10, [].into_iter()).expect("it is empty");
        let b = all.place(20, [a].into_iter()).expect("there is room");
        assert_eq!((a.base, b.base), (0, 10));
        let c = all.place(8, [b].into_iter()).expect("a went");
        assert_eq!(c.base, 0);
        assert_eq!(all.place(OUTCOMES as u32, [b].into_iter()), None);
        let node = NameId::default();
        assert!(all.set(&mut a, 3, (node, Outcome::without(End::Exit(1)))));
        assert!(!all.set(&mut a, 3, (node, Outcome::without(End::Lost))));
        assert_eq!(all.nth(a, 0), Some((3, node, Outcome::without(End::Exit(1)))));
        assert_eq!(all.nth(a, 1), None);
    }
}
