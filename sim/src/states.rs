//! How nodes of a run are at an instant, as a picture tells it: what is broken comes first, then how those
//! above see it.

use crate::draw::map::State;
use crate::place::Place;
use crate::world::World;
use cnode::Bounds;
use ionode::inspect::{Child, ChildState as Seen};

impl<B: Bounds> World<B> {
    /// How a compute node is.
    pub fn state_of_leaf(&self, leaf: u32) -> State {
        let of = self.nodes.leaf(leaf);
        let (place, name) = (Place::Leaf(leaf), self.levels.name_of_leaf(leaf));
        match self.state(place, (of.run.dead, of.run.stopped), &name) {
            State::Up if of.host.running() > 0 => State::Running,
            state => state,
        }
    }

    /// How an aggregator is.
    pub fn state_of_io(&self, io: u32) -> State {
        let run = &self.nodes.io(io).run;
        self.state(Place::Io(io), (run.dead, run.stopped), &self.levels.name_of_io(io))
    }

    fn state(&self, place: Place, (is_dead, is_stopped): (bool, bool), name: &str) -> State {
        if is_dead {
            return State::Dead;
        }
        if is_stopped {
            return State::Stopped;
        }
        let above = if place == Place::Io(self.levels.root()) { None } else { self.above(place) };
        let Some(above) = above else { return State::Up };
        if self.wires.is_clogged(place) {
            return State::Clogged;
        }
        let parent = self.nodes.io(above);
        match parent.core.child_named(name).map(Child::state) {
            // What it saw has gone with it.
            _ if parent.run.dead => State::Lost,
            None | Some(Seen::Empty) => State::Down,
            Some(Seen::Joining | Seen::Greeted | Seen::CatchingUp) => State::Joining,
            Some(Seen::Up | Seen::Hailed | Seen::Mounted) => State::Up,
            Some(Seen::Suspect) => State::Suspect,
            Some(Seen::Lost) => State::Lost,
        }
    }
}
