//! Messages that are on their way, each once, whatever the number of its receivers.

use crate::link::Address;

/// Messages on their way, by number.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Bytes taken by slots' buffers.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Slot {
    bytes: Vec<u8>,
    /// Its checksum as it was sent, where it may have been changed since.
    crc: Option<u32>,
    /// Receivers that have not had it yet.
    owed: u32,
    /// To which links and sides it is addressed where a network delivers it, with its numbers there.
    addresses: Vec<Address>,
}

/// A buffer above this is given back and not kept for the next message.
const KEPT: usize = 4096;

impl Messages {
    /// Takes one in, for nobody yet.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[number as usize];
        self.bytes -= slot.bytes.capacity();
        slot.bytes.clear();
        slot.bytes.extend_from_slice(bytes);
        self.bytes += slot.bytes.capacity();
        slot.crc = None;
        debug_assert_eq!(slot.owed, 0, "a free slot is owed to nobody");
        number
    }

    /// One more is to get it.
    pub(crate) fn owe(&mut self, number: u32) {
        self.slots[number as usize].owed += 1;
    }

    /// A network is to deliver it there.
    pub(crate) fn address(&mut self, number: u32, address: Address) {
        self.slots[number as usize].addresses.push(address);
    }

    /// One of its addresses, which it has no more.
    pub(crate) fn addressed(&mut self, number: u32, is: impl FnMut(&Address) -> bool) -> Option<Address> {
        let addresses = &mut self.slots[number as usize].addresses;
        let at = addresses.iter().position(is)?;
        Some(addresses.swap_remove(at))
    }

    /// One receiver has had it, or never will.
    pub(crate) fn release(&mut self, number: u32) {
        self.slots[number as usize].owed -= 1;
        self.sweep(number);
    }

    /// It is gone if it is owed to nobody.
    pub(crate) fn sweep(&mut self, number: u32) {
        let slot = &mut self.slots[number as usize];
        if slot.owed == 0 {
            slot.addresses.clear();
            if slot.bytes.capacity() > KEPT {
                self.bytes -= slot.bytes.capacity();
                slot.bytes = Vec::new();
            }
            self.free.push(number);
        }
    }

    /// What it says.
    pub(crate) fn get(&self, number: u32) -> &[u8] {
        &self.slots[number as usize].bytes
    }

    /// Lends it, to be given back at once.
    pub(crate) fn lend(&mut self, number: u32) -> Vec<u8> {
        std::mem::take(&mut self.slots[number as usize].bytes)
    }

    /// Takes it back.
    pub(crate) fn give_back(&mut self, number: u32, bytes: Vec<u8>) {
        self.slots[number as usize].bytes = bytes;
    }

    /// It is as it was sent.
    pub(crate) fn is_sound(&self, number: u32) -> bool {
        let slot = &self.slots[number as usize];
        slot.crc.is_none_or(|crc| crc32fast::hash(&slot.bytes) == crc)
    }

    /// A copy of it with one bit changed on its way, for nobody yet.
    pub(crate) fn corrupted(&mut self, number: u32, bit: u64) -> u32 {
        let crc = Some(crc32fast::hash(self.get(number)));
        let mut bytes = self.get(number).to_vec();
        let bit = bit % (bytes.len() as u64 * 8);
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        let copy = self.take(&bytes);
        self.slots[copy as usize].crc = crc;
        copy
    }

    /// Bytes that it has taken.
    pub(crate) fn memory(&self) -> usize {
        let addresses: usize = self.slots.iter().map(|slot| slot.addresses.capacity()).sum();
        let addresses = addresses * size_of::<Address>();
        self.bytes + addresses + self.slots.capacity() * size_of::<Slot>() + self.free.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_there_until_its_last_receiver_has_had_it() {
        let mut messages = Messages::default();
        let number = messages.take(b"hello");
        messages.owe(number);
        messages.owe(number);
        messages.release(number);
        assert_eq!((messages.get(number), messages.free.len()), (&b"hello"[..], 0));
        messages.release(number);
        assert_eq!(messages.take(b"next"), number);
    }

    #[test]
    fn a_changed_bit_is_seen_and_only_in_the_copy() {
        let mut messages = Messages::default();
        let number = messages.take(b"hello");
        for bit in 0..40 {
            let copy = messages.corrupted(number, bit);
            assert!(messages.is_sound(number) && !messages.is_sound(copy));
            messages.sweep(copy);
        }
    }
}
