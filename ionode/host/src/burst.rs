//! What is to be sent before the next wait: messages to sets of children, each encoded once, in order.

use protocol::set::{ChildSet, Rank};

/// No message is shorter.
const SHORTEST: usize = protocol::message::HEADER;

/// Messages to children, back to back; neighbours for the same set are one segment.
#[derive(Default)]
pub(crate) struct Burst {
    bytes: Vec<u8>,
    segments: Vec<(ChildSet, usize)>,
}

impl Burst {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), segments: Vec::with_capacity(bytes / SHORTEST) }
    }

    pub(crate) fn push(&mut self, set: ChildSet, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        let end = self.bytes.len();
        match self.segments.last_mut() {
            Some((last, last_end)) if *last == set => *last_end = end,
            _ => self.segments.push((set, end)),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Everybody who gets something.
    pub(crate) fn everybody(&self) -> ChildSet {
        self.segments.iter().fold(ChildSet::EMPTY, |all, (set, _)| all.or(*set))
    }

    /// The pieces for one child, in order; neighbours are joined.
    pub(crate) fn pieces(&self, rank: Rank) -> impl Iterator<Item = &[u8]> {
        let mut next = 0;
        std::iter::from_fn(move || {
            while next < self.segments.len() && !self.segments[next].0.has(rank) {
                next += 1;
            }
            let first = next;
            while next < self.segments.len() && self.segments[next].0.has(rank) {
                next += 1;
            }
            if first == next {
                return None;
            }
            let start = if first == 0 { 0 } else { self.segments[first - 1].1 };
            Some(&self.bytes[start..self.segments[next - 1].1])
        })
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.segments.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_child_gets_its_messages_in_order_and_nothing_else() {
        let rank = |i| Rank::new(i).expect("below 64");
        let one = |i| ChildSet::one(rank(i));
        let mut burst = Burst::default();
        for (set, text) in
            [(one(1).or(one(2)), "ab"), (one(1).or(one(2)), "c"), (one(2), "d"), (one(3), "e"), (one(2), "f")]
        {
            burst.push(set, text.as_bytes());
        }
        let of =
            |i| burst.pieces(rank(i)).map(|p| String::from_utf8_lossy(p).into_owned()).collect::<Vec<_>>();
        assert_eq!(of(1), ["abc"]);
        assert_eq!(of(2), ["abcd", "f"]);
        assert_eq!(of(3), ["e"]);
        assert!(of(0).is_empty());
        assert_eq!(burst.everybody().count(), 3);
    }
}
