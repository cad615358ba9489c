//! The 10 Gb/s Ethernet of an I/O node (S11, S17): what its core 0 gets out, alone and while as much comes
//! in.

use super::{Gate, Row, Setup, mbps};
use crate::net::ethernet::{Ethernet, EthernetEvent, Kind, PAYLOAD};
use crate::parameters::{ETHERNET_OUT_BITS_S, ETHERNET_OUT_BUSY_BITS_S};
use crate::queue::{Queue, Schedule};
use crate::time::Ps;

enum Event {
    Ethernet(EthernetEvent),
    /// The host outside sends the next frame.
    Offer,
}

/// How long a stream is looked at.
const SPAN: Ps = Ps::us(100_000);

/// Frames on their way.
const WINDOW: u32 = 16;

/// The rung.
pub(super) fn rows(_: &Setup) -> Vec<Row> {
    let row = |what: &str, published, ours, percent| {
        Row::number("V9", what, "Mb/s", (published, ours), Gate::Within(percent))
    };
    let out = ETHERNET_OUT_BITS_S as f64 / 1e6;
    let (alone, none) = streams(None);
    let (busy, taken) = streams(Some(ETHERNET_OUT_BITS_S));
    debug_assert!(none == 0.0, "nothing was offered");
    let (_, most) = streams(Some(9_000_000_000));
    let weak = Gate::Printed("an author's note, commented out; alone, without what goes out");
    vec![
        row("I/O node, out", out, alone, 5.0),
        // Between 1.1 and 1.2 Gb/s: the middle, and half of the span.
        row("I/O node, out while 3.1 Gb/s come in", ETHERNET_OUT_BUSY_BITS_S as f64 / 1e6 - 50.0, busy, 4.3),
        row("and in", out, taken, 5.0),
        Row::number("V10", "I/O node, in, at most", "Mb/s", (6000.0, most), weak),
    ]
}

/// Megabits a second out of an I/O node that sends all it can, and into it, of so much that a host offers.
fn streams(offered: Option<u64>) -> (f64, f64) {
    let (mut net, mut queue) = (Ethernet::new(&[Kind::IoNode, Kind::Host]), Queue::default());
    let gap = offered.map(|bits| Ps::of_bytes(u64::from(PAYLOAD) * 8, bits));
    if gap.is_some() {
        queue.push(Ps::ZERO, Event::Offer);
    }
    // As many frames are on their way as any window has, so that the core is what it waits for.
    (0..WINDOW).for_each(|message| net.send(&mut queue.of(Event::Ethernet), 0, 1, message, PAYLOAD));
    let mut bytes = [0u64; 2];
    while let Some(event) = queue.pop(SPAN) {
        match (event, gap) {
            (Event::Ethernet(event), _) => net.handle(&mut queue.of(Event::Ethernet), event),
            (Event::Offer, gap) => {
                net.send(&mut queue.of(Event::Ethernet), 1, 0, 0, PAYLOAD);
                queue.after(gap.unwrap_or(SPAN), Event::Offer);
            }
        }
        while let Some(delivery) = net.poll_delivery() {
            bytes[delivery.at as usize] += u64::from(PAYLOAD);
            if delivery.at == 1 {
                net.send(&mut queue.of(Event::Ethernet), 0, 1, delivery.message, PAYLOAD);
            }
        }
    }
    (mbps(bytes[1], SPAN), mbps(bytes[0], SPAN))
}
