//! The packets that are on their way: each once, however many FIFOs hold it.

use super::node::Id;

/// A packet; its bytes are the caller's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) message: u32,
    /// FIFOs that hold it.
    pub(super) copies: u16,
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) class: u8,
    pub(super) is_last: bool,
    pub(super) is_spoilt: bool,
}

/// Packets by number.
#[derive(Debug, Default)]
pub(super) struct Slab {
    packets: Vec<Packet>,
    free: Vec<Id>,
}

impl Slab {
    pub(super) fn add(&mut self, packet: Packet) -> Id {
        if let Some(id) = self.free.pop() {
            self.packets[id as usize] = packet;
            return id;
        }
        assert!(self.packets.len() < usize::from(Id::MAX), "FIFOs hold fewer");
        self.packets.push(packet);
        (self.packets.len() - 1) as Id
    }

    pub(super) fn get(&self, id: Id) -> &Packet {
        &self.packets[id as usize]
    }

    /// One more FIFO holds it.
    pub(super) fn copy(&mut self, id: Id) {
        self.packets[id as usize].copies += 1;
    }

    /// A FIFO has it no more.
    pub(super) fn drop(&mut self, id: Id) {
        let packet = &mut self.packets[id as usize];
        packet.copies -= 1;
        if packet.copies == 0 {
            self.free.push(id);
        }
    }

    /// Packets that are there.
    pub(super) fn len(&self) -> usize {
        self.packets.len() - self.free.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.packets.capacity() * size_of::<Packet>() + self.free.capacity() * size_of::<Id>()
    }
}
