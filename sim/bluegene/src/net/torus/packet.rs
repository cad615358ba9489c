//! What travels: messages, the packets that they are cut into, and the FIFOs that either wait in. Knows no
//! links.

use super::Mode;
use super::clock::Tick;
use crate::parameters::{TORUS_CHUNK, TORUS_HEADER, TORUS_PAYLOAD};
use slab::Slab;

/// No packet, no message.
pub(super) const NONE: u32 = u32::MAX;

/// Links that a packet has still to go in each dimension, and which way: its hint bits.
pub(super) type Left = [i8; 3];

/// What somebody sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// The sender's number for it.
    pub(super) id: u32,
    /// The node that it is from.
    pub(super) from: u32,
    /// Bytes that are in no packet yet, those of a train among them.
    pub(super) to_send: u32,
    /// Bytes that have not arrived.
    pub(super) to_come: u32,
    /// When the last byte of what has arrived is there.
    pub(super) done: Tick,
    /// The next in its lane; of the last, the first.
    pub(super) next: u32,
    /// Packets of the train that is under way.
    pub(super) train: u32,
    pub(super) left: Left,
    pub(super) mode: Mode,
    /// The channel of the packet before that train.
    pub(super) channel: u8,
}

/// A part of a message on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    /// The next in its FIFO; of the last, the first.
    pub(super) next: u32,
    pub(super) message: u32,
    /// Where it is, or is on the link to.
    pub(super) coord: [u8; 3],
    pub(super) left: Left,
    pub(super) chunks: u8,
    /// Bytes of the message in it.
    pub(super) payload: u8,
    pub(super) mode: Mode,
    /// It is the message's last.
    pub(super) is_last: bool,
}

impl Message {
    /// One that nothing has been sent of.
    pub(super) fn new((id, from): (u32, u32), bytes: u32, now: Tick, (left, mode): (Left, Mode)) -> Self {
        let (to_send, to_come) = (bytes, bytes);
        Self { id, from, to_send, to_come, done: now, next: NONE, train: 0, left, mode, channel: 0 }
    }

    /// Bytes and chunks of its next packet.
    #[inline]
    pub(super) fn cut(&self) -> (u8, u8) {
        let payload = self.to_send.min(TORUS_PAYLOAD);
        (payload as u8, (payload + TORUS_HEADER).div_ceil(TORUS_CHUNK) as u8)
    }

    /// A packet of it that begins at a node.
    pub(super) fn packet(&self, message: u32, coord: [u8; 3], (payload, chunks): (u8, u8)) -> Packet {
        let (left, mode, is_last) = (self.left, self.mode, self.to_send == 0);
        Packet { next: NONE, message, coord, left, chunks, payload, mode, is_last }
    }
}

/// What can wait in a FIFO: a ring that is known by its last.
pub(super) trait Chained {
    fn next(&self) -> u32;
    fn set_next(&mut self, key: u32);
}

impl Chained for Message {
    fn next(&self) -> u32 {
        self.next
    }
    fn set_next(&mut self, key: u32) {
        self.next = key;
    }
}

impl Chained for Packet {
    fn next(&self) -> u32 {
        self.next
    }
    fn set_next(&mut self, key: u32) {
        self.next = key;
    }
}

/// Puts one behind the last.
#[inline]
pub(super) fn push<T: Chained>(all: &mut Slab<T>, tail: &mut u32, key: u32) {
    let mut next = key;
    if *tail != NONE {
        next = first(all, *tail);
        all[*tail as usize].set_next(key);
    }
    all[key as usize].set_next(next);
    *tail = key;
}

/// The first of some that are there.
#[inline]
pub(super) fn first<T: Chained>(all: &Slab<T>, tail: u32) -> u32 {
    all[tail as usize].next()
}

/// Takes the first of some that are there.
#[inline]
pub(super) fn pop<T: Chained>(all: &mut Slab<T>, tail: &mut u32) -> u32 {
    let key = first(all, *tail);
    if key == *tail {
        *tail = NONE;
    } else {
        let second = all[key as usize].next();
        all[*tail as usize].set_next(second);
    }
    key
}
