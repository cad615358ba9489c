//! What nodes and clients want is done.

use super::World;
use crate::act::Move;
use crate::clients::Want;
use crate::event::Event;
use crate::host::Went;
use crate::link::Side;
use crate::nodes::feed::{Fed, Feed, Wish};
use crate::observers::sight::Sight;
use crate::place::Place;
use crate::trace::What;
use crate::wires::LATENCY;
use bluegene::time::Ps;
use cnode::Bounds;
use ionode::Target;
use ionode::bounds::PARENT;
use protocol::server::LinkId;
use protocol::set::ChildSet;

/// Time that a start takes: at least this, and up to as much again.
const START_US: u64 = 300;
/// One start in 64 takes up to so much.
const SLOW_START_US: u64 = 1_000_000;

impl<B: Bounds> World<B> {
    /// Does what comes of feeding a node.
    pub(super) fn follow_fed(&mut self, place: Place, feed: Feed<'_>, fed: Fed) -> Result<(), String> {
        match (fed, feed, place) {
            (Fed::Short, Feed::Bytes(_, message), _) => {
                Err(format!("an aggregator took less of {:?} than all", &message[..7]))
            }
            (Fed::Botched, Feed::Bytes(id, _), Place::Io(io)) => {
                if let Some(link) = self.wires.ports.link_at(io, id) {
                    let side = if id == PARENT { Side::Above } else { Side::Below };
                    self.tell(self.wires.place_at(link, side), What::Botched);
                }
                self.drop_link(io, id)
            }
            (Fed::Botched, _, _) => {
                self.tell(place, What::HangsUp);
                if let Some(link) = self.wires.ports.up(place) {
                    self.wires.close(&mut self.agenda, link, Side::Below);
                }
                Ok(())
            }
            (Fed::Passed(Target::Link(id), len), _, Place::Io(io)) => {
                self.send_at(io, id, len);
                Ok(())
            }
            (Fed::Passed(Target::Children(set), len), _, Place::Io(io)) => {
                self.fan_out(io, set, len);
                Ok(())
            }
            (Fed::Went(Went::Waits(us)), Feed::Started { member, pid, .. }, Place::Leaf(leaf))
            | (Fed::Went(Went::Waits(us)), Feed::Step { member, pid }, Place::Leaf(leaf)) => {
                let run = self.nodes.leaf(leaf).run.number;
                self.agenda.after(Ps::us(us), Event::Step { leaf, run, pid, member });
                Ok(())
            }
            (Fed::Taken | Fed::Short | Fed::Passed(..) | Fed::Went(_), ..) => Ok(()),
        }
    }

    /// Does what a node wants.
    pub(super) fn follow(&mut self, place: Place, wish: Wish) -> Result<(), String> {
        let now = self.agenda.now();
        let run = self.nodes.run(place).map_or(0, |run| run.number);
        match (wish, place) {
            (Wish::HangUp(id), _) => return self.hang_up(place, id),
            (Wish::Dial, _) => {
                let slow = self.wires.cable(place).slow;
                self.agenda.push(now + LATENCY + slow, Event::Dial(place, run));
            }
            (Wish::Send(id, len), Place::Io(io)) => self.send_at(io, id, len),
            (Wish::Send(_, len), _) => {
                if let Some(link) = self.wires.ports.up(place) {
                    self.wires.send(&mut self.agenda, link, Side::Above, &self.out[..len]);
                }
            }
            (Wish::FanOut(set, len), Place::Io(io)) => self.fan_out(io, set, len),
            (Wish::Start(start), Place::Leaf(leaf)) => {
                self.next_pid += 1;
                let pid = self.next_pid;
                self.observe(Sight::Starts(leaf, start, pid))?;
                // A directory on a slow mount, now and then.
                let is_slow = self.agenda.below(64) == 0 && self.is_late;
                let within = if is_slow { SLOW_START_US } else { START_US };
                let at = now + Ps::us(START_US + self.agenda.below(within));
                self.tell(place, What::Starts(start.number));
                let at = at + Ps::us(self.nodes.start(leaf, now, &start, pid));
                let (member, waits) = (start.member, start.waits);
                self.agenda.push(at, Event::Started { leaf, run, member, pid, waits });
            }
            (Wish::Go { member, pid, after }, Place::Leaf(leaf)) => {
                self.agenda.after(Ps::us(after), Event::Started { leaf, run, member, pid, waits: false });
            }
            (Wish::Step { member, pid }, Place::Leaf(leaf)) => {
                self.observe(Sight::Goes(pid))?;
                self.agenda.after(Ps::us(1), Event::Step { leaf, run, pid, member });
            }
            (Wish::Wake(at), _) => self.agenda.push(at, Event::Tick(place)),
            (Wish::FanOut(..) | Wish::Start(_) | Wish::Go { .. } | Wish::Step { .. }, _) => {
                unreachable!("an aggregator alone fans out, a compute node alone has members")
            }
        }
        Ok(())
    }

    /// A node hangs up by itself.
    fn hang_up(&mut self, place: Place, id: LinkId) -> Result<(), String> {
        if id == PARENT {
            self.observe(Sight::HangsUp(place))?;
        }
        match place {
            Place::Io(io) => {
                if id == PARENT {
                    self.tell(place, What::HangsUp);
                }
                self.drop_link(io, id)
            }
            Place::Leaf(_) | Place::Client(_) => {
                let Some(link) = self.wires.ports.up(place) else { return Ok(()) };
                self.tell(place, What::HangsUp);
                self.wires.close(&mut self.agenda, link, Side::Below);
                self.feed(place, Feed::Hangup(PARENT))
            }
        }
    }

    /// The end of an aggregator's link is closed, and it is fed with that.
    fn drop_link(&mut self, io: u32, id: LinkId) -> Result<(), String> {
        if !self.drop_outside(io, id) {
            let Some(link) = self.wires.ports.link_at(io, id) else { return Ok(()) };
            let side = if id == PARENT { Side::Below } else { Side::Above };
            self.wires.close(&mut self.agenda, link, side);
        }
        self.feed(Place::Io(io), Feed::Hangup(id))
    }

    /// An aggregator sends what is at the start of `out`.
    fn send_at(&mut self, io: u32, id: LinkId, len: usize) {
        if let Some(link) = self.wires.ports.link_at(io, id) {
            let to = if id == PARENT { Side::Above } else { Side::Below };
            self.wires.send(&mut self.agenda, link, to, &self.out[..len]);
        } else {
            self.tell_outside(io, id, len);
        }
    }

    /// The same bytes to many: one message, whatever their number.
    fn fan_out(&mut self, io: u32, set: ChildSet, len: usize) {
        self.counts.fanouts.0 += 1;
        self.counts.fanouts.1 += u64::from(set.count());
        let kind = self.out[4];
        self.tell(Place::Io(io), What::Sends { kind, len: len as u32, set: set.0 });
        let message = self.wires.messages.take(&self.out[..len]);
        let broadcasts = set.count() > 1 && self.wires.broadcasts(io);
        for rank in set {
            let Some(id) = self.nodes.io(io).core.link_of(rank) else { continue };
            match self.wires.ports.link_at(io, id) {
                None => self.tell_outside(io, id, len),
                Some(link) if broadcasts => self.wires.address(link, message),
                Some(link) => self.wires.send_message(&mut self.agenda, link, Side::Below, message),
            }
        }
        if broadcasts {
            self.wires.broadcast(&mut self.agenda, io, message);
        }
        self.wires.messages.sweep(message);
    }

    /// An aggregator tells somebody outside what is at the start of `out`.
    fn tell_outside(&mut self, io: u32, id: LinkId, len: usize) {
        let Some(outsider) = self.wires.ports.outsider_at(io, id) else { return };
        let core = &mut self.nodes.aggregators[io as usize].core;
        let is_child = core.child_on(id).is_some();
        if self.outside.tell(outsider, &self.out[..len], is_child) {
            core.set_blocked(id, true);
        }
    }

    /// An aggregator hangs up on somebody outside; false if nobody there has that number.
    pub(crate) fn drop_outside(&mut self, io: u32, id: LinkId) -> bool {
        let Some(outsider) = self.wires.ports.outsider_at(io, id) else { return false };
        self.wires.ports.clear(io, id);
        self.outside.end(outsider);
        true
    }

    /// A client does something by itself.
    pub(super) fn act(&mut self, client: u32, next: Move) -> Result<(), String> {
        let place = Place::Client(client);
        let Some(want) = self.clients.feed(client, next, &self.nodes, &self.levels) else { return Ok(()) };
        let link = self.clients.get(client).link;
        match (want, link) {
            (Want::Connect(burst), _) => {
                self.tell(place, What::Begins);
                // The ionode gives up the session of a client on its own machine at once, others linger.
                let drawn = self.agenda.below(2) == 0;
                let (io, is_near) = (self.clients.get(client).io, self.clients.get(client).is_near);
                let is_gone = self.nodes.io(io).run.dead;
                let link = if is_gone { None } else { self.connect(place, io, is_near.unwrap_or(drawn)) };
                self.clients.get_mut(client).link = link;
                match link {
                    Some(link) => self.wires.send(&mut self.agenda, link, Side::Above, &burst),
                    None => self.clients.get_mut(client).job.is_cut = true,
                }
            }
            (Want::Say(what, burst), Some(link)) => {
                self.tell(place, what);
                self.wires.send(&mut self.agenda, link, Side::Above, &burst);
            }
            (Want::HangUp, Some(link)) => {
                self.tell(place, What::Vanishes);
                self.clients.get_mut(client).link = None;
                self.wires.close(&mut self.agenda, link, Side::Below);
            }
            (Want::Say(..) | Want::HangUp, None) => {}
        }
        Ok(())
    }
}
