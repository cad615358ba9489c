use super::clock::{HOP, TICK};
use super::*;
use crate::parameters::{NODES_MAX, TORUS_HOP_NS, TORUS_PAYLOAD_BYTES_S};
use crate::partition::torus::{Coord, Shape};
use crate::queue::Queue;
use crate::random::Random;
use crate::time::Ps;

struct Net {
    torus: Torus,
    queue: Queue<TorusEvent>,
    arrived: Vec<(Ps, Delivery)>,
}

fn wiring(shape: [u8; 3], closes: bool) -> Wiring {
    Wiring { shape: Shape(shape), closes: [closes; 3] }
}

impl Net {
    fn new(shape: [u8; 3], closes: bool) -> Self {
        Self::with(Torus::new(&wiring(shape, closes)))
    }

    fn with(torus: Torus) -> Self {
        Self { torus, queue: Queue::default(), arrived: Vec::new() }
    }

    fn send(&mut self, from: u32, to: u32, message: u32, bytes: u32, mode: Mode) {
        self.torus.send(&mut self.queue, from, to, message, bytes, mode);
    }

    /// Until nothing is to come any more.
    fn run(&mut self) -> &[(Ps, Delivery)] {
        self.run_until(Ps(u64::MAX));
        &self.arrived
    }

    fn run_until(&mut self, end: Ps) {
        while let Some(event) = self.queue.pop(end) {
            self.torus.handle(&mut self.queue, event);
            while let Some(delivery) = self.torus.poll_delivery() {
                self.arrived.push((self.queue.now(), delivery));
            }
        }
    }

    fn at(&self, message: u32) -> Ps {
        let all: Vec<Ps> =
            self.arrived.iter().filter(|(_, d)| d.message == message).map(|(at, _)| *at).collect();
        assert_eq!(all.len(), 1, "message {message} arrives once");
        all[0]
    }

    fn assert_is_idle(&self) {
        self.assert_fifos(TORUS_FIFO as u8);
    }

    fn assert_fifos(&self, fifo: u8) {
        assert_eq!((self.torus.under_way(), self.torus.messages.len()), (0, 0));
        let nodes = &self.torus.nodes;
        assert!(nodes.iter().all(|node| node.is_idle(fifo)), "all tokens are home, nobody waits");
    }
}

/// A hop is that long, and so much is on the wire, to a tick.
fn assert_near(found: Ps, expected: Ps) {
    assert!(found.0.abs_diff(expected.0) <= TICK, "{found} is {expected}");
}

fn wire(payload: u64) -> Ps {
    let chunks = (payload + 16).div_ceil(32);
    Ps::of_bytes(chunks * 320 + 167, 4_250_000_000)
}

#[test]
fn a_packet_takes_each_hop_and_its_wire_once() {
    for (to, hops) in [([1, 0, 0], 1), ([3, 4, 0], 7), ([7, 7, 7], 3), ([4, 4, 4], 12)] {
        for bytes in [0, 16, 17, 240] {
            for mode in [Mode::Adaptive, Mode::Ordered, Mode::Priority] {
                let mut net = Net::new([8, 8, 8], true);
                net.send(0, Shape([8; 3]).index(Coord(to)), 9, bytes, mode);
                assert_eq!(net.run().len(), 1);
                assert_near(net.at(9), Ps::ns(hops * TORUS_HOP_NS) + wire(bytes.into()));
                net.assert_is_idle();
            }
        }
    }
}

#[test]
fn a_link_carries_the_payload_that_was_published() {
    let rate = link_payload_bytes_s(1 << 20);
    let off = rate.abs_diff(TORUS_PAYLOAD_BYTES_S);
    assert!(off * 100 < TORUS_PAYLOAD_BYTES_S, "{rate} bytes a second of {TORUS_PAYLOAD_BYTES_S}");
}

#[test]
fn two_streams_share_a_link_by_their_channels_and_fill_it() {
    // Turns are those of channels: what comes along in three has three of four.
    for (mode, percent) in [(Mode::Adaptive, 66), (Mode::Ordered, 98)] {
        let mut net = Net::new([8, 1, 1], false);
        // Both end at 0, the one from 2 through 1.
        net.send(2, 0, 2, 240 * 1000, mode);
        net.send(1, 0, 1, 240 * 1000, mode);
        let last = net.run().last().map(|(at, _)| *at).unwrap_or_default();
        let alone = wire(240) * 2000;
        assert!(last.0 * 1000 > alone.0 * 999 && last.0 * 100 < alone.0 * 101, "{last} of {alone}");
        let first = net.at(1).min(net.at(2)).0 * 100 / last.0;
        assert!(first >= percent && first <= percent + 3, "{mode:?}: one has all after {first} %");
        net.assert_is_idle();
    }
}

#[test]
fn what_is_stuck_far_away_holds_up_what_comes_behind_it() {
    // 3 to 0 is a line that 2 and 1 fill; 4 to 3 goes free, 3 to 2 shares the line's first link.
    let mut net = Net::new([8, 1, 1], false);
    for from in [3, 2, 1] {
        net.send(from, 0, from, 240 * 300, Mode::Ordered);
    }
    net.send(3, 2, 32, 240, Mode::Ordered);
    net.run();
    assert!(net.at(32) > net.at(3) - wire(240) * 10, "it is in the lane behind the long one");
    assert!(net.at(3) > wire(240) * 800, "which has a third of the last link");
}

/// Many messages from everybody to anybody, all at once.
fn saturate(net: &mut Net, modes: &[Mode], each: u32) -> u32 {
    let nodes = net.torus.nodes.len() as u64;
    let mut random = Random::new(7);
    let mut sent = 0;
    for from in 0..nodes as u32 {
        for _ in 0..each {
            let to = random.below(nodes) as u32;
            let mode = modes[random.below(modes.len() as u64) as usize];
            net.send(from, to, sent, random.below(3000) as u32, mode);
            sent += 1;
        }
    }
    sent
}

#[test]
fn everything_arrives_under_saturation_and_nothing_is_left() {
    let all = [Mode::Adaptive, Mode::Ordered, Mode::Priority];
    for (shape, closes) in [([4, 4, 4], true), ([4, 4, 4], false), ([8, 2, 1], true), ([5, 3, 4], true)] {
        for modes in [&all[..1], &all[1..2], &all[2..], &all[..]] {
            let mut net = Net::new(shape, closes);
            let sent = saturate(&mut net, modes, 50);
            net.run();
            let mut messages: Vec<u32> = net.arrived.iter().map(|(_, delivery)| delivery.message).collect();
            messages.sort_unstable();
            assert!(messages.into_iter().eq(0..sent), "{shape:?} {closes} {modes:?}: each once");
            net.assert_is_idle();
        }
    }
}

/// Everybody sends far ahead around a ring: what arrives, of how many.
fn fill_ring(mode: Mode, fifo: u8, has_bubbles: bool) -> (usize, usize) {
    let mut net = Net::with(Torus::with(&wiring([9, 1, 1], true), fifo, has_bubbles));
    for round in 0..20 {
        for from in 0..9 {
            net.send(from, (from + 4) % 9, round, 240 * 5 + round * 40, mode);
        }
    }
    (net.run().len(), 180)
}

#[test]
fn a_ring_that_is_entered_without_bubbles_gets_stuck_and_with_them_never() {
    for mode in [Mode::Ordered, Mode::Priority, Mode::Adaptive] {
        let (arrived, sent) = fill_ring(mode, 16, false);
        assert!(arrived < sent, "{mode:?}: nothing moves after {arrived}");
        let (arrived, sent) = fill_ring(mode, 16, true);
        assert_eq!(arrived, sent, "{mode:?}");
    }
}

#[test]
fn packets_in_order_turn_from_x_to_y_to_z() {
    let shape = Shape([4, 4, 4]);
    for mode in [Mode::Ordered, Mode::Priority] {
        let mut net = Net::new(shape.0, false);
        net.send(0, shape.index(Coord([2, 1, 3])), 0, 100, mode);
        net.run();
        let way: Vec<[u8; 3]> = net.torus.trail.iter().map(|(_, at)| shape.coord(*at).0).collect();
        assert_eq!(way, [[1, 0, 0], [2, 0, 0], [2, 1, 0], [2, 1, 1], [2, 1, 2], [2, 1, 3]]);
    }
}

#[test]
fn an_adaptive_packet_goes_around_a_link_that_is_taken() {
    let shape = Shape([4, 4, 1]);
    let corner = shape.index(Coord([3, 3, 0]));
    let [adaptive, ordered] = [Mode::Adaptive, Mode::Ordered].map(|mode| {
        let mut net = Net::new(shape.0, false);
        net.send(0, 3, 0, 240 * 100, Mode::Priority);
        net.send(0, corner, 1, 240, mode);
        net.run();
        net.at(1)
    });
    assert_near(adaptive, Ps::ns(6 * TORUS_HOP_NS) + wire(240));
    assert!(ordered > wire(240) * 100, "it waits for what has priority");
}

#[test]
fn an_adaptive_message_spreads_where_its_links_are_shared() {
    let time = |mode| {
        let mut net = Net::new([4, 4, 4], true);
        saturate(&mut net, &[mode], 100);
        net.run().last().map(|(at, _)| *at)
    };
    assert!(time(Mode::Adaptive) < time(Mode::Ordered));
}

#[test]
fn a_deposit_leaves_a_copy_at_each_node_of_its_line() {
    let mut net = Net::new([8, 8, 8], true);
    let to = Shape([8; 3]).index(Coord([0, 4, 0]));
    net.send(0, to, 5, 240 * 3 + 1, Mode::Deposit);
    let at: Vec<u32> = net.run().iter().map(|(_, delivery)| delivery.at).collect();
    let (up, down): (Vec<u32>, Vec<u32>) = ([8, 16, 24, 32].into(), [56, 48, 40, 32].into());
    assert!(at == up || at == down, "{at:?}");
    let times: Vec<Ps> = net.arrived.iter().map(|(at, _)| *at).collect();
    for (hops, at) in (1..).zip(times) {
        assert_near(at, wire(240) * 3 + Ps::ns(hops * TORUS_HOP_NS) + wire(1));
    }
    net.assert_is_idle();
}

#[test]
#[should_panic(expected = "one line")]
fn a_deposit_does_not_turn() {
    Net::new([8, 8, 8], true).send(0, 9, 5, 1, Mode::Deposit);
}

#[test]
fn a_mesh_is_crossed_where_a_torus_is_gone_around() {
    let time = |closes| {
        let mut net = Net::new([8, 8, 8], closes);
        net.send(0, 7, 0, 240, Mode::Adaptive);
        net.run();
        net.at(0)
    };
    assert_near(time(true), Ps::ns(TORUS_HOP_NS) + wire(240));
    assert_near(time(false), Ps::ns(7 * TORUS_HOP_NS) + wire(240));
}

#[test]
fn priority_passes_all_that_waits() {
    let mut net = Net::new([8, 1, 1], false);
    for from in 1..8 {
        net.send(from, 0, from, 240 * 200, Mode::Adaptive);
    }
    net.send(7, 0, 100, 240, Mode::Priority);
    net.run();
    // At each hop at most a packet that is on the link already.
    assert!(net.at(100) < (wire(240) * 2 + Ps::ns(TORUS_HOP_NS)) * 7, "{}", net.at(100));
}

#[test]
fn a_message_to_oneself_takes_its_bytes() {
    for (bytes, packets) in [(0, wire(0)), (240, wire(240)), (2405, wire(240) * 10 + wire(5))] {
        let mut net = Net::new([8, 8, 8], true);
        net.send(3, 3, 0, bytes, Mode::Adaptive);
        assert_eq!(net.run()[0].1, Delivery { message: 0, from: 3, at: 3 });
        assert!(net.at(0).0.abs_diff(packets.0) < 11 * TICK, "{bytes} bytes: {}", net.at(0));
        net.assert_is_idle();
    }
    let mut net = Net::new([8, 8, 8], true);
    net.send(3, 3, 0, u32::MAX, Mode::Adaptive);
    net.run();
    assert!(net.at(0) > Ps::us(11_000_000), "{}", net.at(0));
}

#[test]
fn what_waits_for_seconds_is_done_when_it_is_there() {
    let mut net = Net::new([2, 1, 1], false);
    net.send(0, 1, 0, 450_000_000, Mode::Ordered);
    net.send(0, 1, 1, 240, Mode::Ordered);
    net.run();
    assert!(net.at(0) > Ps::us(1_150_000), "ticks are half around: {}", net.at(0));
    assert_near(net.at(1) - net.at(0), wire(240));
}

#[test]
fn seconds_without_a_packet_change_nothing() {
    let mut net = Net::new([8, 8, 8], true);
    let mut before = Ps::ZERO;
    let mut first = Ps::ZERO;
    // Ticks come around after 2.2 s; some waits are longer than that, most shorter.
    for (number, ms) in
        (0..).zip([0, 100, 200, 270, 280, 540, 560, 1090, 1100, 1110, 2199, 2200, 2300, 4500, 9000, 70_000])
    {
        before += Ps::us(ms * 1000);
        net.queue.push(before, TorusEvent);
        net.run();
        net.send(511, 1, 2 * number, 240 * 20, Mode::Ordered);
        net.send(511, 1, 2 * number + 1, 240 * 20, Mode::Adaptive);
        net.run();
        let took = net.at(2 * number).max(net.at(2 * number + 1)) - before;
        first = if number == 0 { took } else { first };
        assert!(took.0.abs_diff(first.0) < 3 * TICK, "{took} after {before}, {first} at first");
        before = net.queue.now();
    }
    net.assert_is_idle();
}

#[test]
fn a_node_that_was_idle_while_others_were_not_is_free() {
    let mut net = Net::new([8, 8, 8], true);
    for number in 0..6 {
        net.send(0, 1, number, 240, Mode::Ordered);
        net.queue.push(Ps::us(300_000) * u64::from(number + 1), TorusEvent);
        net.run();
    }
    let begin = net.queue.now();
    net.send(1, 2, 10, 240, Mode::Ordered);
    net.send(0, 1, 11, 240, Mode::Ordered);
    net.run();
    assert_near(net.at(10) - begin, Ps::ns(TORUS_HOP_NS) + wire(240));
    assert_eq!(net.at(10), net.at(11));
}

#[test]
fn a_run_is_the_same_every_time() {
    let run = || {
        let mut net = Net::new([4, 4, 8], true);
        saturate(&mut net, &[Mode::Adaptive, Mode::Ordered, Mode::Priority], 20);
        net.run();
        (net.arrived, net.torus.trail)
    };
    assert_eq!(run(), run());
}

/// Messages of all kinds between neighbours and others, at times that are near each other's packets: what
/// arrives when, packets and events. At a tick the torus or the sender is told first.
fn play(seed: u64, has_trains: bool, is_sender_first: bool) -> (Vec<(Ps, Delivery)>, u64, u64) {
    let mut random = Random::new(seed);
    let shapes = [([8, 1, 1], false), ([4, 4, 4], false), ([4, 4, 4], true), ([2, 3, 5], true)];
    let (shape, closes) = shapes[random.below(4) as usize];
    let fifo = [TORUS_FIFO as u8, 24, 16][random.below(3) as usize];
    let mut net = Net::with(Torus::with(&wiring(shape, closes), fifo, true));
    net.torus.has_trains = has_trains;
    let (shape, nodes) = (Shape(shape), u64::from(Shape(shape).nodes()));
    // Few are long at first, then many.
    let near = 1 + random.below(8);
    for message in 0..150 {
        let from = random.below(nodes) as u32;
        let (mut to, mut mode) = (shape.coord(from), Mode::Deposit);
        let axis = random.below(3) as usize;
        to.0[axis] = (to.0[axis] + 1) % shape.0[axis];
        let mut to = shape.index(to);
        if random.below(8) > 0 {
            mode = [Mode::Adaptive, Mode::Ordered, Mode::Priority][random.below(3) as usize];
        }
        if random.below(near) == 0 && mode != Mode::Deposit {
            to = random.below(nodes) as u32;
        }
        net.send(from, to, message, random.below(12_000) as u32, mode);
        let (full, hop) = (u64::from(WIRE[8]) * TICK, u64::from(HOP) * TICK);
        let wait = match random.below(6) {
            0..2 => 0,
            2 => full * random.below(4),
            3 => full * random.below(4) + (hop * random.below(3) + random.below(3)).saturating_sub(1),
            4 => TICK * random.below(2000),
            _ => random.below(9_000_000),
        };
        let mut end = net.queue.now() + Ps(wait);
        if random.below(8) > 0 {
            end = Ps(end.0.next_multiple_of(TICK));
        }
        net.run_until(end - Ps(u64::from(is_sender_first && wait > 0)));
        net.queue.advance(end);
    }
    net.run();
    net.assert_fifos(fifo);
    (net.arrived, net.torus.packets(), net.torus.events())
}

/// Of runs with and without trains.
const SEEDS: u64 = 400;

#[test]
fn trains_change_nothing_but_the_number_of_events() {
    let (mut with, mut without) = (0, 0);
    for seed in 0..SEEDS {
        let single = play(seed, false, false);
        let [trains, other] = [false, true].map(|is_sender_first| play(seed, true, is_sender_first));
        for all in [&trains, &other] {
            let differ = all.0.iter().zip(&single.0).find(|(one, single)| one != single);
            assert_eq!((differ, all.0.len()), (None, single.0.len()), "seed {seed}");
            assert_eq!(all.1, single.1, "seed {seed}: packets");
        }
        (with, without) = (with + trains.2, without + single.2);
    }
    assert!(with * 10 < without * 9, "{with} events of {without}");
}

#[test]
fn a_long_message_to_a_neighbour_takes_no_event_a_packet() {
    let mut net = Net::new([2, 1, 1], false);
    net.send(0, 1, 0, 240 * 100_000, Mode::Adaptive);
    net.run();
    assert!(net.torus.packets() == 100_000 && net.torus.events() < 16, "{}", net.torus.events());
    assert_near(net.at(0), Ps((99_999 * u64::from(WIRE[8]) + u64::from(HOP + WIRE[8])) * TICK));
}

#[test]
fn the_largest_machine_has_less_than_2_kib_a_node() {
    let net = Net::new([72, 32, 32], true);
    assert_eq!(net.torus.nodes.len(), NODES_MAX as usize);
    assert!(net.torus.bytes() < NODES_MAX as usize * 2048, "{}", net.torus.bytes());
    assert!(size_of::<Event>() <= 8 && size_of::<Packet>() <= 24);
    assert_eq!(size_of::<Node>(), 576, "which docs/sim/networks.md says");
}
