//! What the world tells its recorder, if it has one, and what makes a run fit to be looked at.

use super::{Recorder, Way, What, Writer};
use crate::fabric::FabricEvent;
use crate::link::Side;
use crate::net::ethernet::EthernetEvent;
use crate::net::tree::TreeEvent;
use crate::time::Ps;
use crate::world::{Event, Place, World};
use cnode::Bounds;

/// The Ethernet among networks; trees have the numbers of their psets.
const ETHERNET: u32 = u32::MAX;

impl<B: Bounds> World<B> {
    /// From now on no program starts late by chance.
    pub fn prompt(&mut self) {
        self.is_late = false;
    }

    /// From now on it is recorded what each message was sent for, and where its time went.
    pub fn record(&mut self) {
        self.recorder = Some(Box::default());
    }

    /// What was recorded; nothing more is.
    pub fn recorded(&mut self) -> Option<Recorder> {
        self.recorder.take().map(|recorder| *recorder)
    }

    /// How long the links of each compute node's tree have had packets, up and down.
    pub(crate) fn busy_links(&self) -> Vec<[Ps; 2]> {
        let leaves = 0..self.levels.nodes() as u32;
        let fabric = self.fabric.iter();
        fabric.flat_map(|of| leaves.clone().map(|leaf| of.busy(self.levels.above_leaf(leaf), leaf))).collect()
    }

    /// A message is sent to a side of a link.
    pub(crate) fn record_sent(&mut self, address: (u32, Side, u16), message: u32) {
        let (link, to, _) = address;
        let ends = [self.place_at(link, to.other()), self.place_at(link, to)];
        let (now, kind) = (self.queue.now(), self.messages.get(message)[4]);
        if let Some(recorder) = &mut self.recorder {
            recorder.sent(now, address, ends, kind);
        }
    }

    /// Something happens that may be a turn of a place.
    pub(crate) fn record_turn(&mut self, event: &Event) {
        if self.recorder.is_none() {
            return;
        }
        let place = match *event {
            Event::Hangup { link, to } => self.place_at(link, to),
            Event::Tick(place) | Event::Dial(place, _) | Event::Undialed(place, _) => place,
            Event::Started { leaf, .. } | Event::Step { leaf, .. } => Place::Leaf(leaf),
            Event::Act(client, _) => Place::Client(client),
            // Only what is taken is a turn.
            Event::Bytes { .. } => return,
            Event::Next(_) | Event::Fabric(_) | Event::Fault(_) => return,
        };
        let (now, Some(recorder)) = (self.queue.now(), &mut self.recorder) else { return };
        match *event {
            Event::Started { pid, .. } => recorder.program(place, pid, What::Starts, now),
            Event::Step { pid, .. } => recorder.program(place, pid, What::Runs, now),
            Event::Act(..) => recorder.begins(place, now),
            _ => recorder.goes_on(place, now),
        }
    }

    /// A message is taken, or is nobody's.
    pub(crate) fn record_taken(&mut self, address: (u32, Side, u16), is_taken: bool) {
        if self.recorder.is_none() {
            return;
        }
        let (now, place) = (self.queue.now(), self.place_at(address.0, address.1));
        match &mut self.recorder {
            Some(recorder) if is_taken => recorder.takes(address, place, now),
            Some(recorder) => recorder.lost(address),
            None => {}
        }
    }

    /// Nobody takes what comes.
    pub(crate) fn record_nobody(&mut self, event: &Event) {
        if let (Some(recorder), Event::Bytes { link, to, seq, .. }) = (&mut self.recorder, *event) {
            recorder.lost((link, to, seq));
        }
    }

    /// A network is about to go on: what it has written or read by then.
    pub(crate) fn record_network(&mut self, event: FabricEvent) {
        let (Some(recorder), Some(fabric)) = (&mut self.recorder, &self.fabric) else { return };
        let now = self.queue.now();
        match event {
            FabricEvent::Tree(number, event) => {
                let tree = fabric.tree(number);
                let timing = tree.timing();
                let end = |node: u8, channel: u8| u32::from(node) << 8 | u32::from(channel);
                match event {
                    TreeEvent::Written { node, channel } => {
                        let Some((message, is_last)) = tree.writing(node, channel) else { return };
                        let writer: Writer = (number, end(node, channel), message, 0);
                        recorder.wrote(writer, now.since(timing.inject), now, is_last);
                    }
                    TreeEvent::Drained { node, channel } => {
                        let Some((from, message, there)) = tree.reading(node, channel) else { return };
                        let writer: Writer = (number, end(from, channel), message, 0);
                        recorder.reads(Way::Tree, writer, Some(there), now.since(timing.drain));
                    }
                    TreeEvent::Head { .. } | TreeEvent::Free { .. } => {}
                }
            }
            FabricEvent::Ethernet(event) => {
                let of = |(from, to, message): (u32, u32, u32)| -> Writer { (ETHERNET, from, message, to) };
                let ethernet = fabric.ethernet();
                match event {
                    EthernetEvent::Worked { port, is_in } => {
                        let Some((ends, is_last)) = ethernet.working(port, is_in) else { return };
                        let begun = now.since(ethernet.cost(port, is_in));
                        match is_in {
                            false => recorder.wrote(of(ends), begun, now, is_last),
                            true if is_last => recorder.reads(Way::Ethernet, of(ends), None, begun),
                            true => {}
                        }
                    }
                    EthernetEvent::Arrived { frame } => {
                        if let (ends, true) = ethernet.frame(frame) {
                            recorder.is_there(of(ends), now);
                        }
                    }
                    EthernetEvent::Sent { .. } | EthernetEvent::Switched { .. } => {}
                }
            }
        }
    }

    /// A message has come, and is held up by its link until then.
    pub(crate) fn record_came(&mut self, address: (u32, Side, u16), now: Ps, until: Ps) {
        if let Some(recorder) = &mut self.recorder {
            recorder.came(address, now, until);
        }
    }
}
