//! What happens at the ionode: bytes, hangups, its time, and what its core wants.

use crate::link::Side;
use crate::world::{Event, Place, World};
use cnode::Bounds;
use ionode::Target;
use ionode::host::Effect;
use protocol::message::is_request;
use protocol::time::Time;
use std::rc::Rc;

impl<B: Bounds> World<B> {
    pub(crate) fn io_tick(&mut self) {
        self.io_ticking = None;
        self.io.handle_timeout(Time(self.now), &mut self.io_host);
        self.drain_io();
    }

    pub(crate) fn io_bytes(&mut self, link: usize, bytes: &[u8]) {
        let id = self.links[link].id;
        let mut inbox = std::mem::take(&mut self.links[link].ends[Side::Io as usize].inbox);
        inbox.extend_from_slice(bytes);
        let mut at = 0;
        // A drain may drop the link itself.
        while self.is_open(link, Side::Io) {
            let request = is_request(&inbox[at..]);
            if let Some((Target::Link(to), len)) = self.io.pass(id, &inbox[at..], &mut self.out) {
                let bytes: Rc<[u8]> = self.out[..len].into();
                self.io_send(to, &bytes);
                at += len;
                continue;
            }
            match self.io.handle_bytes(Time(self.now), id, &inbox[at..], &mut self.io_host) {
                Ok(0) => break,
                Ok(len) => {
                    at += len;
                    if request {
                        self.drain_io();
                    }
                }
                Err(_) => {
                    self.tell(self.links[link].peer, "botched");
                    self.drop_link(link);
                }
            }
        }
        if self.is_open(link, Side::Io) {
            inbox.drain(..at);
            self.links[link].ends[Side::Io as usize].inbox = inbox;
        }
        self.drain_io();
    }

    pub(crate) fn io_hangup(&mut self, link: usize) {
        let id = self.links[link].id;
        if self.shut(link, Side::Io) {
            self.io.handle_hangup(Time(self.now), id, &mut self.io_host);
            self.drain_io();
        }
    }

    /// The ionode hangs up.
    fn drop_link(&mut self, link: usize) {
        let id = self.links[link].id;
        if self.is_open(link, Side::Io) {
            self.close(link, Side::Io);
            self.io.handle_hangup(Time(self.now), id, &mut self.io_host);
            self.drain_io();
        }
    }

    fn drain_io(&mut self) {
        while let Some(effect) = self.io.poll_effect() {
            if let Effect::Drop(id) = effect
                && let Some(link) = self.link_at(id)
            {
                self.drop_link(link);
            }
        }
        let mut out = std::mem::take(&mut self.out);
        while let Some((target, len)) = self.io.poll_transmit(Time(self.now), &mut self.io_host, &mut out) {
            let bytes: Rc<[u8]> = out[..len].into();
            match target {
                Target::Link(id) => self.io_send(id, &bytes),
                Target::Children(set) => {
                    self.fanouts = (self.fanouts.0 + 1, self.fanouts.1 + u64::from(set.count()));
                    self.tell(Place::Io, &format!("sends type {} of {len} to {:016x}", bytes[4], set.0));
                    for id in set.into_iter().filter_map(|rank| self.io.link_of(rank)).collect::<Vec<_>>() {
                        self.io_send(id, &bytes);
                    }
                }
            }
        }
        self.out = out;
        let due = self.io.poll_timeout().0;
        if self.io_ticking.is_none_or(|at| due < at) {
            self.io_ticking = Some(due);
            self.schedule(due, Event::Tick(Place::Io));
        }
    }

    fn io_send(&mut self, id: protocol::server::LinkId, bytes: &Rc<[u8]>) {
        if let Some(link) = self.link_at(id) {
            self.send(link, Side::Peer, bytes);
        }
    }
}
