use super::shell::Shell;
use super::*;
use std::format;
use std::string::ToString;
use std::vec::Vec;

/// Compute node 5 of a midplane in eight psets, as facts give its fields.
fn compute() -> Personality<'static> {
    let location = Location { row: 0, column: 0, midplane: 0, node_card: 4, card: 23 };
    Personality {
        crc: 0,
        kernel: Kernel {
            uci: location.uci(),
            mhz: 850,
            ras_policy: 0xA000_0000,
            processes: Mode::Smp.process_config(),
            trace: 0,
            node: NodeConfig::HARDWARE | NodeConfig::TORUS | NodeConfig::MESH_Y,
            l1: 0x0101,
            l2: 0x0202,
            l3: 0x0303,
            l3_select: 0x0404,
            shared_mib: 8,
            clock_stop: [1, 2],
        },
        ddr: Ddr { settings: core::array::from_fn(|i| i as u32), size_mib: 2048, chips: 1, cas: 4 },
        network: Network {
            block_id: 7,
            nodes: [8, 8, 8],
            coord: [5, 0, 0],
            psid: 1,
            pset_size: 64,
            pset_rank: 2,
            io_nodes: 8,
            rank: 5,
            io_rank: 513,
            tree_routes: core::array::from_fn(|i| i as u16),
        },
        ethernet: Ethernet {
            frame_max: 1536,
            mac: [2, 0, 9, 0, 0, 5],
            ip: Ipv4Addr::new(10, 0, 4, 23),
            netmask: Ipv4Addr::new(255, 0, 0, 0),
            broadcast: Ipv4Addr::new(10, 255, 255, 255),
            gateway: Ipv4Addr::UNSPECIFIED,
            nfs_server: Ipv4Addr::new(172, 16, 0, 1),
            service_node: Ipv4Addr::new(172, 16, 0, 2),
            export_dir: "/bgsys",
            block_name: "R00-M0",
            key: [9; TEXT_MAX],
        },
        block: BlockConfig::IP_OVER_COLLECTIVE,
    }
}

fn io() -> Personality<'static> {
    let mut io = compute();
    io.kernel.uci = Location { row: 0, column: 0, midplane: 0, node_card: 2, card: 0 }.uci();
    (io.network.coord, io.network.pset_rank, io.network.rank) = ([NOWHERE; 3], 0, 513);
    io
}

#[test]
fn fields_are_where_the_machine_has_them() {
    let bytes = compute().encode().unwrap();
    let u32_at = |at: usize| bytes[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    assert_eq!(bytes[..4], [0, 0, 0x0A, 104]);
    assert_eq!(u32_at(4), 13 << 27 | 4 << 14 | 23 << 8, "UCI");
    assert_eq!((u32_at(8), u32_at(16)), (850, 0x0F00_0000), "FreqMHz, ProcessConfig");
    assert_eq!(u32_at(24) & (1 << 24 | 1 << 23 | 1 << 22 | 1 << 21), 1 << 24 | 1 << 22, "Torus, MeshY");
    assert_eq!(bytes[140..144], [0x08, 0, 1, 4], "DDRSizeMB, Chips, CAS");
    assert_eq!(u32_at(144), 7, "BlockID");
    assert_eq!(bytes[148..154], [8, 8, 8, 5, 0, 0], "nodes and coordinates");
    assert_eq!(bytes[154..156], [0, 1], "PSetNum");
    let told = [156, 160, 164, 168, 172].map(u32_at);
    assert_eq!(told, [64, 2, 8, 5, 513], "PSetSize, RankInPSet, IOnodes, Rank, IOnodeRank");
    assert_eq!(bytes[176..180], [0, 0, 0, 1], "TreeRoutes");
    assert_eq!(bytes[208..216], [6, 0, 2, 0, 9, 0, 0, 5], "MTU, EmacID");
    assert_eq!(bytes[216..232], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 4, 23], "IPAddress");
    assert_eq!(&bytes[312..320], b"/bgsys\0\0", "NFSExportDir");
    assert_eq!(&bytes[344..352], b"R00-M0\0\0", "NFSMountDir");
    assert_eq!(bytes[376..408], [9; 32], "SecurityKey");
    assert_eq!(bytes[408..], [1, 0, 0, 0, 0, 0, 0, 0], "Block_Config");
    let ports = Personality::decode(&bytes).unwrap().ddr.tree_ports();
    assert_eq!(ports, [15, 16, 11].map(|at| u32_at(56 + 4 * at)));
}

#[test]
fn what_is_encoded_is_what_is_read() {
    for personality in [compute(), io()] {
        let bytes = personality.encode().unwrap();
        assert_eq!(Personality::decode(&bytes), Ok(personality));
    }
}

#[test]
fn what_no_node_could_have_says_why() {
    let flaw = |change: fn(&mut Personality<'static>)| {
        let mut personality = compute();
        change(&mut personality);
        personality.encode().unwrap_err().to_string()
    };
    assert_eq!(flaw(|p| p.kernel.uci = 0), "UCI 00000000: want that of a compute card or an I/O card");
    assert_eq!(
        flaw(|p| p.network.nodes[1] = 0),
        "a block of 8x0x8 nodes: want at least one in each dimension"
    );
    assert_eq!(flaw(|p| p.network.coord[2] = 8), "at 5,0,8: want a node of its block of 8x8x8");
    assert_eq!(
        flaw(|p| p.network.pset_rank = 0),
        "a compute node by its coordinates, an I/O node by its rank in the pset, a compute node by its card"
    );
    assert_eq!(flaw(|p| p.network.psid = 8), "pset 8: its block has 8, from 0");
    assert_eq!(
        flaw(|p| p.network.pset_rank = 65),
        "rank 65 in its pset: want 0 for the I/O node, or 1 to 64"
    );
    assert_eq!(
        flaw(|p| p.network.rank = 512),
        "rank 512: want less than 512, or for an I/O node its address"
    );
    assert_eq!(flaw(|p| p.network.io_rank = 1), "I/O node at address 1: want 513");
    assert_eq!(flaw(|p| p.ethernet.block_name = "$(rm)"), "its block's name is not text of at most 32 bytes");
    let bytes = compute().encode().unwrap();
    let told = |bytes: &[u8]| Personality::decode(bytes).unwrap_err().to_string();
    assert_eq!(told(&bytes[..100]), "100 bytes: want 416");
    assert_eq!(told(&[0; LEN]), "version 0x00: want 0x0a");
    let mut words = bytes;
    words[3] = 64;
    assert_eq!(told(&words), "says that it has 64 words: want 104");
}

#[test]
fn no_byte_however_flipped_makes_it_panic_and_none_makes_the_tests_disagree() {
    for personality in [compute(), io()] {
        let bytes = personality.encode().unwrap();
        for at in 0..LEN {
            for flip in 1..=255 {
                let mut flipped = bytes;
                flipped[at] ^= flip;
                let Ok(read) = Personality::decode(&flipped) else { continue };
                let tests = [read.is_io_by_coord(), read.is_io_by_rank(), read.is_io_by_card()];
                assert!(tests == [tests[0]; 3], "byte {at} by {flip:#x}: {tests:?}");
                assert!(read.encode().is_ok(), "byte {at} by {flip:#x}");
            }
        }
    }
    for len in 0..=2 * LEN {
        let zeros = std::vec![0xFF; len];
        assert!(Personality::decode(&zeros).is_err());
    }
}

#[test]
fn a_place_is_told_as_lines_of_info_and_an_io_node_has_no_coordinates() {
    let told = |personality: Personality<'_>| {
        let text = Place::from(&personality).to_string();
        let (place, wires) = text.split_once("routes=").unwrap();
        assert!(wires.ends_with("15:000f\nports=A:none B:none C:none\n"), "{wires}");
        place.to_string()
    };
    assert_eq!(told(compute()), "location=R00-M0-N04-J23\ncoord=5,0,0\npset=1\nrank=5\n");
    assert_eq!(told(io()), "location=R00-M0-N02-J00\ncoord=\npset=1\nrank=513\n");
}

#[test]
fn locations_are_read_and_written_as_text_and_as_a_uci() {
    let location = Location::parse("R00-M0-N04-J23").unwrap();
    assert_eq!(location, Location { row: 0, column: 0, midplane: 0, node_card: 4, card: 23 });
    assert_eq!(location.to_string(), "R00-M0-N04-J23");
    assert_eq!(location.to_string().len(), LOCATION_LEN);
    assert_eq!(Location::parse("Rxx-Mx-N04-J23").unwrap().to_string(), "Rxx-Mx-N04-J23");
    assert_eq!(Location::parse("R3A-M1-N15-J01").unwrap().uci() >> 27, 14, "J01 is an I/O card");
    for (row, column, midplane) in [(0, 0, 0), (8, 7, 1), (14, 15, 1)] {
        for node_card in 0..NODE_CARDS {
            for card in (0..IO_CARDS).chain(COMPUTE_CARD_FIRST..=COMPUTE_CARD_LAST) {
                let location = Location { row, column, midplane, node_card, card };
                assert_eq!(Location::from_uci(location.uci()), Some(location));
                assert_eq!(Location::parse(&location.to_string()), Ok(location));
            }
        }
    }
}

#[test]
fn a_text_that_is_no_location_says_what_would_be() {
    let told = |text: &str| Location::parse(text).unwrap_err().to_string();
    for text in ["", "R00", "R00-M0-N04-J2", "R00-M0-N04-J233", "r00-M0-N04-J23", "Rzz-M0-N04-J23"] {
        assert_eq!(told(text), "want a location like R00-M0-N04-J23", "{text}");
    }
    assert_eq!(told("R00-M2-N04-J23"), "midplane M2: want M0, the bottom, or M1, the top");
    assert_eq!(told("R00-M0-N16-J23"), "node card N16: want N00 to N15");
    let card = "want J00 or J01, I/O cards, or J04 to J35, compute cards";
    assert_eq!(told("R00-M0-N04-J02"), format!("card J02: {card}"));
    assert_eq!(told("R00-M0-N04-J36"), format!("card J36: {card}"));
}

#[test]
fn a_uci_of_anything_else_is_no_location() {
    let node_card = 12 << 27 | 4 << 14;
    let reserved = 13 << 27 | 2 << 8;
    let io_card_at_a_compute_cards_place = 14 << 27 | 23 << 8;
    for uci in [0, u32::MAX, node_card, reserved, io_card_at_a_compute_cards_place] {
        assert_eq!(Location::from_uci(uci), None, "{uci:08x}");
    }
}

#[test]
fn personality_sh_is_line_by_line_what_linux_prints() {
    let text = Shell(&compute()).to_string();
    let want = "BG_UCI=68011700
BG_LOCATION=R00-M0-N04-J23
BG_MAC=02:00:09:00:00:05
BG_IP=10.0.4.23
BG_NETMASK=255.0.0.0
BG_BROADCAST=10.255.255.255
BG_GATEWAY=0.0.0.0
BG_MTU=1536
BG_FS=172.16.0.1
BG_EXPORTDIR=\"/bgsys\"
BG_SIMULATION=0
BG_PSETNUM=1
BG_NUMPSETS=8
BG_NODESINPSET=64
BG_XSIZE=8
BG_YSIZE=8
BG_ZSIZE=8
BG_VERBOSE=0
BG_PSETSIZE=\"4 4 4\"
BG_PSETORG=\"5 0 0\"
BG_CLOCKHZ=850
BG_GLINTS=1
BG_ISTORUS=\"Y\"
BG_BLOCKID=\"R00-M0\"
BG_SN=172.16.0.2
BG_IS_IO_NODE=0
BG_RANK_IN_PSET=2
BG_RANK=5
BG_IP_OVER_COL=1
BG_IP_OVER_TOR=0
BG_IP_OVER_COL_VC=0
BG_CIO_MODE=FULL
BG_BGSYS_FS_TYPE=NFSv3
BG_HTC_MODE=0
";
    assert_eq!(text, want);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 34, "33 entries, of which one is two lines");
}
