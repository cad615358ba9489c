//! Which links nodes have, as they call them: each compute node its one, each aggregator by the numbers that
//! its core knows.

use crate::link::Side;
use crate::place::Place;
use ionode::bounds::{LINKS, PARENT};
use protocol::server::LinkId;

/// What an aggregator's core knows by the number of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Port {
    #[default]
    Free,
    Link(u32),
    /// The other end is outside, with that number there.
    Outside(u32),
}

/// The links of all nodes, by what they call them.
#[derive(Debug)]
pub(crate) struct Ports {
    /// By aggregator, and by number.
    ios: Vec<Vec<Port>>,
    /// The link of each compute node to its parent, while its end is open.
    leaves: Vec<Option<u32>>,
}

impl Ports {
    /// Those of so many nodes, which have no link yet.
    pub(crate) fn new(ios: u32, leaves: usize) -> Self {
        Self { ios: vec![vec![Port::Free]; ios as usize], leaves: vec![None; leaves] }
    }

    /// A number for one more link of an aggregator, the first that is free, as a driver gives them; none if
    /// all are in use.
    pub(super) fn free(&self, io: u32) -> Option<LinkId> {
        let ports = &self.ios[io as usize];
        let free = ports.iter().skip(1).position(|port| *port == Port::Free).map(|at| at + 1);
        free.or_else(|| (ports.len() < LINKS).then_some(ports.len())).map(|id| LinkId(id as u16))
    }

    fn set(&mut self, io: u32, id: LinkId, port: Port) {
        let ports = &mut self.ios[io as usize];
        if id.0 as usize >= ports.len() {
            ports.resize(id.0 as usize + 1, Port::Free);
        }
        ports[id.0 as usize] = port;
    }

    fn get(&self, io: u32, id: LinkId) -> Port {
        self.ios[io as usize].get(id.0 as usize).copied().unwrap_or_default()
    }

    /// The link that an aggregator knows by that number.
    pub(crate) fn link_at(&self, io: u32, id: LinkId) -> Option<u32> {
        match self.get(io, id) {
            Port::Link(link) => Some(link),
            Port::Free | Port::Outside(_) => None,
        }
    }

    /// Who outside an aggregator knows by that number.
    pub(crate) fn outsider_at(&self, io: u32, id: LinkId) -> Option<u32> {
        match self.get(io, id) {
            Port::Outside(outsider) => Some(outsider),
            Port::Free | Port::Link(_) => None,
        }
    }

    /// An aggregator knows a link by that number.
    pub(super) fn set_link(&mut self, io: u32, id: LinkId, link: u32) {
        self.set(io, id, Port::Link(link));
    }

    /// An aggregator knows somebody outside by that number.
    pub(super) fn set_outsider(&mut self, io: u32, id: LinkId, outsider: u32) {
        self.set(io, id, Port::Outside(outsider));
    }

    /// A number is free again.
    pub(crate) fn clear(&mut self, io: u32, id: LinkId) {
        self.set(io, id, Port::Free);
    }

    /// Links of an aggregator with those below it.
    pub(super) fn below(&self, io: u32) -> impl Iterator<Item = u32> {
        let ports = self.ios[io as usize].iter().skip(1);
        ports.filter_map(|port| if let Port::Link(link) = port { Some(*link) } else { None })
    }

    /// Numbers of an aggregator that those outside have.
    pub(crate) fn outside(&self, io: u32) -> Vec<LinkId> {
        let ids = (0..self.ios[io as usize].len()).map(|id| LinkId(id as u16));
        ids.filter(|id| self.outsider_at(io, *id).is_some()).collect()
    }

    /// An aggregator has no number left for one more link.
    pub(crate) fn is_full(&self, io: u32) -> bool {
        self.up(Place::Io(io)).iter().count() + self.below(io).count() + 1 >= LINKS
    }

    /// The link of a place to the aggregator above it, while its end is open.
    pub(crate) fn up(&self, place: Place) -> Option<u32> {
        match place {
            Place::Leaf(leaf) => self.leaves[leaf as usize],
            Place::Io(io) => self.link_at(io, PARENT),
            Place::Client(_) => None,
        }
    }

    /// A place has a link to above, or has it no more.
    pub(crate) fn set_up(&mut self, place: Place, link: Option<u32>) {
        match (place, link) {
            (Place::Leaf(leaf), link) => self.leaves[leaf as usize] = link,
            (Place::Io(io), Some(link)) => self.set_link(io, PARENT, link),
            (Place::Io(io), None) => self.clear(io, PARENT),
            (Place::Client(_), _) => {}
        }
    }

    /// A place begins anew: its kernel knows nothing of the links of the run before.
    pub(crate) fn forget(&mut self, place: Place) {
        match place {
            Place::Leaf(leaf) => self.leaves[leaf as usize] = None,
            Place::Io(io) => self.ios[io as usize] = vec![Port::Free],
            Place::Client(_) => {}
        }
    }

    /// All links that a place has an end of, and which end.
    pub(crate) fn ends_of(&self, place: Place) -> Vec<(u32, Side)> {
        let own = self.up(place).into_iter().map(|link| (link, Side::Below));
        match place {
            Place::Io(io) => own.chain(self.below(io).map(|link| (link, Side::Above))).collect(),
            Place::Leaf(_) | Place::Client(_) => own.collect(),
        }
    }

    /// Bytes that it has taken for compute nodes.
    pub(crate) fn memory(&self) -> usize {
        self.leaves.capacity() * size_of::<Option<u32>>()
    }
}
