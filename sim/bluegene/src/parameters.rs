//! Every number of the machine: its packaging, its networks, what software costs on it. One file, so that a
//! model can be read and argued with in one place.
//!
//! Each has its unit and its source. `(S#)` is a text that was read, by the numbers of
//! `docs/sim/validation.md`; `(D)` is arithmetic from such; `(mem)` is recalled without a text found: told in
//! results, never what a test stands on; `(own)` is our choice where sources are silent.

use protocol::limits::CHILDREN_MAX;
use protocol::personality::{COMPUTE_CARD_FIRST, COMPUTE_CARD_LAST, IO_CARDS, NODE_CARDS, NOWHERE};
use std::net::Ipv4Addr;

// Packaging.

/// Cores of a node: PowerPC 450 (S9, S11).
pub const CORES: u32 = 4;
/// Clock of a core, MHz (S9, S11).
pub const CLOCK_MHZ: u32 = 850;
/// Memory of a node, MiB; some sites had 4,096 (S1, S14).
pub const MEMORY_MIB: u16 = 2048;
/// Compute cards of a node card (S9, S15).
pub const NODE_CARD_NODES: u32 = 32;
/// Node cards of a midplane (S9, S15).
pub const MIDPLANE_NODE_CARDS: u32 = 16;
/// Nodes of a midplane: the unit of torus wiring (S15).
pub const MIDPLANE_NODES: u32 = 512;
/// Nodes of a midplane in each dimension (S5).
pub const MIDPLANE_EDGE: u32 = 8;
/// Midplanes of a rack (S11).
pub const RACK_MIDPLANES: u32 = 2;
/// Nodes of a rack (S11, S14).
pub const RACK_NODES: u32 = 1024;
/// I/O nodes of a node card, at most (S15).
pub const NODE_CARD_IO_NODES: u32 = 2;
/// I/O nodes of a rack, at most (S11).
pub const RACK_IO_NODES: u32 = 64;
/// Shapes of blocks up to a midplane, and of psets: told twice and identically (S5, S18).
pub const SHAPES: [(u32, [u8; 3]); 6] =
    [(16, [4, 2, 2]), (32, [4, 4, 2]), (64, [4, 4, 4]), (128, [4, 4, 8]), (256, [8, 4, 8]), (512, [8, 8, 8])];
/// Nodes of a node card in each dimension: the shape of 32 (D).
pub const NODE_CARD_SHAPE: [u8; 3] = SHAPES[1].1;
/// The smallest partition (S15).
pub const NODES_MIN: u32 = 16;
/// The largest machine that was built, Jugene (S16).
pub const NODES_MAX: u32 = 73_728;
/// Midplanes of that in X, Y and Z; a row of racks for each X. The product is (S16), the shape (mem).
pub const MIDPLANES_MAX: [u32; 3] = [9, 4, 4];
/// Compute nodes of a pset: 16 is the most I/O that the hardware has room for (S11, S14, S15).
pub const PSET_SIZES: [u32; 4] = [16, 32, 64, 128];
/// The usual pset: an I/O node for every 64 (S13, S14).
pub const PSET_SIZE: u32 = 64;
/// Children of one aggregator: a larger pset has several on its I/O node (own).
pub const AGGREGATOR_CHILDREN: u32 = CHILDREN_MAX as u32;

// The torus.

/// Torus links of a node (S17).
pub const TORUS_LINKS: u32 = 6;
/// Rate of a link each way, bytes a second: 3.4 Gb/s, 4 bits a cycle (S17).
pub const TORUS_LINK_BYTES_S: u64 = 425_000_000;
/// Rate of payload of a link each way, bytes a second (S21).
pub const TORUS_PAYLOAD_BYTES_S: u64 = 374_000_000;
/// A packet is a number of chunks of so many bytes (S4, S8).
pub const TORUS_CHUNK: u32 = 32;
/// Chunks of a packet, at most (S4, S8).
pub const TORUS_CHUNKS_MAX: u32 = 8;
/// Header of a packet, half of it the hardware's, bytes (S4).
pub const TORUS_HEADER: u32 = 16;
/// Payload of a full packet, bytes (S4, S8).
pub const TORUS_PAYLOAD: u32 = 240;
/// What a full packet takes on the wire, tenths of bytes: the payload at 425/374 (D).
pub const TORUS_WIRE_TENTHS: u32 = 2727;
/// Virtual channels: two adaptive, one deterministic with bubbles, one for priority (S4).
pub const TORUS_CHANNELS: u32 = 4;
/// Chunks that the FIFO of a channel holds at the end of a link (mem, of Blue Gene/L).
pub const TORUS_FIFO: u32 = 32;
/// Time of a hop beside that on the wire, ns (mem).
pub const TORUS_HOP_NS: u64 = 64;
/// Groups of the DMA (S4, S8).
pub const DMA_GROUPS: u32 = 4;
/// Injection FIFOs of a group (S4, S8).
pub const DMA_INJECTION_FIFOS: u32 = 32;
/// Reception FIFOs of a group, without that for headers (S4, S8).
pub const DMA_RECEPTION_FIFOS: u32 = 8;
/// Counters of a group for injection, and as many for reception (S4, S8).
pub const DMA_COUNTERS: u32 = 64;

// The collective network.

/// Ports of a node (S1).
pub const TREE_PORTS: u32 = 3;
/// Rate of a link each way, bytes a second: 6.8 Gb/s, 8 bits a cycle (S11, S17).
pub const TREE_LINK_BYTES_S: u64 = 850_000_000;
/// Header of a packet, bytes (S3, S11).
pub const TREE_HEADER: u32 = 4;
/// Payload of a packet, always, bytes (S3, S11).
pub const TREE_PAYLOAD: u32 = 256;
/// What a packet takes on the wire, bytes: 256 at 6.8/6.54 (D).
pub const TREE_WIRE: u32 = 266;
/// Time of a packet on a link, tenths of ns: 256 bytes at 6.54 Gb/s (D).
pub const TREE_PACKET_TENTHS_NS: u64 = 3131;
/// Virtual channels (S9, S11).
pub const TREE_CHANNELS: u32 = 2;
/// Packets that a FIFO holds, one for each way and channel (S3, S9, S11).
pub const TREE_FIFO: u32 = 8;
/// Packets that a router holds of a link and channel beside those FIFOs (own).
pub const TREE_ROUTER_FIFO: u32 = 4;
/// Class routes (S9).
pub const TREE_CLASSES: u32 = 16;
/// The class between compute nodes and their I/O node (S7).
pub const TREE_CLASS_IO: u32 = 0;
/// The class that reaches the whole partition (S7, S9).
pub const TREE_CLASS_FLOOD: u32 = 15;
/// Bits of an address (S3, S8).
pub const TREE_ADDRESS_BITS: u32 = 24;
/// One way through the tree of 72 racks, ns (mem).
pub const TREE_TRAVERSAL_NS: u64 = 2000;
/// The head of a packet from one router to the next, ps: so that a packet comes through the tree of 72 racks,
/// 16 links deep, in that time (mem).
pub const TREE_HOP_PS: u64 =
    (TREE_TRAVERSAL_NS * 1000 - TREE_PACKET_TENTHS_NS * 100) / NODES_MAX.ilog2() as u64;

// Frames on either: what Linux puts into a packet.

/// Header of Linux's link layer on the collective network, bytes (S3, S7).
pub const LINK_HEADER: u32 = 16;
/// What is left of a packet for a frame, bytes (S3, S7).
pub const LINK_PAYLOAD: u32 = 240;
/// Fragments of a frame, at most (S7).
pub const LINK_FRAGMENTS_MAX: u32 = 254;
/// What a fragment is of: Linux has 1 for Ethernet, 2 for what the I/O node sends on, 16 for a console and 32
/// for control (S3, S7); this is our bursts' (own).
pub const LINK_PROTOCOL_BURST: u16 = 0x39;
/// Header of the same on the torus, bytes (S26).
pub const LINK_TORUS_HEADER: u32 = 12;

// The barrier network.

/// Channels (S9).
pub const BARRIER_CHANNELS: u32 = 4;
/// One way to 72 racks, ns (mem).
pub const BARRIER_NS: u64 = 650;

// Ethernet, at I/O nodes.

/// Rate on the wire, bytes a second: 10 Gb/s (S9).
pub const ETHERNET_BYTES_S: u64 = 1_250_000_000;
/// Largest frame that the hardware takes, bytes (S9).
pub const ETHERNET_FRAME_MAX: u32 = 9018;
/// Largest frame until somebody says otherwise, bytes (S1).
pub const ETHERNET_FRAME: u16 = 1536;
/// Bytes of a frame that are not the host's: addresses and type before, a checksum behind (D: of 9,018 bytes
/// 9,000 are a packet's).
pub const ETHERNET_HEADER: u32 = 18;
/// Preamble and the gap between frames, bytes: IEEE 802.3.
pub const ETHERNET_GAP: u32 = 20;
/// The switch between I/O nodes and hosts, ns (own).
pub const ETHERNET_SWITCH_NS: u64 = 1_000;
/// What an I/O node sends out at most, bits a second (S17).
pub const ETHERNET_OUT_BITS_S: u64 = 3_100_000_000;
/// What it sends out while it takes in as much as that, bits a second (S11).
pub const ETHERNET_OUT_BUSY_BITS_S: u64 = 1_200_000_000;

/// What core 0 of an I/O node, where its Ethernet is handled (S11), spends on a full frame to send, ns: so
/// that it sends as much as that (D: S17).
pub const ETHERNET_OUT_FRAME_NS: u64 = ETHERNET_FRAME_PAYLOAD_BITS * 1_000_000_000 / ETHERNET_OUT_BITS_S;
/// And to receive: what is left while that much comes in is for 1.15 Gb/s out, the middle of 1.1 and 1.2
/// (D: S11, S17).
pub const ETHERNET_IN_FRAME_NS: u64 =
    ETHERNET_OUT_FRAME_NS * (ETHERNET_OUT_BITS_S - 1_150_000_000) / ETHERNET_OUT_BITS_S;
const ETHERNET_FRAME_PAYLOAD_BITS: u64 = (ETHERNET_FRAME_MAX - ETHERNET_HEADER) as u64 * 8;

// What a node is told at boot.

/// What to report: verbosely, and fatal is fatal (S1).
pub const RAS_POLICY: u32 = 2 << 30 | 1 << 29;
/// L1, L2, L3 and L3 select as IBM has them by default (S1).
pub const CACHES: [u32; 4] = [0xF800_0000, 0xF780_0000, 0xC200_0020, 0x0AE8_0000];
/// Which memory chips (S1).
pub const DDR_CHIPS: u8 = 1;
/// Their latency, cycles (S1).
pub const DDR_CAS: u8 = 4;
/// Netmask of the network of all nodes, 10.0.0.0 (S9).
pub const NETMASK: Ipv4Addr = Ipv4Addr::new(255, 0, 0, 0);
/// Its broadcast address (S9).
pub const BROADCAST: Ipv4Addr = Ipv4Addr::new(10, 255, 255, 255);
/// The service node, which has the system software too (own).
pub const SERVICE_NODE: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 1);
/// What it exports (own).
pub const EXPORT_DIR: &str = "/bgsys";

// What software costs.

/// A packet of the collective network in Linux, ns of one core (D: three measurements of S3 and S7 agree).
pub const LINUX_PACKET_NS: u64 = 438;
/// A packet of it in FCNP, tenths of ns of one core: 3.1 Gb/s take 12 % of four, so it just keeps up with the
/// link (D: S11).
pub const FCNP_PACKET_TENTHS_NS: u64 = TREE_PACKET_TENTHS_NS;
/// A 9P message in a core on such a processor, ns: some 0.5 us on a core of today, which is eight times as
/// fast (own).
pub const MESSAGE_NS: u64 = 4_000;
/// A request and its answer between a compute node and its I/O node, in FCNP, ns (S11).
pub const ROUND_COLD_NS: u64 = 13_300;
/// The same where the I/O node waits for it, ns (S11).
pub const ROUND_HOT_NS: u64 = 2_100;
/// In a cold round the thread that polls hands a request over to the application's, for a read, ns: what a
/// cold round takes more than a hot one, which is all software and wire (D: S11).
pub const HAND_OVER_READ_NS: u64 = ROUND_COLD_NS - ROUND_HOT_NS;
/// For a write that takes 0.6 us more: 13.9 us in all (D: S11).
pub const HAND_OVER_WRITE_NS: u64 = HAND_OVER_READ_NS + 600;
/// How long an I/O node polls before it waits for an interrupt, ns (S11).
pub const POLL_NS: u64 = 50_000;
/// What an interrupt adds, ns: as it is, with the poller on core 0, with the application there (S11).
pub const INTERRUPT_NS: [u64; 3] = [8_000, 5_000, 26_000];

// CIOD, which does a compute node's calls on the I/O node. Fitted to its two curves; the causes are ours.

/// A call beside its packets and copies, ns: the system calls of CIOD and the application, and a wake-up of
/// each (D: S12, from 4 KiB and 64 KiB over a Unix socket).
pub const CIOD_CALL_NS: u64 = 53_900;
/// Bytes of one call, at most: from there on the curve is flat (D: S12).
pub const CIOD_CALL_BYTES: u32 = 128 << 10;
/// A copy in the memory of an I/O node, ps a byte: a Unix socket has two beside the tree (D: S12).
pub const COPY_PS: u64 = 965;
/// One pass through TCP with its copy and checksum, ps a byte, at either end of a socket (D: S12, large
/// messages).
pub const TCP_PS: u64 = 3_900;
/// Bytes of a segment on the loopback interface: the next is made while one is received (mem: Linux 2.6 has
/// 16,436 there; D: S12, the curve bends at 16 KiB).
pub const LOOPBACK_SEGMENT: u32 = 16 << 10;

const _: () = {
    assert!(NODE_CARD_NODES * MIDPLANE_NODE_CARDS == MIDPLANE_NODES);
    assert!(MIDPLANE_EDGE.pow(3) == MIDPLANE_NODES && RACK_MIDPLANES * MIDPLANE_NODES == RACK_NODES);
    assert!(NODE_CARD_NODES == (COMPUTE_CARD_LAST - COMPUTE_CARD_FIRST + 1) as u32);
    assert!(MIDPLANE_NODE_CARDS == NODE_CARDS as u32 && NODE_CARD_IO_NODES == IO_CARDS as u32);
    assert!(RACK_IO_NODES == NODE_CARD_IO_NODES * MIDPLANE_NODE_CARDS * RACK_MIDPLANES);
    assert!(NODES_MIN == PSET_SIZES[0] && RACK_NODES / NODES_MIN == RACK_IO_NODES, "1:16 is the hardware's");
    let [x, y, z] = MIDPLANES_MAX;
    assert!(x * y * z * MIDPLANE_NODES == NODES_MAX);
    assert!(x * MIDPLANE_EDGE <= NOWHERE as u32, "coordinates are 8 bits, and 0xFF is an I/O node's");
    assert!((y * z).is_multiple_of(RACK_MIDPLANES) && z.is_multiple_of(RACK_MIDPLANES), "racks are whole");
    assert!(x < 16 && y * z / RACK_MIDPLANES <= 16, "rows and columns are hexadecimal digits; row F is none");
    assert!(NODES_MAX + NODES_MAX / NODES_MIN < 1 << TREE_ADDRESS_BITS, "every node has an address");
    assert!(PSET_SIZE <= AGGREGATOR_CHILDREN && PSET_SIZES[3] == 2 * AGGREGATOR_CHILDREN);
};

const _: () = {
    let mut at = 0;
    while at < SHAPES.len() {
        let (nodes, [x, y, z]) = SHAPES[at];
        assert!(x as u32 * y as u32 * z as u32 == nodes);
        assert!(at == 0 || nodes == 2 * SHAPES[at - 1].0, "small blocks double");
        assert!(at >= PSET_SIZES.len() || PSET_SIZES[at] == nodes, "every pset has a shape");
        at += 1;
    }
    assert!(SHAPES[0].0 == NODES_MIN && SHAPES[5].0 == MIDPLANE_NODES && SHAPES[1].0 == NODE_CARD_NODES);
};

const _: () = {
    // 4 bits a cycle on the torus, 8 on the collective network.
    assert!(TORUS_LINK_BYTES_S == CLOCK_MHZ as u64 * 1_000_000 / 2);
    assert!(TREE_LINK_BYTES_S == CLOCK_MHZ as u64 * 1_000_000);
    assert!(TORUS_CHUNK * TORUS_CHUNKS_MAX == TORUS_HEADER + TORUS_PAYLOAD);
    let wire = TORUS_PAYLOAD as u64 * 10 * TORUS_LINK_BYTES_S / TORUS_PAYLOAD_BYTES_S;
    assert!(wire == TORUS_WIRE_TENTHS as u64);
    assert!(
        TORUS_FIFO.is_multiple_of(TORUS_CHUNKS_MAX) && TORUS_FIFO >= 2 * TORUS_CHUNKS_MAX,
        "a bubble fits"
    );
    assert!(TREE_WIRE > TREE_HEADER + TREE_PAYLOAD);
    // 266 bytes at the rate of the link are 312.9 ns, 256 at that of the payload 313.1 ns.
    let wire = TREE_WIRE as u64 * 10_000_000_000 / TREE_LINK_BYTES_S;
    assert!(wire.abs_diff(TREE_PACKET_TENTHS_NS) <= 5);
    assert!(LINK_HEADER + LINK_PAYLOAD == TREE_PAYLOAD && LINK_TORUS_HEADER < TORUS_PAYLOAD);
    assert!(LINUX_PACKET_NS * 10 > TREE_PACKET_TENTHS_NS, "in Linux the core is slower than the link");
    assert!(ROUND_HOT_NS < ROUND_COLD_NS && ROUND_COLD_NS < POLL_NS);
    assert!(TREE_CLASS_IO < TREE_CLASSES && TREE_CLASS_FLOOD < TREE_CLASSES);
    assert!(ETHERNET_OUT_BUSY_BITS_S < ETHERNET_OUT_BITS_S && ETHERNET_OUT_BITS_S < 8 * ETHERNET_BYTES_S);
    assert!(ETHERNET_FRAME as u32 <= ETHERNET_FRAME_MAX);
    assert!(LINK_FRAGMENTS_MAX <= u8::MAX as u32, "they are counted in a byte, as is the last one's padding");
    assert!(CIOD_CALL_BYTES.is_multiple_of(LOOPBACK_SEGMENT));
};
