//! What happens at aggregators: bytes, hangups, their time, and what their cores want.

use crate::arms::IoCall;
use crate::link::Side;
use crate::medium::LATENCY;
use crate::memory::Params;
use crate::running::Run;
use crate::time::Ps;
use crate::trace::What;
use crate::world::{Event, Place, World};
use cnode::Bounds;
use ionode::bounds::{LINKS, PARENT};
use ionode::host::{Effect, Peer};
use ionode::{Facts, Ionode, Target};
use protocol::ename::Ename;
use protocol::message::is_request;
use protocol::server::LinkId;
use protocol::set::ChildSet;
use protocol::text::Text;

/// An aggregator.
pub(crate) struct Aggregator {
    pub(crate) core: Box<Ionode>,
    pub(crate) params: Params,
    pub(crate) run: Run,
    /// Links by the number that the core knows them by; the first is its own parent's.
    pub(crate) links: Vec<Option<u32>>,
    /// Links whose other end is outside the world, with who is there.
    pub(crate) outside: Vec<(LinkId, u32)>,
}

impl Aggregator {
    /// One that has just started, with nobody under it.
    pub(crate) fn new(now: Ps, facts: Facts, run: Run) -> Self {
        let core = Box::new(Ionode::new(facts, run.clock.read(now)));
        Self { core, params: Params::default(), run, links: vec![None], outside: Vec::new() }
    }

    /// A number for one more link, the first that is free, as a driver gives them; none if all are in use.
    pub(crate) fn free_link(&self) -> Option<LinkId> {
        let is_inside = |id: &usize| self.links.get(*id).is_some_and(Option::is_some);
        let ids = (1..LINKS).filter(|id| !is_inside(id)).map(|id| LinkId(id as u16));
        ids.into_iter().find(|id| self.outsider(*id).is_none())
    }

    /// Who outside is on that link.
    pub(crate) fn outsider(&self, id: LinkId) -> Option<u32> {
        self.outside.iter().find(|(other, _)| *other == id).map(|(_, outsider)| *outsider)
    }
}

impl<B: Bounds> World<B> {
    /// What a run of an aggregator, counted from 1, is to know of itself.
    pub(crate) fn io_facts(&self, io: u32, run: u32) -> Facts {
        // The one of a partition without levels has the seed itself, as it always had.
        let boot = self.seed.wrapping_add(u64::from(io) << 20).wrapping_add(u64::from(run - 1) << 16);
        Facts {
            name: Text::cut(&self.levels.name_of_io(io)),
            boot,
            os: "linux",
            arch: "ppc",
            operator: self.site.operator,
            has_parent: self.levels.above_io(io).is_some(),
        }
    }

    pub(crate) fn io_tick(&mut self, io: u32) -> Result<(), String> {
        let now = self.queue.now();
        let before = self.before_io(io, IoCall::Due);
        let aggregator = &mut self.aggregators[io as usize];
        aggregator.run.woken();
        aggregator.core.handle_timeout(aggregator.run.clock.read(now), &mut aggregator.params);
        self.after_io(io, before);
        self.drain_io(io)?;
        self.check_ends(io, false)
    }

    pub(crate) fn io_bytes(&mut self, io: u32, link: u32, to: Side, message: &[u8]) -> Result<(), String> {
        let id = if to == Side::Above { self.links.get(link).id } else { PARENT };
        if id == PARENT {
            self.asks_io(io, message);
        }
        self.io_takes(io, id, message)
    }

    /// An aggregator takes a whole message in.
    pub(crate) fn io_takes(&mut self, io: u32, id: LinkId, message: &[u8]) -> Result<(), String> {
        let before = self.before_io(io, IoCall::Bytes(id, message));
        let aggregator = &mut self.aggregators[io as usize];
        if let Some((Target::Link(passed), len)) = aggregator.core.pass(id, message, &mut self.out) {
            let out = std::mem::take(&mut self.out);
            self.io_send(io, passed, &out[..len]);
            self.out = out;
            return self.drain_io(io);
        }
        let now = aggregator.run.clock.read(self.queue.now());
        let taken = aggregator.core.handle_bytes(now, id, message, &mut aggregator.params);
        self.after_io(io, before);
        match taken {
            Ok(len) if len == message.len() => {}
            Ok(_) => return Err(format!("an aggregator took less of {:?} than all", &message[..7])),
            Err(_) => {
                if let Some(link) = self.link_at(io, id) {
                    let side = if id == PARENT { Side::Above } else { Side::Below };
                    self.tell(self.place_at(link, side), What::Botched);
                }
                self.drop_link(io, id)?;
            }
        }
        debug_assert!(is_request(message) || message.len() >= 7, "messages are whole");
        self.drain_io(io)
    }

    pub(crate) fn io_hangup(&mut self, io: u32, link: u32, side: Side) -> Result<(), String> {
        let id = if side == Side::Above { self.links.get(link).id } else { PARENT };
        self.io_lost(io, id)?;
        self.check_ends(io, true)
    }

    /// A link of an aggregator is gone.
    pub(crate) fn io_lost(&mut self, io: u32, id: LinkId) -> Result<(), String> {
        let now = self.queue.now();
        let before = self.before_io(io, IoCall::Hangup(id));
        let aggregator = &mut self.aggregators[io as usize];
        aggregator.core.handle_hangup(aggregator.run.clock.read(now), id, &mut aggregator.params);
        self.after_io(io, before);
        self.drain_io(io)
    }

    /// The aggregator hangs up.
    fn drop_link(&mut self, io: u32, id: LinkId) -> Result<(), String> {
        if !self.drop_outside(io, id) {
            let Some(link) = self.link_at(io, id) else { return Ok(()) };
            let side = if id == PARENT { Side::Below } else { Side::Above };
            self.close(link, side);
        }
        self.io_lost(io, id)
    }

    /// The link that an aggregator knows by that number.
    fn link_at(&self, io: u32, id: LinkId) -> Option<u32> {
        self.aggregators[io as usize].links.get(id.0 as usize).copied().flatten()
    }

    pub(crate) fn drain_io(&mut self, io: u32) -> Result<(), String> {
        let place = Place::Io(io);
        while let Some(effect) = self.aggregators[io as usize].core.poll_effect() {
            let aggregator = &mut self.aggregators[io as usize];
            match effect {
                Effect::Drop(id) => {
                    if id == PARENT {
                        self.notes_silence(place);
                        self.tell(place, What::HangsUp);
                    }
                    self.drop_link(io, id)?;
                }
                Effect::Dial => {
                    let run = aggregator.run.number;
                    let slow = self.cables.get(&place).map_or_else(Default::default, |cable| cable.slow);
                    self.queue.push(self.queue.now() + LATENCY + slow, Event::Dial(place, run));
                }
                Effect::Mount(index) => {
                    // Nothing here is there to be mounted.
                    let now = aggregator.run.clock.read(self.queue.now());
                    let core = &mut aggregator.core;
                    core.unmounted(now, index, Ename::Unsupported, &mut aggregator.params);
                }
                Effect::Exit => aggregator.run.dead = true,
            }
        }
        let mut out = std::mem::take(&mut self.out);
        let now = self.aggregators[io as usize].run.clock.read(self.queue.now());
        loop {
            let Aggregator { core, params, .. } = &mut self.aggregators[io as usize];
            let Some((target, len)) = core.poll_transmit(now, params, &mut out) else { break };
            match target {
                Target::Link(id) => self.io_send(io, id, &out[..len]),
                Target::Children(set) => self.fan_out(io, set, &out[..len]),
            }
        }
        self.out = out;
        let aggregator = &mut self.aggregators[io as usize];
        if let Some(at) = aggregator.run.wakes(aggregator.core.poll_timeout()) {
            self.queue.push(at, Event::Tick(place));
        }
        Ok(())
    }

    fn io_send(&mut self, io: u32, id: LinkId, bytes: &[u8]) {
        if let Some(link) = self.link_at(io, id) {
            let to = if id == PARENT { Side::Above } else { Side::Below };
            self.send(link, to, bytes);
        } else {
            self.tell_outside(io, id, bytes);
        }
    }

    /// The same bytes to many: one message, whatever their number.
    fn fan_out(&mut self, io: u32, set: ChildSet, bytes: &[u8]) {
        self.counts.fanouts.0 += 1;
        self.counts.fanouts.1 += u64::from(set.count());
        self.tell(Place::Io(io), What::Sends { kind: bytes[4], len: bytes.len() as u32, set: set.0 });
        let message = self.messages.take(bytes);
        let broadcasts = set.count() > 1 && self.broadcasts(io);
        for rank in set {
            let aggregator = &self.aggregators[io as usize];
            let Some(id) = aggregator.core.link_of(rank) else { continue };
            let Some(link) = self.link_at(io, id) else {
                self.tell_outside(io, id, bytes);
                continue;
            };
            if !broadcasts {
                self.send_message(link, Side::Below, message);
            } else if let Some(seq) = self.numbered(link, Side::Below, message) {
                self.messages.address(message, (link, Side::Below, seq));
            }
        }
        if broadcasts {
            self.broadcast(io, message);
        }
        self.messages.sweep(message);
    }

    /// An aggregator has connected with its own parent.
    pub(crate) fn io_dialled(&mut self, io: u32, link: u32) -> Result<(), String> {
        self.before_io(io, IoCall::Connected);
        let aggregator = &mut self.aggregators[io as usize];
        aggregator.links[0] = Some(link);
        aggregator.core.connect(PARENT, Peer { is_local: false, uid: None });
        self.drain_io(io)
    }
}
