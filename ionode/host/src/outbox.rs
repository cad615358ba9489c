//! What is to be sent before the next wait: messages where the core encoded them, each once, in order.

use ionode::Target;
use protocol::limits::MSIZE_MAX;
use protocol::message::HEADER;
use protocol::server::LinkId;
use protocol::set::{ChildSet, Rank};

/// Bytes that are gathered before they are sent without waiting for more.
const GATHERED: usize = 64 * 1024;
/// The largest message, and what the core takes for its own scratch behind it.
const LARGEST: usize = MSIZE_MAX as usize + 4096;

/// Messages back to back; neighbours for the same target are one segment.
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    len: usize,
    segments: Vec<(Target, usize)>,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        // No message is shorter than its header.
        let segments = Vec::with_capacity(GATHERED / HEADER + 1);
        Self { bytes: vec![0; GATHERED + LARGEST], len: 0, segments }
    }

    /// Where the next message is to be encoded, while it is not full.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.len..]
    }

    /// Takes the first `len` bytes of that room as a message: the message.
    pub(crate) fn push(&mut self, target: Target, len: usize) -> &[u8] {
        let start = self.len;
        self.len += len;
        match self.segments.last_mut() {
            Some((last, end)) if *last == target => *end = self.len,
            _ => self.segments.push((target, self.len)),
        }
        &self.bytes[start..self.len]
    }

    /// It is to be sent before more is encoded.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= GATHERED
    }

    /// The children who get something that is for several.
    pub(crate) fn children(&self) -> ChildSet {
        self.segments.iter().fold(ChildSet::EMPTY, |all, (target, _)| match target {
            Target::Children(set) => all.or(*set),
            Target::Link(_) => all,
        })
    }

    /// The links that get something of their own; some more than once.
    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.segments.iter().filter_map(|(target, _)| match target {
            Target::Link(link) => Some(*link),
            Target::Children(_) => None,
        })
    }

    /// The pieces for a link, which is that of a child or not, in order; neighbours are joined.
    pub(crate) fn pieces(&self, link: LinkId, child: Option<Rank>) -> impl Iterator<Item = &[u8]> {
        let is_for = move |target: &Target| match target {
            Target::Link(own) => *own == link,
            Target::Children(set) => child.is_some_and(|rank| set.has(rank)),
        };
        let mut next = 0;
        std::iter::from_fn(move || {
            let segments = &self.segments;
            next += segments[next..].iter().take_while(|(target, _)| !is_for(target)).count();
            let first = next;
            next += segments[first..].iter().take_while(|(target, _)| is_for(target)).count();
            let start = if first == 0 { 0 } else { segments[first - 1].1 };
            (first < next).then(|| &self.bytes[start..segments[next - 1].1])
        })
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.segments.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_gets_its_messages_in_order_and_nothing_else() {
        let rank = |i| Rank::new(i).expect("below 64");
        let set = |of: &[usize]| of.iter().fold(ChildSet::EMPTY, |all, i| all.or(ChildSet::one(rank(*i))));
        let mut outbox = Outbox::new();
        let mut push = |target, text: &str| {
            outbox.room()[..text.len()].copy_from_slice(text.as_bytes());
            assert_eq!(outbox.push(target, text.len()), text.as_bytes());
        };
        push(Target::Children(set(&[1, 2])), "ab");
        push(Target::Children(set(&[1, 2])), "c");
        push(Target::Link(LinkId(12)), "D");
        push(Target::Children(set(&[2])), "d");
        push(Target::Link(LinkId(9)), "x");
        push(Target::Children(set(&[3])), "e");
        push(Target::Children(set(&[2])), "f");
        let of = |link, child: Option<usize>| {
            let pieces = outbox.pieces(LinkId(link), child.map(rank));
            pieces.map(|piece| String::from_utf8_lossy(piece).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(11, Some(1)), ["abc"]);
        assert_eq!(of(12, Some(2)), ["abcDd", "f"]);
        assert_eq!(of(13, Some(3)), ["e"]);
        assert_eq!(of(9, None), ["x"]);
        assert!(of(10, Some(0)).is_empty());
        assert_eq!(outbox.children(), set(&[1, 2, 3]));
        assert_eq!(outbox.links().collect::<Vec<_>>(), [LinkId(12), LinkId(9)]);
    }

    #[test]
    fn a_full_one_has_room_for_the_largest_message_until_it_says_so() {
        let mut outbox = Outbox::new();
        while !outbox.is_full() {
            assert!(outbox.room().len() >= LARGEST);
            outbox.push(Target::Link(LinkId(1)), GATHERED / 2 + 1);
        }
        outbox.clear();
        assert!(!outbox.is_full() && outbox.links().next().is_none());
    }
}
