//! What the world stands for: a partition of the machine whose nodes know where they are, since an instant.

use bluegene::partition::boot::wires;
use bluegene::partition::{Node, Partition};
use protocol::limits::USER_NAME_MAX;
use protocol::personality::Place;
use protocol::text::Text;

/// Where and since when a world is; by default nowhere, and from 1970 on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Site {
    /// When virtual time began, in microseconds since 1970.
    pub since_us: u64,
    /// The machine's partition that it is: its compute nodes are the world's, pset by pset.
    pub partition: Option<Partition>,
    /// The user who may give an operator's commands as root may.
    pub operator: Text<USER_NAME_MAX>,
}

impl Site {
    /// Which of the partition's nodes a compute node is.
    pub fn node(&self, leaf: u32) -> Option<Node> {
        let partition = self.partition.filter(|partition| leaf < partition.compute_nodes())?;
        let size = partition.pset_size();
        Some(Node::Compute(partition.pset_node(leaf / size, leaf % size)))
    }

    /// What a compute node is told of where it is.
    pub(crate) fn place(&self, leaf: u32) -> Option<Place> {
        let (partition, node) = (self.partition?, self.node(leaf)?);
        let Node::Compute(coord) = node else { return None };
        let (location, rank) = (partition.location(node), partition.address(node));
        let (psid, wires) = (partition.psid(coord) as u16, wires(&partition, node));
        Some(Place { location, coord: Some(coord.0), psid, rank, wires })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::levels::Levels;
    use crate::trace::Lines;
    use crate::world::World;
    use bluegene::partition::boot::personality;
    use cnode::Small;
    use protocol::personality::Mode;
    use std::collections::BTreeSet;

    #[test]
    fn the_beats_of_a_machine_are_spread_over_time() {
        let partition = Partition::new(1024, 16).expect("a size of the machine");
        let site = Site { since_us: 1 << 50, partition: Some(partition), ..Site::default() };
        let mut world = World::<Small>::at_site(site, 1, Levels::psets(1024, 16), Lines::Dropped);
        world.unchecked();
        world.run_until(3_000_000).expect("it runs");
        assert_eq!(world.up(), 1024);
        for step in 1..=25 {
            let before = world.counts.events;
            world.run_until(3_000_000 + step * 10_000).expect("it runs");
            let events = world.counts.events - before;
            assert!((40..200).contains(&events), "{events} of some 2,000 in a beat's 25th");
        }
    }

    #[test]
    fn a_node_is_told_what_its_personality_says() {
        let partition = Partition::new(4096, 32).expect("a size of the machine");
        let site = Site { partition: Some(partition), ..Site::default() };
        for leaf in [0, 1, 31, 32, 4095] {
            let node = site.node(leaf).expect("a compute node");
            let mode = Mode::of(1).expect("a mode");
            assert_eq!(site.place(leaf), Some(Place::from(&personality(&partition, node, ("b", mode)))));
        }
        assert_eq!((site.place(4096), Site::default().place(0)), (None, None));
        let ranks: BTreeSet<u32> = (0..4096).filter_map(|leaf| Some(site.place(leaf)?.rank)).collect();
        assert_eq!(ranks.len(), 4096, "each is another one");
        assert!((32..64).all(|leaf| site.place(leaf).is_some_and(|place| place.psid == 1)));
    }
}
