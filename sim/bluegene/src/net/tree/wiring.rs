//! How a pset is wired: who is above whom, which port leads where, and which ports a class of packets takes.
//!
//! The I/O node is node 0 and has one link, to the first compute node; compute node `k`, counted from 1, has
//! `2k` and `2k + 1` below it. So nobody has more than one link up and two down. How cards were wired no
//! source says (own); that four cores share one link at the I/O node (S11) is why it has one.

use crate::parameters::{TREE_CLASS_FLOOD, TREE_CLASS_IO, TREE_CLASSES};

/// The link to the node above.
pub(super) const UP: u8 = 0;
/// The node's own software: its send FIFO as a source, its receive FIFO as a target.
pub(super) const LOCAL: u8 = 3;
/// Ports of a node, its own software among them.
pub(super) const PORTS: usize = 4;
/// Every target, as a packet's address.
pub(super) const ALL: u8 = u8::MAX;

/// One end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The I/O node.
    Io,
    /// A compute node, counted from 0 as an aggregator counts its children; its personality's rank in the
    /// pset is one more.
    Compute(u8),
}

impl End {
    pub(super) fn node(self) -> u8 {
        match self {
            Self::Io => 0,
            Self::Compute(rank) => rank + 1,
        }
    }

    pub(super) fn of(node: u8) -> Self {
        node.checked_sub(1).map_or(Self::Io, Self::Compute)
    }

    /// Links between it and the I/O node.
    pub fn depth(self) -> u32 {
        depth(self.node())
    }
}

/// Links between a node and the I/O node.
pub(super) fn depth(node: u8) -> u32 {
    node.checked_ilog2().map_or(0, |level| level + 1)
}

/// The node at the far end of a port and the port there; `computes` are below the I/O node.
pub(super) fn far(node: u8, port: u8, computes: u8) -> Option<(u8, u8)> {
    if port == UP {
        return (node > 0).then_some((node / 2, 1 + node % 2));
    }
    let below = 2 * u32::from(node) + u32::from(port) - 1;
    (below > u32::from(node) && below <= u32::from(computes)).then_some((below as u8, UP))
}

/// `node` is `above` or below it.
pub(super) fn is_within(node: u8, above: u8) -> bool {
    let (low, high) = (depth(node), depth(above));
    above == 0 || (low >= high && node >> (low - high) == above)
}

/// The port that leads from a node towards another.
pub(super) fn towards(node: u8, to: u8) -> u8 {
    if node == to {
        return LOCAL;
    }
    if !is_within(to, node) {
        return UP;
    }
    // The one of its children that is `to` or above it.
    1 + (to >> (depth(to) - depth(node) - 1)) % 2
}

/// Bits of a route: a source or target port, or the node's own software (S9).
const SOURCES: [u16; PORTS] = [0x1000, 0x2000, 0x4000, 0x0002];
const TARGETS: [u16; PORTS] = [0x0100, 0x0200, 0x0400, 0x0001];
/// All bits that a route may have (S9).
pub const ROUTE_VALID: u16 = 0x7703;

const _: () = {
    let (mut bits, mut port) = (0, 0);
    while port < PORTS {
        bits |= SOURCES[port] | TARGETS[port];
        port += 1;
    }
    assert!(bits == ROUTE_VALID);
};

/// The routes of an end of a pset with so many compute nodes, by class.
pub fn routes_of(end: End, computes: u8) -> [u16; TREE_CLASSES as usize] {
    routes(end.node(), computes)
}

/// What is at the far ends of the ports A, B and C of an end, and at which of its own ports.
pub fn ports_of(end: End, computes: u8) -> [Option<(End, u8)>; 3] {
    let at = |port| far(end.node(), port, computes).map(|(node, back)| (End::of(node), back));
    [UP, 1, 2].map(at)
}

/// The routes of a node, by class: what its `TreeRoutes` are. The ports that are wired, for class 0 and 15;
/// nothing for the others, which nobody uses here.
pub(super) fn routes(node: u8, computes: u8) -> [u16; TREE_CLASSES as usize] {
    let mut route = SOURCES[LOCAL as usize] | TARGETS[LOCAL as usize];
    for port in UP..LOCAL {
        if far(node, port, computes).is_some() {
            route |= SOURCES[port as usize] | TARGETS[port as usize];
        }
    }
    let mut routes = [0; TREE_CLASSES as usize];
    routes[TREE_CLASS_IO as usize] = route;
    routes[TREE_CLASS_FLOOD as usize] = route;
    routes
}

/// The ports, a bit each, that a packet takes which came to a node by a port.
///
/// One with an address takes the way to it. One for all goes up as far as its class has targets, turns round
/// there, and goes down to all, its sender too: Linux drops its own by their key (S7). Class 0 does not turn
/// round at the I/O node (S7): that has it for itself.
pub(super) fn targets(node: u8, from: u8, class: u8, to: u8, route: u16) -> u8 {
    if route & SOURCES[from as usize] == 0 {
        return 0;
    }
    let open = |port: u8| route & TARGETS[port as usize] != 0;
    if to != ALL {
        let port = towards(node, to);
        return u8::from(open(port)) << port;
    }
    if from != UP && open(UP) {
        return 1 << UP;
    }
    let is_turning = from != UP && from != LOCAL;
    if is_turning && u32::from(class) == TREE_CLASS_IO {
        return u8::from(open(LOCAL)) << LOCAL;
    }
    // What the I/O node itself sends to all does not come back to it: nothing there waits for it.
    let own = u8::from(from == LOCAL) << LOCAL;
    let all = (1..=LOCAL).filter(|port| open(*port)).fold(0, |ports, port| ports | 1 << port);
    all & !own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_than_three_ports_and_every_compute_node_is_below_the_io_node() {
        for computes in [1, 16, 32, 64, 128] {
            for node in 0..=computes {
                let wired = (UP..LOCAL).filter(|port| far(node, *port, computes).is_some()).count();
                assert!(wired <= if node == 0 { 1 } else { 3 }, "{node} of {computes}");
                assert!(is_within(node, 0));
                for port in UP..LOCAL {
                    let Some((next, back)) = far(node, port, computes) else { continue };
                    assert_eq!(far(next, back, computes), Some((node, port)));
                    assert_eq!(depth(next).abs_diff(depth(node)), 1);
                    assert_eq!(port == UP, depth(next) < depth(node));
                }
            }
        }
        assert_eq!([1, 2, 3, 4, 64, 128].map(depth), [1, 2, 2, 3, 7, 8]);
    }

    #[test]
    fn the_way_towards_a_node_gets_there_by_as_many_links_as_told() {
        for from in 0..=128 {
            for to in 0..=128 {
                let (mut at, mut links) = (from, 0);
                while at != to {
                    at = far(at, towards(at, to), 128).unwrap().0;
                    links += 1;
                }
                assert_eq!(towards(at, to), LOCAL);
                assert!(from != 0 || links == depth(to));
            }
        }
    }

    #[test]
    fn routes_have_only_valid_bits_and_a_packet_of_a_class_without_one_goes_nowhere() {
        for node in 0..=64 {
            for (class, route) in routes(node, 64).into_iter().enumerate() {
                assert_eq!(route & !ROUTE_VALID, 0);
                let goes = targets(node, LOCAL, class as u8, ALL, route) != 0;
                assert_eq!(goes, [0, 15].contains(&class), "class {class} at {node}");
            }
        }
        let route = routes(3, 64)[0];
        assert_eq!(targets(3, UP, 0, ALL, route), 0b1110, "down to both and to itself");
        assert_eq!(targets(3, LOCAL, 15, ALL, route), 0b0001, "up first");
        assert_eq!(targets(0, 2, 15, ALL, routes(0, 64)[15]), 0b1100, "and round at the top");
        assert_eq!(targets(0, 2, 0, ALL, routes(0, 64)[0]), 0b1000, "class 0 ends there");
    }
}
