//! Frames: a burst on a medium that can lose or change bytes, cut into packets of the collective network.
//!
//! A packet has the header of Linux's link layer on Blue Gene/P (S3, S7), 16 bytes, and 240 bytes of a frame,
//! the last one's with zeros behind. A frame is our header, then the burst:
//!
//! ```text
//! packet   dst_key[4] src_key[4] conn_id[2] this_pkt[1] total_pkt[1] proto[2] opt[2] fragment[240]
//! opt      option:4 pad_head:4 pad_tail:8
//! frame    sequence[4] crc32[4] burst[..]          crc32 is of sequence and burst
//! ```
//!
//! Integers are big-endian, as on the machine. `this_pkt` counts from 0. A frame is at most 254 packets.

#![expect(clippy::big_endian_bytes, reason = "the machine's own order; 9P's is in `wire`")]

use crate::parameters::{
    LINK_FRAGMENTS_MAX, LINK_HEADER, LINK_PAYLOAD, LINK_PROTOCOL_BURST, PSET_SIZES, TREE_PAYLOAD,
};
use crc32fast::Hasher;
use std::error::Error;
use std::fmt::{self, Display};

const PACKET: usize = TREE_PAYLOAD as usize;
const FRAGMENT: usize = LINK_PAYLOAD as usize;

/// The payload of a packet.
pub type PacketBytes = [u8; PACKET];

/// Bytes of our header in a frame.
pub const HEADER: u32 = 8;
/// Bytes of a burst that fit one frame.
pub const BURST_MAX: u32 = LINK_FRAGMENTS_MAX * LINK_PAYLOAD - HEADER;
/// Frames that are put together at once: one from each node of a pset. The oldest makes room.
pub const PARTS_MAX: usize = PSET_SIZES[3] as usize + 1;

const LINK: usize = LINK_HEADER as usize;

/// The header of a packet, without what is our own in all: the protocol.
#[derive(Clone, Copy)]
struct LinkHeader {
    way: Way,
    this: u8,
    total: u8,
    pad: u8,
}

impl LinkHeader {
    fn encode(self) -> [u8; LINK] {
        let Self { way: Way { to, from, connection }, this, total, pad } = self;
        let mut bytes = [0; LINK];
        bytes[..4].copy_from_slice(&to.to_be_bytes());
        bytes[4..8].copy_from_slice(&from.to_be_bytes());
        bytes[8..10].copy_from_slice(&connection.to_be_bytes());
        bytes[10..12].copy_from_slice(&[this, total]);
        bytes[12..14].copy_from_slice(&LINK_PROTOCOL_BURST.to_be_bytes());
        // No option and no padding ahead.
        bytes[14..].copy_from_slice(&[0, pad]);
        bytes
    }

    fn decode(bytes: &PacketBytes) -> Option<Self> {
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let half = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let (this, total, pad) = (bytes[10], bytes[11], bytes[15]);
        let is_ours = half(12) == LINK_PROTOCOL_BURST && bytes[14] == 0 && u32::from(pad) < LINK_PAYLOAD;
        let is_right = is_ours && this < total && u32::from(total) <= LINK_FRAGMENTS_MAX;
        let way = Way { to: word(0), from: word(4), connection: half(8) };
        is_right.then_some(Self { way, this, total, pad })
    }
}

/// Between whom a frame is, and which of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Whose it is: an address on the collective network, 0 for all.
    pub to: u32,
    /// Who sends it.
    pub from: u32,
    /// The sender's count of its frames.
    pub connection: u16,
}

/// A frame that has arrived as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Between whom.
    pub way: Way,
    /// The sender's count of its bursts on this way.
    pub sequence: u32,
    /// The messages in it.
    pub burst: Vec<u8>,
}

/// What a frame or packet has wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The burst is too long for a frame.
    TooLong(usize),
    /// Its numbers contradict each other, or are of no frame of ours.
    Header,
    /// A fragment is missing before this one: the frame is given up.
    Gap,
    /// A bit of the frame is not as it was sent.
    Changed,
}

impl Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(f, "a burst of {bytes} bytes: at most {BURST_MAX} are a frame"),
            Self::Header => f.write_str("no packet of a frame of ours"),
            Self::Gap => f.write_str("a fragment is missing"),
            Self::Changed => f.write_str("the checksum is another"),
        }
    }
}

impl Error for Flaw {}

/// Bytes of the frame of a burst.
pub const fn len(burst: u32) -> u32 {
    HEADER + burst
}

/// The packets of a burst.
pub fn encode(way: Way, sequence: u32, burst: &[u8]) -> Result<Vec<PacketBytes>, Flaw> {
    if burst.len() > BURST_MAX as usize {
        return Err(Flaw::TooLong(burst.len()));
    }
    let checksum = checksum(sequence, burst);
    let frame = [&sequence.to_be_bytes(), &checksum.to_be_bytes(), burst].concat();
    let total = frame.len().div_ceil(FRAGMENT);
    let pad = (total * FRAGMENT - frame.len()) as u8;
    let packet = |(at, fragment): (usize, &[u8])| {
        let mut packet = [0; PACKET];
        let header = LinkHeader { way, this: at as u8, total: total as u8, pad };
        packet[..LINK].copy_from_slice(&header.encode());
        packet[LINK..LINK + fragment.len()].copy_from_slice(fragment);
        packet
    };
    Ok(frame.chunks(FRAGMENT).enumerate().map(packet).collect())
}

fn checksum(sequence: u32, burst: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&sequence.to_be_bytes());
    hasher.update(burst);
    hasher.finalize()
}

/// A frame of which fragments are there.
#[derive(Clone, Debug)]
struct Part {
    way: Way,
    total: u8,
    pad: u8,
    next: u8,
    bytes: Vec<u8>,
}

/// Puts frames together from packets: those of one sender and connection come in order, as the network brings
/// them; of different ones in any.
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    parts: Vec<Part>,
}

impl Assembly {
    /// A packet has come: the frame that it completes.
    pub fn take(&mut self, packet: &PacketBytes) -> Result<Option<Frame>, Flaw> {
        let LinkHeader { way, this, total, pad } = LinkHeader::decode(packet).ok_or(Flaw::Header)?;
        let known = self.parts.iter().position(|part| part.way == way);
        let mut part = match known.map(|at| self.parts.remove(at)) {
            Some(part) if this > 0 => part,
            // A first fragment begins anew whatever was left of one.
            _ => Part { way, total, pad, next: 0, bytes: Vec::new() },
        };
        if (part.next, part.total, part.pad) != (this, total, pad) {
            return Err(Flaw::Gap);
        }
        part.bytes.extend_from_slice(&packet[LINK..]);
        part.next += 1;
        if part.next == total {
            return part.whole().map(Some);
        }
        if self.parts.len() == PARTS_MAX {
            self.parts.remove(0);
        }
        self.parts.push(part);
        Ok(None)
    }
}

impl Part {
    fn whole(mut self) -> Result<Frame, Flaw> {
        self.bytes.truncate(self.bytes.len() - usize::from(self.pad));
        let (sequence, rest) = self.bytes.split_first_chunk().ok_or(Flaw::Header)?;
        let (crc32, burst) = rest.split_first_chunk().ok_or(Flaw::Header)?;
        let (sequence, crc32) = (u32::from_be_bytes(*sequence), u32::from_be_bytes(*crc32));
        if checksum(sequence, burst) != crc32 {
            return Err(Flaw::Changed);
        }
        Ok(Frame { way: self.way, sequence, burst: burst.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tree::Timing;
    use crate::random::Random;

    const WAY: Way = Way { to: 0x01_02_03, from: 0x0A_0B_0C, connection: 0x1122 };

    fn bytes(random: &mut Random, len: usize) -> Vec<u8> {
        (0..len).map(|_| random.below(256) as u8).collect()
    }

    fn decode(packets: &[PacketBytes]) -> Result<Option<Frame>, Flaw> {
        let mut assembly = Assembly::default();
        packets.iter().try_fold(None, |_, packet| assembly.take(packet))
    }

    #[test]
    fn a_packet_has_the_layout_that_linux_has_and_a_frame_ours() {
        let packets = encode(WAY, 5, b"123456789").unwrap();
        let [packet] = packets.as_slice() else { panic!("{} packets", packets.len()) };
        let header = [0, 1, 2, 3, 0, 0x0A, 0x0B, 0x0C, 0x11, 0x22, 0, 1, 0, 0x39, 0, 240 - 17];
        assert_eq!(packet[..16], header);
        assert_eq!(packet[16..20], [0, 0, 0, 5]);
        // CRC-32 of 00 00 00 05 and "123456789", by zlib.
        assert_eq!(packet[20..24], [0xC4, 0xA0, 0xA0, 0x4E]);
        assert_eq!(packet[24..33], *b"123456789");
        assert!(packet[33..].iter().all(|byte| *byte == 0), "zeros behind");
    }

    #[test]
    fn bursts_of_every_length_come_back_and_take_as_many_packets_as_the_tree_counts() {
        let mut random = Random::new(1);
        let lens = (0..1000).chain([BURST_MAX as usize - 1, BURST_MAX as usize]);
        for (sequence, burst) in (0..).zip(lens.map(|len| bytes(&mut random, len))) {
            let packets = encode(WAY, sequence, &burst).unwrap();
            assert_eq!(packets.len() as u32, Timing::LINUX.packets(len(burst.len() as u32)));
            assert_eq!(decode(&packets), Ok(Some(Frame { way: WAY, sequence, burst })));
        }
        let long = vec![0; BURST_MAX as usize + 1];
        let told = "a burst of 60953 bytes: at most 60952 are a frame";
        assert_eq!(encode(WAY, 0, &long).unwrap_err().to_string(), told);
    }

    #[test]
    fn a_changed_bit_of_a_frame_is_found_wherever_it_is() {
        let mut random = Random::new(2);
        let packets = encode(WAY, 7, &bytes(&mut random, 300)).unwrap();
        let used = 300 + HEADER as usize;
        for bit in 0..used * 8 {
            let mut changed = packets.clone();
            let at = bit / 8;
            changed[at / FRAGMENT][LINK_HEADER as usize + at % FRAGMENT] ^= 1 << (bit % 8);
            assert_eq!(decode(&changed), Err(Flaw::Changed), "bit {bit}");
        }
        for bit in 0..LINK_HEADER as usize * 8 {
            let mut changed = packets.clone();
            changed[1][bit / 8] ^= 1 << (bit % 8);
            assert_ne!(decode(&changed).ok().flatten().map(|frame| frame.way), Some(WAY), "bit {bit}");
        }
    }

    #[test]
    fn a_lost_fragment_costs_its_own_frame_and_no_other() {
        let mut random = Random::new(3);
        let bursts = [bytes(&mut random, 700), bytes(&mut random, 700), bytes(&mut random, 10)];
        for lost in 0..3 {
            let mut assembly = Assembly::default();
            let mut got = Vec::new();
            for (sequence, burst) in (0..).zip(&bursts) {
                for (at, packet) in encode(WAY, sequence, burst).unwrap().iter().enumerate() {
                    if sequence != 0 || at != lost {
                        got.extend(assembly.take(packet).ok().flatten());
                    }
                }
            }
            assert_eq!(got.iter().map(|frame| frame.sequence).collect::<Vec<_>>(), [1, 2]);
            assert!(assembly.parts.is_empty());
        }
    }

    #[test]
    fn frames_of_different_senders_are_put_together_at_once_and_room_for_them_is_bounded() {
        let mut assembly = Assembly::default();
        let of = |from: u32| encode(Way { from, ..WAY }, from, &vec![from as u8; 500]).unwrap();
        let packets: Vec<Vec<PacketBytes>> = (0..PARTS_MAX as u32 + 1).map(of).collect();
        let mut whole = Vec::new();
        for at in 0..3 {
            for of in &packets {
                whole.extend(assembly.take(&of[at]).ok().flatten().map(|frame| frame.sequence));
            }
            assert!(assembly.parts.len() <= PARTS_MAX);
        }
        assert!(whole.len() >= PARTS_MAX - 1, "{} of {}", whole.len(), packets.len());
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut random = Random::new(4);
        let mut assembly = Assembly::default();
        for _ in 0..20_000 {
            let mut packet = [0; PACKET];
            packet.iter_mut().take(20).for_each(|byte| *byte = random.below(256) as u8);
            if random.below(2) == 0 {
                packet[..12].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
                packet[12..16].copy_from_slice(&[0, 0x39, 0, random.below(256) as u8]);
            }
            let _ = assembly.take(&packet);
        }
    }
}
