//! The personality: what a node of a Blue Gene/P is told of itself before it boots, 416 bytes.
//!
//! The control system writes it through JTAG into the node's SRAM; every kernel of the machine reads it
//! there. Here it is values and back, and says whether a node could have it. Integers are big-endian.
//! Sources: (S1) bgp_personality.h (IBM, CPL), (S2) its inlines, (S5) Linux's bgp_pers.c, (S9) Kittyhawk's
//! U-Boot. Where they are silent it is said.
//!
//! ```text
//!    0 | CRC 2 | version 1 | words 1 |                                                  head (S1)
//!    4 | UCI 4 | MHz 4 | RAS 4 | processes 4 | trace 4 | node 4 |
//!      | L1 4 | L2 4 | L3 4 | L3 select 4 | shared MiB 4 | clock stop 4+4 |             kernel, 52 (S1)
//!   56 | settings of the memory controllers 21 x 4 |
//!      |   of them 11, 15 and 16 are ports C, A and B of the collective network (S2)
//!      | MiB 2 | chips 1 | CAS 1 |                                                      DDR, 88 (S1)
//!  144 | block 4 | nodes x 1 y 1 z 1 | coordinates x 1 y 1 z 1 | psid 2 |
//!      | pset size 4 | rank in pset 4 | I/O nodes 4 | rank 4 | I/O node's rank 4 |
//!      | class routes 16 x 2 |                                                          network, 64 (S1)
//!  208 | MTU 2 | MAC 6 | address, netmask, broadcast, gateway, NFS server,
//!      | service node 6 x 16, IPv4 in the last 4 |
//!      | exported directory 32 | block's name 32 (called NFSMountDir (S2)) | key 32 |   Ethernet, 200 (S1)
//!  408 | block configuration 1 | zero 7 |                                               (S1, S5)
//! ```
//!
//! No source says how the CRC is made, and IBM's own initializers leave it 0: it is carried, not checked.

mod bytes;
mod config;
mod flaw;
mod location;
pub mod shell;
mod wires;

pub use bytes::{LEN, VERSION, WORDS};
pub use config::{BlockConfig, Mode, NodeConfig};
pub use flaw::Flaw;
pub use location::{
    COMPUTE_CARD_FIRST, COMPUTE_CARD_LAST, IO_CARDS, LOCATION_LEN, Location, LocationError, NODE_CARDS,
    ROW_GENERIC,
};
pub use wires::{Port, Role, Wires};

use bytes::{Fields, Image};
use core::fmt::{self, Display};
use core::net::Ipv4Addr;

/// Coordinates of an I/O node, which is on no torus (S2).
pub const NOWHERE: u8 = 0xFF;
/// Room of a name or a key (S1).
pub const TEXT_MAX: usize = 32;

/// Where the parts begin (S1).
const KERNEL_AT: usize = 4;
const DDR_AT: usize = 56;
const NETWORK_AT: usize = 144;
const ETHERNET_AT: usize = 208;
const BLOCK_AT: usize = 408;

const _: () = {
    assert!(LEN.is_multiple_of(16), "JTAG writes 16 bytes at a time");
    assert!(KERNEL_AT + 13 * 4 == DDR_AT && DDR_AT + 21 * 4 + 4 == NETWORK_AT);
    assert!(NETWORK_AT + 4 + 6 + 2 + 5 * 4 + 16 * 2 == ETHERNET_AT);
    assert!(ETHERNET_AT + 2 + 6 + 6 * 16 + 3 * TEXT_MAX == BLOCK_AT && BLOCK_AT + 8 == LEN);
};

/// A whole personality. Names and keys are borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Personality<'a> {
    /// A sum of what follows, made nobody says how; 0 is none.
    pub crc: u16,
    /// What the kernel is to do.
    pub kernel: Kernel,
    /// The memory.
    pub ddr: Ddr,
    /// Where the node is in its block, and in its pset.
    pub network: Network,
    /// What I/O nodes mount, and from where.
    pub ethernet: Ethernet<'a>,
    /// What holds for the whole block.
    pub block: BlockConfig,
}

/// What the kernel is to do; configurations without a meaning here are carried as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Those without a line of their own are named as in the layout above.
pub struct Kernel {
    /// Where the node is: see [`Location`].
    pub uci: u32,
    /// Its clock.
    pub mhz: u32,
    pub ras_policy: u32,
    /// How cores are divided: see [`Mode`].
    pub processes: u32,
    pub trace: u32,
    /// What is switched on.
    pub node: NodeConfig,
    pub l1: u32,
    pub l2: u32,
    pub l3: u32,
    pub l3_select: u32,
    pub shared_mib: u32,
    pub clock_stop: [u32; 2],
}

/// The memory, and in three of its words the ports of the collective network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ddr {
    /// The controllers' settings, as they are.
    pub settings: [u32; 21],
    /// Size in MiB.
    pub size_mib: u16,
    /// Which chips.
    pub chips: u8,
    /// Their latency.
    pub cas: u8,
}

/// Which settings are ports A, B and C (S2).
const TREE_PORTS: [usize; 3] = [15, 16, 11];

impl Ddr {
    /// What is at the far ends of ports A, B and C of the collective network (S2).
    pub fn tree_ports(&self) -> [u32; 3] {
        TREE_PORTS.map(|at| self.settings[at])
    }

    /// The same ports with those words: see [`Port`].
    #[must_use]
    pub fn with_tree_ports(mut self, ports: [u32; 3]) -> Self {
        TREE_PORTS.into_iter().zip(ports).for_each(|(at, port)| self.settings[at] = port);
        self
    }
}

/// Where the node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The block's number.
    pub block_id: u32,
    /// Compute nodes of the block in X, Y and Z.
    pub nodes: [u8; 3],
    /// Its coordinates; [`NOWHERE`] at an I/O node.
    pub coord: [u8; 3],
    /// Its pset.
    pub psid: u16,
    /// Compute nodes of a pset.
    pub pset_size: u32,
    /// 0 at the I/O node, 1 and up at compute nodes.
    pub pset_rank: u32,
    /// I/O nodes of the block, and so psets.
    pub io_nodes: u32,
    /// Its rank in the block, which is its address on the collective network.
    pub rank: u32,
    /// The rank of its I/O node.
    pub io_rank: u32,
    /// Ports of the collective network for each class.
    pub tree_routes: [u16; 16],
}

/// What I/O nodes mount, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet<'a> {
    /// Largest frame (MTU).
    pub frame_max: u16,
    /// Its address on the Ethernet.
    pub mac: [u8; 6],
    /// Its IP address.
    pub ip: Ipv4Addr,
    /// Its netmask.
    pub netmask: Ipv4Addr,
    /// The broadcast address.
    pub broadcast: Ipv4Addr,
    /// The first gateway, or none.
    pub gateway: Ipv4Addr,
    /// Who has the system software.
    pub nfs_server: Ipv4Addr,
    /// The service node.
    pub service_node: Ipv4Addr,
    /// The directory that is mounted from there.
    pub export_dir: &'a str,
    /// The block's name.
    pub block_name: &'a str,
    /// What proves that the service node is the service node.
    pub key: [u8; TEXT_MAX],
}

impl<'a> Personality<'a> {
    /// Reads a whole personality.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let bytes: &[u8; LEN] = bytes.try_into().map_err(|_| Flaw::Length(bytes.len()))?;
        let mut fields = Fields::new(bytes);
        let (crc, version, words) = (fields.u16(), fields.u8(), fields.u8());
        if version != VERSION {
            return Err(Flaw::Version(version));
        }
        if words != WORDS {
            return Err(Flaw::Words(words));
        }
        let found = Self {
            crc,
            kernel: Kernel::take(&mut fields),
            ddr: Ddr::take(&mut fields),
            network: Network::take(&mut fields),
            ethernet: Ethernet::take(&mut fields)?,
            block: BlockConfig::from_bits_retain(fields.u8()),
        };
        found.check()?;
        Ok(found)
    }

    /// Its bytes; what no node could have is not encoded.
    pub fn encode(&self) -> Result<[u8; LEN], Flaw> {
        self.check()?;
        let mut image = Image::new();
        image.u16(self.crc);
        image.bytes(&[VERSION, WORDS]);
        self.kernel.put(&mut image);
        self.ddr.put(&mut image);
        self.network.put(&mut image);
        self.ethernet.put(&mut image);
        debug_assert!(image.len() == BLOCK_AT, "every part has its place");
        image.u8(self.block.bits());
        Ok(image.finish())
    }

    /// Where the node is.
    pub fn location(&self) -> Location {
        // `check` has seen that there is one.
        Location::from_uci(self.kernel.uci).unwrap_or(Location {
            row: ROW_GENERIC,
            column: 0,
            midplane: 0,
            node_card: 0,
            card: if self.is_io_by_coord() { 0 } else { COMPUTE_CARD_FIRST },
        })
    }

    /// It is an I/O node, as IBM's inlines ask: it has no coordinates (S2).
    pub fn is_io_by_coord(&self) -> bool {
        self.network.coord[0] == NOWHERE
    }

    /// It is an I/O node, as Linux asks: it is the first of its pset (S5).
    pub fn is_io_by_rank(&self) -> bool {
        self.network.pset_rank == 0
    }

    /// It is an I/O node, as U-Boot asks: its card is (S9).
    pub fn is_io_by_card(&self) -> bool {
        Location::from_uci(self.kernel.uci).is_some_and(Location::is_io_card)
    }

    /// Compute nodes of its block.
    pub fn compute_nodes(&self) -> u32 {
        self.network.nodes.into_iter().map(u32::from).product()
    }

    /// A node could have it.
    fn check(&self) -> Result<(), Flaw> {
        let network = &self.network;
        if Location::from_uci(self.kernel.uci).is_none() {
            return Err(Flaw::Uci(self.kernel.uci));
        }
        if network.nodes.contains(&0) {
            return Err(Flaw::Nodes(network.nodes));
        }
        let tests = [self.is_io_by_coord(), self.is_io_by_rank(), self.is_io_by_card()];
        let [coord, rank, card] = tests;
        if coord != rank || rank != card {
            return Err(Flaw::Mixed { coord, rank, card });
        }
        let is_outside = network.coord.iter().zip(&network.nodes).any(|(at, nodes)| at >= nodes);
        if !coord && is_outside {
            return Err(Flaw::Coord { coord: network.coord, nodes: network.nodes });
        }
        if u32::from(network.psid) >= network.io_nodes {
            return Err(Flaw::Pset { psid: network.psid, io_nodes: network.io_nodes });
        }
        if network.pset_rank > network.pset_size {
            return Err(Flaw::PsetRank { rank: network.pset_rank, size: network.pset_size });
        }
        self.check_ranks(coord)?;
        is_text(self.ethernet.export_dir, "exported directory")?;
        is_text(self.ethernet.block_name, "block's name")
    }

    /// Addresses of I/O nodes are behind those of the compute nodes, by pset (S2).
    fn check_ranks(&self, is_io: bool) -> Result<(), Flaw> {
        let (network, nodes) = (&self.network, self.compute_nodes());
        let io_rank = nodes + u32::from(network.psid);
        if network.io_rank != io_rank {
            return Err(Flaw::IoRank { rank: network.io_rank, want: io_rank });
        }
        let (rank, want) = (network.rank, if is_io { io_rank } else { nodes });
        let is_right = if is_io { rank == want } else { rank < want };
        if is_right { Ok(()) } else { Err(Flaw::Rank { rank, want }) }
    }
}

/// It fits its field, and a shell can have it within quotes.
fn is_text(text: &str, what: &'static str) -> Result<(), Flaw> {
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) && !b"\"$`\\".contains(byte);
    let is_right = text.len() <= TEXT_MAX && text.as_bytes().iter().all(is_plain);
    if is_right { Ok(()) } else { Err(Flaw::Text(what)) }
}

impl Kernel {
    fn take(fields: &mut Fields<'_>) -> Self {
        Self {
            uci: fields.u32(),
            mhz: fields.u32(),
            ras_policy: fields.u32(),
            processes: fields.u32(),
            trace: fields.u32(),
            node: NodeConfig::from_bits_retain(fields.u32()),
            l1: fields.u32(),
            l2: fields.u32(),
            l3: fields.u32(),
            l3_select: fields.u32(),
            shared_mib: fields.u32(),
            clock_stop: [fields.u32(), fields.u32()],
        }
    }

    fn put(&self, image: &mut Image) {
        let config = [self.uci, self.mhz, self.ras_policy, self.processes, self.trace, self.node.bits()];
        let caches = [self.l1, self.l2, self.l3, self.l3_select, self.shared_mib];
        let words = config.into_iter().chain(caches).chain(self.clock_stop);
        words.for_each(|word| image.u32(word));
    }
}

impl Ddr {
    fn take(fields: &mut Fields<'_>) -> Self {
        let settings = core::array::from_fn(|_| fields.u32());
        Self { settings, size_mib: fields.u16(), chips: fields.u8(), cas: fields.u8() }
    }

    fn put(&self, image: &mut Image) {
        self.settings.into_iter().for_each(|word| image.u32(word));
        image.u16(self.size_mib);
        image.bytes(&[self.chips, self.cas]);
    }
}

impl Network {
    fn take(fields: &mut Fields<'_>) -> Self {
        Self {
            block_id: fields.u32(),
            nodes: fields.array(),
            coord: fields.array(),
            psid: fields.u16(),
            pset_size: fields.u32(),
            pset_rank: fields.u32(),
            io_nodes: fields.u32(),
            rank: fields.u32(),
            io_rank: fields.u32(),
            tree_routes: core::array::from_fn(|_| fields.u16()),
        }
    }

    fn put(&self, image: &mut Image) {
        image.u32(self.block_id);
        image.bytes(&self.nodes);
        image.bytes(&self.coord);
        image.u16(self.psid);
        let words = [self.pset_size, self.pset_rank, self.io_nodes, self.rank, self.io_rank];
        words.into_iter().for_each(|word| image.u32(word));
        self.tree_routes.into_iter().for_each(|route| image.u16(route));
    }
}

impl<'a> Ethernet<'a> {
    fn take(fields: &mut Fields<'a>) -> Result<Self, Flaw> {
        Ok(Self {
            frame_max: fields.u16(),
            mac: fields.array(),
            ip: ipv4(fields),
            netmask: ipv4(fields),
            broadcast: ipv4(fields),
            gateway: ipv4(fields),
            nfs_server: ipv4(fields),
            service_node: ipv4(fields),
            export_dir: text(fields, "exported directory")?,
            block_name: text(fields, "block's name")?,
            key: fields.array(),
        })
    }

    fn put(&self, image: &mut Image) {
        image.u16(self.frame_max);
        image.bytes(&self.mac);
        let own = [self.ip, self.netmask, self.broadcast, self.gateway];
        for ip in own.into_iter().chain([self.nfs_server, self.service_node]) {
            image.padded(&[], 12);
            image.bytes(&ip.octets());
        }
        image.padded(self.export_dir.as_bytes(), TEXT_MAX);
        image.padded(self.block_name.as_bytes(), TEXT_MAX);
        image.bytes(&self.key);
    }
}

/// An address of 16 bytes, of which the machine uses the last four.
fn ipv4(fields: &mut Fields<'_>) -> Ipv4Addr {
    fields.bytes(12);
    Ipv4Addr::from_octets(fields.array())
}

/// Text up to a NUL, or to the end of its room.
fn text<'a>(fields: &mut Fields<'a>, what: &'static str) -> Result<&'a str, Flaw> {
    let room = fields.bytes(TEXT_MAX);
    let len = room.iter().position(|byte| *byte == 0).unwrap_or(room.len());
    core::str::from_utf8(&room[..len]).map_err(|_| Flaw::Text(what))
}

/// The place of a node in its machine, as `info` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its card.
    pub location: Location,
    /// Where it is on the torus; an I/O node is nowhere.
    pub coord: Option<[u8; 3]>,
    /// Its pset.
    pub psid: u16,
    /// Its rank in the block.
    pub rank: u32,
    /// Its part of the collective network.
    pub wires: Wires,
}

/// Lines of `info`.
impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "location={}", self.location)?;
        match self.coord {
            Some([x, y, z]) => writeln!(f, "coord={x},{y},{z}")?,
            None => f.write_str("coord=\n")?,
        }
        writeln!(f, "pset={}\nrank={}", self.psid, self.rank)?;
        write!(f, "{}", self.wires)
    }
}

impl From<&Personality<'_>> for Place {
    fn from(personality: &Personality<'_>) -> Self {
        let network = &personality.network;
        let coord = (!personality.is_io_by_coord()).then_some(network.coord);
        let wires = Wires { routes: network.tree_routes, ports: personality.ddr.tree_ports() };
        Self { location: personality.location(), coord, psid: network.psid, rank: network.rank, wires }
    }
}

#[cfg(test)]
#[path = "personality_tests.rs"]
mod tests;
