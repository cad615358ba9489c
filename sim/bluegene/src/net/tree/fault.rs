//! What goes wrong in a tree: on a link, or at an end that does not read.

use super::node::{Id, Slip};
use super::slab::Packet;
use super::wiring::{ALL, UP, is_within};
use super::{Channel, End, Link, Tree, TreeEvent};
use crate::queue::Schedule;

/// What goes wrong on a link, or is right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next packet is garbled or lost so many times before it passes: the link finds it by its CRC and
    /// sends it again, which costs time.
    Garble(u8),
    /// A bit of the next packet is changed and the link does not find it.
    Spoil,
    /// The next packet is lost and the link does not find it: its message is never delivered beyond.
    Lose,
    /// Nothing passes: a clogged link, or, where it never opens again, one that is cut.
    Shut,
    /// It passes again.
    Open,
}

impl Tree {
    /// Something goes wrong on a link, or is right again.
    pub fn fault(&mut self, q: &mut impl Schedule<TreeEvent>, link: Link, fault: Fault) {
        let (node, port) = self.place(link);
        let out = &mut self.nodes[node as usize].outs[port as usize];
        match fault {
            Fault::Garble(times) => out.garbled = times,
            Fault::Spoil => out.slip = Some(Slip::Spoil),
            Fault::Lose => out.slip = Some(Slip::Lose),
            Fault::Shut => out.is_shut = true,
            Fault::Open => {
                out.is_shut = false;
                self.try_out(q, node, port);
            }
        }
    }

    /// An end reads its receive FIFO no more, or again.
    pub fn deafen(&mut self, q: &mut impl Schedule<TreeEvent>, end: End, channel: Channel, is_deaf: bool) {
        let (node, channel) = (end.node(), channel as u8);
        self.nodes[node as usize].receive[channel as usize].is_deaf = is_deaf;
        self.drain_next(q, node, channel);
    }

    /// A packet that goes to `far` is spoilt or lost on the way: what arrives.
    pub(super) fn slip(&mut self, id: Id, far: (u8, u8), slip: Slip, channel: u8) -> Option<Id> {
        let packet = *self.packets.get(id);
        // The sender's copy of it ends here.
        self.packets.drop(id);
        match slip {
            Slip::Spoil => Some(self.packets.add(Packet { copies: 1, is_spoilt: true, ..packet })),
            Slip::Lose => {
                for node in self.beyond(&packet, far) {
                    let passage = (node, packet.from, channel, packet.message);
                    if packet.is_last {
                        // Nothing of it comes any more.
                        self.missing.remove(&passage);
                        self.spoilt.remove(&passage);
                    } else {
                        self.missing.insert(passage);
                    }
                }
                None
            }
        }
    }

    /// The ends that a packet would have reached by way of a node, which it comes to by a port.
    fn beyond(&self, packet: &Packet, (far, port): (u8, u8)) -> Vec<u8> {
        if packet.to != ALL {
            return vec![packet.to];
        }
        let is_down = port == UP;
        (0..=self.computes).filter(|node| !is_down || (*node > 0 && is_within(*node, far))).collect()
    }
}
