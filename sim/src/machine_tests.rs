use super::boot::personality;
use super::mapping::Mapping;
use super::torus::Direction;
use super::*;
use crate::net::tree::{End, Timing, Tree};
use crate::parameters::{NODES_MAX, RACK_IO_NODES, RACK_NODES};
use protocol::personality::shell::Shell;
use protocol::personality::{LEN, Mode, NodeConfig, Personality, Port, Role};
use std::collections::BTreeSet;

/// Partitions of every size with each of their psets.
fn partitions() -> Vec<Partition> {
    let sized = |nodes| PSET_SIZES.into_iter().filter_map(move |pset| Partition::new(nodes, pset).ok());
    sizes::all().flat_map(sized).collect()
}

/// The addresses to look at: all up to 4,096 nodes, above that some of every part, the ends among them.
fn sampled(partition: &Partition) -> impl Iterator<Item = u32> + use<> {
    let (computes, nodes) = (partition.compute_nodes(), partition.nodes());
    let step = if computes <= 4096 { 1 } else { 97 };
    (0..nodes).step_by(step).chain([computes - 1, computes, nodes - 1])
}

/// Counted by walking, not by the arithmetic that is under test.
fn tiles(shape: Shape, tile: Shape) -> impl Iterator<Item = (Coord, u32, u32)> {
    let steps = move |axis: usize| (0..shape.0[axis]).step_by(usize::from(tile.0[axis]));
    let origins = steps(2).flat_map(move |z| steps(1).flat_map(move |y| steps(0).map(move |x| [x, y, z])));
    origins.zip(0..).flat_map(move |([x, y, z], psid)| {
        let [dx, dy, dz] = tile.0;
        let nodes = (0..dz).flat_map(move |c| (0..dy).flat_map(move |b| (0..dx).map(move |a| [a, b, c])));
        nodes.zip(0..).map(move |([a, b, c], place)| (Coord([x + a, y + b, z + c]), psid, place))
    })
}

#[test]
fn shapes_are_those_of_the_sources() {
    let told = [
        (16, [4, 2, 2]),
        (32, [4, 4, 2]),
        (64, [4, 4, 4]),
        (128, [4, 4, 8]),
        (256, [8, 4, 8]),
        (512, [8, 8, 8]),
        (1024, [8, 8, 16]),
    ];
    for (nodes, shape) in told {
        assert_eq!(sizes::shape(nodes), Ok(Shape(shape)), "{nodes}");
    }
}

#[test]
fn shapes_above_a_rack_are_what_our_rule_for_boxes_says() {
    let told = [
        (1536, [8, 8, 24]),
        (2048, [8, 8, 32]),
        (4096, [8, 16, 32]),
        (8192, [8, 32, 32]),
        (9216, [16, 24, 24]),
        (40_960, [40, 32, 32]),
        (73_728, [72, 32, 32]),
    ];
    for (nodes, shape) in told {
        assert_eq!(sizes::shape(nodes), Ok(Shape(shape)), "{nodes}");
    }
    for shape in [[8, 16, 16], [16, 16, 16], [16, 16, 32]] {
        assert_eq!(sizes::checked(Shape(shape)), Ok(Shape(shape)), "the other way to wire the same");
    }
    let largest = Partition::new(NODES_MAX, 64).unwrap();
    assert_eq!(largest.ends().1.to_string(), "R87-M1-N15-J35", "nine rows of eight racks");
}

#[test]
fn every_size_that_shaheen_intrepid_and_jugene_ran_is_there() {
    let shaheen = [64, 128, 256, 512, 1024, 1536, 2048, 3072, 4096, 4608, 6144, 8192, 9216, 12_288, 16_384];
    let slurm = [16, 32, 64, 128, 256];
    for nodes in shaheen.into_iter().chain(slurm).chain([40_960, 73_728]) {
        assert_eq!(sizes::shape(nodes).map(Shape::nodes), Ok(nodes));
    }
    assert_eq!(sizes::all().last(), Some(NODES_MAX));
    assert!(sizes::all().zip(sizes::all().skip(1)).all(|(below, above)| below < above), "from the smallest");
}

#[test]
fn intrepid_has_40_racks_and_640_io_nodes_and_jugene_72_racks() {
    let intrepid = Partition::new(40_960, 64).unwrap();
    assert_eq!((intrepid.racks(), intrepid.psets(), intrepid.midplanes()), (40, 640, 80));
    let jugene = Partition::new(73_728, 64).unwrap();
    assert_eq!((jugene.racks(), jugene.midplanes()), (72, 144));
    let lofar = Partition::new(2560, 16).unwrap();
    assert_eq!(lofar.psets(), 160, "two racks and a half at 1:16");
    let rack = Partition::new(RACK_NODES, 16).unwrap();
    assert_eq!((rack.racks(), rack.psets()), (1, RACK_IO_NODES));
    assert_eq!(Partition::new(512, 64).unwrap().psets(), 8);
}

#[test]
fn below_a_midplane_all_is_mesh_and_from_one_on_torus_but_where_it_is_said() {
    for partition in partitions() {
        assert_eq!(partition.torus.closes, [partition.compute_nodes() >= 512; 3]);
    }
    let mesh = Partition::new(512, 64).unwrap().mesh(Axis::Y);
    assert_eq!(mesh.torus.closes, [true, false, true]);
    let edge = Coord([7, 7, 0]);
    let far = |axis, is_plus| mesh.torus.neighbour(edge, Direction { axis, is_plus });
    assert_eq!(far(Axis::X, true), Some(Coord([0, 7, 0])));
    assert_eq!(far(Axis::Y, true), None);
    assert_eq!(far(Axis::Z, false), Some(Coord([7, 7, 7])));
    assert_eq!(mesh.torus.hops(Coord([0, 0, 0]), edge), 1 + 7);
}

#[test]
fn a_link_leads_there_and_back_and_is_one_hop() {
    for nodes in [16, 64, 256, 512, 1024, 1536] {
        let torus = Partition::new(nodes, 16).unwrap().torus;
        for coord in (0..nodes).map(|index| torus.shape.coord(index)) {
            for direction in Direction::all() {
                let Some(next) = torus.neighbour(coord, direction) else { continue };
                let back = Direction { is_plus: !direction.is_plus, ..direction };
                assert_eq!(torus.neighbour(next, back), Some(coord), "{coord} {direction}");
                assert_eq!(torus.hops(coord, next), 1, "{coord} {direction}");
            }
        }
    }
}

#[test]
fn every_node_has_a_location_and_an_address_of_its_own_by_which_it_is_found() {
    for partition in partitions() {
        let mut locations = BTreeSet::new();
        for address in sampled(&partition).collect::<BTreeSet<u32>>() {
            let node = partition.node(address).unwrap();
            assert_eq!(partition.address(node), address);
            let location = partition.location(node);
            assert_eq!(partition.at(location), Ok(node), "{location}");
            assert_eq!(partition.find(&location.to_string()), Ok(node));
            assert_eq!(partition.find(&address.to_string()), Ok(node));
            assert_eq!(location.is_io_card(), matches!(node, Node::Io(_)), "{location}");
            assert!(locations.insert(location), "{location} twice");
        }
        assert!(partition.node(partition.nodes()).is_err());
    }
}

#[test]
fn psets_are_tiles_in_the_order_of_nodes_and_each_has_its_io_card_on_its_first_node_card() {
    for partition in partitions().into_iter().filter(|partition| partition.compute_nodes() <= 8192) {
        let mut count = 0;
        for (coord, psid, place) in tiles(partition.torus.shape, partition.pset_shape()) {
            assert_eq!((partition.psid(coord), partition.pset_place(coord)), (psid, place), "{coord}");
            assert_eq!(partition.pset_node(psid, place), coord);
            let io = partition.location(Node::Io(psid));
            let first = partition.location(Node::Compute(partition.pset_node(psid, 0)));
            let card = |location: Location| Location { card: 0, ..location };
            assert_eq!(card(io), card(first), "pset {psid}");
            count += 1;
        }
        assert_eq!(count, partition.compute_nodes());
    }
}

#[test]
fn no_aggregator_has_more_than_64_children_and_a_pset_of_128_has_two() {
    for partition in partitions().into_iter().filter(|partition| partition.compute_nodes() <= 1024) {
        let aggregators = partition.pset_aggregators();
        assert_eq!(aggregators, if partition.pset_size() == 128 { 2 } else { 1 });
        let mut children = vec![0; (partition.psets() * aggregators) as usize];
        for node in partition.all() {
            let Node::Compute(coord) = node else { continue };
            children[(partition.psid(coord) * aggregators + partition.aggregator(coord)) as usize] += 1;
        }
        let even = partition.pset_size() / aggregators;
        assert!(even <= 64 && children.iter().all(|count| *count == even), "{children:?}");
    }
}

#[test]
fn a_block_takes_whole_node_cards_from_the_first_on() {
    for partition in partitions() {
        let (nodes, cards) = (partition.compute_nodes(), partition.node_cards());
        if nodes > 512 {
            continue;
        }
        let all = partition.all().map(|node| partition.location(node).node_card);
        assert_eq!(all.max().map(u32::from), Some(cards - 1), "{nodes}");
    }
    let sixteen = Partition::new(16, 16).unwrap();
    assert_eq!(sixteen.ends().1.to_string(), "R00-M0-N00-J19");
}

#[test]
fn ranks_of_every_mapping_are_all_different_and_lead_back() {
    let shape = sizes::shape(256).unwrap();
    let letters = ["X", "Y", "Z", "T"];
    let mut mappings = 0;
    for order in (0..256).map(|number| [number / 64, number / 16 % 4, number / 4 % 4, number % 4]) {
        let text = order.map(|letter| letters[letter]).concat();
        let Ok(mapping) = text.parse::<Mapping>() else { continue };
        assert_eq!(mapping.to_string(), text);
        mappings += 1;
        for processes in [1, 2, 4] {
            for rank in 0..256 * processes {
                let (coord, process) = mapping.place(shape, processes, rank);
                assert!(shape.contains(coord) && process < processes);
                assert_eq!(mapping.rank(shape, processes, coord, process), rank, "{text}");
            }
        }
    }
    assert_eq!(mappings, 24);
    let rank = |text: &str| text.parse::<Mapping>().unwrap().rank(shape, 4, Coord([1, 2, 3]), 1);
    assert_eq!(rank("XYZT"), 1 + 8 * (2 + 4 * (3 + 8)));
    assert_eq!(rank("TXYZ"), 1 + 4 * (1 + 8 * (2 + 4 * 3)));
    let told = "mapping 'XXYZ': want each of X, Y, Z and T once, the fastest first: XYZT";
    assert_eq!("XXYZ".parse::<Mapping>().unwrap_err(), told);
}

#[test]
fn the_three_tests_for_an_io_node_agree_at_every_node() {
    let mut seen = BTreeSet::new();
    for partition in partitions() {
        for address in sampled(&partition) {
            let node = partition.node(address).unwrap();
            let told = personality(&partition, node, ("block", Mode::Smp));
            let is_io = matches!(node, Node::Io(_));
            let tests = [told.is_io_by_coord(), told.is_io_by_rank(), told.is_io_by_card()];
            assert_eq!(tests, [is_io; 3], "{}", partition.location(node));
            seen.insert(is_io);
        }
    }
    assert_eq!(seen.len(), 2, "nodes of both kinds were asked");
}

#[test]
fn every_nodes_personality_is_read_as_it_was_written_and_says_who_it_is() {
    for partition in partitions() {
        for address in sampled(&partition) {
            let node = partition.node(address).unwrap();
            let written = personality(&partition, node, ("block", Mode::Smp));
            let bytes: [u8; LEN] = written.encode().unwrap();
            let read = Personality::decode(&bytes).unwrap();
            assert_eq!(read, written);
            assert_eq!((read.network.rank, read.location()), (address, partition.location(node)));
            assert_eq!(partition.node(read.network.io_rank), Ok(partition.io_node(node)));
            let mesh = NodeConfig::MESH.map(|bit| read.kernel.node.contains(bit));
            assert_eq!(mesh.map(|mesh| !mesh), partition.torus.closes);
        }
    }
}

#[test]
fn ports_and_routes_of_personalities_are_those_of_the_tree() {
    for partition in [(16, 16), (512, 64), (1024, 128)].map(|(n, pset)| Partition::new(n, pset).unwrap()) {
        let computes = partition.pset_size() as u8;
        let tree = Tree::new(computes, Timing::LINUX);
        let told = |node| personality(&partition, node, ("block", Mode::Smp));
        let ports = |node| told(node).ddr.tree_ports().map(Port::decode);
        for node in partition.all() {
            let mut links = 0;
            let end = match node {
                Node::Compute(coord) => End::Compute(partition.pset_place(coord) as u8),
                Node::Io(_) => End::Io,
            };
            assert_eq!(told(node).network.tree_routes, tree.routes(end));
            for (own, port) in (0..).zip(ports(node)).filter_map(|(own, port)| Some((own, port?))) {
                let far = partition.node(port.address).unwrap();
                assert_eq!(port.is_io, matches!(far, Node::Io(_)));
                let back = ports(far)[usize::from(port.port)].unwrap();
                assert_eq!((back.address, back.port), (partition.address(node), own), "the wire leads back");
                let is_used = told(node).network.tree_routes[0] & (0x1100 << own) == 0x1100 << own;
                assert!(is_used, "port {own} of {node:?} is on no route");
                let other = [Role::Apart, Role::Parent, Role::Child][port.role as usize];
                assert_eq!(back.role, other);
            }
            let mut at = node;
            while let Node::Compute(_) = at {
                at = partition.node(ports(at)[0].unwrap().address).unwrap();
                links += 1;
            }
            assert_eq!((at, links), (partition.io_node(node), end.depth()), "A leads up");
        }
    }
}

#[test]
fn a_node_of_a_midplane_has_the_personality_that_the_sources_describe() {
    let midplane = Partition::new(512, 64).unwrap();
    let node = midplane.find("R00-M0-N04-J23").unwrap();
    assert_eq!(node, Node::Compute(Coord([7, 2, 0])));
    let bytes = personality(&midplane, node, ("R00-M0", Mode::Smp)).encode().unwrap();
    assert_eq!(bytes[..4], [0, 0, 0x0A, 104], "CRC, version, words");
    assert_eq!(bytes[4..12], [0x68, 0x01, 0x17, 0, 0, 0, 3, 0x52], "UCI, 850 MHz");
    assert_eq!(bytes[16..20], [0x0F, 0, 0, 0], "SMP");
    assert_eq!(bytes[140..142], [8, 0], "2,048 MiB");
    assert_eq!(bytes[148..156], [8, 8, 8, 7, 2, 0, 0, 1], "nodes, coordinates, pset");
    let ranks = [[0, 0, 0, 64], [0, 0, 0, 12], [0, 0, 0, 8], [0, 0, 0, 23], [0, 0, 2, 1]];
    assert_eq!(bytes[156..176], *ranks.as_flattened(), "pset size, rank there, I/O nodes, rank, I/O node");
    let text = Shell(&Personality::decode(&bytes).unwrap()).to_string();
    for line in ["BG_LOCATION=R00-M0-N04-J23", "BG_PSETSIZE=\"4 4 4\"", "BG_ISTORUS=\"\"", "BG_RANK=23"] {
        assert!(text.lines().any(|told| told == line), "{line} in {text}");
    }
}

#[test]
fn what_there_is_not_says_what_there_is() {
    let wrong = |nodes, pset| Partition::new(nodes, pset).unwrap_err().to_string();
    assert_eq!(wrong(100, 16), "a partition of 100 nodes: the nearest are 64 and 128");
    assert_eq!(wrong(0, 16), "a partition of 0 nodes: want 16");
    assert_eq!(wrong(5632, 16), "a partition of 5632 nodes: the nearest are 5120 and 6144");
    assert_eq!(wrong(81_920, 64), "a partition of 81920 nodes: want 73728");
    assert_eq!(wrong(512, 48), "psets of 48 nodes: want 16, 32, 64 or 128");
    assert_eq!(wrong(64, 128), "psets of 128 nodes in a partition of 64: want at most 64");
    let shaped = Partition::shaped(Shape([8, 8, 12]), 64).unwrap_err().to_string();
    let want = "multiples of 8 to 72x32x32, or 4x2x2, 4x4x2, 4x4x4, 4x4x8 or 8x4x8";
    assert_eq!(shaped, format!("a partition of 8x8x12: want {want}"));
    let partition = Partition::new(128, 128).unwrap();
    let find = |text: &str| partition.find(text).unwrap_err().to_string();
    assert_eq!(find("129"), "want 0 to 127 for a compute node, to 128 for an I/O node");
    let ends = "this partition has compute cards R00-M0-N00-J04 to R00-M0-N03-J35";
    assert_eq!(find("R00-M0-N04-J04"), ends);
    assert_eq!(find("R90-M0-N00-J00"), ends);
    let io = "no I/O node is there, the one of that pset is R00-M0-N00-J00";
    assert_eq!(find("R00-M0-N01-J00"), io);
    assert_eq!(find("R00"), "want a location like R00-M0-N04-J23, or an address on the collective network");
}

#[test]
fn a_partition_takes_no_more_room_for_more_nodes() {
    assert!(size_of::<Partition>() <= 16);
    let jugene = Partition::new(NODES_MAX, 16).unwrap();
    assert_eq!(jugene.all().count() as u32, NODES_MAX + NODES_MAX / 16);
}
