//! Messages to send before the next wait, stored where the core encoded them, each once, in order.

use crate::stream::{Sent, Stream};
use protocol::message::HEADER;
use std::io::{self, IoSlice};

/// Pieces passed to the kernel in one call.
const PIECES: usize = 64;

/// Messages back to back; neighbours for the same target are one segment. A target is one link or several.
pub struct Outbox<T> {
    bytes: Vec<u8>,
    len: usize,
    full: usize,
    /// Segments, each with its end.
    segments: Vec<(T, usize)>,
}

impl<T: PartialEq> Outbox<T> {
    /// An outbox that is full with `gathered` bytes, and until then has room for another `largest`.
    pub fn new(gathered: usize, largest: usize) -> Self {
        // No message is shorter than its header.
        let segments = Vec::with_capacity(gathered / HEADER + 1);
        Self { bytes: vec![0; gathered + largest], len: 0, full: gathered, segments }
    }

    /// The room to encode the next message in, unless the outbox is full.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.len..]
    }

    /// Makes the first `len` bytes of that room a message, and returns it.
    pub fn push(&mut self, target: T, len: usize) -> &[u8] {
        let start = self.len;
        self.len += len;
        match self.segments.last_mut() {
            Some((last, end)) if *last == target => *end = self.len,
            _ => self.segments.push((target, self.len)),
        }
        &self.bytes[start..self.len]
    }

    /// The outbox must be sent before more is encoded.
    pub fn is_full(&self) -> bool {
        self.len >= self.full
    }

    /// The targets of the segments, in order.
    pub fn targets(&self) -> impl Iterator<Item = &T> {
        self.segments.iter().map(|(target, _)| target)
    }

    /// The pieces for one link, that is, for all targets that include it, in order; neighbours are joined.
    fn pieces(&self, is_meant: impl Fn(&T) -> bool) -> impl Iterator<Item = &[u8]> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let segments = &self.segments;
            next += segments[next..].iter().take_while(|(target, _)| !is_meant(target)).count();
            let first = next;
            next += segments[first..].iter().take_while(|(target, _)| is_meant(target)).count();
            let start = if first == 0 { 0 } else { segments[first - 1].1 };
            (first < next).then(|| &self.bytes[start..segments[next - 1].1])
        })
    }

    /// Sends the pieces for one link without copying them.
    pub fn send(&self, stream: &mut Stream, is_meant: impl Fn(&T) -> bool) -> io::Result<Sent> {
        let mut pieces = self.pieces(is_meant).map(IoSlice::new);
        let mut sent = Sent::All;
        loop {
            let mut some = [IoSlice::new(&[]); PIECES];
            let count = some.iter_mut().zip(&mut pieces).map(|(to, piece)| *to = piece).count();
            if count == 0 {
                return Ok(sent);
            }
            sent = stream.send_pieces(&mut some[..count])?;
        }
    }

    /// Empties the outbox after everything was sent.
    pub fn clear(&mut self) {
        self.len = 0;
        self.segments.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// Targets are strings of digits; a target includes a link if it has that digit.
    fn filled(messages: &[(&'static str, &str)]) -> Outbox<&'static str> {
        let mut outbox = Outbox::new(1024, 64);
        for (target, text) in messages {
            outbox.room()[..text.len()].copy_from_slice(text.as_bytes());
            assert_eq!(outbox.push(*target, text.len()), text.as_bytes());
        }
        outbox
    }

    #[test]
    fn each_link_gets_its_messages_in_order_and_nothing_else() {
        let outbox =
            filled(&[("12", "ab"), ("12", "c"), ("2", "D"), ("2", "d"), ("9", "x"), ("3", "e"), ("2", "f")]);
        let of = |link: char| {
            let pieces = outbox.pieces(move |target| target.contains(link));
            pieces.map(|piece| String::from_utf8_lossy(piece).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of('1'), ["abc"]);
        assert_eq!(of('2'), ["abcDd", "f"]);
        assert_eq!(of('3'), ["e"]);
        assert!(of('0').is_empty());
        assert_eq!(outbox.targets().copied().collect::<Vec<_>>(), ["12", "2", "9", "3", "2"]);
    }

    #[test]
    fn many_pieces_arrive_as_one() {
        let messages: Vec<_> = (0..500).map(|i| (if i % 2 == 0 { "1" } else { "2" }, "ab")).collect();
        let mut outbox = filled(&messages);
        let (from, to) = UnixStream::pair().expect("a pair");
        let over = |end: UnixStream| Stream::over(end.into(), true, 4096, 4096).expect("a stream");
        let (mut from, mut to) = (over(from), over(to));
        assert_eq!(outbox.send(&mut from, |target| *target == "1").expect("it is sent"), Sent::All);
        while to.bytes().len() < 500 {
            to.fill().expect("it arrives");
        }
        assert_eq!(to.bytes(), "ab".repeat(250).as_bytes());
        outbox.clear();
        assert!(outbox.targets().next().is_none());
    }

    #[test]
    fn there_is_room_for_the_largest_message_until_it_is_full() {
        let mut outbox = Outbox::new(100, 64);
        while !outbox.is_full() {
            assert!(outbox.room().len() >= 64);
            outbox.push(1, 33);
        }
        outbox.clear();
        assert!(!outbox.is_full());
    }
}
