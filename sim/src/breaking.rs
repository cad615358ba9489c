//! Faults are planned, and what they do to a world.

use crate::event::Event;
use crate::fault::{Breakable, Fault, Harm};
use crate::link::{Cable, Side};
use crate::place::Place;
use crate::trace::What;
use crate::wires::{LATENCY, RETRY};
use crate::world::World;
use bluegene::time::Ps;
use cnode::Bounds;

impl<B: Bounds> World<B> {
    /// Breaks a node at a time, in microseconds.
    pub fn plan(&mut self, at: u64, leaf: usize, fault: Fault) {
        self.plan_at(at, Place::Leaf(leaf as u32), fault);
    }

    /// Breaks a node or an aggregator at a time, in microseconds.
    pub fn plan_at(&mut self, at: u64, place: Place, fault: Fault) {
        let harm = fault.kind().harm;
        if harm != Harm::Nobody {
            match place {
                Place::Leaf(leaf) => {
                    self.hurt.insert(leaf as usize);
                }
                Place::Io(io) => self.hurt_below(io),
                Place::Client(_) => {}
            }
        }
        if harm == Harm::Siblings
            && let Some(above) = self.above(place)
        {
            self.hurt_below(above);
        }
        self.planned.push((place, fault));
        self.agenda.push(Ps::us(at), Event::Fault((self.planned.len() - 1) as u32));
    }

    fn hurt_below(&mut self, io: u32) {
        self.hurt.extend(self.levels.leaves_below(io).map(|leaf| leaf as usize));
    }

    /// What is planned under that number happens.
    pub(crate) fn break_planned(&mut self, number: u32) {
        let (place, fault) = self.planned[number as usize];
        self.tell(place, What::Breaks(fault));
        (fault.kind().apply)(fault, self, place);
    }

    /// The link of a place to above, while its end is open.
    fn link_above(&self, place: Place) -> Option<u32> {
        match place {
            Place::Client(client) => self.clients.get(client).link,
            Place::Io(_) | Place::Leaf(_) => self.wires.ports.up(place),
        }
    }
}

impl<B: Bounds> Breakable for World<B> {
    fn stop(&mut self, place: Place, stops: bool) {
        let Some(run) = self.nodes.run_mut(place) else { return };
        run.stopped = stops;
        if !stops {
            for event in std::mem::take(&mut run.later) {
                self.agenda.after(Ps::ZERO, event);
            }
        }
    }

    fn die(&mut self, place: Place, hangs_up: bool) {
        let Some(run) = self.nodes.run_mut(place) else { return };
        run.dead = true;
        for event in run.left() {
            self.wires.discard(&event);
        }
        let links: Vec<(u32, Side)> = self.wires.ports.ends_of(place);
        if let Place::Io(io) = place {
            for id in self.wires.ports.outside(io) {
                self.drop_outside(io, id);
            }
        }
        for (link, side) in links {
            if hangs_up {
                self.wires.close(&mut self.agenda, link, side);
            } else {
                self.wires.shut(link, side);
            }
        }
    }

    fn revive(&mut self, place: Place) {
        let Some(number) = self.nodes.run(place).filter(|run| run.dead).map(|run| run.number + 1) else {
            return;
        };
        // What others' kernels say again, after a while, on a link of the run before resets it.
        let after = self.agenda.within(RETRY);
        self.wires.reset_up(&mut self.agenda, place, after);
        self.nodes.revive(place, number, &mut self.agenda);
        if let Place::Io(io) = place {
            self.wires.reset_below(&mut self.agenda, io, after);
        }
        self.wires.ports.forget(place);
        self.agenda.after(LATENCY, Event::Tick(place));
    }

    fn cut(&mut self, place: Place) {
        if let Some(link) = self.link_above(place) {
            self.wires.reset(&mut self.agenda, link, Ps::ZERO);
        }
    }

    fn reset(&mut self, place: Place) {
        self.wires.reset_up(&mut self.agenda, place, Ps::ZERO);
    }

    fn cable(&mut self, place: Place, set: &mut dyn FnMut(&mut Cable)) {
        self.wires.set_cable(place, set);
    }

    fn clog(&mut self, place: Place, is_clogged: bool) {
        if is_clogged {
            self.wires.clog(&mut self.agenda, place);
        } else {
            self.wires.unclog(&mut self.agenda, place);
        }
    }

    fn drift(&mut self, place: Place, ppm: i32) {
        let now = self.agenda.now();
        if let Some(run) = self.nodes.run_mut(place) {
            run.clock.drift(now, ppm);
        }
        // What was due by the clock as it ran is due otherwise now.
        self.agenda.push(now, Event::Tick(place));
    }

    fn jump(&mut self, place: Place, us: i64) {
        let now = self.agenda.now();
        if let Some(run) = self.nodes.run_mut(place) {
            run.clock.jump(now, us);
        }
        self.agenda.push(now, Event::Tick(place));
    }
}
