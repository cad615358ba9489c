//! The personality of each node: what the control system would write into its SRAM.
//!
//! Class routes are those of `net::tree`: of the 16 only 0, between compute nodes and their I/O node, and 15,
//! to everybody, are used here (S7, S9). Ports have IBM's words (S1); that A leads up and B and C down, and
//! which card is below which, is our wiring (own). The tree of compute nodes alone, which MPI has, ends at
//! the pset here: no wire leads from one pset to the next.

use super::packaging::half;
use super::torus::Axis;
use super::{Node, Partition};
use crate::net::tree::{self, End};
use crate::parameters::{
    BROADCAST, CACHES, CLOCK_MHZ, DDR_CAS, DDR_CHIPS, ETHERNET_FRAME, EXPORT_DIR, MEMORY_MIB, NETMASK,
    RAS_POLICY, SERVICE_NODE,
};
use protocol::personality::{
    BlockConfig, Ddr, Ethernet, Kernel, Location, Mode, NOWHERE, Network, NodeConfig, Personality, Port,
    Role, TEXT_MAX, Wires,
};
use std::net::Ipv4Addr;

/// The personality of a node; a block is booted with a name and a mode.
pub fn personality<'a>(
    partition: &Partition,
    node: Node,
    (block_name, mode): (&'a str, Mode),
) -> Personality<'a> {
    let location = partition.location(node);
    let [l1, l2, l3, l3_select] = CACHES;
    let kernel = Kernel {
        uci: location.uci(),
        mhz: CLOCK_MHZ,
        ras_policy: RAS_POLICY,
        processes: mode.process_config(),
        trace: 0,
        node: switches(partition, node),
        l1,
        l2,
        l3,
        l3_select,
        shared_mib: 0,
        clock_stop: [0; 2],
    };
    let ddr = Ddr { size_mib: MEMORY_MIB, chips: DDR_CHIPS, cas: DDR_CAS, ..Ddr::default() };
    let ddr = ddr.with_tree_ports(wires(partition, node).ports);
    let network = network(partition, node);
    let ethernet = ethernet(partition, node, block_name);
    Personality { crc: 0, kernel, ddr, network, ethernet, block: BlockConfig::default() }
}

/// The control system adds to IBM's defaults what depends on the kind of node (S1): compute nodes have no
/// Ethernet, I/O nodes no torus (S9).
fn switches(partition: &Partition, node: Node) -> NodeConfig {
    let ports = NodeConfig::TREE_A | NodeConfig::TREE_B | NodeConfig::TREE_C;
    let mut switches = NodeConfig::HARDWARE | ports;
    match node {
        Node::Compute(_) => switches |= NodeConfig::TORUS | NodeConfig::DMA,
        Node::Io(_) => switches |= NodeConfig::ETHERNET,
    }
    for axis in Axis::ALL {
        if !partition.torus.closes(axis) {
            switches |= NodeConfig::MESH[axis as usize];
        }
    }
    switches
}

/// A node's part of the collective network.
pub fn wires(partition: &Partition, node: Node) -> Wires {
    let Node::Io(psid) = partition.io_node(node) else { return Wires::default() };
    let end = match node {
        Node::Compute(coord) => End::Compute(partition.pset_place(coord) as u8),
        Node::Io(_) => End::Io,
    };
    let computes = partition.pset_size() as u8;
    let port = |(port, far): (usize, Option<(End, u8)>)| {
        let (far, back) = far?;
        let (next, is_io) = match far {
            End::Io => (Node::Io(psid), true),
            End::Compute(place) => (Node::Compute(partition.pset_node(psid, place.into())), false),
        };
        let role = match (is_io || end == End::Io, port) {
            (true, _) => Role::Apart,
            (false, 0) => Role::Parent,
            (false, _) => Role::Child,
        };
        Some(Port { is_io, role, port: back, address: partition.address(next) }.encode())
    };
    let ports = tree::ports_of(end, computes);
    let words = [0, 1, 2].map(|at| port((at, ports[at])).unwrap_or(0));
    Wires { routes: tree::routes_of(end, computes), ports: words }
}

fn network(partition: &Partition, node: Node) -> Network {
    let Node::Io(psid) = partition.io_node(node) else { return Network::default() };
    let (coord, pset_rank) = match node {
        Node::Compute(coord) => (coord.0, 1 + partition.pset_place(coord)),
        Node::Io(_) => ([NOWHERE; 3], 0),
    };
    Network {
        block_id: 1,
        nodes: partition.torus.shape.0,
        coord,
        psid: psid as u16,
        pset_size: partition.pset_size(),
        pset_rank,
        io_nodes: partition.psets(),
        rank: partition.address(node),
        io_rank: partition.address(Node::Io(psid)),
        tree_routes: wires(partition, node).routes,
    }
}

fn ethernet<'a>(partition: &Partition, node: Node, block_name: &'a str) -> Ethernet<'a> {
    let location = partition.location(node);
    let gateway = match node {
        Node::Compute(_) => ip(partition.location(partition.io_node(node))),
        Node::Io(_) => Ipv4Addr::UNSPECIFIED,
    };
    Ethernet {
        frame_max: ETHERNET_FRAME,
        mac: mac(location, partition.address(node)),
        ip: ip(location),
        netmask: NETMASK,
        broadcast: BROADCAST,
        gateway,
        nfs_server: SERVICE_NODE,
        service_node: SERVICE_NODE,
        export_dir: EXPORT_DIR,
        block_name,
        key: [0; TEXT_MAX],
    }
}

/// A node's address by its card: 10.(row 3, column 4, midplane 1).node card.card (S9). Three bits are too
/// few for Jugene's ninth row: there addresses come twice.
pub fn ip(location: Location) -> Ipv4Addr {
    let rack = location.row << 5 | location.column << 1 | location.midplane;
    Ipv4Addr::new(10, rack, location.node_card, location.card)
}

/// A node's address on the collective network's Ethernet: a locally administered one, of its half of a node
/// card and its rank (S9). That it stands in the personality too is ours (own).
fn mac(location: Location, rank: u32) -> [u8; 6] {
    let card = location.midplane << 5 | location.node_card << 1 | half(location);
    let [c, b, a, _] = rank.to_le_bytes();
    [2, location.row << 4 | location.column, card, a, b, c]
}
